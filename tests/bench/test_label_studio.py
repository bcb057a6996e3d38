"""The comparison runs from end to end with tiny numbers, and notices what is wrong."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from jinbiao.tests.bench import label_studio, sides
from jinbiao.tests.bench.compared import Compared, Sample, print_compared
from jinbiao.tests.bench.exported import fault
from jinbiao.tests.conftest import short_directory

TINY = label_studio.Sizes(tasks=400, seconds=0.1, rounds=1, clients=3, fill=400)


def test_every_line_is_measured_on_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    # A second Jinbiao in the place of Label Studio, which is not installed for the tests.
    with short_directory() as folder:
        for name in ("a", "b"):
            (folder / name).mkdir()
        with sides.jinbiao(folder / "a", 3) as ours, sides.jinbiao(folder / "b", 3) as second:
            other = replace(second, name="Other")
            bench = label_studio.measure(folder, [ours, other], TINY)
    assert bench.faults == []
    lines = list(bench.lines.values())
    # The last import goes where 400 tasks are, on our side only.
    alone = [line.title for line in lines if "Other" not in line.found]
    assert len(alone) == 2 and all("there" in title for title in alone)
    assert all(sample.median > 0 for line in lines for sample in line.found.values())
    titles = "\n".join(line.title for line in lines)
    for work in ("Import 400", "List", "Next task, 1", "Next + submit, 3", "annotation, 3"):
        assert work in titles
    assert all(f"Export 400 {name}" in titles for name in label_studio.FORMATS)
    print_compared(lines, ["Jinbiao", "Other"], ["note"])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(lines) + 3 and printed[-1] == "note"


def test_the_command_line_is_read() -> None:
    assert label_studio.read([]) == (label_studio.Sizes(), None)
    sizes, target = label_studio.read(["--rounds", "1", "--fill", "9", "--json", "a.json"])
    assert (sizes.rounds, sizes.fill, target) == (1, 9, Path("a.json"))


def test_a_ratio_says_how_many_times_better() -> None:
    line = Compared("work", "ms", {})
    line.add("A", Sample([1.0, 2.0], 2, 0.5))
    line.add("A", Sample([9.0], 2, 0.5))
    line.add("B", Sample([30.0], 1, 0.5))
    assert (line.found["A"].median, line.found["A"].cpu_ms) == (2.0, 250.0)
    assert line.ratio("A", "B") == 15
    assert replace(line, unit="tasks/s").ratio("B", "A") == 15
    assert line.ratio("A", "C") is None
    assert line.cells("A", "B")[-1] == "2.00 ×"


def test_what_an_export_lacks_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "out"
    row = {"annotations": [{"result": [{}, {}]}]}
    file.write_text(json.dumps([row, {"annotations": []}]))
    assert fault("JSON", file, 1) is None
    assert fault("JSON", file, 2) == "2 boxes instead of 4"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("result.json", json.dumps({"annotations": [{}, {}]}))
        archive.writestr("labels/a.txt", "0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1")
        archive.writestr("classes.txt", "dent\nscratch\n")
    file.write_bytes(packed.getvalue())
    assert fault("COCO", file, 1) is None and fault("YOLO", file, 1) is None
    assert fault("YOLO", file, 3) == "2 boxes instead of 6"
