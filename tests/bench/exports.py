"""Export annotated tasks, and let Label Studio's converter export the same annotations.

Each export runs in a process of its own. The converter gets fewer tasks, since it takes so
long; both are told as rows a second, and as seconds of processor time for a thousand rows,
which other work on the machine disturbs less. Memory is the peak of the process, ours once
with a tenth of the rows and once with all: it should not grow.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from jinbiao.datasets import labels, versions
from jinbiao.datasets.versions import FrozenVersion, Record
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

GOAL = 10.0
# Ours, the data, and what the converter calls it (None: it has no such format).
FORMATS = (
    ("jsonl", "boxes", None),
    ("parquet", "texts", None),
    ("webdataset", "boxes", None),
    ("coco", "boxes", "COCO"),
    ("yolo", "boxes", "YOLO"),
    ("voc", "boxes", "VOC"),
    ("label_studio", "boxes", "JSON_MIN"),
    ("conll", "texts", "CONLL2003"),
)


@dataclass(frozen=True)
class Told:
    """What one export took."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_mb: float | None

    @property
    def rate(self) -> float:
        """Return rows a second."""
        return self.rows / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Return the processor time of a row, in milliseconds."""
        return self.cpu_seconds * 1000 / self.rows


def fill(world: World, rows: int) -> dict[str, dict[int, int]]:
    """Freeze pictures with boxes and texts with spans; return data → rows → version id."""
    config = labels.TEMPLATES["defect_boxes"].config
    picture = world.put_picture(b"\xff\xd8" + bytes(50_000), "p.jpg", 640, 480)

    def boxes(place: int) -> Record:
        record = factory.box_record(place)
        media = {"image": msgspec.structs.replace(picture, file=f"p{place}.jpg")}
        return msgspec.structs.replace(record, media=media)

    made: dict[str, dict[int, int]] = {"boxes": {}, "texts": {}}
    for number in (rows // 10, rows):
        made["boxes"][number] = world.freeze(config, map(boxes, range(number))).id
        made["texts"][number] = factory.texts(world, number).id
    return made


def write_tasks(version: FrozenVersion, folder: Path, name: str, most: int) -> None:
    """Write the first tasks of a version as Label Studio exports them, for its converter."""
    tasks = []
    for number, record in enumerate(version.records()):
        if number == most:
            break
        # The converter's parser takes no number of more than 64 bits.
        small = {key: value for key, value in record.data.items() if key != "large"}
        data = {**small, **{key: f"/data/{m.file}" for key, m in record.media.items()}}
        answer = {"id": number, "result": record.result, "completed_by": 1}
        answer |= {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        tasks.append({"id": number, "data": data, "annotations": [answer], "predictions": []})
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(tasks))
    (folder / f"{name}.xml").write_text(version.label_config, encoding="utf-8")


def run(side: str, folder: Path, what: str, name: str) -> Told:
    """Export in a process of its own.

    Raises:
        RuntimeError: it failed; the message has the end of what it said.
    """
    command = [sys.executable, "-P", "-m", "jinbiao.tests.bench.exporting", side, str(folder)]
    done = subprocess.run([*command, what, name], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{side} {name}: {done.stderr[-2000:]}")
    return Told(**json.loads(done.stdout.splitlines()[-1]))


def measure(world: World, folder: Path, rows: int, peer_rows: int) -> list[dict[str, Any]]:
    """Export in every format, the converter beside it where it has the format."""
    made = fill(world, rows)
    for name, by_rows in made.items():
        write_tasks(_opened(world, by_rows[rows]), folder, name, peer_rows)
    told: list[dict[str, Any]] = []
    for name, kind, peer in FORMATS:
        small = run("ours", folder, str(made[kind][rows // 10]), name)
        ours = run("ours", folder, str(made[kind][rows]), name)
        theirs = run("theirs", folder, kind, peer) if peer else None
        told.append({"name": name, "small": small, "ours": ours, "theirs": theirs})
    return told


def _opened(world: World, version_id: int) -> FrozenVersion:
    with world.database.read() as session:
        return versions.opened(session, world.database, world.store, version_id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--peer-rows", type=int, default=20_000)
    asked = parser.parse_args(arguments)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="jinbiao-exports-") as name:
        folder = Path(name)
        world = World(folder)
        for told in measure(world, folder, asked.rows, asked.peer_rows):
            ours, theirs, small = told["ours"], told["theirs"], told["small"]
            line = f"{told['name']}: {ours.rate:,.0f}/s, {ours.cpu_ms:.3f} ms CPU"
            if ours.peak_mb is not None:
                line += f", {small.peak_mb:.0f} → {ours.peak_mb:.0f} MB"
            if theirs is not None:
                ratio = theirs.cpu_ms / ours.cpu_ms
                line += f"; converter {theirs.rate:,.0f}/s, {theirs.cpu_ms:.3f} ms CPU, "
                line += f"{theirs.peak_mb or 0:.0f} MB: {ratio:.1f} × CPU"
                line += f", {ours.rate / theirs.rate:.1f} × wall"
                if ratio < GOAL:
                    missed = 1
                    line += f" < {GOAL:g}"
            print(line, flush=True)
        world.database.close()
    return missed


if __name__ == "__main__":
    sys.exit(main())
