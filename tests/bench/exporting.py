"""Export once in this process and say how long it took and how much memory it had at most."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from jinbiao.datasets import settings, versions
from jinbiao.datasets.db import Database
from jinbiao.datasets.installation import store_of
from jinbiao.exporters.formats import export
from jinbiao.exporters.output import Output
from jinbiao.tests.bench.job import peak_mb
from jinbiao.workers.export_parts import shared


def ours(folder: Path, version_id: int, name: str) -> int:
    """Write a frozen version in a format; return its records."""
    url = f"sqlite:///{folder / 'jinbiao.db'}"
    given = settings.load({"JINBIAO_HOME": str(folder), "JINBIAO_DATABASE_URL": url})
    database = Database(url)
    # As in a worker that has done a job before.
    sa.orm.configure_mappers()
    started()
    with database.read() as session:
        version = versions.opened(session, database, store_of(given, database), version_id)
    output = Output(version.store, folder)
    export(name, version, output, shared(given, name, folder, lambda _done: None))
    return output.records


def theirs(folder: Path, tasks: str, name: str) -> int:
    """Let Label Studio's converter write the same annotations; return how many tasks."""
    converting = importlib.import_module("label_studio_sdk.converter")
    started()
    config = (folder / f"{tasks}.xml").read_text(encoding="utf-8")
    converter = converting.Converter(config, str(folder), download_resources=False)
    given = folder / f"{tasks}.json"
    with tempfile.TemporaryDirectory(dir=folder) as out:
        converter.convert(str(given), out, name, is_dir=False)
        note()
    # Each task stands in a line of its own.
    return given.read_bytes().count(b"\n") + 1


_TIMES: list[tuple[float, float]] = []


def note() -> None:
    """Remember the wall clock and the processor time, that of ended children with it."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() + children.ru_utime + children.ru_stime
    _TIMES.append((time.perf_counter(), cpu))


def started() -> None:
    """Begin to measure: what was loaded until now is in memory, not in the time."""
    _TIMES.clear()
    note()


def main() -> None:
    """Print one line of JSON."""
    side, folder, what, name = sys.argv[1:]
    started()
    rows = (
        ours(Path(folder), int(what), name) if side == "ours" else theirs(Path(folder), what, name)
    )
    note()
    (begun, cpu_begun), (ended, cpu_ended) = _TIMES[:2]
    told = {
        "rows": rows,
        "seconds": ended - begun,
        "cpu_seconds": cpu_ended - cpu_begun,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
