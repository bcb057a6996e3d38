"""Measure every pre-labelling model on real data and print one table.

    .venv/bin/python tests/bench/models.py [--samples ../shared/samples] [--only texts] [--quick]

Ends with 1 where a stated goal was missed. Speed is CPU time of one process and printed, never
judged, except where the table has a goal for it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import costs

HEADINGS = (
    "data",
    "model",
    "trained on",
    "measure",
    "value",
    "at least",
    "speed",
    "saved on 100",
)
# Each has `rows(samples: Path, quick: bool) -> Iterator[Row]`.
PARTS = ("boards", "surfaces", "entities", "texts", "writing", "speech", "ordering")


def main() -> int:
    """Measure, print, and tell whether every goal was reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, default=Path("../shared/samples"))
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    chosen = parser.parse_args()
    if not chosen.samples.is_dir():
        sys.exit(f"the sample data are not there: {chosen.samples}")
    costed = ", ".join(f"{name} {seconds:g}" for name, seconds in costs.SECONDS.items())
    print(f"Minutes saved on 100 tasks are by this cost model (seconds): {costed}.\n")
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
    rows: list[Row] = []
    for part in chosen.only.split(","):
        module = importlib.import_module(f"jinbiao.tests.bench.model_{part}")
        began = time.monotonic()
        for row in module.rows(chosen.samples, chosen.quick):
            rows.append(row)
            print(line(row), flush=True)
        print(f"  ({part}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return int(any(row.reached is False for row in rows))


def line(row: Row) -> str:
    """Return a row of a Markdown table."""
    goal = row.goal + {True: " ✓", False: " ✗", None: ""}[row.reached]
    saved = "" if row.saved is None else f"{row.saved:.1f} min"
    cells = (row.data, row.model, row.trained_on, row.measure, row.value, goal, row.speed, saved)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
