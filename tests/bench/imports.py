"""Import task lists by the real job: how fast, and does a full project or a large file cost more?

    .venv/bin/python tests/bench/imports.py [--rows 200000] [--there 1000000] [--postgresql]

Each row is a text of 500 bytes with a prediction of 300 that differs from row to row and is
checked against the config. The job runs in a process of its own, from the file to the committed
rows; a tenth of the rows go first, so that memory can be seen not to grow. Other work on the
machine disturbs the rate, and the processor time of a row less; both are told.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jinbiao.tests import services
from jinbiao.tests.bench import filling
from jinbiao.tests.bench.served import Place, open_place

GOAL = 20_000  # rows a second
OVERLAP = 3


def measure(place: Place, rows: int, there: int) -> list[dict[str, Any]]:
    """Import into an empty project, then into one that holds `there` tasks already."""
    told = []
    empty = place.project("空 empty", filling.TEXT_CONFIG, OVERLAP)
    full = place.project("满 full", filling.TEXT_CONFIG, OVERLAP)
    filling.fill_queue(place.installation, full, there, OVERLAP)
    steps = (("small", empty, rows // 10), ("empty", empty, rows), ("full", full, rows))
    for title, project, number in steps:
        path = place.folder / "rows.jsonl"
        filling.write_rows(path, number)
        done = place.job("import", project, {"path": str(path)})
        if (done["result"]["tasks"], done["result"]["rejected"]) != (number, 0):
            raise RuntimeError(f"not all of {number} rows were imported: {done['result']}")
        told.append({"title": title, "rows": number, "bytes": path.stat().st_size, **done})
        path.unlink()
    return told


@contextmanager
def _database(folder: Path, postgresql: bool) -> Iterator[str | None]:
    """Give the address of a PostgreSQL that keeps what it commits, None for SQLite."""
    if not postgresql:
        yield None
        return
    directory = folder / "pg"
    directory.mkdir()
    server = services.PostgresServer(directory, durable=True).start()
    try:
        yield server.url
    finally:
        server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--there", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    asked = parser.parse_args(arguments)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)  # PostgreSQL runs as somebody else
        with _database(Path(name), asked.postgresql) as url:
            place = open_place(Path(name), url, 1)
            for told in measure(place, asked.rows, asked.there):
                rate, cpu = told["rows"] / told["seconds"], told["cpu"] / told["rows"] * 1e6
                line = f"{told['title']}: {told['rows']:,} rows of {told['bytes'] / 1e6:,.0f} MB: "
                line += f"{rate:,.0f}/s, {cpu:.1f} µs CPU a row ({1e6 / cpu:,.0f}/s)"
                if told["peak_mb"] is not None:
                    line += f", {told['start_mb']:.0f} → {told['peak_mb']:.0f} MB"
                if told["title"] != "small" and rate < GOAL:
                    missed = 1
                    line += f" < {GOAL:,}/s"
                print(line, flush=True)
            place.installation.close()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return missed


if __name__ == "__main__":
    sys.exit(main())
