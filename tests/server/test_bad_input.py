"""Refuse bad input as Label Studio words it, in the reader's language, and do nothing by halves."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from jinbiao.datasets.collection import MOST_TASKS
from jinbiao.datasets.tasks import Task
from jinbiao.tests.server.test_rights import fill
from jinbiao.tests.server.world import TEXTS, World, entity
from jinbiao.workers import run

SHAPE = {"id", "status_code", "version", "detail", "exc_info"}
CHINESE = {"Accept-Language": "zh"}
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE v [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + ']><View><Header value="&i;"/><Text name="text" value="$text"/></View>'
)


def refused(answer: TestResponse, status: int) -> str:
    """Hold an answer against the recorded shape; return all its words, which are Chinese."""
    told = answer.json
    assert answer.status_code == status, answer.text[:1000]
    assert set(told) - {"validation_errors"} == SHAPE
    assert (told["status_code"], told["exc_info"]) == (status, None)
    lines = [line for lines in told.get("validation_errors", {}).values() for line in lines]
    text = " ".join([told["detail"], *lines])
    assert re.search("[\u4e00-\u9fff]", told["detail"]), text
    return text


def tasks_of(world: World, project: int) -> int:
    """Count the rows of a project's tasks, also where the project is gone."""
    with world.installation.database.read() as session:
        query = sa.select(sa.func.count()).where(Task.project_id == project)
        return int(session.scalar(query) or 0)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/projects/"),
        ("PATCH", "/api/projects/{0}/"),
        ("POST", "/api/projects/{0}/validate/"),
        ("POST", "/api/projects/{0}/sample-task/"),
    ],
)
def test_an_entity_bomb_does_not_go_off(world: World, method: str, path: str) -> None:
    project = world.project()
    begun = time.monotonic()
    asked = {"title": "x", "label_config": BOMB}
    answer = world.ask(method, path.format(project), "requester", json=asked, headers=CHINESE)
    assert time.monotonic() - begun < 2
    assert len(refused(answer, 400)) < 1000
    assert "label_config" in answer.json["validation_errors"]
    listed = world.good(world.get("requester", "/api/projects/"))
    assert [row["label_config"] for row in listed["results"]] == [TEXTS]
    assert listed["results"][0]["title"] == "样例"


def test_a_config_is_checked_in_the_recorded_words_of_its_own(world: World) -> None:
    for config in (BOMB, "长" * 200_000):
        answer = world.post("requester", "/api/projects/validate/", {"label_config": config})
        assert (answer.status_code, set(answer.json)) == (400, {"label_config"})


def test_five_megabytes_in_one_task_are_taken_and_more_are_refused_with_the_limit(
    world: World,
) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import"
    largest, larger = {"text": "x" * 5_200_000}, {"text": "x" * 5_250_000}
    rows = [{"text": "一"}, larger]
    told = refused(world.post("requester", path, rows, headers=CHINESE), 400)
    assert "[1]" in told and "5 MB" in told
    asked = {"project": project, "data": larger}
    told = refused(world.post("requester", "/api/tasks/", asked, headers=CHINESE), 400)
    assert "5 MB" in told
    assert world.tasks(project) == []
    job = world.import_later(project, rows)
    assert (job["state"], job["result"]["tasks"], job["result"]["rejected"]) == ("done", 1, 1)
    (task,) = world.tasks(project)
    one = f"/api/tasks/{task['id']}/"
    told = refused(world.patch("requester", one, {"data": larger}, headers=CHINESE), 400)
    assert "5 MB" in told
    assert world.good(world.get("requester", one))["data"] == {"text": "一"}
    world.import_list(project, [largest])
    world.good(world.post("requester", "/api/tasks/", {"project": project, "data": largest}), 201)
    assert world.import_later(project, [largest])["result"]["tasks"] == 1
    world.good(world.patch("requester", one, {"data": largest}))
    assert [row["data"] for row in world.tasks(project)] == [largest] * 4


def test_a_hundred_thousand_tasks_come_in_one_call_and_more_as_a_job(world: World) -> None:
    project = world.project()
    rows = [{"text": f"第{number}号"} for number in range(MOST_TASKS + 1)]
    path = f"/api/projects/{project}/import"
    told = refused(world.post("requester", path, rows, headers=CHINESE), 413)
    assert str(MOST_TASKS) in told and str(MOST_TASKS + 1) in told
    assert tasks_of(world, project) == 0
    told = world.good(world.post("requester", path, rows[:MOST_TASKS]), 201)
    assert told["task_count"] == MOST_TASKS == tasks_of(world, project)
    job = world.import_later(world.project(), rows)
    assert (job["state"], job["result"]["tasks"]) == ("done", MOST_TASKS + 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/projects/"),
        ("PATCH", "/api/projects/{project_id}/"),
        ("PATCH", "/api/organizations/{organisation_id}"),
        ("PATCH", "/api/users/{user_id}/"),
        ("POST", "/api/users/"),
        ("POST", "/api/dm/views/"),
        ("PATCH", "/api/dm/views/{view_id}/"),
        ("POST", "/api/webhooks/"),
        ("PATCH", "/api/webhooks/{webhook_id}/"),
        ("POST", "/api/ml/"),
        ("PATCH", "/api/ml/{backend_id}"),
        ("POST", "/api/storages/s3/"),
        ("PATCH", "/api/storages/s3/{storage_id}"),
        ("PATCH", "/api/import/file-upload/{upload_id}"),
    ],
)
def test_an_unknown_field_is_named(
    everything: tuple[World, dict[str, str]], method: str, path: str
) -> None:
    world, values = everything
    who = "admin"
    asked = {"project": int(values["project_id"]), "titel": "x"}
    if "projects" in path or "organ" in path or "user" in path or "upload" in path:
        del asked["project"]
    answer = world.ask(method, path.format(**values), who, json=asked, headers=CHINESE)
    refused(answer, 400)
    assert list(answer.json["validation_errors"]) == ["titel"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/projects/?",
        "/api/projects/counts/?",
        "/api/tasks/?project={project_id}&",
        "/api/tasks/?view={view_id}&",
        "/api/projects/{project_id}/tasks/?",
        "/api/projects/{project_id}/members/paginated/?",
        "/api/organizations/{organisation_id}/memberships?",
    ],
)
def test_a_page_past_the_end_is_not_there(
    everything: tuple[World, dict[str, str]], path: str
) -> None:
    world, values = everything
    address = path.format(**values)
    for page in (2, 10**6, 2**40):
        answer = world.get("admin", f"{address}page={page}&page_size=1000", headers=CHINESE)
        refused(answer, 404)
    for page in ("0", "-1", "x", "1e3", str(2**63), "%00", ""):
        answer = world.get("admin", f"{address}page={page}", headers=CHINESE)
        assert answer.status_code == (400 if page else 200)
        assert not page or refused(answer, 400)


@pytest.fixture(scope="module")
def everything(shared_world: World) -> tuple[World, dict[str, str]]:
    """Give a world with one of everything in the organisation alpha, and its numbers."""
    return shared_world, fill(shared_world)


# What another organisation names in a body or behind the question mark.
NAMED: list[tuple[str, str, Any]] = [
    ("GET", "/api/tasks/?project={project_id}", None),
    ("GET", "/api/tasks/?view={view_id}", None),
    ("GET", "/api/predictions/?project={project_id}", None),
    ("GET", "/api/predictions/?task={task_id}", None),
    ("GET", "/api/annotation-history/?annotation={annotation_id}", None),
    ("GET", "/api/annotation-reviews/?annotation={annotation_id}", None),
    ("GET", "/api/annotation-reviews/?annotation__task__project={project_id}", None),
    ("GET", "/api/dm/views/?project={project_id}", None),
    ("GET", "/api/dm/columns/?project={project_id}", None),
    ("GET", "/api/dm/project/?project={project_id}", None),
    ("GET", "/api/dm/actions/?project={project_id}", None),
    ("GET", "/api/ml/?project={project_id}", None),
    ("GET", "/api/webhooks/?project={project_id}", None),
    ("GET", "/api/storages/?project={project_id}", None),
    ("GET", "/api/storages/s3/?project={project_id}", None),
    ("GET", "/api/storages/export?project={project_id}", None),
    ("POST", "/api/tasks/", {"project": "project_id", "data": {"text": "天"}}),
    ("POST", "/api/predictions/", {"task": "task_id", "result": []}),
    ("POST", "/api/annotations/bulk/", {"tasks": ["task_id"], "result": []}),
    ("POST", "/api/annotations/bulk-delete/", {"project": "project_id", "ids": ["annotation_id"]}),
    ("POST", "/api/annotation-reviews/", {"annotation": "annotation_id", "accepted": True}),
    ("POST", "/api/comments/", {"annotation": "annotation_id", "text": "x"}),
    ("POST", "/api/dm/views/", {"project": "project_id", "data": {}}),
    ("POST", "/api/dm/views/order/", {"project": "project_id", "ids": ["view_id"]}),
    ("DELETE", "/api/dm/views/reset/", {"project": "project_id"}),
    (
        "POST",
        "/api/dm/actions/?id=delete_tasks&project={project_id}",
        {"selectedItems": {"all": True, "excluded": []}},
    ),
    ("POST", "/api/webhooks/", {"project": "project_id", "url": "http://9.9.9.9/"}),
    ("POST", "/api/ml/", {"project": "project_id", "url": "http://9.9.9.9/"}),
    ("POST", "/api/storages/s3/", {"project": "project_id", "bucket": "x"}),
    ("POST", "/api/storages/export/s3", {"project": "project_id", "bucket": "x"}),
]


def numbered(body: Any, values: dict[str, str]) -> Any:
    """Return a body in which the names of numbers are those numbers."""
    if isinstance(body, dict):
        return {name: numbered(each, values) for name, each in body.items()}
    if isinstance(body, list):
        return [numbered(each, values) for each in body]
    return int(values[body]) if isinstance(body, str) and body.endswith("_id") else body


@pytest.mark.parametrize(("method", "path", "body"), NAMED, ids=lambda part: str(part)[:50])
def test_what_another_organisation_has_is_not_there(
    everything: tuple[World, dict[str, str]], method: str, path: str, body: Any
) -> None:
    """That the paths of all things are shut to strangers is proven by rights.csv."""
    world, values = everything
    before = state(world, values)
    sent = {} if body is None else {"json": numbered(body, values)}
    address = path.format(**values)
    answer = world.ask(method, address, "other_requester", headers=CHINESE, **sent)
    refused(answer, 404)
    assert state(world, values) == before


def state(world: World, values: dict[str, str]) -> Any:
    """Return what the owner sees of their things."""
    project = values["project_id"]
    paths = (
        f"/api/projects/{project}/",
        f"/api/dm/views/?project={project}",
        f"/api/webhooks/?project={project}",
        f"/api/ml/?project={project}",
        f"/api/comments/?projects={project}",
    )
    seen = [world.good(world.get("requester", path)) for path in paths]
    return [seen, [row["id"] for row in world.tasks(int(project))]]


def test_numbers_of_others_within_ones_own_change_nothing(
    everything: tuple[World, dict[str, str]],
) -> None:
    """Ids of others in a list beside one's own project are nobody's there."""
    world, values = everything
    before = state(world, values)
    mine = world.project("other_requester")
    (task,) = world.import_list(mine, [{"text": "天津大学"}], "other_requester")["task_ids"]
    theirs = {name: int(values[f"{name}_id"]) for name in ("task", "annotation", "prediction")}
    action = f"/api/dm/actions/?id=delete_tasks&project={mine}"
    chosen = {"selectedItems": {"all": False, "included": [theirs["task"]]}}
    told = world.good(world.post("other_requester", action, chosen))
    assert told["processed_items"] == 0
    path = "/api/annotations/bulk-delete/"
    asked = {"project": mine, "ids": [theirs["annotation"]]}
    assert world.good(world.post("other_requester", path, asked)) == {"deleted": 0}
    for path, wrong in (
        (f"/api/tasks/{task}/annotations/", {"parent_prediction": theirs["prediction"]}),
        (f"/api/tasks/{task}/annotations/", {"parent_annotation": theirs["annotation"]}),
        (f"/api/projects/{mine}/reimport", {"file_upload_ids": [int(values["upload_id"])]}),
        (f"/api/projects/{mine}/tasks/{task}/assignees", {"users": [int(values["user_id"])]}),
    ):
        asked = {"result": entity(), **wrong}
        refused(world.post("other_requester", path, asked, headers=CHINESE), 400)
    rows = [{"task": task, "result": []}, {"task": theirs["task"], "result": []}]
    path = f"/api/projects/{mine}/import/predictions"
    refused(world.post("other_requester", path, rows, headers=CHINESE), 400)
    (row,) = world.tasks(mine, "other_requester")
    assert (row["predictions"], row["annotations"]) == ([], [])
    assert state(world, values) == before


class Interrupted(io.BytesIO):
    """A body in whose middle something else happens, as while a slow client sends it."""

    def __init__(self, content: bytes, meanwhile: Callable[[], None]) -> None:
        super().__init__(content)
        self._half = len(content) // 2
        self._meanwhile = [meanwhile]

    def read(self, size: int | None = -1) -> bytes:
        """Give the first half, then let the other thing happen, then give the second."""
        left = self._half - self.tell()
        if left > 0:
            return super().read(left if size is None or size < 0 else min(size, left))
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().read(size)

    def readinto(self, target: Any) -> int:
        """Read into a buffer."""
        part = self.read(len(target))
        target[: len(part)] = part
        return len(part)


@pytest.mark.parametrize("query", ["", "?async=true", "?commit_to_project=false"])
def test_a_project_that_is_deleted_while_its_tasks_arrive_gets_none(
    world: World, query: str
) -> None:
    project = world.project()
    content = json.dumps([{"text": f"第{number}号"} for number in range(3000)]).encode()

    def meanwhile() -> None:
        gone = world.ask("DELETE", f"/api/projects/{project}/", "requester")
        assert gone.status_code == 204

    answer = world.ask(
        "POST",
        f"/api/projects/{project}/import{query}",
        "requester",
        input_stream=Interrupted(content, meanwhile),
        content_length=len(content),
        content_type="application/json",
        headers=CHINESE,
    )
    refused(answer, 404)
    assert tasks_of(world, project) == 0 and world.waiting() == []


def test_an_import_job_of_a_deleted_project_brings_nothing(world: World) -> None:
    project = world.project()
    job = world.import_waiting(project, [{"text": "一"}])
    assert world.ask("DELETE", f"/api/projects/{project}/", "requester").status_code == 204
    ended = world.finished(job)
    assert ended["state"] == "failed" and str(project) in ended["error"]
    assert tasks_of(world, project) == 0


def test_an_import_job_stops_when_its_project_is_deleted(world: World) -> None:
    project = world.project()
    number = 40_000
    job = world.import_waiting(project, [{"text": f"第{each}号"} for each in range(number)])
    worker = threading.Thread(target=run.perform, args=(world.installation, job))
    worker.start()
    while tasks_of(world, project) == 0 and worker.is_alive():
        time.sleep(0.01)
    assert world.ask("DELETE", f"/api/projects/{project}/", "requester").status_code == 204
    here = tasks_of(world, project)
    worker.join(30)
    ended = world.good(world.get("admin", f"/api/jobs/{job}/", headers=CHINESE))
    assert ended["state"] == "failed" and re.search("[\u4e00-\u9fff]", ended["error"])
    assert 0 < here == tasks_of(world, project) < number
    for path in (f"/api/tasks/?project={project}", f"/api/projects/{project}/export"):
        refused(world.get("admin", path, headers=CHINESE), 404)
