"""Benchmark: it runs from end to end with tiny numbers, and notices what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets.tasks import QueuedTask
from jinbiao.tests.bench import filling, speed
from jinbiao.tests.bench.checks import faults
from jinbiao.tests.bench.served import open_place
from jinbiao.tests.bench.table import Line

TINY = speed.Sizes(tasks=120, growth=1, seconds=0.2, file_mb=2, clients=3)


def test_every_line_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, found = speed.measure(tmp_path, None, TINY)
    assert found == []
    assert all(line.value > 0 for line in lines)
    titles = "\n".join(line.title for line in lines)
    for work in ("Import", "Next task", "Submit", "List", "Download", "Ranges", "Freeze"):
        assert work in titles
    for name, _kind in speed.FORMATS:
        assert f"Export {name}" in titles
    speed.print_table(lines, ["note"])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(lines) + 3
    assert printed[0].split()[:2] == ["项目", "Work"]


def test_a_ratio_says_how_many_times_better() -> None:
    assert Line("a rate", 30.0, "rows/s", reference=10.0).ratio == 3
    assert Line("a time", 5.0, "ms", reference=50.0).ratio == 10
    assert Line("alone", 5.0, "ms").ratio is None


def test_a_lost_slot_and_a_lost_annotation_are_noticed(tmp_path: Path) -> None:
    place = open_place(tmp_path, None, 1)
    project = place.project("检查", filling.TEXT_CONFIG, 2)
    filling.fill_queue(place.installation, project, 5, 2)
    assert faults(place.installation, project, 2, []) == []
    assert len(faults(place.installation, project, 2, [(1, 1)])) == 2
    with place.installation.database.write() as session:
        session.execute(sa.update(QueuedTask).values(open_slots=1))
    (fault,) = faults(place.installation, project, 2, [])
    assert "5 open slots" in fault
    place.installation.close()


def test_rows_have_the_size_they_are_said_to_have() -> None:
    for number in (0, 7, 199_999):
        assert len(filling.text_data(number).encode()) == filling.ROW_BYTES
