"""Read tables and lines of text: CSV, TSV, TXT, in the encodings that offices write."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from ..errors import Invalid, _

LONGEST_CELL = 1024**2  # characters
MOST_COLUMNS = 1000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PROBE = 1 << 20  # bytes that tell UTF-8 from GB18030


def is_table(name: str) -> bool:
    """Tell whether a file is a table by its name."""
    return PurePosixPath(name.lower()).suffix in (".csv", ".tsv")


def rows(stream: BinaryIO, name: str) -> Iterator[tuple[int, dict[str, str] | Invalid]]:
    """Give (line number, column → cell) of a table whose first line names the columns.

    Cells stay texts, so that 007 is not 7. A line with other columns than the first is given as
    what is wrong with it: those after it may be good.

    Raises:
        Invalid: it is no text, or has no usable header.
    """
    with _text(stream) as text:
        separator = "\t" if name.lower().endswith(".tsv") else _separator(text)
        csv.field_size_limit(LONGEST_CELL)
        reader = csv.reader(text, delimiter=separator, strict=True)
        try:
            header = _header(next(reader, []))
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    yield (
                        reader.line_num,
                        Invalid(
                            _("line %(line)s has %(found)s columns, the first line has %(wanted)s"),
                            line=reader.line_num,
                            found=len(cells),
                            wanted=len(header),
                        ),
                    )
                    continue
                yield reader.line_num, dict(zip(header, cells, strict=True))
        except (csv.Error, UnicodeDecodeError) as problem:
            raise Invalid(
                _("line %(line)s cannot be read: %(reason)s"),
                line=reader.line_num + 1,
                reason=str(problem)[:200],
            ) from problem


def lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Give (line number, text) of the lines that are not blank.

    Raises:
        Invalid: it is no text, or a line is too long.
    """
    try:
        with _text(stream) as text:
            for number, line in enumerate(text, 1):
                if len(line) > LONGEST_CELL:
                    raise Invalid(_("line %(line)s is too long"), line=number)
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as problem:
        raise Invalid(_("the text is neither UTF-8 nor GB18030")) from problem


def _text(stream: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding=_encoding(stream), newline="")


def _encoding(stream: BinaryIO) -> str:
    """Name the encoding: by its mark, else UTF-8, else GB18030."""
    head = stream.read(_PROBE)
    stream.seek(0)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for name in ("utf-8", "gb18030"):
        try:
            # The probe may end in the middle of a character.
            codecs.getincrementaldecoder(name)().decode(head, final=len(head) < _PROBE)
            return name
        except UnicodeDecodeError:
            continue
    raise Invalid(_("the text is neither UTF-8 nor GB18030"))


def _separator(text: io.TextIOWrapper) -> str:
    try:
        first = text.readline(LONGEST_CELL)
    except UnicodeDecodeError as problem:
        raise Invalid(_("the text is neither UTF-8 nor GB18030")) from problem
    text.seek(0)
    return max(",;\t", key=first.count)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not names or not all(names) or len(names) > MOST_COLUMNS:
        raise Invalid(_("the first line must name the columns"))
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Invalid(_("a column is there twice: %(names)s"), names=", ".join(sorted(twice))[:200])
    return names
