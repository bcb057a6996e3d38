"""Measure Jinbiao and Label Studio side by side: the same requests, data and client, in turn.

    .venv/bin/python tests/bench/label_studio.py [--rounds 3] [--fill 1000000] [--json FILE]

Installs Label Studio into an environment of its own below var/clients on first use (1 GB) and
starts it on loopback with SQLite; Jinbiao is what `jinbiao up` runs, also with SQLite. Both are
asked over Label Studio's routes. Speed is printed, never judged; what both hold afterwards is
checked, and the exit code is 1 when it is not right.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinbiao.tests.bench import filling, sides
from jinbiao.tests.bench.compared import Compared, Sample, print_compared
from jinbiao.tests.bench.exported import fault
from jinbiao.tests.bench.load import WARM_UP
from jinbiao.tests.bench.served import Load
from jinbiao.tests.bench.sides import Side
from jinbiao.tests.clients.conftest import client_environment

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="label" toName="image">
    <Label value="scratch"/><Label value="dent"/>
  </RectangleLabels>
</View>"""
FORMATS = ("JSON", "COCO", "YOLO")


@dataclass(frozen=True)
class Sizes:
    """How much is measured: tasks of an import, seconds of a load, how often all of it."""

    tasks: int = 10_000
    seconds: float = 3.0
    rounds: int = 3
    clients: int = 8
    fill: int = 0


@dataclass
class Bench:
    """What is measured on both sides so far, in the order of the table."""

    folder: Path
    both: Sequence[Side]
    sizes: Sizes
    lines: dict[str, Compared] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    work: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    ready: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    memory: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def keep(self, side: Side, title: str, unit: str, sample: Sample) -> None:
        """Add what one round measured to its line."""
        line = self.lines.setdefault(title, Compared(title, unit, {}))
        line.add(side.name, sample)

    def rows(self, name: str, number: int, make: Callable[[int], dict[str, Any]]) -> Path:
        """Write a task list of the same content for both sides."""
        path = self.folder / name
        with path.open("w", encoding="utf-8") as out:
            for place in range(number):
                out.write(("[" if place == 0 else ",\n") + json.dumps(make(place)))
            out.write("]")
        return path

    def project(self, side: Side, title: str) -> int:
        """Create a project and return its number."""
        values = {"title": title, "label_config": CONFIG, "maximum_annotations": 1}
        return int(side.ask("POST", "/api/projects/", values)["id"])

    def upload(self, side: Side, project: int, rows: Path) -> tuple[Load, list[int]]:
        """Import a task list; return the load and the numbers of the tasks."""
        path = f"/api/projects/{project}/import?return_task_ids=true"
        work = {"do": "upload", "token": side.owner, "path": path, "file": str(rows)}
        load = side.server.ask([work])
        return load, [int(number) for number in load.answers[0]["body"]["task_ids"]]


def predicted(number: int) -> dict[str, Any]:
    """Return a picture with a prediction of one box."""
    prediction = {"model_version": "m1", "score": 0.5, "result": filling.box_answer(number)[:1]}
    return {"data": _data(number), "predictions": [prediction]}


def annotated(number: int) -> dict[str, Any]:
    """Return a picture with an annotation of two boxes."""
    return {"data": _data(number), "annotations": [{"result": filling.box_answer(number)}]}


def _data(number: int) -> dict[str, Any]:
    return {"image": f"http://127.0.0.1:9/pictures/{number}.jpg", "line": filling.SENTENCE * 3}


def prepare(bench: Bench) -> None:
    """Bring the annotated tasks that are exported later, and let both servers wake up."""
    few = bench.rows("few.json", 20, annotated)
    rows = bench.rows("annotated.json", bench.sizes.tasks, annotated)
    for side in bench.both:
        small = bench.project(side, "warm-up")
        bench.upload(side, small, few)
        for name in FORMATS:
            side.server.ask([_export(bench, side, small, name)])
        bench.ready[side.name] = bench.project(side, "annotated")
        bench.upload(side, bench.ready[side.name], rows)


def imports(bench: Bench, side: Side) -> None:
    """Import tasks with a prediction each into a new project, which is worked in afterwards."""
    rows = bench.folder / "predicted.json"
    project = bench.project(side, "work")
    load, ids = bench.upload(side, project, rows)
    if len(ids) != bench.sizes.tasks:
        bench.faults.append(f"{side.name}: {len(ids)} of {bench.sizes.tasks} tasks were imported")
    bench.work[side.name], bench.made[side.name] = (project, ids), 0
    rates = [len(ids) / (time / 1000) for time in load.times("times")]
    title = f"导入 Import {bench.sizes.tasks:,}"
    bench.keep(side, title, "个 tasks/s", Sample(rates, len(ids), load.cpu_seconds))


def lists(bench: Bench, side: Side) -> None:
    """List 100 tasks with all that hangs on them."""
    project, _ids = bench.work[side.name]
    path = f"/api/tasks/?project={project}&fields=all&page_size=100&page=1"
    work = {"do": "gets", "token": side.owner, "path": path, "seconds": bench.sizes.seconds}
    load = side.server.ask([work])
    times = load.times("times")
    sample = Sample(times, len(times) + WARM_UP, load.cpu_seconds)
    bench.keep(side, "列表 List 100 tasks", "ms", sample)


def pairs(bench: Bench, side: Side, clients: int) -> None:
    """Let annotators take the next task and submit an answer."""
    project, _ids = bench.work[side.name]
    work = {"do": "pairs", "project": project, "answer": filling.box_answer(1), "lenient": True}
    given = [
        {**work, "token": token, "seconds": bench.sizes.seconds}
        for token in side.annotators[:clients]
    ]
    load = side.server.ask(given)
    note_failures(bench, side, "next + submit", load)
    made = [task for answer in load.answers for _annotation, task in answer["made"]]
    bench.made[side.name] += len(made)
    if len(set(made)) < len(made):
        doubled = len(made) - len(set(made))
        bench.faults.append(f"{side.name}: {doubled} tasks were handed out twice")
    who = f", {clients} 客户端 clients"
    bench.keep(side, f"取任务 Next task{who}", "ms", Sample(load.times("next")))
    sample = Sample([load.rate("made")], len(made), load.cpu_seconds)
    bench.keep(side, f"取＋交 Next + submit{who}", "对 pairs/s", sample)


def answers(bench: Bench, side: Side, clients: int) -> None:
    """Let the owner's programs annotate given tasks, which nobody was handed."""
    _project, ids = bench.work[side.name]
    quarter = len(ids) // 4
    free = ids[-quarter:] if clients == 1 else ids[2 * quarter : 3 * quarter]
    work = {"do": "answers", "token": side.owner, "answer": filling.box_answer(2), "lenient": True}
    given = [
        {**work, "tasks": free[place::clients], "seconds": bench.sizes.seconds}
        for place in range(clients)
    ]
    load = side.server.ask(given)
    note_failures(bench, side, "create annotation", load)
    made = sum(len(answer["made"]) for answer in load.answers)
    bench.made[side.name] += made
    title = f"创建标注 Create annotation, {clients} 客户端 clients"
    bench.keep(side, title, "ms", Sample(load.times("times"), made, load.cpu_seconds))


def note_failures(bench: Bench, side: Side, what: str, load: Load) -> None:
    """Write down how often the server failed; the clients asked again."""
    failed = sum(answer["failed"] for answer in load.answers)
    if failed:
        bench.faults.append(
            f"{side.name}: {what}, {len(load.answers)} clients: {failed} answers 5xx"
        )


def exports(bench: Bench, side: Side, name: str) -> None:
    """Export the annotated tasks in one format, and look into what came."""
    work = _export(bench, side, bench.ready[side.name], name)
    load = side.server.ask([work])
    number = bench.sizes.tasks
    found = fault(name, Path(work["file"]), number)
    if found:
        bench.faults.append(f"{side.name}: {name}: {found}")
    seconds = [time / 1000 for time in load.times("times")]
    bench.keep(
        side, f"导出 Export {number:,} {name}", "s", Sample(seconds, number, load.cpu_seconds)
    )


def _export(bench: Bench, side: Side, project: int, name: str) -> dict[str, Any]:
    path = f"/api/projects/{project}/export?exportType={name}"
    file = str(bench.folder / f"exported.{name}")
    return {"do": "fetch", "token": side.owner, "path": path, "file": file}


def check(bench: Bench, side: Side) -> None:
    """Compare what the project holds with what the clients were told."""
    project, _ids = bench.work[side.name]
    held = side.ask("GET", f"/api/projects/{project}/")["total_annotations_number"]
    if held != bench.made[side.name]:
        told = bench.made[side.name]
        bench.faults.append(f"{side.name}: {held} annotations are there, {told} were acknowledged")


def fill(bench: Bench, side: Side) -> None:
    """Import again and again into one project, until it is full; tell the first and last rates.

    Five imports each: a single one may meet the disk's writing of what came before.
    """
    rows = bench.folder / "predicted.json"
    project = bench.project(side, "full")
    done: list[tuple[int, float, float]] = []
    there = 0
    while there <= bench.sizes.fill + 4 * bench.sizes.tasks:
        load, ids = bench.upload(side, project, rows)
        (time,) = load.times("times")
        done.append((there, len(ids) / (time / 1000), load.cpu_seconds))
        there += len(ids)
    for part in (done[:5], done[-5:]):
        title = f"导入 Import {bench.sizes.tasks:,}: 已有 {part[0][0]:,} there"
        rates = [rate for _there, rate, _cpu in part]
        cpu = sum(seconds for _there, _rate, seconds in part)
        bench.keep(side, title, "个 tasks/s", Sample(rates, 5 * bench.sizes.tasks, cpu))


def measure(folder: Path, both: Sequence[Side], sizes: Sizes) -> Bench:
    """Measure everything on both sides in turn, as many rounds as wanted."""
    bench = Bench(folder, both, sizes)
    prepare(bench)
    bench.rows("predicted.json", sizes.tasks, predicted)
    steps: list[Callable[[Side], None]] = [
        lambda side: imports(bench, side),
        lambda side: lists(bench, side),
        lambda side: pairs(bench, side, 1),
        lambda side: pairs(bench, side, sizes.clients),
        lambda side: answers(bench, side, 1),
        lambda side: answers(bench, side, sizes.clients),
        lambda side: check(bench, side),
        *(lambda side, name=name: exports(bench, side, name) for name in FORMATS),  # type: ignore[misc]
    ]
    for turn in range(sizes.rounds):
        for step in steps:
            # Who begins takes turns as well: neither always finds the machine warm.
            for side in both if turn % 2 == 0 else reversed(both):
                step(side)
                weigh(bench, side)
    for side in both:
        for title, values in bench.memory[side.name].items():
            bench.keep(side, title, "MB", Sample([max(values)]))
    if sizes.fill:
        fill(bench, both[0])
    return bench


def weigh(bench: Bench, side: Side) -> None:
    """Look at the server's memory after a step."""
    found = {
        "内存 Memory, all processes": side.server.memory_mb(),
        "峰值内存 Peak memory, largest process": side.server.peak_mb(),
    }
    kept = bench.memory.setdefault(side.name, {})
    for title, value in found.items():
        if value is not None:
            kept.setdefault(title, []).append(value)


def read(arguments: list[str] | None) -> tuple[Sizes, Path | None]:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=Sizes.tasks, help="of each import and export")
    parser.add_argument("--seconds", type=float, default=Sizes.seconds, help="of each load")
    parser.add_argument("--rounds", type=int, default=Sizes.rounds)
    parser.add_argument(
        "--fill", type=int, default=0, metavar="N", help="also import where N tasks are (Jinbiao)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    given = parser.parse_args(arguments)
    return Sizes(given.tasks, given.seconds, given.rounds, fill=given.fill), given.json


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    sizes, target = read(arguments)
    before = os.getloadavg()[0]
    python = client_environment(f"label-studio-{sides.VERSION}", sides.PIN)
    with ExitStack() as stack:
        new = tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(new))
        ours, theirs = folder / "a", folder / "b"
        ours.mkdir()
        theirs.mkdir()
        both = [
            stack.enter_context(sides.jinbiao(ours, sizes.clients)),
            stack.enter_context(sides.label_studio(theirs, sizes.clients, python)),
        ]
        bench = measure(folder, both, sizes)
    notes = [
        f"本机 this machine: {os.cpu_count()} 核 cores; "
        f"平均负载 load average {before:.1f} → {os.getloadavg()[0]:.1f}; "
        f"{sizes.rounds} 轮交替，取中位数 rounds in turn, medians",
    ]
    print_compared(list(bench.lines.values()), [side.name for side in both], notes)
    if target is not None:
        told = [line.told() for line in bench.lines.values()]
        target.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
    for found in bench.faults:
        print(f"不对 not right: {found}", file=sys.stderr)
    # What is wrong on the other side is told, but is not ours to mend.
    return 1 if any(found.startswith(f"{both[0].name}: ") for found in bench.faults) else 0


if __name__ == "__main__":
    sys.exit(main())
