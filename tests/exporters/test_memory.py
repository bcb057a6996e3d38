"""Memory: an export of 20,000 records grows the process by a stated amount at most."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jinbiao.datasets import labels
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

RECORDS = 20_000
# Prints by how many KiB the peak of resident memory grew over that of a small export.
MEASURE = r"""
import re, sys
sys.path.insert(0, sys.argv[1])
import conftest
import sqlalchemy as sa
from jinbiao.datasets import versions
from jinbiao.datasets.db import Database
from jinbiao.datasets.storage import FolderStorage
from jinbiao.exporters import datasheet, receipts
from jinbiao.exporters.card import CardFacts
from jinbiao.exporters.formats import FORMATS
from jinbiao.exporters.output import Output
from pathlib import Path

folder, name = Path(sys.argv[2]), sys.argv[3]
database, store = Database(f"sqlite:///{folder / 'jinbiao.db'}"), FolderStorage(folder / "store")
# Otherwise the growth of SQLite's own cache, up to 64 MB, is what is measured.
sa.event.listen(database.engine, "connect", lambda c, _: c.execute("PRAGMA cache_size=-2000"))
peaks = []
for number in map(int, sys.argv[4:]):
    with database.read() as session:
        version = versions.opened(session, database, store, number)
    output = Output(store)
    if name in FORMATS:
        FORMATS[name].write(version, output)
        output.finish(version, name)
    elif name == "receipts":
        receipts.write(version, output)
    else:
        about = datasheet.about(version, CardFacts("agency/large", "大"), "")
        datasheet.write(version, about, [], ["data"], output)
    # getrusage would count the peak of the process that this one was forked from.
    peaks.append(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]))
print(peaks[1] - peaks[0])
"""


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell the peak of memory"
)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[int, int]]]:
    folder = tmp_path_factory.mktemp("large")
    world = World(folder)
    config = labels.TEMPLATES["defect_boxes"].config
    numbers = {"texts": tuple(factory.texts(world, n).id for n in (2000, RECORDS))}
    numbers["boxes"] = tuple(
        world.freeze(config, map(factory.box_record, range(n))).id for n in (2000, RECORDS)
    )
    world.database.close()
    return folder, numbers  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "made", "megabytes"),
    [
        ("jsonl", "texts", 5),
        ("receipts", "boxes", 5),
        # The answers of a version are numbers of an array for the intervals.
        ("datasheet", "boxes", 10),
        ("label_studio", "texts", 5),
        ("webdataset", "texts", 5),
        ("conll", "texts", 5),
        # A list of 20,000 linked pictures is part of the result.
        ("jsonl", "boxes", 15),
        ("coco", "boxes", 15),
        # One row group, as Arrow and as it is being packed.
        ("parquet", "texts", 40),
    ],
)
def test_memory_does_not_grow_with_the_version(
    name: str,
    made: str,
    megabytes: int,
    large: tuple[Path, dict[str, tuple[int, int]]],
    tmp_path: Path,
) -> None:
    folder, numbers = large
    arguments = [str(CHECKOUT / "tests"), str(folder), name, *map(str, numbers[made])]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert measured.returncode == 0, measured.stderr
    print(name, made, int(measured.stdout) / 1024)
    assert int(measured.stdout) < megabytes * 1024
