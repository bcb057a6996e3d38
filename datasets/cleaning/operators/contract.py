"""Say what every cleaning operator is: a name, its options, and a function over a batch."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

OptionKind = Literal["whole", "number", "flag", "choice", "choices", "words"]
Does = Literal["change", "drop", "split", "measure", "compare"]


@dataclass(frozen=True)
class Option:
    """One option of an operator; `title` is a template for `_()`."""

    name: str
    kind: OptionKind
    default: Any
    title: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """One thing on its way through a recipe; an operator never changes it in place."""

    id: int
    kind: str
    name: str = ""
    text: str | None = None
    # Of anything but text: opens the bytes as they are at this step, seekable.
    open: Callable[[], BinaryIO] | None = None
    content_type: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def read(self) -> bytes:
        """Return the bytes at this step."""
        if self.open is None:
            return (self.text or "").encode()
        with self.open() as stream:
            return stream.read()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operator made of one record; nothing set means that it stays as it is.

    `text` or `content` is what it becomes; `parts` what it is split into; `reason` (a code such
    as `too_short`) why it is left out; `facts` what was measured; `duplicate_of` the record that
    is kept instead.
    """

    text: str | None = None
    content: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    parts: tuple[str, ...] = ()
    reason: str = ""
    facts: Mapping[str, Any] | None = None
    duplicate_of: int | None = None


SAME = Outcome()

# Looks at a batch of records of its kind with complete, checked options; answers in order.
# It must depend on nothing else, so that it runs in any process or on any machine.
Apply = Callable[[Sequence[Record], Mapping[str, Any]], list[Outcome]]


@dataclass(frozen=True)
class Operator:
    """An operator: `name` is `<kind>.<what it does>`, `version` grows when its answers change.

    `does` is compare where records are held against each other: then `signature` gives each
    record of a batch something picklable, and `groups` answers, for all (record id, signature)
    in the order of ids, which records are duplicates of which earlier one.
    `reasons` are the codes it leaves records out with, each with its words for `_()`.
    """

    name: str
    version: int
    kind: str
    title: str
    does: Does
    apply: Apply | None = None
    options: tuple[Option, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    signature: Callable[[Sequence[Record], Mapping[str, Any]], Sequence[Any]] | None = None
    groups: Callable[[Sequence[int], Sequence[Any], Mapping[str, Any]], dict[int, int]] | None = (
        None
    )
    # Whoever runs it adds the organisation's key, in hexadecimal, as option `secret`.
    needs_secret: bool = False


def bytes_opener(content: bytes) -> Callable[[], BinaryIO]:
    """Return what opens these bytes, for the step after one that changed them."""
    return lambda: io.BytesIO(content)
