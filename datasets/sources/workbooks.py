"""Read the first visible sheet of an XLSX workbook as lines of texts, row after row.

Nothing is calculated: of a formula the value counts that the office programme stored with it;
one without a stored value spoils its row. Before the workbook is opened its parts are counted,
measured and looked at: it is a ZIP of XML, in which no document type may be declared.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from ..errors import Invalid, Problem, TooLarge, _

MOST_PARTS = 2000
MOST_UNPACKED = 512 * 1024**2  # bytes, all parts together
MOST_RATIO = 200
RATIO_FROM = 16 * 1024**2  # bytes of a part below which no ratio is asked for
MOST_ROWS = 1_048_576
MOST_EXACT = 10**15  # spreadsheets keep 15 digits of a number and write 0 for the others
_BLOCK = 1 << 16
_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def lines(stream: BinaryIO, notes: list[Problem]) -> Iterator[tuple[int, list[str] | Invalid]]:
    """Give (row number, cells as texts); `notes` gets which sheet is read and which are not.

    Raises:
        Invalid: it is no XLSX workbook, or declares entities.
        TooLarge: it would unpack to too much.
    """
    import openpyxl

    _check_parts(stream)
    books = []
    try:
        for with_values in (True, False):
            stream.seek(0)
            books.append(
                openpyxl.load_workbook(
                    stream, read_only=True, data_only=with_values, keep_links=False
                )
            )
        name = _chosen(books[0], notes)
        for book in books:
            # What the sheet says of its size may be a lie.
            book[name].reset_dimensions()
        values, formulas = (book[name].iter_rows() for book in books)
        for number, (row, written) in enumerate(zip(values, formulas, strict=False), 1):
            if number > MOST_ROWS:
                raise TooLarge(_("the sheet has more than %(limit)s rows"), limit=MOST_ROWS)
            yield number, _cells(number, row, written)
    except (Invalid, TooLarge):
        raise
    except Exception as error:  # openpyxl raises nearly anything on damaged workbooks
        raise Invalid(
            _("the workbook cannot be read (%(reason)s)"), reason=str(error)[:200]
        ) from error
    finally:
        for book in books:
            book.close()


def _chosen(book: Any, notes: list[Problem]) -> str:
    """Return the name of the first visible sheet with cells, and say what is not read."""
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not sheets:
        raise Invalid(_("the workbook has no visible sheet"))
    name = str(sheets[0].title)
    notes.append(Problem("", _("the sheet %(name)s is read"), {"name": name}))
    others = [str(s.title) for s in sheets[1:]]
    hidden = [str(s.title) for s in book.worksheets if s.sheet_state != "visible"]
    for names, message in (
        (others, _("sheets that are not read: %(names)s")),
        (hidden, _("hidden sheets that are not read: %(names)s")),
    ):
        if names:
            notes.append(Problem("", message, {"names": ", ".join(names)[:300]}))
    return name


def _cells(number: int, row: Any, written: Any) -> list[str] | Invalid:
    found: list[str] = []
    for cell, formula in zip(row, written, strict=False):
        value = cell.value
        if value is None and formula.data_type == "f":
            return Invalid(
                _("line %(line)s: the formula in column %(column)s has no stored value"),
                line=number,
                column=len(found) + 1,
            )
        if isinstance(value, int | float) and abs(value) >= MOST_EXACT:
            return Invalid(
                _(
                    "line %(line)s: the number in column %(column)s has more than 15 digits;"
                    " workbooks lose the others, store it as text"
                ),
                line=number,
                column=len(found) + 1,
            )
        found.append(_text(value))
    while found and not found[-1]:
        found.pop()
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time(0)
        return value.date().isoformat() if midnight else value.isoformat(" ")
    return str(value)


def _check_parts(stream: BinaryIO) -> None:
    """Measure the parts of the ZIP and refuse document types, before anything is parsed."""
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_PARTS:
                raise TooLarge(_("the workbook has more than %(limit)s parts"), limit=MOST_PARTS)
            if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
                raise TooLarge(
                    _("the workbook would unpack to more than %(limit)s MB"),
                    limit=MOST_UNPACKED // 1024**2,
                )
            for entry in entries:
                packed = max(entry.compress_size, 1)
                if entry.file_size > RATIO_FROM and entry.file_size > MOST_RATIO * packed:
                    raise TooLarge(
                        _("it unpacks to more than %(limit)s times its size"), limit=MOST_RATIO
                    )
                if entry.filename.lower().endswith((".xml", ".rels", ".vml")):
                    with archive.open(entry) as part:
                        _check_part(part)
    except Invalid:
        raise
    except _BROKEN as error:
        raise Invalid(_("the workbook is cut off or damaged")) from error


def _check_part(part: Any) -> None:
    parser = expat.ParserCreate()
    ended: list[str] = []

    def doctype(*declaration: object) -> None:
        raise Invalid(_("the workbook declares a document type (DOCTYPE), which is refused"))

    def start(tag: str, attributes: dict[str, str]) -> None:
        ended.append(tag)

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    try:
        while not ended and (block := part.read(_BLOCK)):
            parser.Parse(block, False)
    except expat.ExpatError as error:
        raise Invalid(_("the workbook is cut off or damaged")) from error
