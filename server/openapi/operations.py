"""Say what an address takes and gives: one entry a route and method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .schemas import FLAG, INTEGER, OBJECT, POSITIVE, TEXT, Schema, listed

JSON = "application/json"
Answers = Mapping[int, Schema | None]


@dataclass(frozen=True)
class Operation:
    """One thing a program can ask; its words are the docstring of its route."""

    # Status → schema of the JSON answer; None for an answer without a body.
    answers: Answers
    # Name → schema of what the address may carry behind the question mark.
    query: Mapping[str, Schema] = field(default_factory=dict)
    # The JSON body.
    body: Schema | None = None
    # Whether files can be sent as a form instead.
    takes_files: bool = False
    # Content types of good answers that are no JSON.
    content_types: tuple[str, ...] = ()
    # Whether nobody needs to be signed in.
    public: bool = False


PAGING: dict[str, Schema] = {"page": POSITIVE, "page_size": POSITIVE}
GONE: Answers = {204: None}


def ok(schema: Schema) -> Answers:
    """Return the answers of what succeeds with 200."""
    return {200: schema}


def made(schema: Schema) -> Answers:
    """Return the answers of what makes something."""
    return {201: schema}


def query(**more: Schema) -> dict[str, Schema]:
    """Return query parameters."""
    return dict(more)


IDS = listed(INTEGER)
CHOSEN: Schema = {
    "type": "object",
    "properties": {"all": FLAG, "included": IDS, "excluded": IDS},
}
FILTERS: Schema = {
    "type": "object",
    "properties": {"conjunction": {"enum": ["and", "or"]}, "items": listed(OBJECT)},
}
WORDS = listed(TEXT)
