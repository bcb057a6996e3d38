"""Give what an import left out as a table that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from flask_babel import gettext

from ..datasets import errors
from . import reasons
from .errors import words

# Spreadsheets of East Asia take the wide signs for the same.
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
_BLOCK = 1000  # lines of the file that are written at once


def described(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of a reject file with its place and reason in the reader's language."""
    problem = errors.JinbiaoError(line["message"])
    problem.values = line["values"]
    told = words(problem)
    reason = f"{line['part']}: {told}" if line["part"] else told
    return {**line, "reason": reason, "place": reasons.place(line["place"])}


def table(lines: BinaryIO) -> Iterator[bytes]:
    """Give CSV with a byte order mark: number, place, part, reason; every problem a line.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([gettext("Number"), gettext("Place"), gettext("Part"), gettext("Reason")])
    yield b"\xef\xbb\xbf"
    for number, content in enumerate(_lines(lines), 1):
        line = msgspec.json.decode(content)
        for problem in line.get("problems") or [line]:
            shown = described({**line, **problem, "part": ""})
            cells = [line["place"] and shown["place"], problem["part"], shown["reason"]]
            writer.writerow([line["number"], *map(safe, cells)])
        if number % _BLOCK == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines of a stream that may be unbuffered."""
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + text if text.lstrip(" ").startswith(_FORMULAS) else text
