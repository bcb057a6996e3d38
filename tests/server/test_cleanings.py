"""Cleanings: what each step did, each record before and after, duplicates, the trace as a file."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import zipfile
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets.cleaning import CleanedRecord
from jinbiao.datasets.receipts import verify_receipt as verifier
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.world import FACTS, World, entity

TEXTS = [
    "<p>天津市滨海新区</p>",  # 1 changed
    "短",  # 2 too short
    "=HYPERLINK(1)是公式",  # 3 kept
    "天津市滨海新区",  # 4 the same as 1 once it is clean
    "天津市滨海新区",  # 5 again
    "ＡＢＣ全角字母",  # 6 changed
]


@pytest.fixture
def run(either_world: World) -> tuple[World, dict[str, Any]]:
    """Clean a library of six texts."""
    library = cleaned.library(either_world, TEXTS)
    recipe = cleaned.recipe(either_world)
    return either_world, cleaned.cleaned(either_world, library, recipe["id"])


def test_every_record_says_what_became_of_it(run: tuple[World, dict[str, Any]]) -> None:
    world, told = run
    assert (told["records"], told["kept"], told["changed"], told["dropped"]) == (6, 3, 2, 3)
    assert told["recipe"]["version"] == 1 and len(told["recipe"]["digest"]) == 64
    assert [step["operator"] for step in told["steps"]] == [
        step["operator"] for step in cleaned.STEPS
    ]
    path = f"/api/cleanings/{told['id']}/records/"
    rows = world.good(world.get("manager", path))
    assert [row["state"] for row in rows] == [
        "changed",
        "dropped",
        "kept",
        "dropped",
        "dropped",
        "changed",
    ]
    assert (rows[0]["before"], rows[0]["after"]) == (TEXTS[0], "天津市滨海新区")
    assert rows[0]["changed_by"] == [{"step": 0, "operator": "text.strip_html"}]
    assert rows[1]["dropped_by"] == {"step": 2, "operator": "text.filter_length"}
    assert rows[1]["reason"] == "too_short"
    assert rows[3]["duplicate_of"] == rows[0]["asset"]
    assert rows[5]["after"].startswith("ABC")
    assert rows[2]["before"] == rows[2]["after"] == TEXTS[2]


def test_lists_are_narrowed_and_paged_by_key(run: tuple[World, dict[str, Any]]) -> None:
    world, told = run

    def names(query: str) -> list[str]:
        path = f"/api/cleanings/{told['id']}/records/?{query}"
        return [row["name"] for row in world.good(world.get("requester", path))]

    assert names("state=dropped") == ["文2", "文4", "文5"]
    assert names("step=0") == ["文1"] and names("step=1") == ["文6"]
    assert names("state=dropped&step=3") == ["文4", "文5"]
    assert names("reason=too_short") == ["文2"]
    seen: list[str] = []
    after = 0
    while True:
        path = f"/api/cleanings/{told['id']}/records/?page_size=2&after={after}"
        page = world.good(world.get("requester", path))
        if not page:
            break
        seen += [row["name"] for row in page]
        after = page[-1]["record"]
    assert seen == [f"文{number}" for number in range(1, 7)]
    bad = world.get("requester", f"/api/cleanings/{told['id']}/records/?state=lost")
    assert bad.status_code == 400


def test_duplicates_stand_side_by_side(run: tuple[World, dict[str, Any]]) -> None:
    world, told = run
    (group,) = world.good(world.get("requester", f"/api/cleanings/{told['id']}/duplicates/"))
    assert group["left_out"] == 2 and group["kept"]["name"] == "文1"
    assert [row["name"] for row in group["first"]] == ["文4", "文5"]
    rest = f"/api/cleanings/{told['id']}/duplicates/?after={group['kept_asset']}"
    assert world.good(world.get("requester", rest)) == []
    page = world.get("requester", f"/cleanings/{told['id']}/duplicates").text
    assert page.count('class="twofold"') == 2


def test_the_trace_is_whole_and_safe_for_spreadsheets(run: tuple[World, dict[str, Any]]) -> None:
    world, told = run
    path = f"/api/cleanings/{told['id']}/trace"
    lines = [json.loads(line) for line in world.get("requester", path).data.splitlines()]
    assert [line["before"] for line in lines] == TEXTS
    assert lines[2]["after"] == TEXTS[2]
    table = world.get("requester", f"{path}?format=csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["state"] for row in rows] == [line["state"] for line in lines]
    assert rows[2]["before"] == "'" + TEXTS[2], "no formula"
    assert rows[1]["dropped_by"] == "2 text.filter_length"
    few = world.get("requester", f"{path}?state=dropped").data.splitlines()
    assert len(few) == 3
    assert world.get("other_requester", path).status_code == 404


def test_pages_show_both_sides_and_lead_on(run: tuple[World, dict[str, Any]]) -> None:
    world, told = run
    page = world.get("requester", f"/cleanings/{told['id']}").text
    assert told["uid"] in page and told["recipe"]["digest"] in page
    assert f"/cleanings/{told['id']}/records?state=dropped&amp;step=2&amp;reason=too_short" in page
    assert f"/cleanings/{told['id']}/send" in page or "还没有项目" in page
    shown = world.get("requester", f"/cleanings/{told['id']}/records").text
    assert "<del>&lt;p&gt;</del>天津市滨海新区<del>&lt;/p&gt;</del>" in shown
    assert "<script>" not in shown
    only = world.get("requester", f"/cleanings/{told['id']}/records?state=dropped&step=2").text
    assert "文2" in only and "文1" not in only


def test_the_next_step_appears_with_the_end_of_a_cleaning(world: World) -> None:
    library = cleaned.library(world, TEXTS)
    begun = cleaned.started(world, library, cleaned.recipe(world)["id"])
    path = f"/cleanings/{begun['id']}"
    running = world.get("requester", f"{path}/live").text
    assert "hx-trigger" in running and f"{path}/send" not in running
    world.finished(begun["job"])
    # Whoever has no project yet is led to make one.
    onward = world.get("requester", f"{path}/live").text.split('<div id="onward"')[1]
    assert 'href="/projects/new"' in onward and f"{path}/send" in onward
    project = world.project()
    ended = world.get("requester", f"{path}/live").text
    assert "hx-trigger" not in ended
    onward = ended.split('<div id="onward" hx-swap-oob="true">')[1]
    assert f'action="{path}/send"' in onward and f'<option value="{project}">' in onward


def test_what_a_cleaning_kept_becomes_tasks_from_its_page(world: World) -> None:
    library = cleaned.library(world, TEXTS)
    told = cleaned.cleaned(world, library, cleaned.recipe(world)["id"])
    project = world.project()
    answer = world.post("requester", f"/cleanings/{told['id']}/send", data={"project": project})
    assert answer.status_code == 303
    assert world.finished(answer.location.rsplit("/", 1)[1])["state"] == "done"
    assert len(world.tasks(project)) == told["kept"] == 3
    assert {task["data"]["text"] for task in world.tasks(project)} >= {"天津市滨海新区"}


def test_pages_of_many_records_read_few_rows(world: World) -> None:
    library = cleaned.library(world, ["天津大学第一号"])
    begun = cleaned.started(world, library, cleaned.recipe(world)["id"])
    with world.installation.database.write() as session:
        asset = world.good(world.get("requester", f"/api/libraries/{library}/assets/"))
        number = asset["results"][0]["id"]
        rows = [
            {"cleaning_id": begun["id"], "asset_id": number, "part": part, "state": "kept"}
            for part in range(3000)
        ]
        session.execute(sa.insert(CleanedRecord), rows)
    path = f"/cleanings/{begun['id']}/records?state=kept"
    page = world.get("requester", path).text
    assert page.count("<article") == 30 and 'rel="next"' in page


def test_the_recipe_goes_into_the_receipts_of_a_release(world: World) -> None:
    library = cleaned.library(world, TEXTS)
    told = cleaned.cleaned(world, library, cleaned.recipe(world)["id"])
    project = world.project()
    sent = world.post("requester", f"/cleanings/{told['id']}/send", data={"project": project})
    assert world.finished(sent.location.rsplit("/", 1)[1])["state"] == "done"
    world.import_list(project, [{"text": "直接导入的一条"}])
    label_everything(world, project)
    version = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    asked = {**FACTS, "name": "cleaned"}
    path = f"/api/versions/{version['version']}/publish"
    world.done(world.post("requester", path, asked))

    archive = world.get(None, "/datasets/alpha/cleaned/archive/v1.0.0.zip").data
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        lines = files.read("manifest.jsonl").splitlines()[1:]
        sheet = files.read("datasheet.json").decode()
    assert len(lines) == 4
    trusted = world.get(None, "/.well-known/jinbiao-keys.json").data
    # Only who may see an asset learns what names it; the plain digest is nowhere.
    listed = world.good(world.get("requester", f"/api/libraries/{library}/assets/"))["results"]
    proofs = [world.good(world.get("requester", f"/api/assets/{row['id']}/")) for row in listed]
    originals = {row["opening"]["keyed_digest"] for row in proofs}
    for row in proofs:
        plain, key = row["digest"], bytes.fromhex(row["opening"]["key"])
        assert plain.encode() not in archive and key.hex().encode() not in archive
        assert row["opening"]["keyed_digest"] == hmac.new(key, plain.encode(), "sha256").hexdigest()
    assert {row["digest"] for row in proofs} == {
        hashlib.sha256(text.encode()).hexdigest() for text in TEXTS
    }
    assert len({row["opening"]["key"] for row in proofs}) == len(originals)
    without = 0
    for line in lines:
        record = json.loads(line)
        proof = world.get(None, f"/api/catalogue/alpha/cleaned/receipts/{record['key']}").data
        verifier.check_receipt(proof, line, trusted)
        receipt = json.loads(proof)["receipt"]
        if record["data"]["text"].startswith("直接"):
            assert receipt["cleaning"] is None and set(receipt["sources"]) == {"data", "media"}
            without += 1
            continue
        assert receipt["cleaning"] == {
            "uid": told["uid"],
            "recipe": told["recipe"]["name"],
            "version": 1,
            "digest": told["recipe"]["digest"],
        }
        shown = world.get(None, f"/datasets/alpha/cleaned/verify?key={record['key']}").text
        assert f"{told['recipe']['name']} · 版本 1" in shown and "&#39;uid&#39;" not in shown
        assert receipt["sources"]["keyed_asset"] in originals
        assert record["origin"]["keyed_asset"] == receipt["sources"]["keyed_asset"]
        assert "asset" not in receipt["sources"] and "asset" not in record["origin"]
    assert without == 1
    assert told["recipe"]["digest"] in sheet, "the datasheet names the recipe"


def label_everything(world: World, project: int) -> None:
    """Label every task, and accept every answer."""
    number = len(world.tasks(project))
    for _ in range(number):
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
        answer = {"result": entity(), "unique_id": task["unique_lock_id"]}
        world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", answer), 201)
    for _ in range(number):
        task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
        path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
