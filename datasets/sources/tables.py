"""Read tables and lines of text: CSV, TSV, XLSX, TXT, in the encodings that offices write."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, TextIO

from ..errors import Invalid, Problem, _
from ..spreadsheet_cells import are_guarded, freed
from . import workbooks
from .encodings import encoding_of, is_broken, opened
from .items import BadRow

__all__ = ["LONGEST_CELL", "encoding_of", "is_table", "lines", "rows", "whole_lines"]

LONGEST_CELL = 1024**2  # characters
MOST_COLUMNS = 1000
LONGEST_ROW = 8 * 1024**2  # characters, over all the lines of its quoted cells
MOST_READ_AGAIN = 64 * 1024**2  # characters, after quotes that nothing closes
_POISON = {"__proto__", "prototype"}
Row = dict[str, str] | Invalid


def is_table(name: str) -> bool:
    """Tell whether a file is a table by its name."""
    return PurePosixPath(name.lower()).suffix in (".csv", ".tsv", ".xlsx")


def rows(
    stream: BinaryIO, name: str, *, notes: list[Problem] | None = None
) -> Iterator[tuple[int, Row]]:
    """Give (line number, column → cell) of a table whose first line names the columns.

    Cells stay texts, so that 007 is not 7. A line with other columns than the first, an open
    quote, a NUL or bytes that are no text is given as what is wrong with it: those after it
    may be good. A table that was exported here gives its texts as they were before they were
    guarded against formulas. `notes` gets the encoding where it is not UTF-8,
    and the sheet that is read.

    Raises:
        Invalid: it is no text or no workbook, or has no usable header.
    """
    told: list[Problem] = [] if notes is None else notes
    sheet = name.lower().endswith(".xlsx")
    if sheet:
        found = workbooks.lines(stream, told)
    else:
        encoding = encoding_of(stream)
        if not encoding.startswith("utf-8"):
            told.append(Problem("", _("the encoding is %(name)s"), {"name": encoding}))
        found = _records(stream, name)
    header: list[str] | None = None
    is_guarded = False
    for number, cells in found:
        if header is None:
            if isinstance(cells, Invalid):
                raise cells
            header = _header(cells)
            is_guarded = are_guarded(header)
            header = list(map(freed, header)) if is_guarded else header
        elif isinstance(cells, Invalid):
            yield number, cells
        elif any(cell.strip() for cell in cells):
            # A sheet has no empty cells at the end of a row.
            padding = [""] * (len(header) - len(cells)) if sheet else []
            cells = list(map(freed, cells)) if is_guarded else cells
            yield number, _row(header, number, cells + padding)
    if header is None:
        _header([])


def lines(stream: BinaryIO) -> Iterator[tuple[int, str | Invalid]]:
    """Give (line number, text) of the lines that are not blank, at constant memory.

    A line that is too long or holds bytes that are no text is given as what is wrong with it:
    those after it may be good.

    Raises:
        Invalid: it is no text.
    """
    with opened(stream) as text:
        for number, line in whole_lines(text, LONGEST_CELL):
            if isinstance(line, str) and is_broken(line):
                yield number, Invalid(_("line %(line)s holds bytes that are no text"), line=number)
            elif isinstance(line, Invalid) or line.strip():
                yield number, line


def whole_lines(
    text: TextIO, longest: int, ends: tuple[str, ...] = ("\n", "\r")
) -> Iterator[tuple[int, str | Invalid]]:
    """Give (line number, line without its end); of one that is too long only that it is.

    `ends` are those at which the text ends a line.
    """
    number = 0
    while line := text.readline(longest + 1):
        number += 1
        if len(line) <= longest:
            yield number, line.rstrip("\r\n")
            continue
        while line and not line.endswith(ends):
            line = text.readline(longest)
        yield number, Invalid(_("line %(line)s is too long"), line=number)


def _row(header: list[str], number: int, cells: list[str]) -> Row:
    if len(cells) != len(header):
        wrong = BadRow(
            _("line %(line)s has %(found)s columns, the first line has %(wanted)s"),
            line=number,
            found=len(cells),
            wanted=len(header),
        )
    elif any("\x00" in cell for cell in cells):
        wrong = BadRow(_("a text holds a NUL character"))
    elif any(map(is_broken, cells)):
        wrong = BadRow(_("line %(line)s holds bytes that are no text"), line=number)
    else:
        return dict(zip(header, cells, strict=True))
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return wrong.standing(out.getvalue())


class _Lines:
    """Give the lines of a text to the CSV reader, and take those of a broken row back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: list[str] = []
        self.row: list[str] = []  # the lines that the reader took for the row at hand
        self.number = 0
        self._size = self._read_again = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._text.readline(LONGEST_ROW)
        if not line:
            raise StopIteration
        self._size += len(line)
        if self._size > LONGEST_ROW:
            raise csv.Error("a quote is open")
        self.row.append(line)
        self.number += 1
        return line

    def begin(self) -> None:
        self.row, self._size = [], 0

    def go_back(self) -> int:
        """Give up the first line of the row and read the others again; return its number."""
        first, *others = self.row
        number = self.number - len(others)
        self._read_again += sum(map(len, others))
        if self._read_again > MOST_READ_AGAIN:
            raise Invalid(_("line %(line)s has a quote that nothing closes"), line=number)
        self._again += reversed(others)
        self.number = number
        self.begin()
        return number


def _records(stream: BinaryIO, name: str) -> Iterator[tuple[int, list[str] | Invalid]]:
    """Give (line number, cells); after a row that makes no sense it goes on at the next line."""
    with opened(stream) as text:
        separator = "\t" if name.lower().endswith(".tsv") else _separator(text)
        csv.field_size_limit(LONGEST_CELL)
        lines_of_rows = _Lines(text)
        reader = csv.reader(lines_of_rows, delimiter=separator, strict=True)
        while True:
            lines_of_rows.begin()
            try:
                cells = next(reader, None)
            except csv.Error as problem:
                if not lines_of_rows.row:
                    raise Invalid(_("a line is too long")) from problem
                line = lines_of_rows.row[0].rstrip("\r\n")
                number = lines_of_rows.go_back()
                wrong = BadRow(
                    _("line %(line)s cannot be read: %(reason)s"),
                    line=number,
                    reason=str(problem)[:200],
                )
                yield number, wrong.standing(line)
                reader = csv.reader(lines_of_rows, delimiter=separator, strict=True)
                continue
            if cells is None:
                return
            yield lines_of_rows.number, cells


def _separator(text: TextIO) -> str:
    first = text.readline(LONGEST_CELL)
    text.seek(0)
    return max(",;\t", key=first.count)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not names or not all(names) or len(names) > MOST_COLUMNS:
        raise Invalid(_("the first line must name the columns"))
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Invalid(_("a column is there twice: %(names)s"), names=", ".join(sorted(twice))[:200])
    if not _POISON.isdisjoint(names):
        raise Invalid(_("the names __proto__ and prototype are refused"))
    if any("\x00" in name or is_broken(name) for name in names):
        raise Invalid(_("the first line must name the columns"))
    return names
