"""The measure of downloads does what it says, on a small scale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jinbiao.tests.bench import downloads


def test_every_byte_comes_and_every_line_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--small", "40", "--large-mb", "2", "--rounds", "1"]
    assert downloads.main([*asked, "--json", str(tmp_path / "told.json")]) in (0, 1)
    told = json.loads((tmp_path / "told.json").read_text())
    assert len(told) == len(capsys.readouterr().out.splitlines()) == 4
    assert all(seconds > 0 for work in told for seconds in work["Jinbiao"])
