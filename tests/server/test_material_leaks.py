"""Raw material of one organisation stays there, and shows nothing where it must not."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import holdings, people
from jinbiao.datasets.tasks import MEDIA_PREFIX
from jinbiao.server import reject_files
from jinbiao.tests.server import cleaned
from jinbiao.tests.server.test_transfers import PIECE, TUS, begun, library, send, told
from jinbiao.tests.server.world import World, multipart, opened, picture

MOBILE = "13812345678"


def given_to_company(world: World) -> int:
    """Make a project of texts that the company "gamma" works on."""
    project = world.project()
    answer = world.patch("requester", f"/api/projects/{project}/", {"vendor": "gamma"})
    world.good(answer)
    return project


def limited(world: World, scope: str) -> str:
    """Return the name under which the requester asks with a token of one scope."""
    with world.installation.database.write() as session:
        person = people.get_user(session, "requester")
        world.tokens[scope] = people.add_token(session, person, scopes=(scope,))[1]
    return scope


def scanned(world: World, rows: list[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
    """Import tasks and search them; return the project and its findings."""
    project = world.project()
    world.import_list(project, rows)
    world.done(world.post("requester", f"/api/projects/{project}/scans/", {}))
    found = world.good(world.get("requester", f"/api/projects/{project}/findings/"))
    return project, found["results"]


def test_a_token_that_imports_brings_and_neither_changes_nor_deletes(world: World) -> None:
    number, who = library(world), limited(world, "import")
    path = f"/api/libraries/{number}/"
    data, kind = multipart(("a.txt", "天津港的吊机".encode()))
    (job,) = world.good(world.ask("POST", f"{path}intake", who, data=data, content_type=kind), 202)
    assert world.finished(job["id"])["state"] == "done"
    address = begun(world, 1, who, filename="b.txt", library=number)
    headers = {**PIECE, "Upload-Offset": "0"}
    assert world.ask("PATCH", address, who, headers=headers, data=b"x").status_code == 204
    assert world.finished(world.good(world.get(who, address))["job"])["state"] == "done"
    answers = [
        world.patch(who, path, {"title": "别的"}),
        world.patch(who, path, {"retention_days": 1}),
        world.ask("DELETE", path, who),
        world.ask("DELETE", f"{path}?confirmed=true", who),
        world.post(who, "/api/libraries/", {"title": "新的"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    told = world.good(world.get("requester", path))
    assert (told["assets"], told["retention_days"]) == (2, None)


def test_a_company_does_not_learn_what_of_a_library_did_not_become_a_task(world: World) -> None:
    project, number = given_to_company(world), library(world)
    data, kind = multipart(("某某合同.png", picture(3)), ("文.txt", "天津港的吊机".encode()))
    path = f"/api/libraries/{number}/intake"
    sent = world.ask("POST", path, "requester", data=data, content_type=kind)
    for job in world.good(sent, 202):
        world.finished(job["id"])
    sent = world.post("requester", f"/api/libraries/{number}/send", {"project": project})
    job = world.finished(world.good(sent, 202)["id"])
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 1)
    addresses = [f"/jobs/{job['id']}/rejects", f"/jobs/{job['id']}/rejects?form=csv"]
    assert all("某某合同" in world.get("requester", each).text for each in addresses)
    # The company sees that the job ran; a leader sees jobs, and no libraries.
    for who in ("company", "company_manager", "leader"):
        page = world.get(who, f"/jobs/{job['id']}")
        assert page.status_code == 200 and "某某合同" not in page.text
        assert "/rejects" not in page.text
        assert [world.get(who, each).status_code for each in addresses] == [404, 404]


def test_a_feed_of_others_is_as_one_that_is_not_there(world: World) -> None:
    values = {"kind": "addresses", "addresses": ["https://93.184.215.14/a"]}
    asked = {**values, "library": library(world)}
    feed = world.good(world.post("requester", "/api/feeds/", asked), 201)["id"]
    said = [
        world.get("other_requester", f"/api/feeds/{number}/").json["detail"]
        for number in (feed, feed + 1)
    ]
    assert said[0].replace(str(feed), "N") == said[1].replace(str(feed + 1), "N")


def test_a_token_that_only_reads_gives_up_no_upload(world: World) -> None:
    address = begun(world, 6, filename="a.txt", library=library(world))
    assert send(world, address, 0, b"abc").status_code == 204
    reading = limited(world, "read")
    assert world.ask("DELETE", address, reading, headers=TUS).status_code == 403
    forced = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert world.ask("POST", address, reading, headers=forced).status_code == 403
    assert send(world, address, 3, b"def").status_code == 204
    assert world.ask("DELETE", address, limited(world, "import"), headers=TUS).status_code == 204


def test_many_uploads_at_once_do_not_pass_the_quota(world: World) -> None:
    settings = dataclasses.replace(world.installation.settings, quota_bytes=1000)
    world.installation.close()
    world = opened(settings, world.tokens)
    number = library(world)

    def asked(length: int, **more: Any) -> Any:
        metadata = told(filename="a.txt", library=number, **more)
        headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata}
        return world.post("requester", "/api/transfers/", headers=headers)

    first = asked(600, batch="batch-of-one").headers["Location"]
    assert asked(600).status_code == 413
    # What came and waits for its batch counts as well, and so it does when it is given up then.
    assert send(world, first, 0, b"a" * 600).status_code == 204
    assert asked(600).status_code == 413
    assert world.ask("DELETE", first, "requester", headers=TUS).status_code == 204
    assert asked(600).status_code == 413
    with world.installation.database.read() as session:
        home = people.get_organisation(session, "alpha").id
        assert holdings.standing(session, settings, home).used == 600
    # What never came is free again.
    second = asked(400).headers["Location"]
    assert asked(400).status_code == 413
    assert world.ask("DELETE", second, "requester", headers=PIECE).status_code == 204
    assert asked(400).status_code == 201
    world.installation.close()


def test_an_excerpt_masks_what_is_known_by_the_words_of_the_finding(world: World) -> None:
    # The number is known as a passport's by the word that the found name takes up.
    text = "收货人和护照E12345678王小明；"
    _project, found = scanned(world, [{"text": text}])
    assert any("E12345678" not in text[: each["start"]] for each in found)
    for each in found:
        shown = world.good(world.get("requester", f"/api/findings/{each['id']}/"))
        assert "E12345678" not in json.dumps(shown, ensure_ascii=False), shown


def test_a_place_does_not_say_what_stands_in_the_name_of_a_key(world: World) -> None:
    rows = [{"text": "无", "people": {MOBILE: {"电话": "13900139000"}}}]
    project, found = scanned(world, rows)
    found.sort(key=lambda each: str(each["masked"]), reverse=True)
    # The key is a finding itself: it would be published.
    assert [each["masked"] for each in found] == ["139****9000", "138****5678"]
    assert MOBILE not in json.dumps(found) and found[0]["place"].startswith("people.138****5678.")
    assert found[1]["place"] == "key:people.138****5678"
    revealed = world.post("requester", f"/api/findings/{found[0]['id']}/reveal")
    assert world.good(revealed)["value"] == "13900139000"
    sent = {"action": "mask", "kind": "mobile"}
    path = f"/api/projects/{project}/findings/treat"
    assert world.done(world.post("requester", path, sent))["treated"] == 1
    assert world.tasks(project)[0]["data"]["people"] == {MOBILE: {"电话": "139****9000"}}


def test_what_is_stored_does_not_tell_whether_others_have_a_file(world: World) -> None:
    cleaned.library(world, pictures=[picture(77)])
    digest = hashlib.sha256(picture(77)).hexdigest()
    project = world.project(who="other_requester")
    world.import_list(project, [{"text": digest}], who="other_requester")
    texts = [digest, f"jinbiao-media:{digest}", f"{MEDIA_PREFIX}{digest}"]
    cleaned.library(world, texts, who="other_requester")
    sent = world.post("system", "/api/storage/reports/", {"dry": True})
    assert world.finished(world.good(sent, 202)["job"])["state"] == "done"
    stored = world.good(world.get("other_requester", "/api/storage/"))
    assert stored["kinds"] == {"originals": sum(map(len, texts))}
    own = world.good(world.get("requester", "/api/storage/"))
    assert own["kinds"] == {"originals": len(picture(77))}


@pytest.mark.parametrize("call", ["fts3_tokenizer('simple')", "load_extension('x')"])
def test_a_query_tells_nothing_of_this_process(world: World, tmp_path: Path, call: str) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as made:
        made.execute("CREATE TABLE t (id)")
    settings = dataclasses.replace(world.installation.settings, local_files=(tmp_path,))
    world.installation.close()
    world = opened(settings, world.tokens)
    asked = {
        "kind": "database",
        "library": library(world),
        "url": f"sqlite:///{tmp_path / 'a.db'}",
        "key_column": "id",
    }
    path = "/api/feeds/check"
    good = world.post("requester", path, {**asked, "query": "SELECT lower('A') AS id"})
    bad = world.post("requester", path, {**asked, "query": f"SELECT {call} AS id"})
    assert (good.status_code, bad.status_code) == (204, 400), bad.text
    world.installation.close()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t"])
def test_a_table_holds_no_formula_in_either_width(world: World, sign: str) -> None:
    problem = {"part": "", "message": f"{sign}SUM(1)", "values": {}}
    line = json.dumps({"number": 1, "place": f"{sign}A1", "reason": "", **problem}).encode()
    with world.app.test_request_context():
        told = b"".join(reject_files.table(io.BytesIO(line + b"\n"))).decode("utf-8-sig")
    (_header, row) = csv.reader(io.StringIO(told, newline=""))
    assert row[1] == f"'{sign}A1" and row[3] == f"'{sign}SUM(1)"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/libraries/{library}/send", {"project": "{theirs}"}),
        ("/api/libraries/{own}/send", {"project": "{theirs}", "cleaning": "{cleaning}"}),
        ("/api/libraries/{own}/cleanings/", {"recipe": "{recipe}"}),
        ("/cleanings", {"library": "{own}", "version": "{version}"}),
        ("/api/recipes/preview/", {"library": "{library}", "steps": cleaned.STEPS}),
        ("/api/feeds/", {"library": "{library}", "kind": "dcat", "url": "https://a.example/"}),
        ("/api/recipes/files/?recipe={recipe}", {"name": "x", "steps": cleaned.STEPS}),
        ("/cleanings/{cleaning}/send", {"project": "{theirs}"}),
    ],
)
def test_numbers_in_bodies_reach_nothing_of_others(
    material: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    world: World = material["world"]

    def asked(numbers: dict[str, Any]) -> tuple[int, str]:
        filled = {
            name: int(value.format(**numbers)) if isinstance(value, str) and "{" in value else value
            for name, value in body.items()
        }
        answer = world.post("other_requester", path.format(**numbers), filled)
        said = answer.json["detail"] if answer.is_json else ""
        return answer.status_code, "".join(sign for sign in said if not sign.isdigit())

    there = asked(material)
    others = {"library", "cleaning", "recipe", "version"}
    missing = {name: 987654 if name in others else value for name, value in material.items()}
    assert there[0] in (400, 404) and there == asked(missing)


@pytest.fixture(scope="module")
def material(shared_world: World) -> dict[str, Any]:
    """Give the numbers of one organisation's material, and of another's library and project."""
    world = shared_world
    number = cleaned.library(world, ["天津市滨海新区的吊机"])
    recipe = cleaned.recipe(world)
    run = cleaned.cleaned(world, number, recipe["id"])
    return {
        "world": world,
        "library": number,
        "recipe": recipe["id"],
        "version": recipe["newest"]["id"],
        "cleaning": run["id"],
        "own": cleaned.library(world, ["无"], who="other_requester"),
        "theirs": world.project(who="other_requester"),
    }
