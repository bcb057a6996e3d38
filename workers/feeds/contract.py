"""Say what a feed's place can do: list what is there, and fetch one thing."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol


@dataclass(frozen=True)
class Found:
    """An object that is there: its key, which form of it, what it is called, what is known of it.

    `etag` None: only fetching tells which form it is. `row` is the object itself where it is a
    row of a database: there is nothing to fetch then.
    """

    key: str
    etag: str | None
    name: str
    about: dict[str, str] = field(default_factory=dict)
    row: dict[str, Any] | None = None


@dataclass(frozen=True)
class Fetched:
    """What came: the name to read it by, and what HTTP said of its form."""

    name: str
    validators: dict[str, str] = field(default_factory=dict)


class Way(Protocol):
    """The way into a place; Refused where the place does not do what it is asked."""

    def check(self) -> None:
        """Raise errors.Refused unless the place answers as it should."""

    def found(self) -> Generator[Found, None, None]:
        """List what is there, lazily, each key once.

        Raises:
            errors.Refused: the list breaks off: then nothing is known of what has gone.
        """

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Write the bytes of an object into `out`; None where it is as the validators say.

        Raises:
            errors.NotFound: it is not there any more.
            errors.TooLarge: it has more than `limit` bytes.
            errors.Invalid, errors.Refused: it cannot be had now.
        """
