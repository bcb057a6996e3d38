"""Say what an address takes and gives: one entry a route and method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .schemas import INTEGER, TEXT, Schema, listed

JSON = "application/json"


@dataclass(frozen=True)
class Operation:
    """One thing a program can ask; `summary` is shown in the reader's language."""

    summary: str
    # Name → schema of what the address may carry behind the question mark.
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    # Whether the request may do without its body.
    body_optional: bool = False
    # Content type → schema of other forms of the body.
    forms: Mapping[str, Schema] = field(default_factory=dict)
    # Status → schema of the JSON answer; None for an answer without a body.
    answers: Mapping[int, Schema | None] = field(default_factory=dict)
    # Content types of answers that are no JSON.
    content_types: tuple[str, ...] = ()
    # Whether nobody needs to be signed in.
    public: bool = False


PAGING: dict[str, Schema] = {
    "page": {"type": "integer", "minimum": 1},
    "page_size": {"type": "integer", "minimum": 1},
}
# Files of a form; the names of the fields are free, as Label Studio has it.
FILES: Schema = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}


def ok(schema: Schema) -> dict[int, Schema | None]:
    """Return the answers of what only succeeds with 200."""
    return {200: schema}


def made(schema: Schema) -> dict[int, Schema | None]:
    """Return the answers of what makes something."""
    return {201: schema}


GONE: dict[int, Schema | None] = {204: None}
IDS = listed(INTEGER)
WORDS = listed(TEXT)
