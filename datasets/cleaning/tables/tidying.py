"""Write a table anew: UTF-8 CSV, rows that were there before left out, dates by ISO 8601, and one
unit a column; a text that a spreadsheet would take for a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ...spreadsheet_cells import freed, guarded
from .columns import MISSING, OTHER_DATE
from .reading import batches
from .units import UNITS, WITH_UNIT, Unit, converted, named

_WITH_UNIT, _OTHER_DATE = re.compile(WITH_UNIT), re.compile(OTHER_DATE)
_CLOCK = re.compile(r"[T ](\d{1,2}:\d{2}.*)$")

Change = Callable[[str], str]


def tidied(
    stream: BinaryIO,
    name: str,
    content_type: str,
    known: Mapping[str, Any],
    options: Mapping[str, Any],
) -> tuple[bytes, dict[str, Any]]:
    """Return a table as CSV, and how many rows and cells were changed.

    `known` is what `profile` told of the same table; `options` are the flags repeated, dates,
    units and formulas. A cell that does not fit its column's type stays as it is; rows that
    cannot be read are left out. All of the answer lies in memory.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    seen: set[int] = set()
    counted = {"repeated_rows": 0, "dates": 0, "units": 0, "formulas": 0}
    counted["unread_rows"] = known["bad_rows"]
    header: list[str] = []
    changes: list[tuple[str, Change] | None] = []
    for batch in batches(stream, name, content_type):
        if not header:
            header, changes = _changes(batch.names, known["columns"], options)
            writer.writerow(_harmless(header, counted) if options["formulas"] else header)
        for row in zip(*batch.columns, strict=True):
            if options["repeated"]:
                mark = hash(row)
                if mark in seen:
                    counted["repeated_rows"] += 1
                    continue
                seen.add(mark)
            cells = _changed(row, changes, counted)
            writer.writerow(_harmless(cells, counted) if options["formulas"] else cells)
    return out.getvalue().encode(), counted


def _harmless(cells: list[str], counted: dict[str, int]) -> list[str]:
    """Guard what is no number; a cell that is guarded already stays, so twice is as once."""
    made = [guarded(freed(cell)) for cell in cells]
    counted["formulas"] += sum(map(str.__ne__, cells, made))
    return made


def _changed(
    row: tuple[str | None, ...],
    changes: list[tuple[str, Change] | None],
    counted: dict[str, int],
) -> list[str]:
    cells = []
    for cell, change in zip(row, changes, strict=True):
        now = cell or ""
        if change is not None and now:
            made = change[1](now)
            counted[change[0]] += made != now
            now = made
        cells.append(now)
    return cells


def _changes(
    names: list[str], columns: list[Mapping[str, Any]], options: Mapping[str, Any]
) -> tuple[list[str], list[tuple[str, Change] | None]]:
    """Return the header, and for each column what is done to its cells."""
    header: list[str] = []
    changes: list[tuple[str, Change] | None] = []
    for place, name in enumerate(names):
        known = columns[place] if place < len(columns) else {"type": ""}
        change: tuple[str, Change] | None = None
        if known["type"] == "date" and options["dates"]:
            change = "dates", _iso
        elif known["type"] == "quantity" and options["units"]:
            in_name = named(name)
            unit = in_name or UNITS[next(iter(known["units"]))]
            # Different quantities in one column are nobody's to convert.
            if {UNITS[sign].quantity for sign in known["units"]} == {unit.quantity}:
                change = "units", _in_unit(unit)
                name = name if in_name else f"{name}({unit.sign})"
        header.append(name)
        changes.append(change)
    return header, changes


def _iso(cell: str) -> str:
    found = _OTHER_DATE.match(cell.strip())
    if not found:
        return cell
    year, month, day = (int(part) for part in found.groups()[:3])
    clock = _CLOCK.search(cell.strip())
    return f"{year:04}-{month:02}-{day:02}" + (f" {clock[1].zfill(5)}" if clock else "")


def _in_unit(unit: Unit) -> Change:
    def change(cell: str) -> str:
        found = _WITH_UNIT.match(cell)
        if not found or cell.strip().lower() in MISSING:
            return cell
        spelt = UNITS[found["unit"]]
        if spelt.sign == unit.sign:
            return found["number"]
        return f"{converted(float(found['number']), spelt, unit):.10g}"

    return change
