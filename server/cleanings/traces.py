"""Write the trace of a cleaning as a file: streamed, a page of records at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ...datasets.cleaning import reading
from ...datasets.cleaning.reading import Chosen, Run, Trace
from ...datasets.db import Database
from ...datasets.spreadsheet_cells import guarded

FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
PAGE = 200  # records at most; long texts make a page smaller
_COLUMNS = (
    "record",
    "asset",
    "part",
    "name",
    "kind",
    "state",
    "changed_by",
    "dropped_by",
    "reason",
    "duplicate_of",
    "before",
    "after",
    "sha256_before",
    "sha256_after",
    "facts",
)


def lines(database: Database, run: Run, chosen: Chosen, form: str) -> Iterator[bytes]:
    """Yield the bytes of a trace, in order of records, at constant memory.

    JSON lines say everything; in a table a text that a spreadsheet would take for a formula
    has an apostrophe before it.
    """
    names = [str(step["operator"]) for step in run.version.step_values]
    write = _AS[form]
    if form == "csv":
        # With the mark by which spreadsheets know UTF-8.
        yield b"\xef\xbb\xbf" + _row(_COLUMNS)
    last = 0
    while True:
        with database.read() as session:
            page = reading.records(
                session, run.cleaning, chosen, after=last, limit=PAGE, longest=None
            )
        if not page:
            return
        last = page[-1].id
        yield b"".join(write(told(row, names)) for row in page)


def told(row: Trace, names: list[str]) -> dict[str, Any]:
    """Return what became of a record as the API and the trace tell of it."""
    return {
        "record": row.id,
        "asset": row.asset_id,
        "part": row.part,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
        "changed_by": [_step(names, place) for place in row.changed_steps],
        "dropped_by": None if row.dropped_step is None else _step(names, row.dropped_step),
        "reason": row.reason,
        "duplicate_of": row.duplicate_of,
        "before": row.before,
        "after": row.after,
        "sha256_before": row.digests[0],
        "sha256_after": row.digests[1] or (row.digests[0] if not row.changed_steps else None),
        "facts": row.facts,
    }


def _step(names: list[str], place: int) -> dict[str, Any]:
    return {"step": place, "operator": names[place] if place < len(names) else ""}


def _json_line(values: dict[str, Any]) -> bytes:
    return msgspec.json.encode(values) + b"\n"


def _csv_line(values: dict[str, Any]) -> bytes:
    by = [values["dropped_by"]] if values["dropped_by"] else []
    flat = {
        **values,
        "changed_by": "; ".join(
            f"{each['step']} {each['operator']}" for each in values["changed_by"]
        ),
        "dropped_by": "".join(f"{each['step']} {each['operator']}" for each in by),
        "facts": msgspec.json.encode(values["facts"]).decode() if values["facts"] else "",
    }
    return _row([flat[name] for name in _COLUMNS])


def _row(cells: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(map(guarded, cells))
    return out.getvalue().encode()


_AS: dict[str, Callable[[dict[str, Any]], bytes]] = {"jsonl": _json_line, "csv": _csv_line}
