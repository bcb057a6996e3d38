"""Programs' tokens: plain ones and signed ones, limited, replaced, and dead when they should be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from jinbiao.datasets.db import now
from jinbiao.datasets.people.tokens import Token
from jinbiao.tests.server.world import World, entity

WHOAMI = "/api/current-user/whoami"


def bearing(world: World, secret: str, path: str = WHOAMI, **given: Any) -> TestResponse:
    """Ask with a token."""
    method = "POST" if given else "GET"
    headers = {"Authorization": f"Bearer {secret}"}
    return world.ask(method, path, None, headers=headers, **given)


def refresh_token(world: World, who: str = "annotator", **values: Any) -> str:
    """Make a refresh token."""
    return str(world.good(world.post(who, "/api/token/", values), 201)["token"])


def access_token(world: World, refresh: str) -> str:
    """Exchange a refresh token."""
    answer = world.post(None, "/api/token/refresh/", {"refresh": refresh})
    return str(world.good(answer)["access"])


def test_a_refresh_token_is_exchanged_and_is_no_key_itself(either_world: World) -> None:
    refresh = refresh_token(either_world)
    told = either_world.good(bearing(either_world, access_token(either_world, refresh)))
    assert told["username"] == "annotator"
    assert bearing(either_world, refresh).status_code == 401


def test_a_replaced_token_dies_with_all_it_gave(either_world: World) -> None:
    refresh = refresh_token(either_world)
    access = access_token(either_world, refresh)
    path = "/api/token/rotate/"
    new = either_world.good(either_world.post(None, path, {"refresh": refresh}))["refresh"]
    assert bearing(either_world, access).status_code == 401
    assert either_world.post(None, path, {"refresh": refresh}).status_code == 401
    either_world.good(bearing(either_world, access_token(either_world, new)))
    gone = either_world.post(None, "/api/token/blacklist/", {"refresh": new})
    assert gone.status_code == 204
    refused = either_world.post(None, "/api/token/refresh/", {"refresh": new})
    assert (refused.status_code, refused.json["detail"]) == (401, "令牌已作废")


def test_a_token_ends_on_its_day(either_world: World) -> None:
    world = either_world
    refresh = refresh_token(world, days=1)
    access = access_token(world, refresh)
    with world.installation.database.write() as session:
        late = now() - dt.timedelta(seconds=1)
        session.execute(
            sa.update(Token).where(Token.expires_at.is_not(None)).values(expires_at=late)
        )
    assert bearing(world, access).status_code == 401
    assert world.post(None, "/api/token/refresh/", {"refresh": refresh}).status_code == 401


def test_a_limited_token_does_only_what_it_is_for(either_world: World) -> None:
    world = either_world
    project = world.project()
    (task,) = world.import_list(project, [{"text": "天津大学"}])["task_ids"]
    access = access_token(world, refresh_token(world, scopes=["read"]))
    path = f"/api/tasks/{task}/annotations/"
    assert bearing(world, access, f"/api/tasks/{task}/").status_code == 200
    refused = bearing(world, access, path, json={"result": entity()})
    assert refused.status_code == 403
    access = access_token(world, refresh_token(world, scopes=["label"]))
    assert bearing(world, access, path, json={"result": entity()}).status_code == 201


def test_a_limited_token_makes_no_stronger_one(either_world: World) -> None:
    world = either_world
    access = access_token(world, refresh_token(world, scopes=["read"]))
    for scopes in ([], ["label"], ["read", "label"]):
        made = bearing(world, access, "/api/token/", json={"scopes": scopes})
        if made.status_code == 201:
            again = access_token(world, made.json["token"])
            project = world.project()
            (task,) = world.import_list(project, [{"text": "天津大学"}])["task_ids"]
            path = f"/api/tasks/{task}/annotations/"
            assert bearing(world, again, path, json={"result": entity()}).status_code == 403
        else:
            assert made.status_code == 403


@pytest.mark.parametrize(
    "values", [{"scopes": ["everything"]}, {"scopes": "read "}, {"days": -1}, {"days": "x"}]
)
def test_wrong_limits_are_named(shared_world: World, values: dict[str, Any]) -> None:
    answer = shared_world.post("annotator", "/api/token/", values)
    if values == {"scopes": "read "}:
        assert answer.status_code == 201
        return
    assert answer.status_code == 400
    assert list(answer.json["validation_errors"]) == list(values)


@pytest.mark.parametrize(
    "secret",
    ["", "x", "a.b.c", "é", "0" * 40, "eyJhbGciOiJub25lIn0.eyJqdGkiOiIxIn0.", "." * 3000],
)
def test_what_is_no_token_of_ours_is_refused(shared_world: World, secret: str) -> None:
    if secret.isascii():
        assert bearing(shared_world, secret).status_code == 401
    refused = shared_world.post(None, "/api/token/refresh/", {"refresh": secret})
    assert refused.status_code in (400, 401)


def test_a_reset_leaves_one_plain_token(either_world: World) -> None:
    world = either_world
    old = world.tokens["annotator"]
    new = world.good(world.post("annotator", "/api/current-user/reset-token/", {}), 201)["token"]
    assert world.get("annotator", WHOAMI).status_code == 401
    world.tokens = {**world.tokens, "annotator": new}
    assert world.good(world.get("annotator", "/api/current-user/token"))["token"] == new != old


def test_who_is_shut_out_has_no_token_left(either_world: World) -> None:
    world = either_world
    number = world.good(world.get("annotator2", WHOAMI))["id"]
    access = access_token(world, refresh_token(world, "annotator2"))
    assert world.ask("DELETE", f"/api/users/{number}/", "vendor").status_code == 204
    assert world.get("annotator2", WHOAMI).status_code == 401
    assert bearing(world, access).status_code == 401


def test_people_are_added_changed_and_seen_within_their_organisation(either_world: World) -> None:
    world = either_world
    sent = {"username": "new", "email": "new@alpha.example", "first_name": "新", "last_name": "人"}
    added = world.good(world.post("vendor", "/api/users/", sent), 201)
    assert added["password"] and added["email"] == "new@alpha.example"
    path = f"/api/users/{added['id']}/"
    changed = world.good(world.patch("vendor", path, {"first_name": "老"}))
    assert changed["first_name"] == "老" and "password" not in changed
    assert world.get("other_vendor", path).status_code == 404
    names = [row["username"] for row in world.good(world.get("vendor", "/api/users/"))]
    assert "new" in names and not [name for name in names if name.startswith("other_")]
    twice = world.post("vendor", "/api/users/", sent)
    assert twice.status_code in (400, 422)
    for values, place in (
        ({"email": "nobody"}, "email"),
        ({"colour": "red"}, "colour"),
        ({"first_name": 3}, "first_name"),
    ):
        refused = world.patch("vendor", path, values)
        assert refused.status_code == 400 and place in str(refused.json["validation_errors"])
