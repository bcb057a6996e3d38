"""Publish in the formats that are asked for, and tell how each client loads what is there."""

from __future__ import annotations

import html
import re
import tarfile
from io import BytesIO

import pytest

from jinbiao.exporters.formats import FORMATS, RELEASE_FORMATS
from jinbiao.tests.server.world import FACTS, World

SUITED = ["parquet", "jsonl", "label_studio", "conll"]
WITH_SHARDS = [*SUITED, "webdataset"]
# What each client is called in the lines to copy.
CLIENTS = (
    "load_dataset(",
    "hf download ",
    "pd.read_parquet(",
    "mlcroissant",
    "MsDataset.load(",
    "modelscope download ",
    "wds.WebDataset(",
    "from frictionless import Package",
    "Accept: text/turtle",
    "ckanapi action package_show",
    "curl -fL",
)


@pytest.fixture(scope="module")
def released(shared_world: World) -> World:
    """Publish one version in the open, under conditions, and closed, with shards to stream."""
    world = shared_world
    _project, version = world.frozen(8)
    for openness in ("open", "conditional", "closed"):
        asked = {**FACTS, "openness": openness, "name": openness, "formats": WITH_SHARDS}
        if openness == "conditional":
            asked["open_condition"] = "仅供研究"
        done = world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
        assert done["left_out"] == {}
    return world


def snippets(world: World, name: str, who: str | None = None) -> list[str]:
    """Return the lines to copy of a dataset's page."""
    page = world.get(who, f"/datasets/alpha/{name}").text
    part = page.partition('id="load"')[2].partition('id="cite"')[0]
    return [html.unescape(each) for each in re.findall(r"<pre>(.*?)</pre>", part, re.DOTALL)]


def folders(world: World, name: str) -> set[str]:
    """Return the folders at the root of what was published, and its files there."""
    tree = world.good(world.get(None, f"/api/datasets/alpha/{name}/tree/main"))
    return {each["path"] for each in tree}


def addresses(text: str) -> list[str]:
    """Return the paths on our server that a snippet asks for, without those of whole sites."""
    found = []
    for path in re.findall(r"http://localhost(/[^\s\"']+)", text):
        shards = re.search(r"\{(\d+)\.\.(\d+)\}", path)
        ends = shards.groups() if shards else ("",)
        found += [path.replace(shards[0], end) if shards else path for end in ends]
    return found


# --- formats ------------------------------------------------------------------------------------


def test_a_release_has_the_formats_that_were_asked_for(world: World) -> None:
    _project, version = world.frozen(4)
    path = f"/api/versions/{version}/publish"
    asked = {**FACTS, "name": "shards", "formats": ["webdataset", "jsonl", "jsonl"]}
    assert world.done(world.post("requester", path, asked))["left_out"] == {}
    there = folders(world, "shards")
    assert {"webdataset", "records"} <= there
    assert there.isdisjoint({"data", "conll", "label_studio"})
    tree = world.good(world.get(None, "/api/datasets/alpha/shards/tree/main/webdataset"))
    keys = set()
    for each in tree:
        sent = world.get(None, f"/datasets/alpha/shards/resolve/main/{each['path']}").data
        with tarfile.open(fileobj=BytesIO(sent)) as shard:
            keys |= set(shard.getnames())
    assert len(keys) == 4 and {name.partition(".")[2] for name in keys} == {"json"}
    # Nothing said is what it was: those that suit, without shards.
    world.done(world.post("requester", path, {**FACTS, "name": "usual"}))
    assert {"data", "records", "conll", "label_studio"} <= folders(world, "usual")
    assert "webdataset" not in folders(world, "usual")
    assert not [each for each in snippets(world, "usual") if "webdataset" in each]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["tar"], "tar"),
        ([], "format"),
        ([""], "format"),
        ("", "format"),
        (7, "list"),
        ([7], "list"),
        ({"parquet": True}, "list"),
        (["parquet", "yolo"], "yolo: "),
        (["coco", "voc"], "voc: "),
    ],
)
def test_formats_that_cannot_be_given_are_refused_with_the_reason(
    shared_world: World, asked: object, told: str
) -> None:
    _project, version = shared_world.frozen(2)
    path = f"/api/versions/{version}/publish?language=en"
    answer = shared_world.post("requester", path, {**FACTS, "name": "texts", "formats": asked})
    assert answer.status_code == 400, answer.text
    (lines,) = answer.json["validation_errors"].values()
    assert answer.json["validation_errors"].keys() == {"formats"}
    if told == "tar":
        assert all(name in lines[0] for name in FORMATS)
    elif ":" in told:
        assert [line for line in lines if line.startswith(told)]
        assert not [line for line in lines if line.startswith("parquet")]
    assert shared_world.waiting() == []


def test_the_form_offers_what_suits_and_sends_what_is_ticked(world: World) -> None:
    _project, version = world.frozen(4)
    page = world.get("requester", f"/versions/{version}").text
    boxes = re.findall(r'<input type="checkbox" name="formats" value="(\w+)"( checked)?>', page)
    assert [name for name, _ticked in boxes] == WITH_SHARDS
    assert [name for name, ticked in boxes if ticked] == SUITED
    assert set(SUITED) < set(RELEASE_FORMATS)
    form = {**FACTS, "name": "ticked", "formats": ["", "parquet", "webdataset"]}
    path = f"/versions/{version}/publish"
    asked = {"Accept": "application/json"}
    nothing = world.ask("POST", path, "requester", data={**form, "formats": ""}, headers=asked)
    assert nothing.json["validation_errors"].keys() == {"formats"}
    assert world.waiting() == []
    sent = world.ask("POST", path, "requester", data=form)
    assert sent.status_code == 302, sent.text
    world.finished(sent.headers["Location"].rpartition("/")[2])
    there = folders(world, "ticked")
    assert {"data", "webdataset"} <= there and "records" not in there


# --- snippets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["open", "conditional", "closed"])
def test_every_client_is_told_how(released: World, name: str) -> None:
    who = "requester" if name == "closed" else None
    texts = snippets(released, name, who)
    for client in CLIENTS:
        assert len([each for each in texts if client in each]) == 1, client
    # Where files are guarded, each line that asks for one says where the token goes.
    bare = [each for each in texts if "…" not in each]
    if name == "open":
        assert bare == texts
    else:
        descriptions = ["frictionless", "text/turtle", "ckanapi"]
        kept = ["mlcroissant", "frictionless"]
        wanted = descriptions if name == "conditional" else kept
        assert len(bare) == len(wanted), bare
        assert all(client in text for client, text in zip(wanted, bare, strict=True))


@pytest.mark.parametrize("name", ["open", "conditional", "closed"])
def test_every_address_in_the_lines_answers(released: World, name: str) -> None:
    guarded = None if name == "open" else "requester"
    asked = []
    for text in snippets(released, name, guarded):
        for path in addresses(text):
            accept = {"Accept": "text/turtle"} if "text/turtle" in text else {}
            # Who has no token asks only where none is shown.
            who = guarded if "…" in text else None
            answer = released.get(who, path, headers=accept)
            assert answer.status_code == 200, (path, text)
            asked.append(path)
    assert any(path.endswith(".tar") for path in asked)
    assert f"/dataset/alpha-{name}" in asked
    assert f"/datasets/alpha/{name}/archive/v1.0.0.zip" in asked
    # What is not spelled out in the lines: what the commands ask of the site.
    for path in (
        f"/api/action/package_show?id=alpha-{name}",
        f"/api/v1/datasets/alpha/{name}/repo/tree?Revision=v1.0.0",
        f"/api/datasets/alpha/{name}/revision/v1.0.0",
        f"/datasets/alpha/{name}/resolve/v1.0.0/datapackage.json",
        f"/datasets/alpha/{name}/resolve/v1.0.0/croissant.json",
    ):
        assert released.get(guarded, path).status_code == 200, path


def test_linked_data_comes_as_turtle(released: World) -> None:
    (text,) = [each for each in snippets(released, "open") if "text/turtle" in each]
    (path,) = addresses(text)
    answer = released.get(None, path, headers={"Accept": "text/turtle"})
    assert answer.mimetype == "text/turtle" and "a dcat:Dataset" in answer.text
