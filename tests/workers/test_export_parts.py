"""Exports by several processes: the same bytes, whatever happens to the other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, labels
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.versions import FrozenVersion, VersionRecord
from jinbiao.exporters import coco, jsonl
from jinbiao.exporters.formats import export
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World
from jinbiao.workers import export_parts
from jinbiao.workers.export_parts import Sharing, shared

BOXES = labels.TEMPLATES["defect_boxes"].config
RECORDS = 499
ONE = Sharing(many_bytes=0, range=7, hands=1)
TWO = Sharing(many_bytes=0, range=7, hands=2)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="the system does not list child processes"
)


def children(process: int | None = None) -> list[int]:
    """List the processes that help a process (this one)."""
    place = Path(f"/proc/{process or os.getpid()}/task")
    found = [path.read_text().split() for path in place.glob("*/children")]
    numbers = [int(number) for numbers in found for number in numbers]
    return [n for n in numbers if b"export_hand" in Path(f"/proc/{n}/cmdline").read_bytes()]


def written(
    installation: Installation,
    name: str,
    version: FrozenVersion,
    tell: Callable[[int], None] = lambda _done: None,
    sharing: Sharing = ONE,
) -> tuple[str, list[WrittenFile]]:
    """Export; return the digest of the manifest, and the files."""
    output = Output(version.store, installation.settings.home)
    parts = shared(installation.settings, name, installation.settings.home, tell, sharing)
    return export(name, version, output, parts), output.written


def alone(
    installation: Installation, name: str, version: FrozenVersion
) -> tuple[str, list[WrittenFile]]:
    """Export in one process."""
    return written(installation, name, version, sharing=Sharing(hands=0))


@pytest.fixture
def boxes(installation: Installation, tmp_path: Path) -> FrozenVersion:
    """Give a version of two boxes a picture."""
    world = World(tmp_path, installation)
    return world.freeze(BOXES, map(factory.box_record, range(RECORDS)))


class Meeting:
    """Wait, at the first part, until another process has done something; then do `act`."""

    def __init__(self) -> None:
        self.settled, self.calls = threading.Event(), list[int]()
        self.act: Callable[[], None] = lambda: None

    def __call__(self, done: int) -> None:
        """Note what is told."""
        self.calls.append(done)
        if len(self.calls) == 1:
            assert self.settled.wait(60)
            self.act()


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    """Tell after each part, not once a second, and see when others have done something."""
    monkeypatch.setattr(export_parts, "TOLD_SECONDS", -1.0)
    found, settle = Meeting(), export_parts.Ranges.settle

    def settled(ranges: export_parts.Ranges, *told: int) -> None:
        settle(ranges, *told)
        found.settled.set()

    monkeypatch.setattr(export_parts.Ranges, "settle", settled)
    return found


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_several_processes_write_the_same_bytes(
    name: str, installation: Installation, boxes: FrozenVersion, meeting: Meeting
) -> None:
    found = written(installation, name, boxes, meeting, TWO)
    assert found == alone(installation, name, boxes)
    # It was told after each part, up to the last; who helped is gone.
    assert meeting.calls == sorted(meeting.calls) and meeting.calls[-1] == RECORDS
    assert children() == []


def test_a_small_version_stays_in_one_process(
    installation: Installation, boxes: FrozenVersion
) -> None:
    instances = coco.Instances(boxes)
    assert Sharing(hands=2).number(boxes, instances) == 0
    assert TWO.number(boxes, instances) == 2
    assert Sharing(many_bytes=0, range=RECORDS, hands=2).number(boxes, instances) == 0
    assert Sharing(many_bytes=0, range=RECORDS - 1, hands=2).number(boxes, instances) == 1
    # To take a line from another process takes as long as to read it.
    assert TWO.number(boxes, jsonl.Lines(boxes)) == 0


def test_what_killed_processes_had_begun_is_done_by_this_one(
    installation: Installation, boxes: FrozenVersion, meeting: Meeting
) -> None:
    killed: list[int] = []

    def kill() -> None:
        for number in children():
            os.kill(number, signal.SIGKILL)
            killed.append(number)

    meeting.act = kill
    assert written(installation, "coco", boxes, meeting) == alone(installation, "coco", boxes)
    assert len(killed) == 1 and children() == []


def test_a_cancelled_export_ends_all_processes(
    installation: Installation, boxes: FrozenVersion, meeting: Meeting
) -> None:
    def cancel() -> None:
        assert len(children()) == 1
        raise errors.Cancelled(errors._("the job was cancelled"))

    meeting.act = cancel
    with pytest.raises(errors.Cancelled):
        written(installation, "coco", boxes, meeting)
    assert children() == []


def test_a_full_disk_ends_all_processes(
    installation: Installation, boxes: FrozenVersion, meeting: Meeting
) -> None:
    class Full(Output):
        def count(self, records: int = 0, regions: int = 0) -> None:
            if meeting.calls:
                assert len(children()) == 1
                raise errors.Unavailable(errors._("the storage folder cannot be used"))

    home = installation.settings.home
    parts = shared(installation.settings, "coco", home, meeting, ONE)
    with pytest.raises(errors.Unavailable) as raised:
        export("coco", boxes, Full(boxes.store, home), parts)
    # They are gone although what was raised still holds all its frames.
    assert children() == [] and raised.tb is not None


def test_an_error_is_that_of_the_first_record_that_has_one(
    installation: Installation, boxes: FrozenVersion, meeting: Meeting
) -> None:
    # The other process has done two ranges before it comes to one of them.
    spoilt = (RECORDS // 2, RECORDS - 15)
    with installation.database.write() as session:
        for position in spoilt:
            record = session.get_one(VersionRecord, (boxes.id, position))
            record.line = str(record.line).replace("scratch", f"unknown {position}")
        session.flush()
    with pytest.raises(errors.Damaged, match=f"unknown {spoilt[0]}"):
        alone(installation, "coco", boxes)
    with pytest.raises(errors.Damaged, match=f"unknown {spoilt[0]}"):
        written(installation, "coco", boxes, meeting)
    assert children() == []


def test_gaps_among_the_positions_are_left_to_one_process(
    installation: Installation, boxes: FrozenVersion
) -> None:
    with installation.database.write() as session:
        session.execute(
            sa.update(VersionRecord)
            .where(VersionRecord.version_id == boxes.id, VersionRecord.position == RECORDS - 1)
            .values(position=RECORDS + 5)
        )
    assert TWO.number(boxes, coco.Instances(boxes)) == 0


# Exports with one more process, says so and hangs until it is killed.
HANGS = """
import sys, time
from pathlib import Path
from jinbiao.datasets import settings, versions
from jinbiao.datasets.installation import open_installation
from jinbiao.exporters import coco, jsonl
from jinbiao.exporters.formats import export
from jinbiao.exporters.output import Output
from jinbiao.workers import export_parts

home, url, number = sys.argv[1:]
given = settings.load({"JINBIAO_HOME": home, "JINBIAO_DATABASE_URL": url})
here = open_installation(given)
with here.database.read() as session:
    version = versions.opened(session, here.database, here.store, int(number))
export_parts.TOLD_SECONDS = -1.0
def hang(done):
    print(done, flush=True)
    time.sleep(600)
sharing = export_parts.Sharing(many_bytes=0, range=7, hands=1)
parts = export_parts.shared(given, "coco", Path(home), hang, sharing)
export("coco", version, Output(here.store), parts)
"""


def test_the_processes_end_when_their_parent_is_killed(
    installation: Installation, boxes: FrozenVersion
) -> None:
    url = installation.database.url.render_as_string(False)
    given = [str(installation.settings.home), url, str(boxes.id)]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HANGS, *given], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        begun = children(process.pid)
        assert len(begun) == 1
        process.kill()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{number}").exists() for number in begun):
        assert time.monotonic() < end, "a process outlived its parent"
        time.sleep(0.05)
