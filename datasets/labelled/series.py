"""Read sensor tables into tasks of a project that shows a series: each file is one task.

CSV with any separator and encoding, XLSX and Parquet become one CSV in UTF-8 with the
separator that the config names. A line that has other columns, or no number where the config
draws a channel, is left out and told.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..errors import Invalid, Problem, TooLarge, _
from ..labels import DataObject, LabelConfig
from ..sources import BytesMedia, rows
from .context import Context
from .things import Fault

SUFFIXES = (".csv", ".tsv", ".xlsx", ".parquet")
MOST_BYTES = 16 * 1024**2  # of one series: the editor takes it as a whole
MOST_ROWS = 1_000_000
MOST_FAULTS = 1000  # of one file, that are told one by one
_JUDGED = 20  # columns that a reason lists
Row = tuple[int, dict[str, str] | Invalid]


@dataclass(frozen=True)
class Series:
    """One file: its value in the task's data, a medium or an object of columns."""

    path: str
    value: BytesMedia | dict[str, list[Any]]


def table_of(config: LabelConfig) -> DataObject | None:
    """Return the object that shows a series."""
    return next((item for item in config.objects if item.tag == "TimeSeries" and item.key), None)


def fits(context: Context, item: DataObject) -> bool:
    """Tell whether the tables of a tree are series, not lists of tasks: they lack the data key."""
    paths = context.files.ending(*SUFFIXES)
    if not paths:
        return False
    try:
        found = next(_rows(context, paths[0], []), None)
    except Invalid:
        return False
    row = found[1] if found else {}
    return isinstance(row, Invalid) or item.key not in row


def read(context: Context, item: DataObject, notes: list[Problem]) -> Iterator[Series | Fault]:
    """Give the series of all files, and the lines that were left out."""
    for path in context.files.ending(*SUFFIXES):
        faults: list[Fault] = []
        try:
            made = _series(context, path, item, notes, faults)
        except Invalid as wrong:
            yield Fault(path, Problem(wrong.place, wrong.message, wrong.values))
            continue
        yield from faults
        yield Series(path, made)


def _series(
    context: Context, path: str, item: DataObject, notes: list[Problem], faults: list[Fault]
) -> BytesMedia | dict[str, list[Any]]:
    out = io.StringIO()
    columns: dict[str, list[Any]] = {}
    separator = item.options.get("sep") or ","
    writer = csv.writer(out, delimiter=separator[:1], lineterminator="\n")
    channels: list[str] = []
    count = 0
    for number, row in _rows(context, path, notes):
        if isinstance(row, dict) and not count:
            channels = _channels(item, list(row))
            columns = {name: [] for name in row}
            writer.writerow(row)
        wrong = row if isinstance(row, Invalid) else _wrong(row, channels)
        if wrong is not None:
            if len(faults) >= MOST_FAULTS:
                raise Invalid(_("more than %(limit)s lines are wrong"), limit=MOST_FAULTS)
            reason = Problem(wrong.place, wrong.message, wrong.values)
            faults.append(Fault(f"{path}, line {number}", reason))
            continue
        assert isinstance(row, dict)
        count += 1
        for name, cell in row.items():
            columns[name].append(cell)
        writer.writerow([*row.values()])
        if count > MOST_ROWS or out.tell() > MOST_BYTES:
            raise TooLarge(
                _("the series has more than %(rows)s lines or %(limit)s MB"),
                rows=MOST_ROWS,
                limit=MOST_BYTES // 1024**2,
            )
    if not count:
        raise Invalid(_("the table has no lines"))
    if (item.value_type or "url") == "json":
        return {n: [_value(c) if n in channels else c for c in v] for n, v in columns.items()}
    name = path.rpartition("/")[2].rpartition(".")[0]
    return BytesMedia(f"{name}.csv", out.getvalue().encode())


def _channels(item: DataObject, header: list[str]) -> list[str]:
    """Return the columns that the config draws; raise Invalid naming one that is missing."""
    wanted = [*item.columns]
    known = {name.lower(): name for name in header}
    time = item.options.get("timecolumn")
    found = []
    for name in (*wanted, *([time] if time else [])):
        if name.isdecimal() and int(name) < len(header) and name not in known:
            column = header[int(name)]
        elif name.lower() in known:
            column = known[name.lower()]
        else:
            more = " …" if len(header) > _JUDGED else ""
            raise Invalid(
                _("the table has no column %(name)s; it has: %(names)s"),
                name=name,
                names=", ".join(header[:_JUDGED]) + more,
            )
        if name in wanted:
            found.append(column)
    return found


def _wrong(row: dict[str, str], channels: list[str]) -> Invalid | None:
    for name in channels:
        cell = row[name].strip()
        if cell and _value(cell) is None:
            return Invalid(_("%(text)s is no number"), place=name, text=cell[:40])
    return None


def _value(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _rows(context: Context, path: str, notes: list[Problem]) -> Iterator[Row]:
    with context.files.opener(path).open() as stream:
        if path.lower().endswith(".parquet"):
            yield from _of_parquet(stream)
        else:
            yield from rows(stream, path, notes=notes)


def _of_parquet(stream: BinaryIO) -> Iterator[Row]:
    import pyarrow as arrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(stream)
        if file.metadata.num_rows > MOST_ROWS or file.metadata.num_columns > 1000:
            raise TooLarge(
                _("the series has more than %(rows)s lines or %(limit)s MB"),
                rows=MOST_ROWS,
                limit=MOST_BYTES // 1024**2,
            )
        number = 0
        for batch in file.iter_batches(batch_size=10_000):
            for row in batch.to_pylist():
                number += 1
                yield number, {str(key): _text(value) for key, value in row.items()}
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise Invalid(
            _("the Parquet file cannot be read (%(reason)s)"), reason=str(error)[:200]
        ) from error


def _text(value: Any) -> str:
    return "" if value is None else str(value)
