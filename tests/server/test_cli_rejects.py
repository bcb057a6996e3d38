"""The command line keeps the reject files of earlier runs, and tells reasons in its language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from jinbiao.tests.server.command import Command


def test_a_second_run_writes_beside_the_first_one(tmp_path: Path) -> None:
    command = Command(tmp_path / "home", {"JINBIAO_LANGUAGE": "en"})
    command.good("migrate")
    project = command.good("project", "create", "文", "--template", "text_entities").last
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "津"}\n{"text": "open\n', encoding="utf-8")
    first, second = tmp_path / "a.jsonl.rejects.jsonl", tmp_path / "a.jsonl.rejects-2.jsonl"

    told = command.good("import", project, str(source), cwd=tmp_path)
    assert "reject file: a.jsonl.rejects.jsonl" in told.out
    kept = first.read_bytes()
    source.write_text('{"no": 1}\n', encoding="utf-8")
    told = command.good("import", project, str(source), cwd=tmp_path)
    assert "reject file: a.jsonl.rejects-2.jsonl" in told.out
    assert first.read_bytes() == kept and json.loads(second.read_text())["row"] == '{"no": 1}'
    assert json.loads(kept)["reason"].startswith("this is not JSON: ")

    number = command.good("library", "create", "料", "--kind", "TEXT").last
    for count in (3, 4):
        source.write_text('{"text": "open\n', encoding="utf-8")
        told = command.good("library", "bring", number, str(source), cwd=tmp_path)
        assert f"reject file: a.jsonl.rejects-{count}.jsonl" in told.out

    chinese = replace(command, settings={"JINBIAO_LANGUAGE": "zh"})
    chinese.good("import", project, str(source), cwd=tmp_path)
    (line,) = (tmp_path / "a.jsonl.rejects-5.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["reason"] == "这不是 JSON：字符串缺少结尾的引号"
