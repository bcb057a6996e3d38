"""Targets and pushes through the API, the pages and the command."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.pushes import Push, Target
from jinbiao.server.cli import jinbiao
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import FACTS, World
from jinbiao.workers import run

SECRET = "hf_never-shown-again"
HUB = {
    "name": "hub",
    "kind": "hugging_face",
    "url": "https://192.0.43.10/base/",
    "owner": "city",
    "token": SECRET,
}


@pytest.fixture
def published(world: World) -> World:
    """Give a world with one published dataset, alpha/texts."""
    _project, version = world.frozen(2)
    asked = {**FACTS, "name": "texts"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    return world


def signed_in(world: World) -> Browser:
    """Sign the requester in."""
    browser = Browser(world)
    browser.sign_in("requester")
    return browser


def test_a_target_never_shows_its_token(world: World) -> None:
    made = world.good(world.post("requester", "/api/push-targets/", HUB), 201)
    assert made["url"] == "https://192.0.43.10/base" and "token" not in made
    path = f"/api/push-targets/{made['id']}/"
    page = world.get("requester", "/push-targets")
    for answer in (
        world.get("requester", path),
        world.get("requester", "/api/push-targets/"),
        page,
    ):
        assert answer.status_code == 200 and SECRET not in answer.text
    with world.installation.database.read() as session:
        row = session.scalars(sa.select(Target)).one()
        told = session.scalars(sa.select(AuditEvent.detail)).all()
    assert SECRET not in row.token and row.token
    assert not any(SECRET in each for each in told)


def test_another_host_needs_the_token_again(world: World) -> None:
    made = world.good(world.post("requester", "/api/push-targets/", HUB), 201)
    path = f"/api/push-targets/{made['id']}/"
    moved = world.patch("requester", path, {"url": "https://192.0.43.11"})
    assert moved.status_code == 400 and "token" in moved.text
    same = world.good(world.patch("requester", path, {"url": "https://192.0.43.10/other"}))
    assert same["url"] == "https://192.0.43.10/other"
    again = world.patch("requester", path, {"url": "https://192.0.43.11", "token": "new"})
    assert world.good(again)["url"] == "https://192.0.43.11"
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert world.get("requester", path).status_code == 404


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "http://127.0.0.1:5000"}, "url"),
        ({"url": "http://10.0.0.8/ckan"}, "url"),
        ({"url": "ftp://192.0.43.10"}, "url"),
        ({"url": "https://u:p@192.0.43.10"}, "url"),
        ({"url": "https://192.0.43.10/?a=b"}, "url"),
        ({"kind": "dataverse"}, "kind"),
        ({"name": "有空 格"}, "name"),
        ({"owner": "../etc"}, "owner"),
        ({"owner": "城市"}, "owner"),
        ({"token": "两"}, "token"),
        ({"token": ""}, "token"),
        ({"token": "a\nb"}, "token"),
        ({"uploads": "perhaps"}, "uploads"),
    ],
)
def test_what_is_wrong_is_named(world: World, change: dict[str, str], place: str) -> None:
    answer = world.post("requester", "/api/push-targets/", {**HUB, **change})
    assert answer.status_code == 400, answer.text
    assert place in (answer.json or {}).get("validation_errors", {}), answer.text


def test_names_are_taken_once(world: World) -> None:
    world.good(world.post("requester", "/api/push-targets/", HUB), 201)
    again = world.post("requester", "/api/push-targets/", HUB)
    assert again.status_code == 400 and "hub" in again.text
    world.good(world.post("other_requester", "/api/push-targets/", HUB), 201)


def test_a_push_is_asked_for_once_and_ends_in_words(published: World) -> None:
    world = published
    world.good(world.post("requester", "/api/push-targets/", HUB), 201)
    # Somebody else's target of the same name is not ours.
    world.good(world.post("other_requester", "/api/push-targets/", HUB), 201)
    path = "/api/catalogue/alpha/texts/pushes"
    assert world.post("requester", path, {"target": "none"}).status_code == 404
    asked = {"target": "hub", "tag": "v9"}
    assert world.post("requester", path, asked).status_code == 404
    told = world.good(world.post("requester", path, {"target": "hub"}), 202)
    assert (told["state"], told["tag"], told["remote_name"]) == ("waiting", "v1.0.0", "city/texts")
    again = world.post("requester", path, {"target": "hub"})
    assert again.status_code in (409, 422) and "v1.0.0" in again.text
    assert world.post("other_requester", path, {"target": "hub"}).status_code == 404
    # A deleted target ends what was on its way there.
    (row,) = world.good(world.get("requester", "/api/push-targets/"))
    world.ask("DELETE", f"/api/push-targets/{row['id']}/", "requester")
    run.perform(world.installation, told["job"]["id"])
    (found,) = world.good(world.get("requester", path))
    assert found["state"] == "failed" and found["error"] and found["target"] == "hub"
    with world.installation.database.read() as session:
        assert session.scalars(sa.select(Push)).one().target_id is None


def test_the_page_of_a_dataset_shows_pushes_to_the_owner_only(published: World) -> None:
    world = published
    world.good(world.post("requester", "/api/push-targets/", HUB), 201)
    where = "/datasets/alpha/texts"
    browser = signed_in(world)
    assert 'id="push"' in browser.client.get(where).text
    answer = browser.post(f"{where}/push", where, target="hub", tag="v1.0.0")
    assert answer.status_code == 303 and answer.location.endswith("#push")
    shown = browser.client.get(where).text
    assert "v1.0.0 → hub" in shown
    for other in (None, "annotator", "company", "other_requester", "builder"):
        page = world.get(other, where)
        assert page.status_code == 200 and 'id="push"' not in page.text


def test_a_target_is_kept_from_the_page(world: World) -> None:
    browser, page = signed_in(world), "/push-targets"
    assert browser.post(page, page, **HUB, is_private="true").status_code == 303
    (row,) = world.good(world.get("requester", "/api/push-targets/"))
    assert row["is_private"]
    where = f"/push-targets/{row['id']}"
    sent = {"name": "hub-2", "url": row["url"], "owner": "town", "token": ""}
    assert browser.post(where, page, **sent).status_code == 303
    (row,) = world.good(world.get("requester", "/api/push-targets/"))
    assert (row["name"], row["owner"], row["is_private"]) == ("hub-2", "town", False)
    assert browser.post(where, page, act="delete").status_code == 303
    assert world.good(world.get("requester", "/api/push-targets/")) == []


def test_the_command_is_there() -> None:
    assert "push" in jinbiao.commands
