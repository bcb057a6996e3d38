"""Measure how long the next task takes, in small and large queues, alone and under load.

    .venv/bin/python tests/bench/next_task.py [--sizes 10000,1000000] [--postgresql] [--seconds 5]

First claims and submissions one after the other in this process: what the database costs. Then
32 clients over HTTP, each with a pause between its tasks, as somebody needs to answer one. The
time in the server is what the server itself tells in `Server-Timing`: from the arrival of the
request in the program to its answer, with every wait for the database and for other requests
of the process, without the wait for a free thread. Clients and server share the processors, so
the round trip holds the clients' own waits too. One of the people has answered a fifth of the
tasks before. The books are checked afterwards; the exit code is 1 when they are wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from jinbiao.datasets import annotations, next_tasks, people
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import services
from jinbiao.tests.bench import filling
from jinbiao.tests.bench.checks import books
from jinbiao.tests.bench.served import Place, Server, open_place, served, share
from jinbiao.tests.bench.table import Line, print_table

DATA = '{"text":"张三在津市数据局反映三号生产线的电路板有划痕。"}'
DONE = 0.2  # of the tasks, by one person before
CASES = ((1, False), (3, False), (3, True))


@dataclass(frozen=True)
class Sizes:
    """How much is measured: tasks in the queue, clients, seconds a load, seconds a task."""

    tasks: Sequence[int] = (10_000, 1_000_000)
    clients: int = 32
    seconds: float = 5.0
    pause: float = 1.0
    rounds: int = 200


@dataclass(frozen=True)
class Case:
    """One project to be measured, with somebody who has done much of it."""

    project: int
    tasks: int
    overlap: int
    ordered: bool

    @property
    def title(self) -> str:
        """Say which it is."""
        order = "，有序 ordered" if self.ordered else ""
        return f"{self.tasks:,} 任务 tasks × {self.overlap}{order}"


def fill(place: Place, tasks: int, overlap: int, ordered: bool) -> Case:
    """Make a project with a queue of which one person has done a fifth."""
    made = place.project(f"{tasks} × {overlap}", filling.TEXT_CONFIG, overlap)
    filling.fill_queue(place.installation, made, tasks, overlap, data=DATA, ordered=ordered)
    veteran = _annotators(place)[0]
    filling.fill_done(place.installation, made, veteran.id, int(tasks * DONE))
    database = place.installation.database
    with database.write() as session:
        session.execute(sa.text("ANALYZE"))
    return Case(made, tasks, overlap, ordered)


def measure_alone(place: Place, case: Case, rounds: int) -> list[Line]:
    """Claim and submit one task after the other in this process: an old hand, and a new one."""
    lines = []
    for who, person in zip(("老手 done a fifth", "新人 new"), _annotators(place)[:2], strict=True):
        claims, submits, begun = [], [], time.process_time()
        for _round in range(rounds):
            took, task_id = _claimed(place, person, case.project)
            claims.append(took)
            submits.append(_submitted(place, person, case.project, task_id))
        cpu = (time.process_time() - begun) * 1000 / rounds
        for what, times in (("取任务 Next", claims), ("提交 Submit", submits)):
            times.sort()
            title = f"{what} · {case.title} · {who}"
            both = cpu if what.startswith("取") else None
            lines.append(Line(title, share(times, 0.5), "ms", share(times, 0.95), both))
    return lines


def measure_load(place: Place, server: Server, case: Case, sizes: Sizes) -> list[Line]:
    """Let many clients take and submit; the first of them is who has done much before."""
    work = {"do": "pairs", "project": case.project, "answer": filling.text_answer()}
    lines = []
    for pause in (sizes.pause, 0.0):
        timing = {"seconds": sizes.seconds, "pause": pause}
        tokens = place.tokens[: sizes.clients]
        load = server.ask([{**work, **timing, "token": token} for token in tokens])
        pace = f"{pause:g} s 一题 a task" if pause else "不停 without a pause"
        head = f"{case.title} · {len(tokens)} 客户端 clients, {pace}"
        pairs = sum(len(answer["made"]) for answer in load.answers)
        lines += [
            _line(f"取任务 Next，服务器内 in server · {head}", load.times("told_next")),
            _line(
                f"取任务 Next，服务器内 in server · {head} · 老手 done a fifth",
                sorted(load.answers[0]["told_next"]),
            ),
            _line(f"取任务 Next，往返 round trip · {head}", load.times("next"), load.cpu_ms(pairs)),
            _line(f"提交 Submit，服务器内 in server · {head}", load.times("told_submit")),
        ]
    return lines


def _line(title: str, times: list[float], cpu_ms: float | None = None) -> Line:
    return Line(title, share(times, 0.5), "ms", share(times, 0.95), cpu_ms)


def _annotators(place: Place) -> list[User]:
    with place.installation.database.read() as session:
        found = people.users(session, place.organisation_id)
    return sorted((row for row in found if row.role == people.Role.ANNOTATOR), key=lambda u: u.id)


def _claimed(place: Place, person: User, project_id: int) -> tuple[float, int]:
    start = time.perf_counter()
    with place.installation.database.write() as session:
        project = session.get_one(Project, project_id)
        found = next_tasks.claim(session, place.installation.settings, person, project)
    took = (time.perf_counter() - start) * 1000
    if found is None:
        raise RuntimeError("no task was left")
    return took, found.task_id


def _submitted(place: Place, person: User, project_id: int, task_id: int) -> float:
    start = time.perf_counter()
    with place.installation.database.write() as session:
        project = session.get_one(Project, project_id)
        task = session.get_one(Task, task_id)
        settings, answer = place.installation.settings, filling.text_answer()
        annotations.submit(session, settings, person, project, task, answer, lead_time=3.5)
    return (time.perf_counter() - start) * 1000


def measure(folder: Path, database_url: str | None, sizes: Sizes) -> tuple[list[Line], list[str]]:
    """Measure every case below a folder; return the lines, and what is wrong with the books."""
    place = open_place(folder, database_url, sizes.clients)
    lines: list[Line] = []
    found: list[str] = []
    cases = []
    for tasks in sizes.tasks:
        for overlap, ordered in CASES:
            cases.append(fill(place, tasks, overlap, ordered))
    for case in cases:
        lines += measure_alone(place, case, sizes.rounds)
    with served(place) as server:
        for case in cases:
            lines += measure_load(place, server, case, sizes)
    for case in cases:
        found += books(place.installation, case.project, case.overlap)
    place.installation.close()
    return lines, found


@contextmanager
def database(wanted: bool, url: str | None) -> Iterator[str | None]:
    """Give the address of the database to measure on: None for SQLite."""
    if url is not None or not wanted:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True) as folder:
        server = services.PostgresServer(Path(folder), durable=True).start()
        try:
            yield server.url
        finally:
            server.stop()


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, Sizes.tasks)))
    parser.add_argument("--clients", type=int, default=Sizes.clients)
    parser.add_argument("--seconds", type=float, default=Sizes.seconds, help="of each load")
    parser.add_argument("--pause", type=float, default=Sizes.pause, help="seconds a task")
    parser.add_argument("--postgresql", action="store_true", help="start one and measure on it")
    parser.add_argument("--database", metavar="URL", help="an empty database; else SQLite")
    given = parser.parse_args(arguments)
    sizes = Sizes(
        [int(size) for size in given.sizes.split(",")], given.clients, given.seconds, given.pause
    )
    before = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True) as folder,
        database(given.postgresql, given.database) as url,
    ):
        lines, found = measure(Path(folder), url, sizes)
    busy, cores = os.getloadavg()[0], os.cpu_count()
    kind = "PostgreSQL" if given.postgresql or given.database else "SQLite"
    print_table(
        lines,
        [f"{kind}；{cores} 核 cores；平均负载 load average {before:.1f} → {busy:.1f}"],
    )
    for fault in found:
        print(f"错误 wrong: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
