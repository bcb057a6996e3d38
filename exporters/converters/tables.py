"""Write tables for spreadsheets: one line an annotation, or one line a region.

A text or header that a spreadsheet would take for a formula has an apostrophe before it, which
an import of the table takes away again; JSON-MIN holds the same texts as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, BinaryIO

import msgspec

from ...datasets.spreadsheet_cells import guarded
from .reading import Lines
from .task_lists import short_rows

_OF_REGION = ("from_name", "to_name", "type", "value")


def write_csv(lines: Lines, out: BinaryIO) -> None:
    """Write one line an annotation with commas between."""
    _write(lines, out, ",")


def write_tsv(lines: Lines, out: BinaryIO) -> None:
    """Write one line an annotation with tabs between."""
    _write(lines, out, "\t")


def write_regions(lines: Lines, out: BinaryIO) -> None:
    """Write one line a region: the task's data, who, which control, and what it says."""
    keys = sorted({key for line in lines.tasks() for key in line.data})
    # The data may have an id or a value of their own: no column is there twice.
    columns = list(dict.fromkeys(["id", "annotation_id", "annotator", *keys, *_OF_REGION]))
    table = _table(out, columns, ",")
    for line in lines.tasks():
        for answer in line.answers:
            head = {"id": line.id, "annotation_id": answer.id, **line.data}
            head["annotator"] = str(answer.completed_by)
            for region in answer.result:
                told = {
                    name: region.get(name) for name in ("from_name", "to_name", "type", "value")
                }
                _row(table, columns, {**head, **told})
    table.flush()


def _write(lines: Lines, out: BinaryIO, separator: str) -> None:
    # The columns are known only when all rows were seen.
    columns = sorted({name for row in short_rows(lines) for name in row})
    table = _table(out, columns, separator)
    for row in short_rows(lines):
        row["annotator"] = str(row["annotator"])
        _row(table, columns, row)
    table.flush()


class _Table:
    """A CSV writer over a binary file."""

    def __init__(self, out: BinaryIO, separator: str) -> None:
        self._text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
        self.writer = csv.writer(
            self._text, delimiter=separator, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n"
        )

    def flush(self) -> None:
        """Write what is left, and leave the file open."""
        self._text.flush()
        self._text.detach()


def _table(out: BinaryIO, columns: Iterable[str], separator: str) -> _Table:
    table = _Table(out, separator)
    table.writer.writerow(map(guarded, columns))
    return table


def _row(table: _Table, columns: Iterable[str], values: dict[str, Any]) -> None:
    table.writer.writerow([_cell(values.get(name)) for name in columns])


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return msgspec.json.encode(value).decode()
    return guarded(value)
