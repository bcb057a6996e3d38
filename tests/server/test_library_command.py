"""Make a library, bring files into it and send it to a project, by the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinbiao.tests.server.command import Command
from jinbiao.tests.server.world import picture


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Give the command in a home that is migrated and has a requester."""
    made = Command(tmp_path / "home", {"JINBIAO_LANGUAGE": "en"})
    made.good("migrate")
    made.good("user", "add", "rita", "--role", "requester", "--organisation", "alpha")
    return made


def test_material_goes_all_the_way(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "来料"
    (folder / "图").mkdir(parents=True)
    (folder / "图" / "a.png").write_bytes(picture())
    (folder / "坏.png").write_bytes(b"no picture")
    (folder / "a.csv").write_text("编号,正文\n1,天津\n2,滨海\n", "gb18030")
    rita = ("--as", "rita")
    number = command.good("library", "create", "来料", "--text-key", "正文", *rita).out.strip()
    told = command.good("library", "bring", number, str(folder), *rita).out
    assert "3 assets, 1 rejected" in told and "reject file" in told
    listed = command.good("library", "list", *rita).out.split("\t")
    assert listed[1] == "来料" and listed[3] == "3"
    command.good("project", "create", "文本", "--template", "text_entities", *rita)
    assert "2 tasks, 1 rejected" in command.good("library", "send", "来料", "1", *rita).out
    assert "0 tasks" in command.good("library", "send", number, "1", *rita).out


def test_what_is_not_there_is_named(command: Command, tmp_path: Path) -> None:
    missing = command.fork("library", "bring", "7", str(tmp_path / "nothing"), "--as", "rita")
    assert missing.code == 1 and "nothing" in missing.err
    assert command.fork("library", "bring", "7", str(tmp_path), "--as", "rita").code == 1
