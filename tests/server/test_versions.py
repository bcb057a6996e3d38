"""Freeze and publish over HTTP."""

from __future__ import annotations

import hashlib
import json

import pytest

from jinbiao.tests.server.world import FACTS, World


def test_a_version_is_named_by_its_content(world: World) -> None:
    project, version = world.frozen()
    row = world.good(world.get("requester", f"/api/versions/{version}/"))
    assert (row["tag"], row["records"]) == ("v1.0.0", 4)
    manifest = world.get("requester", f"/versions/{version}/manifest")
    digest = hashlib.sha256(manifest.data).hexdigest()
    assert (row["manifest_sha256"], row["commit_id"]) == (digest, digest[:40])
    assert len(manifest.data.splitlines()) == 5
    again = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    assert again["version"] == version
    rows = world.good(world.get("requester", f"/api/projects/{project}/versions/"))
    assert [each["id"] for each in rows] == [version]


def test_nothing_accepted_cannot_be_frozen(world: World) -> None:
    project = world.project()
    started = world.good(world.post("requester", f"/api/projects/{project}/versions/", {}), 202)
    job = world.finished(started["id"])
    assert job["state"] == "failed"
    assert world.good(world.get("requester", f"/api/projects/{project}/versions/")) == []


def test_a_published_version_is_in_the_catalogue(world: World) -> None:
    _project, version = world.frozen()
    asked = {
        **FACTS,
        "name": "texts",
        "title": "文本",
        "keywords": "实体，文本",
        "task_categories": ["token-classification"],
        "licence": "CC0-1.0",
    }
    result = world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    assert result["dataset"] == "alpha/texts"
    shown = world.good(world.get(None, "/api/catalogue/alpha/texts/"))
    assert (shown["title"], shown["licence"]) == ("文本", "CC0-1.0")
    assert shown["keywords"] == ["实体", "文本"]
    assert shown["releases"][0]["records"] == 4
    again = world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    assert again["commit_id"] == result["commit_id"]
    # What is public does not change: who asks for more is told so, and how to come by it.
    more = {**asked, "formats": ["jsonl", "webdataset"]}
    answer = world.post("requester", f"/api/versions/{version}/publish", more)
    job = world.finished(world.good(answer, 202)["id"])
    assert job["state"] == "failed"
    assert job["error"] == (
        "v1.0.0 发布时没有 webdataset，而已发布的版本不再改变："
        "请固化新版本，或在版本页面导出这些格式"
    )
    assert shown == world.good(world.get(None, "/api/catalogue/alpha/texts/"))


@pytest.fixture(scope="module")
def version(shared_world: World) -> tuple[int, int]:
    """Freeze once for the tests that only ask."""
    return shared_world.frozen(2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", "first"),
        ("tag", "v1.0.0"),
        ("tag", 3),
        ("tag", "x" * 1_000_000),
        ("seed", -1),
        ("seed", "x"),
        ("seed", 10**30),
        ("fractions", "half"),
        ("fractions", {"train": 2, "test": -1}),
        ("fractions", {"train": "a"}),
        ("fractions", {"dev": 1}),
        ("fractions", {"train": None}),
        ("fractions", []),
        ("train", "x"),
    ],
)
def test_a_bad_field_of_a_freezing_is_named(
    shared_world: World, version: tuple[int, int], field: str, value: object
) -> None:
    path = f"/api/projects/{version[0]}/versions/"
    answer = shared_world.post("requester", path, {field: value})
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["validation_errors"].keys() == {field}
    assert shared_world.waiting() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "../x"),
        ("name", "x" * 1_000_000),
        ("name", 1),
        ("title", "x" * 1_000_000),
        ("title_en", 1),
        ("description", "x" * 1_000_000),
        ("licence", "mine"),
        ("keywords", 7),
        ("keywords", ["x"] * 31),
        ("keywords", [1]),
        ("keywords", {"a": 1}),
        ("keywords", "x" * 1_000_000),
        ("task_categories", [["x"]]),
        ("notes", "x" * 1_000_000),
    ],
)
def test_a_bad_field_of_a_publishing_is_named(
    shared_world: World, version: tuple[int, int], field: str, value: object
) -> None:
    asked = {**FACTS, "name": "texts", field: value}
    answer = shared_world.post("requester", f"/api/versions/{version[1]}/publish", asked)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["validation_errors"].keys() == {field}
    assert shared_world.waiting() == []


def test_the_page_asks_for_whole_percents(world: World) -> None:
    project = world.labelled(4)
    asked = {"train": "50", "validation": "25", "test": "25"}
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", asked))
    row = world.good(world.get("requester", f"/api/versions/{result['version']}/"))
    assert row["fractions"] == {"train": 0.5, "validation": 0.25, "test": 0.25}
    header = world.get("requester", f"/versions/{result['version']}/manifest").data.splitlines()[0]
    assert json.loads(header)["fractions"] == row["fractions"]


def test_postgres_freezes_the_same_bytes(world: World, postgres_world: World) -> None:
    # People's pseudonyms are random: the headers must be equal, not the lines.
    found = []
    for each in (world, postgres_world):
        _project, number = each.frozen()
        manifest = each.get("requester", f"/versions/{number}/manifest").data
        found.append(manifest.splitlines()[0])
    assert found[0] == found[1]
