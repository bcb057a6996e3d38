"""Show the public catalogue to everybody."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from jinbiao.tests.server.world import FACTS, World


@pytest.fixture(scope="module")
def catalogue(shared_world: World) -> World:
    """Publish three datasets, one of them twice."""
    world = shared_world
    for number, name in enumerate(("one", "two", "three"), 1):
        project, version = world.frozen(number)
        asked = {
            **FACTS,
            "name": name,
            "title": f"数据集 {name}",
            "keywords": ["焊缝"] if number > 1 else [],
        }
        world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    return world


def test_everybody_sees_it_newest_first(catalogue: World) -> None:
    found = catalogue.good(catalogue.get(None, "/api/catalogue/"))
    assert [row["name"] for row in found["results"]] == ["alpha/three", "alpha/two", "alpha/one"]
    assert found["next"] is None


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("焊缝", ["alpha/three", "alpha/two"]),
        ("数据集 one", ["alpha/one"]),
        ("ALPHA", ["alpha/three", "alpha/two", "alpha/one"]),
        ("%", []),
        ("_", []),
        ("nothing", []),
    ],
)
def test_search_needs_every_word(catalogue: World, words: str, names: list[str]) -> None:
    answer = catalogue.get(None, "/api/catalogue/", query_string={"q": words})
    assert [row["name"] for row in catalogue.good(answer)["results"]] == names


@pytest.mark.parametrize(
    "mark",
    ["x", "2026-01-01,", "2026-01-01,x", "0001-01-01T00:00:00+14:00,1", ",1", "2026-01-01,-1"],
)
def test_a_mark_that_is_none_is_refused(catalogue: World, mark: str) -> None:
    answer = catalogue.get(None, "/api/catalogue/", query_string={"before": mark})
    assert answer.status_code == 400
    assert answer.json["validation_errors"].keys() == {"before"}


def test_a_mark_without_a_zone_is_utc(catalogue: World) -> None:
    answer = catalogue.get(None, "/api/catalogue/", query_string={"before": "2020-01-01,5"})
    assert catalogue.good(answer)["results"] == []


def test_the_archive_is_the_same_bytes_every_time(catalogue: World) -> None:
    path = "/datasets/alpha/two/archive/v1.0.0.zip"
    before = catalogue.good(catalogue.get(None, "/api/catalogue/alpha/two/"))["downloads"]
    first, second = catalogue.get(None, path), catalogue.get(None, path)
    assert first.data == second.data
    assert first.content_length == len(first.data)
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        assert archive.testzip() is None
        assert "README.md" in archive.namelist()
        sums = {
            line.split("  ", 1)[1]: line.split("  ", 1)[0]
            for name in archive.namelist()
            if name.endswith("SHA256SUMS")
            for line in archive.read(name).decode().splitlines()
        }
        for name, digest in sums.items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
    catalogue.ask("HEAD", path)
    after = catalogue.good(catalogue.get(None, "/api/catalogue/alpha/two/"))["downloads"]
    assert after == before + 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/catalogue/alpha/none/",
        "/api/catalogue/none/one/",
        "/datasets/alpha/one/archive/v9.9.9.zip",
        "/datasets/alpha/one/archive/..zip",
        "/datasets/alpha/one/files?revision=v7.0.0",
        "/datasets/alpha/none",
    ],
)
def test_what_is_not_there_is_not_found(catalogue: World, path: str) -> None:
    assert catalogue.get(None, path).status_code == 404


@pytest.mark.parametrize("path", ["/datasets", "/datasets/alpha/two", "/datasets/alpha/two/files"])
def test_the_pages_need_nobody_signed_in(catalogue: World, path: str) -> None:
    page = catalogue.get(None, path)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "two" in page.text
