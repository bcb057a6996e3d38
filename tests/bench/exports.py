"""Export annotated tasks, and let Label Studio's converter export the same annotations.

    .venv/bin/python tests/bench/exports.py [--rows 200000] [--picture 2000] [--only coco]

Both sides get the same number of the same tasks (`annotated.py` says what they are): ours as
frozen records in the database, as the export job finds them; the converter's as the JSON that
Label Studio exports, its usual input. Each export runs in a process of its own, the two of a
format one after the other, so that other work on the machine disturbs both. Ours ends when its
files are in the store, hashed and safe on the disk; the converter leaves plain files. Where a
core has nothing to do and the version is large, further processes help ours, as in a worker;
processor time counts them all. Memory is the peak of the process, ours once with a tenth of the
rows and once with all: it should not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinbiao.datasets.versions import FrozenVersion
from jinbiao.tests.bench import annotated
from jinbiao.tests.exporters.versions_factory import World

GOAL = 10.0
# Ours, the data, and what the converter calls it (None: it has no such format).
FORMATS = (
    ("jsonl", "boxes", "JSON_MIN"),
    ("parquet", "zh", None),
    ("webdataset", "boxes", None),
    ("coco", "boxes", "COCO"),
    ("yolo", "boxes", "YOLO"),
    ("voc", "boxes", "VOC"),
    ("label_studio", "boxes", "JSON_MIN"),
    ("conll", "en", "CONLL2003"),
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


def fill(
    world: World, rows: int, picture_bytes: int, kinds: Sequence[str]
) -> dict[str, dict[int, FrozenVersion]]:
    """Freeze pictures with boxes and texts with entities; return kind → rows → version."""
    picture = world.put_picture(
        b"\xff\xd8" + random.Random(1).randbytes(picture_bytes),
        "p.jpg",
        annotated.WIDTH,
        annotated.HEIGHT,
    )
    made: dict[str, dict[int, FrozenVersion]] = {}
    for kind in kinds:
        for number in (rows // 10, rows):
            if kind == "boxes":
                config, records = annotated.PICTURE_CONFIG, annotated.pictures(number, picture)
            else:
                config, records = annotated.TEXT_CONFIG, annotated.texts(number, kind)
            made.setdefault(kind, {})[number] = world.freeze(config, records)
    return made


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


def measure(
    world: World, folder: Path, rows: int, picture_bytes: int, only: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Export in every format, the converter beside it where it has the format."""
    wanted = [each for each in FORMATS if not only or each[0] in only]
    made = fill(world, rows, picture_bytes, sorted({kind for _name, kind, _peer in wanted}))
    for name, versions in made.items():
        annotated.write_export(versions[rows], folder / f"{name}.json")
        (folder / f"{name}.xml").write_text(versions[rows].label_config, encoding="utf-8")
    for name, kind, peer in wanted:
        small = run("ours", folder, str(made[kind][rows // 10].id), name)
        ours = run("ours", folder, str(made[kind][rows].id), name)
        theirs = run("theirs", folder, kind, peer) if peer else None
        yield {"name": name, "peer": peer, "small": small, "ours": ours, "theirs": theirs}


def line_of(told: dict[str, Any]) -> str:
    """Say what an export took, and how many times more the converter's."""
    ours, theirs, small = told["ours"], told["theirs"], told["small"]
    line = f"{told['name']}: {ours.rate:,.0f}/s, {ours.cpu_ms:.4f} ms CPU"
    if ours.peak_mb is not None:
        line += f", {small.peak_mb:.0f} → {ours.peak_mb:.0f} MB"
    if theirs is not None:
        line += f"; converter {told['peer']} {theirs.rate:,.0f}/s, {theirs.cpu_ms:.4f} ms CPU, "
        line += f"{theirs.peak_mb or 0:.0f} MB: {ours.rate / theirs.rate:.1f} × wall, "
        line += f"{theirs.cpu_ms / ours.cpu_ms:.1f} × CPU"
    return line


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--picture", type=int, default=2_000, help="bytes of each picture")
    parser.add_argument("--only", action="append", default=[], help="a format; may be repeated")
    asked = parser.parse_args(arguments)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="jinbiao-exports-") as name:
        folder = Path(name)
        world = World(folder)
        # Where an installation has its store.
        (folder / "objects").symlink_to("store")
        for told in measure(world, folder, asked.rows, asked.picture, asked.only):
            theirs = told["theirs"]
            short = theirs is not None and told["ours"].rate / theirs.rate < GOAL
            missed |= short
            print(line_of(told) + (f" < {GOAL:g}" if short else ""), flush=True)
        world.database.close()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return missed


if __name__ == "__main__":
    sys.exit(main())
