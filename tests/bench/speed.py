"""Measure the speed of the real thing and print it beside Label Studio's.

    .venv/bin/python tests/bench/speed.py [--tasks 20000] [--database URL] [--queue 1000000]

Imports, freezes and exports are real jobs in processes of their own; everything else is asked
over HTTP from client processes. Speed is printed, never judged; what was written under load
is checked, and the exit code is 1 when it is not right.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinbiao.datasets.tasks import MEDIA_PREFIX, Media
from jinbiao.tests.bench import filling, reference
from jinbiao.tests.bench.checks import faults
from jinbiao.tests.bench.reference import Figures
from jinbiao.tests.bench.served import Place, Server, open_place, served, share
from jinbiao.tests.bench.table import Line, print_table

OVERLAP = 3
RANGE_BYTES = 64 * 1024
FORMATS = (("jsonl", "text"), ("parquet", "text"), ("coco", "boxes"), ("yolo", "boxes"))


@dataclass(frozen=True)
class Sizes:
    """How much is measured; `growth` is how many times fuller the second project is."""

    tasks: int = 20_000
    growth: int = 10
    seconds: float = 6.0
    file_mb: int = 300
    queue: int = 0
    clients: int = 8


def measure_imports(place: Place, sizes: Sizes, figures: Figures) -> tuple[list[Line], int]:
    """Import into an empty project, then ever more; return the project as well."""
    project = place.project("导入 import", filling.TEXT_CONFIG, OVERLAP)
    lines = []
    steps = (
        ("空项目 empty project", sizes.tasks, figures.import_rows),
        (f"大文件 {sizes.growth}× larger file", sizes.tasks * sizes.growth, None),
        (f"已有 {sizes.growth + 1}× already there", sizes.tasks, figures.import_rows_large),
    )
    for title, number, figure in steps:
        path = place.folder / "rows.jsonl"
        filling.write_rows(path, number)
        told = place.job("import", project, {"path": str(path)})
        if told["result"]["tasks"] != number:
            raise RuntimeError(f"{told['result']['tasks']} of {number} rows were imported")
        path.unlink()
        lines.append(
            Line(
                f"导入 Import {number:,}: {title}",
                number / told["seconds"],
                "行 rows/s",
                cpu_ms=told["cpu"] * 1000 / number,
                peak_mb=told["peak_mb"],
                reference=figure,
            )
        )
    return lines, project


def measure_labelling(
    place: Place, server: Server, project: int, sizes: Sizes, figures: Figures, title: str
) -> tuple[list[Line], list[list[int]]]:
    """Take tasks and submit answers, by one client and by many; return what was made."""
    lines: list[Line] = []
    made: list[list[int]] = []
    for place_of_figure, clients in enumerate((1, sizes.clients)):
        work = {"do": "pairs", "project": project, "answer": filling.text_answer()}
        works = [
            {**work, "token": token, "seconds": sizes.seconds} for token in place.tokens[:clients]
        ]
        load = server.ask(works)
        fresh = [pair for answer in load.answers for pair in answer["made"]]
        made += fresh
        told = f"{clients} 客户端 clients{title}"
        lines += [
            _times(
                f"取任务 Next task, {told}",
                load.times("next"),
                figures.next_ms[place_of_figure],
                figures.next_p95_ms[place_of_figure],
            ),
            _times(
                f"提交 Submit, {told}",
                load.times("submit"),
                figures.submit_ms[place_of_figure],
                figures.submit_p95_ms[place_of_figure],
            ),
            Line(
                f"取＋交 Next + submit, {told}",
                load.rate("made"),
                "对 pairs/s",
                cpu_ms=load.cpu_ms(len(fresh)),
                reference=figures.pairs if clients > 1 else None,
            ),
        ]
    return lines, made


def measure_list(
    place: Place, server: Server, project: int, sizes: Sizes, figures: Figures
) -> list[Line]:
    """List 100 tasks with their annotations and predictions."""
    path = f"/api/projects/{project}/tasks/?page_size=100"
    work = {"do": "gets", "path": path, "token": place.requester_token}
    load = server.ask([{**work, "seconds": sizes.seconds / 2}])
    return [
        _times(
            "列表 List 100 tasks, 1 客户端 client",
            load.times("times"),
            figures.list_ms,
            figures.list_p95_ms,
            load.cpu_ms(len(load.times("times"))),
        )
    ]


def measure_exports(place: Place, sizes: Sizes, figures: Figures) -> list[Line]:
    """Freeze accepted work and export it, each in a process of its own."""
    lines, versions = [], {}
    for kind, config, make in (
        ("text", filling.TEXT_CONFIG, filling.accepted_text),
        ("boxes", filling.BOX_CONFIG, filling.accepted_boxes),
    ):
        project = place.project(f"导出 export {kind}", config, 1)
        filling.fill_accepted(place.installation, project, sizes.tasks, make)
        told = place.job("freeze", project, {})
        versions[kind] = project, told["result"]["version"]
        lines.append(_job_line(f"固化 Freeze ({kind})", sizes.tasks, told, None))
    rates = {
        "jsonl": figures.json_rows,
        "coco": figures.coco_rows,
        "yolo": figures.yolo_rows,
    }
    for name, kind in FORMATS:
        project, version = versions[kind]
        told = place.job("export", project, {"version": version, "format": name})
        if told["result"]["records"] != sizes.tasks:
            raise RuntimeError(f"{told['result']['records']} of {sizes.tasks} were exported")
        lines.append(_job_line(f"导出 Export {name} ({kind})", sizes.tasks, told, rates.get(name)))
    return lines


def measure_downloads(place: Place, server: Server, sizes: Sizes) -> list[Line]:
    """Download a large stored file whole, and small ranges near its end."""
    size = sizes.file_mb * 1024**2
    path = _large_file(place, server, size)
    token = place.requester_token
    whole = server.ask([{"do": "download", "token": token, "path": path, "size": size}])
    parts = {"do": "ranges", "token": token, "path": path, "size": size, "length": RANGE_BYTES}
    lines = [
        Line(
            f"下载 Download {sizes.file_mb} MB",
            size / 1e6 / (whole.times("times")[0] / 1000),
            "MB/s",
            cpu_ms=whole.cpu_ms(1),
        )
    ]
    for clients in (1, sizes.clients):
        load = server.ask([{**parts, "seconds": sizes.seconds / 2}] * clients)
        lines.append(
            Line(
                f"文件末尾 64 kB 分段 Ranges near the end, {clients} 客户端 clients",
                load.rate("times"),
                "次 ranges/s",
                cpu_ms=load.cpu_ms(len(load.times("times"))),
            )
        )
    return lines


def _large_file(place: Place, server: Server, size: int) -> str:
    """Store a file as the medium of a task, and return the address that the task gives."""
    path = place.folder / "large.bin"
    block = random.Random(1).randbytes(1 << 20)
    with path.open("wb") as out:
        for _number in range(size >> 20):
            out.write(block)
    with path.open("rb") as stream:
        stored = place.installation.store.put(stream)
    path.unlink()
    project = place.project("下载 download", filling.FILE_CONFIG, 1)
    with place.installation.database.write() as session:
        session.add(
            Media(
                digest=stored.digest,
                size=stored.size,
                content_type="application/octet-stream",
                extension=".bin",
            )
        )

    def make(_number: int) -> tuple[str, str, None]:
        return f'{{"v":"{MEDIA_PREFIX}{stored.digest}"}}', "[]", None

    filling.fill_accepted(place.installation, project, 1, make)
    address = f"/api/projects/{project}/tasks/"
    shown = server.get(address, place.requester_token)
    return str(shown[0]["data"]["v"])


def _times(
    title: str,
    times: list[float],
    figure: float | None,
    figure_p95: float | None,
    cpu_ms: float | None = None,
) -> Line:
    p50, p95 = share(times, 0.5), share(times, 0.95)
    return Line(title, p50, "ms", p95, cpu_ms, reference=figure, reference_p95=figure_p95)


def _job_line(title: str, rows: int, told: dict[str, Any], figure: float | None) -> Line:
    return Line(
        title,
        rows / told["seconds"],
        "行 rows/s",
        cpu_ms=told["cpu"] * 1000 / rows,
        peak_mb=told["peak_mb"],
        reference=figure,
    )


def measure(folder: Path, database_url: str | None, sizes: Sizes) -> tuple[list[Line], list[str]]:
    """Measure everything below a folder; return the lines, and what was found wrong."""
    place = open_place(folder, database_url, sizes.clients)
    on_sqlite = place.installation.database.is_sqlite
    figures = reference.ON_SQLITE if on_sqlite else reference.ON_POSTGRESQL
    lines, project = measure_imports(place, sizes, figures)
    found: list[str] = []
    with served(place) as server:
        timed, made = measure_labelling(place, server, project, sizes, figures, "")
        lines += timed
        found += faults(place.installation, project, OVERLAP, made)
        lines += measure_list(place, server, project, sizes, figures)
        if sizes.queue:
            long = place.project("长队列 long queue", filling.TEXT_CONFIG, OVERLAP)
            filling.fill_queue(place.installation, long, sizes.queue, OVERLAP)
            title = f", {sizes.queue:,} 任务 tasks"
            timed, made = measure_labelling(place, server, long, sizes, figures, title)
            lines += timed
            found += faults(place.installation, long, OVERLAP, made)
        lines += measure_downloads(place, server, sizes)
    lines += measure_exports(place, sizes, figures)
    place.installation.close()
    return lines, found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=Sizes.tasks)
    parser.add_argument("--growth", type=int, default=Sizes.growth)
    parser.add_argument("--seconds", type=float, default=Sizes.seconds, help="of each load")
    parser.add_argument("--file-mb", type=int, default=Sizes.file_mb)
    parser.add_argument("--queue", type=int, default=0, help="also label in so long a queue")
    parser.add_argument("--database", metavar="URL", help="an empty database; else SQLite")
    given = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    sizes = Sizes(given.tasks, given.growth, given.seconds, given.file_mb, given.queue)
    with tempfile.TemporaryDirectory(prefix="jb-", ignore_cleanup_errors=True) as folder:
        lines, found = measure(Path(folder), given.database, sizes)
    busy, cores = os.getloadavg()[0], os.cpu_count()
    machine = (
        f"本机 this machine: {cores} 核 cores; 平均负载 load average {before:.1f} → {busy:.1f}"
    )
    print_table(lines, [machine, reference.SOURCE_ZH, reference.SOURCE_EN])
    for fault in found:
        print(f"错误 wrong: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
