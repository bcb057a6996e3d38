"""Scores of a published dataset, with reasons, on its page and by the API."""

from __future__ import annotations

import pytest

from jinbiao.tests.server.world import FACTS, World


@pytest.fixture(scope="module")
def dataset(shared_world: World) -> str:
    _project, version = shared_world.frozen()
    asked = {"name": "scored", "title": "评分", "keywords": ["文本"], **FACTS}
    done = shared_world.done(
        shared_world.post("requester", f"/api/versions/{version}/publish", asked)
    )
    return str(done["dataset"])


def test_scores_come_with_reasons_and_advice(shared_world: World, dataset: str) -> None:
    told = shared_world.good(shared_world.get(None, f"/api/catalogue/{dataset}/scores"))
    assert told["mqa"]["of"] == 405 and told["udata"]["of"] == 9
    points = {each["name"]: each for each in told["mqa"]["criteria"]}
    assert points["keyword"]["points"] == 30
    assert points["spatial"]["points"] == 0 and points["spatial"]["advice"]
    assert sum(each["points"] for each in points.values()) == pytest.approx(
        told["mqa"]["points"], abs=0.01
    )
    dimensions = told["tc609"]["dimensions"]
    assert [len(each["indicators"]) for each in dimensions] == [4, 8, 5]
    counted = {each["name"]: each for part in dimensions for each in part["indicators"]}
    assert counted["0203"]["points"] == 1 and counted["0202"]["points"] is None
    assert not told["tc609"]["high_quality"]


def test_the_page_says_what_would_raise_them(shared_world: World, dataset: str) -> None:
    page = shared_world.get(None, f"/datasets/{dataset}/scores").get_data(as_text=True)
    assert "TC609-5-2025-04" in page and "0208" in page
    shown = shared_world.get(None, f"/datasets/{dataset}").get_data(as_text=True)
    assert f"/datasets/{dataset}/scores" in shown


def test_what_is_said_later_counts_at_once(shared_world: World, dataset: str) -> None:
    address = f"/api/catalogue/{dataset}/scores"
    before = shared_world.good(shared_world.get(None, address))["mqa"]["points"]
    shared_world.good(
        shared_world.patch("requester", f"/api/catalogue/{dataset}/facts/", {"region": "120000"})
    )
    assert shared_world.good(shared_world.get(None, address))["mqa"]["points"] == before + 20


def test_nobody_is_told_of_what_is_not_there(shared_world: World) -> None:
    assert shared_world.get(None, "/api/catalogue/alpha/nothing/scores").status_code == 404
