"""Read CSV, TSV, XLSX and Parquet in portions of rows whose cells are texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ... import sources
from ...errors import Invalid, _

ROWS = 20_000  # of one portion
CHARACTERS = 16 * 1024**2  # of one portion, so that wide rows make small portions


@dataclass
class Batch:
    """Some rows: a list of cells for each column, and how many rows could not be read."""

    names: list[str]
    columns: list[list[str | None]]
    bad: int = 0
    first_faults: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Return how many rows could be read."""
        return len(self.columns[0]) if self.columns else 0


def batches(stream: BinaryIO, name: str, content_type: str = "") -> Iterator[Batch]:
    """Yield a table in portions; memory does not grow with it.

    Raises Invalid where it is no table: no text, a damaged workbook, no usable header.
    """
    suffix = name.lower().rpartition(".")[2]
    if "parquet" in content_type or (not content_type and suffix == "parquet"):
        yield from _parquet(stream)
        return
    if content_type.startswith("text/") and suffix == "xlsx":
        name = f"{name}.csv"  # it was one, and has been written anew
    yield from _rows(stream, name)


def _rows(stream: BinaryIO, name: str) -> Iterator[Batch]:
    names: list[str] = []
    held: list[tuple[str, ...]] = []
    faults: list[str] = []
    size = bad = 0
    for _line, row in sources.rows(stream, name):
        if isinstance(row, Invalid):
            bad += 1
            if len(faults) < 5:
                faults.append(str(row)[:200])
            continue
        names = names or list(row)
        cells = tuple(row.values())
        held.append(cells)
        size += sum(map(len, cells))
        if len(held) >= ROWS or size >= CHARACTERS:
            yield Batch(names, [list(column) for column in zip(*held, strict=True)], bad, faults)
            held, size, bad, faults = [], 0, 0, []
    if held or bad:
        columns: list[list[str | None]] = [list(column) for column in zip(*held, strict=True)]
        yield Batch(names, columns or [[] for _name in names], bad, faults)


def _parquet(stream: BinaryIO) -> Iterator[Batch]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(stream)
        for portion in file.iter_batches(batch_size=ROWS):
            names = [str(name) for name in portion.schema.names]
            yield Batch(names, [_texts(column) for column in portion.columns])
    except (pyarrow.ArrowException, OSError, ValueError) as problem:
        raise Invalid(_("the Parquet file is damaged")) from problem


def _texts(column: Any) -> list[str | None]:
    import pyarrow

    try:
        found: list[str | None] = column.cast(pyarrow.string()).to_pylist()
    except pyarrow.ArrowException:  # lists, structures, bytes
        found = [None if value is None else str(value) for value in column.to_pylist()]
    return found
