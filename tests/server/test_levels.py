"""A version inherits the highest data level of what it was made of: nobody publishes it lower."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import catalogue
from jinbiao.datasets.catalogue import Release
from jinbiao.datasets.jobs import JobState
from jinbiao.tests.server import test_material as material
from jinbiao.tests.server.test_findings import either_world
from jinbiao.tests.server.world import FACTS, World, entity

__all__ = ["either_world"]
CLOSED = {**FACTS, "openness": "closed", "data_level": "important"}
SENT = b'{"text":"\xe5\xa4\xa9\xe6\xb4\xa5\xe5\xa4\xa7\xe5\xad\xa6"}\n'


def labelled(world: World, project: int) -> int:
    """Label and accept all texts of a project, freeze it, and return the version."""
    for _ in world.tasks(project):
        answer = world.get("annotator", f"/api/projects/{project}/next")
        if answer.status_code != 200:
            break
        task = world.good(answer)
        path = f"/api/tasks/{task['id']}/annotations/"
        sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
        world.good(world.post("annotator", path, sent), 201)
        task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
        path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    return int(result["version"])


def frozen_from(world: World, level: str | None) -> tuple[int, int, int]:
    """Freeze what came from a library of that level; return (library, project, version)."""
    number = material.library(world, title="设备原始记录", level=level)
    material.bring(world, number, "a.jsonl", SENT)
    project = world.project()
    assert material.send(world, number, project)["tasks"] == 1
    return number, project, labelled(world, project)


def levelled(world: World, number: int, level: str | None) -> None:
    world.good(world.patch("requester", f"/api/libraries/{number}/", {"level": level}))


def publish(world: World, version: int, facts: dict[str, Any], name: str = "raw") -> Any:
    return world.post("requester", f"/api/versions/{version}/publish", {**facts, "name": name})


def refused(world: World, version: int, facts: dict[str, Any], *words: str) -> None:
    """Nothing is published, by the request nor by the job, and these words say why."""
    answer = publish(world, version, facts)
    assert answer.status_code == 400, answer.text
    assert all(word in answer.text for word in ("data_level", *words)), answer.text
    assert released(world) == 0


def released(world: World) -> int:
    with world.installation.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Release)) or 0


def test_what_came_from_a_library_is_not_published_below_its_level(either_world: World) -> None:
    world = either_world
    number, _project, version = frozen_from(world, "important")
    refused(world, version, FACTS, "设备原始记录", f"/libraries/{number}")
    # Important data is published to its own people only.
    assert publish(world, version, {**CLOSED, "openness": "conditional"}).status_code == 400
    levelled(world, number, "core")
    refused(world, version, CLOSED, "设备原始记录", f"/libraries/{number}")
    levelled(world, number, "important")
    world.done(publish(world, version, CLOSED))


@pytest.mark.parametrize("level", ["general", None])
def test_general_material_is_opened(world: World, level: str | None) -> None:
    material.library(world, level="core")
    _number, _project, version = frozen_from(world, level)
    world.done(publish(world, version, FACTS))


def test_the_job_asks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number, _project, version = frozen_from(world, "general")
    job = world.good(publish(world, version, FACTS), 202)
    levelled(world, number, "important")
    ended = world.finished(job["id"])
    assert ended["state"] == JobState.FAILED
    reason = json.dumps(ended["error"], ensure_ascii=False)
    assert "设备原始记录" in reason and f"/libraries/{number}" in reason
    # The last step of all holds it too, were both others passed by.
    monkeypatch.setattr(catalogue, "level_faults", lambda *_given: [])
    ended = world.finished(world.good(publish(world, version, FACTS), 202)["id"])
    assert ended["state"] == JobState.FAILED
    assert "设备原始记录" in json.dumps(ended["error"], ensure_ascii=False)
    assert released(world) == 0


def test_facts_of_what_is_published_are_not_lowered_below_it(world: World) -> None:
    number, _project, version = frozen_from(world, "important")
    world.done(publish(world, version, CLOSED))
    path = "/api/catalogue/alpha/raw/facts/"
    for told in ({"data_level": "general"}, {"data_level": "general", "openness": "open"}):
        answer = world.patch("requester", path, told)
        assert answer.status_code == 400 and "设备原始记录" in answer.text
    world.good(world.patch("requester", path, {"data_level": None}))
    assert world.patch("requester", path, {"data_level": "general"}).status_code == 400
    world.good(world.patch("requester", path, {"data_level": "important", "region": "120101"}))
    levelled(world, number, "general")
    told = {"data_level": "general", "openness": "open"}
    world.good(world.patch("requester", path, told))
    # It was opened, and should not have been: closing is never held up.
    levelled(world, number, "core")
    assert world.patch("requester", path, {"domain": "city"}).status_code == 400
    world.good(world.patch("requester", path, {"openness": "closed"}))


def test_a_later_version_does_not_open_the_earlier_ones(world: World) -> None:
    _number, project, version = frozen_from(world, "important")
    world.done(publish(world, version, CLOSED))
    (task,) = world.tasks(project)
    assert world.ask("DELETE", f"/api/tasks/{task['id']}/", "requester").status_code == 204
    world.import_list(project, [{"text": "天津大学乙"}])
    later = labelled(world, project)
    answer = publish(world, later, FACTS)
    assert answer.status_code == 400 and "data_level" in answer.text
    # Under another name it stands alone.
    world.done(publish(world, later, FACTS, "clean"))


def test_a_deleted_task_does_not_take_its_level_along(world: World) -> None:
    _number, project, version = frozen_from(world, "important")
    (task,) = world.tasks(project)
    assert world.ask("DELETE", f"/api/tasks/{task['id']}/", "requester").status_code == 204
    refused(world, version, FACTS)
    world.done(publish(world, version, CLOSED))


def test_a_library_is_not_removed_while_its_level_counts(world: World) -> None:
    number, _project, version = frozen_from(world, "important")
    path = f"/api/libraries/{number}/?confirmed=true"
    assert world.ask("DELETE", path, "requester").status_code == 422
    refused(world, version, FACTS, "设备原始记录")
    levelled(world, number, "general")
    world.done(world.ask("DELETE", path, "requester"))
    # Who put the level down, and from what, is written down.
    events = world.get("auditor", "/audit?action=library.change").text
    assert "library.change" in events and "important" in events


def test_the_form_chooses_the_level_of_the_sources(world: World) -> None:
    number, _project, version = frozen_from(world, "important")
    chosen = '<option value="important" selected>'
    assert chosen in world.get("requester", f"/versions/{version}").text
    levelled(world, number, None)
    assert chosen not in world.get("requester", f"/versions/{version}").text
