"""What is published is what was searched: the version's own lines, whatever became of its tasks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jinbiao.datasets import clearance, people, provenance, withdrawals
from jinbiao.datasets.catalogue import ReleaseFile
from jinbiao.datasets.clearance import VersionFinding, VersionSearch
from jinbiao.datasets.db import now
from jinbiao.datasets.jobs import JobState
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import VersionRecord
from jinbiao.server import versions as versions_routes
from jinbiao.tests.server import test_material as material
from jinbiao.tests.server.test_findings import (
    MOBILE,
    OTHER,
    decided,
    either_world,
    found,
    frozen,
    scanned,
    treated,
)
from jinbiao.tests.server.world import BOXES, FACTS, World, box, entity, picture

__all__ = ["either_world"]
TEXTS = [f"天津大学，{MOBILE}", "天津大学乙"]


def asked(version: int, name: str = "held") -> tuple[str, dict[str, Any]]:
    return f"/api/versions/{version}/publish", {**FACTS, "name": name}


def published(world: World, version: int, name: str = "held") -> dict[str, Any]:
    """Try to publish a version; return the job, or the answer that refuses at once."""
    answer = world.post("requester", *asked(version, name))
    if answer.status_code != 202:
        return {"state": JobState.FAILED, "error": answer.get_json()}
    return world.finished(world.good(answer, 202)["id"])


def refused(world: World, version: int, *words: str) -> None:
    job = published(world, version)
    assert job["state"] == JobState.FAILED, job
    reason = json.dumps(job["error"], ensure_ascii=False)
    assert all(word in reason for word in words), reason
    assert MOBILE not in reason
    with world.installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ReleaseFile)) == 0


def rewritten(world: World, task: int, text: str) -> None:
    world.good(world.patch("requester", f"/api/tasks/{task}/", {"data": {"text": text}}))


def withdrawn(world: World, task: int) -> None:
    """Take a task out of the work for what is wrong with it, without treating anything."""
    with world.installation.database.write() as session:
        row = session.get_one(Task, task)
        project = session.get_one(Project, row.project_id)
        withdrawals.withdraw(session, people.get_user(session, "requester"), project, row)


def gone(world: World, task: int) -> None:
    assert world.ask("DELETE", f"/api/tasks/{task}/", "requester").status_code == 204


def cleaned(world: World, task: int) -> None:
    rewritten(world, task, "天津大学，没有了")


@pytest.mark.parametrize("change", [cleaned, gone])
@pytest.mark.parametrize("scan_first", [False, True])
def test_a_task_that_changed_does_not_hide_what_its_version_says(
    either_world: World, change: Callable[[World, int], None], scan_first: bool
) -> None:
    world = either_world
    project, version = frozen(world, TEXTS)
    task = min(row["id"] for row in world.tasks(project))
    if scan_first:
        scanned(world, project)
    change(world, task)
    if scan_first:
        scanned(world, project)
    assert found(world, project) == []
    refused(world, version, "personal_information", f"任务 {task}）")
    # By now it is known: the next try is refused at once.
    asked = {**FACTS, "name": "held"}
    answer = world.post("requester", f"/api/versions/{version}/publish", asked)
    assert answer.status_code == 400 and str(task) in answer.text
    # What the project says now is clean.
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    assert published(world, int(result["version"]))["state"] == JobState.DONE


def test_a_withdrawn_task_does_not_take_the_reasons_along(either_world: World) -> None:
    world = either_world
    project, version = frozen(world, TEXTS)
    scanned(world, project)
    task = found(world, project)[0]["task"]
    withdrawn(world, task)
    refused(world, version, "personal_information", f"任务 {task}）")
    # What a person dismisses holds nothing up, nor does it in a version.
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    assert published(world, version)["state"] == JobState.DONE


def test_what_was_dismissed_and_changed_later_is_published_and_counted(world: World) -> None:
    project, version = frozen(world, TEXTS)
    scanned(world, project)
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    world.import_list(project, [{"text": f"另一条，也是 {MOBILE}"}])
    scanned(world, project)
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    rewritten(world, min(row["id"] for row in world.tasks(project)), "天津大学改了")
    assert published(world, version)["state"] == JobState.DONE
    with world.installation.database.read() as session:
        told = provenance.of_version(session, version).searched
    assert told is not None
    assert (told.records, told.unseen, told.dismissed, told.treated) == (2, 0, 1, 0)


def test_a_version_is_searched_once(world: World) -> None:
    project, version = frozen(world, TEXTS)
    refused(world, version)
    with world.installation.database.read() as session:
        first = session.get_one(VersionSearch, version)
        assert (first.records, first.position, first.told) == (2, 2, 0)
        (row,) = session.scalars(sa.select(VersionFinding))
        assert (row.kind, row.masked, row.place) == ("mobile", "138****8000", "text")
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    assert published(world, version)["state"] == JobState.DONE
    with world.installation.database.read() as session:
        assert session.get_one(VersionSearch, version).ended_at == first.ended_at
        assert len(list(session.scalars(sa.select(VersionFinding)))) == 1


class Killed(BaseException):
    """Stands for SIGKILL."""


def test_a_killed_search_goes_on_and_finds_each_once(
    either_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = either_world
    texts = [f"天津大学{n}，手机138001380{n:02d}" for n in range(5)]
    _project, version = frozen(world, texts)
    # Two lines at once, so that there are three steps.
    monkeypatch.setattr(clearance, "FIRST_LINES", 2)
    monkeypatch.setattr(clearance, "BATCH_LINES", 2)
    calls = [0]

    def dies(_session: Session) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise Killed

    database, settings = world.installation.database, world.installation.settings
    with pytest.raises(Killed):
        clearance.search(database, settings, version, dies)
    with database.read() as session:
        assert session.get_one(VersionSearch, version).position == 2
        assert not clearance.is_searched(session, version)
    clearance.search(database, settings, version, lambda _session: None)
    with database.read() as session:
        assert clearance.is_searched(session, version)
        rows = list(session.scalars(sa.select(VersionFinding.masked)))
        assert sorted(rows) == [f"138****80{n:02d}" for n in range(5)]


def boards(world: World) -> tuple[int, list[int]]:
    """Freeze two pictures that were accepted; return the version and the tasks."""
    project = world.project(config=BOXES)
    world.upload(project, ("a.png", picture(1)), ("b.png", picture(2)))
    for _ in range(2):
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
        sent = {"result": [box()], "unique_id": task["unique_lock_id"]}
        world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
        task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
        path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    return int(result["version"]), sorted(row["id"] for row in world.tasks(project))


def test_files_of_tasks_that_changed_are_not_published(world: World) -> None:
    version, tasks = boards(world)
    gone(world, tasks[0])
    refused(world, version, "请重新固化", f"任务 {tasks[0]}）")


def test_the_job_looks_at_all_files_where_the_request_looks_at_some(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a million records to be held against their tasks, and none is left out."""
    version, tasks = boards(world)
    with world.installation.database.write() as session:
        session.execute(sa.update(Task).values(updated_at=now()))
        order = list(
            session.scalars(sa.select(VersionRecord.task_id).order_by(VersionRecord.position))
        )
    gone(world, order[-1])
    refused(world, version, "请重新固化")
    # The version is searched now, so that a second attempt is refused at once …
    assert world.post("requester", *asked(version)).status_code == 400
    monkeypatch.setattr(clearance, "FIRST_LINES", 1)
    monkeypatch.setattr(versions_routes, "LOOKED_AT", 1)
    # … unless what is wrong stands behind what a request looks at.
    assert world.post("requester", *asked(version)).status_code == 202
    refused(world, version, "请重新固化", f"任务 {order[-1]}）")
    assert sorted(order) == tasks


def test_a_version_that_tells_plain_digests_is_not_published(world: World) -> None:
    _project, version = frozen(world, TEXTS[1:])
    with world.installation.database.write() as session:
        (row,) = session.scalars(
            sa.select(VersionRecord).where(VersionRecord.version_id == version)
        )
        record = json.loads(str(row.line))
        plain = hashlib.sha256(b"138").hexdigest()
        record["origin"] = {"asset": plain, "cleaning": None}
        row.line = json.dumps(record, ensure_ascii=False)
    refused(world, version, "可据以猜出原始素材的摘要")


# --- Whatever is published is looked at ------------------------------------------------------

SPANS = (
    '<View><Labels name="label" toName="text"><Label value="ORG"/></Labels>'
    '<Text name="text" value="$text"/>'
    '<TextArea name="said" toName="text" perRegion="true"/></View>'
)


def test_notes_and_writing_on_a_marked_stretch_are_looked_at(either_world: World) -> None:
    world = either_world
    project = world.project(config=SPANS)
    world.import_list(project, [{"text": "天津大学在这里"}])
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    (span,) = entity()
    stretch = {**span, "meta": {"text": [f"备注 {OTHER}"]}}
    value = {"start": 0, "end": 4, "text": [f"电话 {MOBILE}"]}
    written = {"id": span["id"], "from_name": "said", "to_name": "text", "type": "textarea"}
    sent = {"result": [stretch, {**written, "value": value}], "unique_id": task["unique_lock_id"]}
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post("annotator", path, sent), 201)
    world.post("reviewer", f"/api/annotations/{made['id']}/reviews", {"verdict": "accept"})
    version = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    scanned(world, project)
    rows = {row["masked"]: row for row in found(world, project)}
    assert set(rows) == {"138****8000", "139****9000"}
    assert rows["139****9000"]["place"] == f"annotation:{made['id']}[0].meta.text[0]"
    assert rows["138****8000"]["place"] == f"annotation:{made['id']}[1][0]"
    for masked, value_ in (("138****8000", MOBILE), ("139****9000", OTHER)):
        path = f"/api/findings/{rows[masked]['id']}/reveal"
        assert world.good(world.post("requester", path))["value"] == value_
    told = treated(world, project, "mask", state="open")
    assert told["treated"] == 0 and "annotation" in told["refused"][0]["reason"]
    # Its own answers are searched as well as the project's.
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    assert published(world, int(version["version"]))["state"] == JobState.DONE
    with world.installation.database.read() as session:
        number = sa.select(sa.func.count()).select_from(VersionFinding)
        assert session.scalar(number) == 2


def test_what_a_reviewer_wrote_is_looked_at(world: World) -> None:
    config = '<View><Text name="text" value="$text"/><TextArea name="said" toName="text"/></View>'
    project = world.project(config=config)
    world.import_list(project, [{"text": "天津大学"}])
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    said = {"id": "a", "from_name": "said", "to_name": "text", "type": "textarea"}
    sent = {"result": [{**said, "value": {"text": ["无"]}}], "unique_id": task["unique_lock_id"]}
    made = world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
    scanned(world, project)
    fixed = [{**said, "value": {"text": [f"有：{MOBILE}"]}}]
    path = f"/api/annotations/{made['id']}/reviews"
    told = world.good(world.post("reviewer", path, {"verdict": "fix", "result": fixed}), 201)
    scanned(world, project)
    (row,) = found(world, project)
    assert row["place"] == f"review:{told['id']}[0][0]"
    path = f"/api/findings/{row['id']}/reveal"
    assert world.good(world.post("requester", path))["value"] == MOBILE


def test_names_of_tasks_files_and_fields_are_looked_at_and_treated(world: World) -> None:
    project = world.project(config=BOXES)
    world.upload(project, (f"王 {MOBILE}.png", picture(1)))
    (task,) = world.tasks(project)
    with world.installation.database.write() as session:
        session.execute(sa.text("UPDATE tasks SET group_name = :group"), {"group": f"组 {OTHER}"})
    scanned(world, project)
    places = {row["place"]: row["masked"] for row in found(world, project)}
    assert places == {
        "task:name": "138****8000",
        "task:group": "139****9000",
        "file:image": "138****8000",
    }
    assert treated(world, project, "mask", state="open")["treated"] == 3
    assert scanned(world, project, again=True)["found"] == 0
    assert {row["state"] for row in found(world, project)} == {"treated"}
    with world.installation.database.read() as session:
        row = session.execute(sa.text("SELECT name, media_names, group_name FROM tasks")).one()
    assert "138****8000" in row[0] and "138****8000" in row[1] and row[2] == "组 139****9000"
    assert world.tasks(project)[0]["id"] == task["id"]


def test_a_key_that_tells_of_somebody_is_looked_at_and_not_changed(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": "天津大学", "more": {f"电话{MOBILE}": "是"}}])
    scanned(world, project)
    (row,) = found(world, project)
    assert row["place"] == "key:more.电话138****8000" and row["masked"] == "138****8000"
    told = treated(world, project, "mask", state="open")
    assert told["treated"] == 0 and "field" in told["refused"][0]["reason"]


def test_a_stretch_that_is_not_of_the_text_is_looked_at(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": f"天津大学，{OTHER}"}])
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    own, other = entity(number=1)[0], entity(number=2)[0]
    own["value"]["text"], other["value"]["text"] = f"天津大学，{OTHER}", f"电话 {MOBILE}"
    sent = {"result": [own, other], "unique_id": task["unique_lock_id"]}
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post("annotator", path, sent), 201)
    scanned(world, project)
    rows = [(row["place"], row["masked"]) for row in found(world, project)]
    assert rows == [("text", "139****9000"), (f"annotation:{made['id']}[1][0]", "138****8000")]


def test_names_of_assets_are_looked_at(either_world: World) -> None:
    world = either_world
    number = material.library(world)
    material.bring(world, number, f"王_{MOBILE}.txt", "天津大学".encode())
    told = world.done(world.post("requester", f"/api/libraries/{number}/scans/", {}))
    assert (told["records"], told["found"]) == (1, 1)
    rows = world.good(world.get("requester", f"/api/libraries/{number}/findings/"))["results"]
    assert [(row["place"], row["masked"]) for row in rows] == [("task:name", "138****8000")]
    revealed = world.post("requester", f"/api/findings/{rows[0]['id']}/reveal")
    assert world.good(revealed)["value"] == MOBILE
