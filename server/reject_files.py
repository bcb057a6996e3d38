"""Give what an import left out as a table that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from flask_babel import gettext

from ..datasets import errors
from ..datasets.spreadsheet_cells import guarded
from . import reasons
from .errors import words
from .lines import each_line

_BLOCK = 1000  # lines of the file that are written at once


def described(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of a reject file with its place and reason in the reader's language."""
    problem = errors.JinbiaoError(line["message"])
    problem.values = line["values"]
    told = words(problem)
    reason = f"{line['part']}: {told}" if line["part"] else told
    return {**line, "reason": reason, "place": reasons.place(line["place"])}


def table(lines: BinaryIO) -> Iterator[bytes]:
    """Give CSV with a byte order mark: number, place, part, reason, row; every problem a line.

    The row itself, where it was one, stands beside its first problem. Texts that
    a spreadsheet would take for a formula begin with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    titles = [gettext("Number"), gettext("Place"), gettext("Part"), gettext("Reason")]
    writer.writerow([*titles, gettext("Row")])
    yield b"\xef\xbb\xbf"
    for number, content in enumerate(each_line(lines), 1):
        line = msgspec.json.decode(content)
        row = _row(line)
        for problem in line.get("problems") or [line]:
            shown = described({**line, **problem, "part": ""})
            cells = [line["place"] and shown["place"], problem["part"], shown["reason"], row]
            row = ""
            writer.writerow([line["number"], *map(guarded, cells)])
        if number % _BLOCK == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _row(line: dict[str, Any]) -> str:
    row = str(line.get("row", ""))
    if not line.get("row_cut"):
        return row
    cut = gettext("… (cut off here)")
    return f"{row} {cut}"
