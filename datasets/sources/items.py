"""Describe what is read from a source: items, rejects, and media that open on demand."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ..errors import Invalid, Problem, _
from ..media import Kind, MediaLimits, page

MOST_PROBLEMS = 100  # of one thing, that its line in the reject file lists
LONGEST_ROW = 4096  # bytes of a row that its line in the reject file gives back


@dataclass(frozen=True)
class SourceLimits:
    """State the limits of one source; each is named in the message when it is passed."""

    entries: int = 100_000  # in an archive
    archive_bytes: int = 50 * 1024**3  # of all entries, unpacked
    file_bytes: int = 4 * 1024**3  # of one file, unpacked
    ratio: int = 200  # unpacked : packed, for an entry above `ratio_from` bytes
    ratio_from: int = 64 * 1024**2
    depth: int = 64  # of folders, and of nested JSON
    task_bytes: int = 5 * 1024**2  # of one task in a list
    allow_remote_urls: bool = True  # kept as text; this server never fetches them
    kinds: frozenset[Kind] = frozenset({"image", "audio", "video", "text", "pdf"})
    media: MediaLimits = MediaLimits()  # of the pages that are drawn of a PDF

    @property
    def draws_pages(self) -> bool:
        """Say whether a PDF becomes pictures: where pictures are wanted, and no PDF."""
        return "image" in self.kinds and "pdf" not in self.kinds


class Opener(Protocol):
    """Open one medium when it is needed; the stream is seekable and is closed by the caller."""

    @property
    def name(self) -> str: ...

    def open(self) -> BinaryIO: ...


@dataclass(frozen=True)
class FileMedia:
    """Open a regular file, never through a symbolic link."""

    name: str
    path: Path

    def open(self) -> BinaryIO:
        """Return the opened file; raise Invalid when it has gone or is no regular file."""
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.EACCES, errno.ENOTDIR):
                raise
            raise Invalid(_("the file cannot be read"), place=shown(self.name)) from error
        stream = os.fdopen(number, "rb")
        if not stat.S_ISREG(os.fstat(number).st_mode):
            stream.close()
            raise Invalid(_("this is not a regular file"), place=shown(self.name))
        return stream


@dataclass(frozen=True)
class BytesMedia:
    """Open bytes that stood inside a task list."""

    name: str
    content: bytes = field(repr=False)

    def open(self) -> BinaryIO:
        """Return a stream over the bytes."""
        return io.BytesIO(self.content)


@dataclass(frozen=True)
class PageMedia:
    """Open one page of a PDF, drawn as a PNG when it is needed."""

    name: str
    document: Opener
    number: int
    limits: MediaLimits

    def open(self) -> BinaryIO:
        """Return the picture; raise Invalid when the page cannot be drawn."""
        with self.document.open() as stream:
            return io.BytesIO(page(stream, self.number, self.limits))


@dataclass(frozen=True)
class Item:
    """Hold one task to be: `data[key]` names the medium when `media` has the key."""

    number: int
    place: str
    name: str
    data: dict[str, Any]
    media: dict[str, Opener] = field(default_factory=dict)
    group: str = ""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    # What stood in the list or the table, to be given back where it is refused.
    origin: Any = None


class BadRow(Invalid):
    """A row of a table that makes no sense; `row` is how it stands there."""

    row = ""

    def standing(self, row: str) -> BadRow:
        """Return it with the row."""
        self.row = row
        return self


# Characters that JSON leaves as they are, and that many readers take for the end of a line.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True)
class Reject:
    """Hold one thing that could not become an item, and why."""

    number: int
    place: str
    reason: Problem
    problems: tuple[Problem, ...] = ()  # all of them, where there are several
    row: str = ""  # itself, where it is a row or a line, so that it can be mended and sent again

    def to_json(self) -> str:
        """Return one JSON line (without its end) of number, place and reason in English.

        It stays one line for readers that end lines at U+0085, U+2028 or U+2029, too.

        The template and the values of the reason stand beside it, to be shown in another
        language. `row` has at most LONGEST_ROW bytes; `row_cut` says that there was more.
        """
        row: dict[str, Any] = {
            "number": self.number,
            "place": self.place,
            "reason": str(self.reason),
            "part": self.reason.place,
            "message": self.reason.message,
            "values": self.reason.values,
        }
        if len(self.problems) > 1:
            row["problems"] = [
                {"part": each.place, "message": each.message, "values": each.values}
                for each in self.problems[:MOST_PROBLEMS]
            ]
        if self.row:
            content = self.row.replace("\x00", "\\x00").encode("utf-8", "backslashreplace")
            row["row"] = content[:LONGEST_ROW].decode("utf-8", "ignore")
            row |= {"row_cut": True} if len(content) > LONGEST_ROW else {}
        return json.dumps(row, ensure_ascii=False, default=str).translate(_LINE_ENDS)


# What a source gives: called with the number it has, so that skipped ones cost nothing.
Draft = Callable[[int], Item | Reject]


def rejected(place: str, message: str, **values: Any) -> Draft:
    """Return a draft that becomes a Reject."""
    problem = Problem("", message, values)
    return lambda number: Reject(number, shown(place), problem)


def refused(place: str, problem: Invalid) -> Callable[[int], Reject]:
    """Return a draft that becomes the Reject of a row or line, which it holds if it is known."""
    reason = Problem("", problem.message, problem.values)
    row = row_of(problem.row) if isinstance(problem, BadRow) else ""
    return lambda number: Reject(number, shown(place), reason, row=row)


def row_of(origin: Any) -> str:
    """Return what stood in a list or a table as one line of a list; nothing for None.

    Of a long one comes the beginning, with a character more than a reject file holds of it.
    """
    if origin is None:
        return ""
    is_line = isinstance(origin, str)
    line = origin if is_line else json.dumps(origin, ensure_ascii=False, default=str)
    return str(line)[: LONGEST_ROW + 1]


def shown(name: str) -> str:
    """Return a name that can be stored and printed: control and broken characters escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in name[:500]
    )
