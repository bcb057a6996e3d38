"""Whatever the code records or starts has words on the pages, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

from jinbiao.server import wording
from jinbiao.server.acts import ACTS
from jinbiao.tests.server.world import World
from jinbiao.workers import run

ROOT = Path(__file__).parents[2]
NAME = re.compile(r'"([a-z]+\.[a-z_]+)"')


def test_every_act_of_the_audit_trail_has_words(shared_world: World) -> None:
    code = [path for part in ("datasets", "workers", "server") for path in (ROOT / part).rglob("*")]
    named = {
        name
        for path in code
        if path.suffix == ".py"
        for name in NAME.findall(path.read_text(encoding="utf-8"))
    }
    # Rights and routes are named in the same way.
    rights = set(NAME.findall((ROOT / "datasets" / "permissions.py").read_text(encoding="utf-8")))
    nouns = {act.partition(".")[0] for act in ACTS}
    routes = shared_world.app.view_functions.keys()
    acts = {name for name in named - rights - routes if name.partition(".")[0] in nouns}
    acts -= {"release.json", "dataset.yaml"}  # files
    assert acts - ACTS.keys() == set()
    assert {f"job.{kind}" for kind in run.KINDS} <= ACTS.keys()


def test_every_kind_of_job_has_words() -> None:
    assert run.KINDS.keys() <= wording.KINDS.keys()


def test_models_places_and_scopes_are_told_in_chinese(shared_world: World) -> None:
    with shared_world.app.test_request_context(headers={"Accept-Language": "zh"}):
        filters = shared_world.app.jinja_env.filters
        assert filters["model"]("golden_difference 1 untrained") == "标准图比对 1 未训练"
        assert filters["model"]("yolo 11") == "yolo 11"
        assert filters["place"]("item 3") == "第 3 项"
        assert filters["place"]("line 3 <Image>") == "第 3 行 <Image>"
        assert filters["place"]("board_3_test.jpg") == "board_3_test.jpg"
        assert filters["scope"]("export") == "读取、导出"
