"""Webhooks over HTTP are as Label Studio has them, and safer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jinbiao.datasets import webhooks
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.world import World
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import deliver

KEYS = (
    "id organization project url send_payload send_for_all_actions headers is_active actions "
    "created_at updated_at"
).split()


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world that may call loopback."""
    made = connected(populated, tmp_path / "home")
    yield made
    made.installation.close()


def test_a_webhook_lives_as_recorded(place: World) -> None:
    project = place.project()
    sent = {
        "headers": {"X-Secret": "abc"},
        "project": project,
        "send_for_all_actions": True,
        "send_payload": True,
        "url": "http://127.0.0.1:8191/webhook",
    }
    made = place.good(place.post("requester", "/api/webhooks/", sent), 201)
    assert list(made) == KEYS
    assert made["headers"] == {"X-Secret": "abc"} and made["actions"] == []
    path = f"/api/webhooks/{made['id']}/"
    listed = place.good(place.get("requester", f"/api/webhooks/?project={project}"))
    assert listed == [made] == place.good(place.get("requester", "/api/webhooks"))
    assert place.good(place.get("requester", path)) == made
    names = ["TASKS_CREATED", "ANNOTATION_CREATED"]
    changed = place.good(
        place.patch("requester", path, {"actions": names, "send_for_all_actions": False})
    )
    assert changed["actions"] == sorted(names) and changed["send_for_all_actions"] is False
    assert changed["headers"] == {"X-Secret": "abc"}
    assert place.ask("DELETE", path, "requester").status_code == 204
    assert place.get("requester", path).status_code == 404


def test_what_can_be_told_is_listed_as_recorded(place: World) -> None:
    told = place.good(place.get("requester", "/api/webhooks/info/"))
    assert len(told) == 12
    assert told["TASKS_DELETED"] == {
        "name": "Task deleted",
        "description": "",
        "key": "tasks",
        "organization-only": False,
    }
    only = place.good(place.get("requester", "/api/webhooks/info/?organization-only=true"))
    assert sorted(only) == ["PROJECT_CREATED", "PROJECT_DELETED"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"url": "http://10.0.0.1/x"}, "url"),
        ({"url": "http://li:hidden@example.com/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": 7}, "url"),
        ({}, "url"),
        ({"url": "http://127.0.0.1/", "headers": {"Host": "x"}}, "headers"),
        ({"url": "http://127.0.0.1/", "actions": ["X"]}, "actions"),
        ({"url": "http://127.0.0.1/", "is_active": "maybe"}, "is_active"),
        ({"url": "http://127.0.0.1/", "project": "x"}, "project"),
        ({"url": "http://127.0.0.1/", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_named(place: World, sent: dict[str, object], field: str) -> None:
    answer = place.post("requester", "/api/webhooks/", sent)
    assert answer.status_code == 400 and list(answer.json["validation_errors"]) == [field]
    assert "hidden" not in answer.text
    assert place.good(place.get("requester", "/api/webhooks/")) == []


def test_others_do_not_see_them(place: World) -> None:
    project = place.project()
    sent = {"project": project, "url": "http://127.0.0.1/"}
    made = place.good(place.post("requester", "/api/webhooks/", sent), 201)
    path = f"/api/webhooks/{made['id']}/"
    assert place.get("other_requester", path).status_code == 404
    assert place.get("other_requester", f"{path}secret").status_code == 404
    assert place.get("other_requester", f"{path}deliveries/").status_code == 404
    assert place.patch("other_requester", path, {"is_active": False}).status_code == 404
    assert place.post("other_requester", "/api/webhooks/", sent).status_code == 404
    assert place.get("other_requester", f"/api/webhooks/?project={project}").status_code == 404
    assert place.good(place.get("other_requester", "/api/webhooks/")) == []
    for who in ("annotator", "reviewer", "vendor"):
        assert place.get(who, path).status_code == 403


def test_how_messages_went_can_be_read(place: World) -> None:
    project = place.project()
    with ModelBackend() as receiver:
        sent = {"project": project, "url": f"{receiver.url}/webhook"}
        made = place.good(place.post("requester", "/api/webhooks/", sent), 201)
        path = f"/api/webhooks/{made['id']}/"
        with place.installation.database.write() as session:
            webhooks.emit(session, session.get_one(Project, project), "PROJECT_UPDATED")
        deliver.run(place.installation)
        rows = place.good(place.get("requester", f"{path}deliveries/"))
        assert [heard.body["action"] for heard in receiver.heard] == ["PROJECT_UPDATED"]
        assert receiver.heard[0].body["project"]["title"] == "样例"
    assert [(row["action"], row["state"], row["status_code"]) for row in rows] == [
        ("PROJECT_UPDATED", "delivered", 200)
    ]
    assert rows[0]["id"] == receiver.heard[0].headers["X-Jinbiao-Delivery"]
    first = place.good(place.get("requester", f"{path}secret"))["secret"]
    second = place.good(place.post("requester", f"{path}secret", {}), 201)["secret"]
    assert len(first) == len(second) == 64 and first != second
