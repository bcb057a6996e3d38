"""Measure the pages of a large catalogue, counting a download, and comparing large versions.

    .venv/bin/python tests/bench/catalogue_pages.py [--datasets 10000] [--records 200000]
        [--requests 200] [--postgresql]

Each page is asked for by the test client, one request after the other, with other words,
facets and datasets each time: what is measured is the program and the database, without the
network and without the wait for a thread. The exit code is 1 when the p95 of a page is above
50 ms of this process's own time (CPU time, for other programs may have the processors).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jinbiao.datasets import comparisons, downloads
from jinbiao.datasets.installation import Installation
from jinbiao.server.app import create
from jinbiao.tests.bench import catalogue_filling as filling
from jinbiao.tests.bench.next_task import database
from jinbiao.tests.bench.served import open_place, share
from jinbiao.tests.bench.table import Line, print_table

LIMIT_MS = 50


def pages(installation: Installation, filled: filling.Filled, requests: int) -> list[Line]:
    """Ask for each kind of page so many times; the first few warm up."""
    client = create(installation).test_client(use_cookies=False)
    chance = random.Random(3)
    thing, what, where = filling.THINGS, filling.WHATS, filling.WHERES
    asked: dict[str, Callable[[], str]] = {
        "目录 List": lambda: "/datasets",
        "分面 Facet": lambda: f"/datasets?domain={chance.choice(('industry', 'health', 'city'))}",
        "两个分面 Two facets": lambda: "/datasets?licence=CC0-1.0&task=object-detection",
        "按下载量 By downloads": lambda: "/datasets?sort=downloads",
        "后页 A later page": lambda: "/datasets?before=2026-06-01T00:00:00%2B00:00,1",
        "搜索一词 One word": lambda: f"/datasets?q={chance.choice(thing)}",
        "搜索常见词 A word of all": lambda: "/datasets?q=数据集",
        "搜索一句 A sentence": lambda: (
            f"/datasets?q={chance.choice(where)}{chance.choice(thing)}{chance.choice(what)}"
        ),
        "搜索加分面 Words and facet": lambda: f"/datasets?q={chance.choice(what)}&openness=open",
        "数据集 Dataset": lambda: f"/datasets/{chance.choice(filled.names)}",
        "记录 Records": lambda: f"/datasets/{chance.choice(filled.names)}/records?label=good",
    }
    lines = []
    for title, address in asked.items():
        wall, cpu = [], []
        for number in range(requests + 5):
            path = address()
            start, began = time.perf_counter(), time.process_time()
            answer = client.get(path)
            took, used = time.perf_counter() - start, time.process_time() - began
            # What is done after the answer was sent.
            answer.close()
            if answer.status_code not in (200, 401, 403, 302, 404):
                raise RuntimeError(f"{path}: {answer.status_code}")
            if number >= 5 and answer.status_code == 200:
                wall.append(took * 1000)
                cpu.append(used * 1000)
        wall.sort()
        cpu.sort()
        lines.append(Line(title, share(wall, 0.5), "ms", share(wall, 0.95), share(cpu, 0.95)))
    return lines


def counting(installation: Installation, number: int = 500) -> Line:
    """Count downloads, half of them by new addresses."""
    times, began = [], time.process_time()
    for place in range(number):
        start = time.perf_counter()
        with installation.database.write() as session:
            downloads.note(
                session,
                dataset_id=1,
                release_id=2,
                path="data/a",
                visitor=None,
                address=f"192.0.2.{place // 2}",
                client="hub",
            )
        times.append((time.perf_counter() - start) * 1000)
    cpu = (time.process_time() - began) * 1000 / number
    times.sort()
    return Line("计一次下载 Count a download", share(times, 0.5), "ms", share(times, 0.95), cpu)


def comparing(installation: Installation, records: int) -> list[Line]:
    """Compare two versions of so many records: the counts, and the first page of each kind."""
    old, new = filling.two_versions(installation, records)
    lines = []
    with installation.database.read() as session:
        start, began = time.perf_counter(), time.process_time()
        counts = comparisons.count(session, old, new)
        took, cpu = time.perf_counter() - start, time.process_time() - began
        title = f"比较 Compare {records:,} × 2"
        lines.append(Line(title, took * 1000, "ms", None, cpu * 1000))
        if counts.changed + counts.added + counts.removed + counts.same == 0:
            raise RuntimeError("nothing was compared")
        for kind in comparisons.KINDS:
            start, began = time.perf_counter(), time.process_time()
            comparisons.differences(session, old, new, kind, limit=25)
            took, cpu = time.perf_counter() - start, time.process_time() - began
            lines.append(Line(f"比较页 {kind}", took * 1000, "ms", None, cpu * 1000))
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--postgresql", action="store_true", help="start one and measure on it")
    given = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True) as folder,
        database(given.postgresql, None) as url,
    ):
        place = open_place(Path(folder), url, 1)
        filled = filling.fill(place.installation, given.datasets)
        measured = pages(place.installation, filled, given.requests)
        lines = [*measured, counting(place.installation)]
        if given.records:
            lines += comparing(place.installation, given.records)
        place.installation.close()
    kind = "PostgreSQL" if given.postgresql else "SQLite"
    note = "CPU：页面为 p95，本进程 · of this process, p95 for pages"
    print_table(lines, [f"{kind}；{given.datasets:,} 数据集 datasets；{note}"])
    return int(any((line.cpu_ms or 0) > LIMIT_MS for line in measured))


if __name__ == "__main__":
    sys.exit(main())
