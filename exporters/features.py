"""Say what a Parquet column is to readers: its Arrow type, its Hugging Face feature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..datasets.versions import Record

Feature = dict[str, Any]
Read = Callable[[Record], Any]
# Fills a column for many records at once, None where it must be done one by one.
Fill = Callable[[list[Record], list[bytes]], pa.Array | None]

_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


@dataclass(frozen=True)
class Column:
    """One column: how readers see it, and how a record fills it."""

    name: str
    type: pa.DataType
    feature: Feature
    read: Read
    fill: Fill | None = None

    def array(self, records: list[Record], lines: list[bytes]) -> pa.Array:
        """Fill the column for records, whose lines in the manifest stand beside them."""
        found = None if self.fill is None else self.fill(records, lines)
        if found is None:
            found = pa.array(list(map(self.read, records)), self.type)
        return found


def value(kind: type) -> Feature:
    """Declare a plain value."""
    return {"dtype": _DTYPES[kind], "_type": "Value"}


def class_label(names: Iterable[str]) -> Feature:
    """Declare a class; its number is its place among the names."""
    return {"names": list(names), "_type": "ClassLabel"}


def sequence(feature: Feature) -> Feature:
    """Declare a list; as `Sequence`, since readers from before `List` understand only that."""
    return {"feature": feature, "_type": "Sequence"}
