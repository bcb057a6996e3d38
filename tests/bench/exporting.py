"""Export once in this process and say how long it took and how much memory it had at most."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from label_studio_sdk.converter import Converter

from jinbiao.datasets import versions
from jinbiao.datasets.db import Database
from jinbiao.datasets.storage import FolderStorage
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from jinbiao.tests.bench.job import peak_mb


def ours(folder: Path, version_id: int, name: str) -> int:
    """Write a frozen version in a format; return its records."""
    database = Database(f"sqlite:///{folder / 'jinbiao.db'}")
    with database.read() as session:
        version = versions.opened(session, database, FolderStorage(folder / "store"), version_id)
    output = Output(version.store, folder)
    FORMATS[name].write(version, output)
    output.finish(version, name)
    return output.records


def theirs(folder: Path, tasks: str, name: str) -> int:
    """Let Label Studio's converter write the same annotations; return how many tasks."""
    config = (folder / f"{tasks}.xml").read_text(encoding="utf-8")
    converter = Converter(config, str(folder), download_resources=False)
    given = folder / f"{tasks}.json"
    with tempfile.TemporaryDirectory(dir=folder) as out:
        converter.convert(str(given), out, name, is_dir=False)
    return len(json.loads(given.read_bytes()))


def main() -> None:
    """Print one line of JSON."""
    side, folder, what, name = sys.argv[1:]
    began, cpu = time.perf_counter(), time.process_time()
    rows = (
        ours(Path(folder), int(what), name) if side == "ours" else theirs(Path(folder), what, name)
    )
    told = {
        "rows": rows,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": peak_mb(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
