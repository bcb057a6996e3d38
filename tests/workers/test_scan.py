"""Scans: what a publish attempt leaves out is looked at later, and late commits are seen."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from jinbiao.datasets import findings, jobs
from jinbiao.datasets.db import now
from jinbiao.datasets.findings import Finding, FindingState, Scan, changes
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.personal_information import DETECTOR
from jinbiao.datasets.projects import Project
from jinbiao.datasets.sources import BytesMedia, Item
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.factories import Team
from jinbiao.workers import run, scan

MOBILE = "13800138000"


def scanned(installation: Installation, team: Team, **asked: Any) -> dict[str, Any]:
    job = run.do_here(installation, team.requester, team.project, "scan", asked)
    assert job.state == jobs.JobState.DONE, job.error
    return dict(job.result_values)


def refreshed(installation: Installation, team: Team) -> None:
    """Do what a publish attempt does first."""
    with installation.database.write() as session:
        job = jobs.add(session, team.requester, "publish", {}, project_id=team.project.id)
        begun = jobs.begin(session, job.id, "here")
        assert begun is not None
    scan.refresh(run.work_of(installation, begun, team.requester), team.project)


def unseen(installation: Installation, team: Team) -> int:
    with installation.database.read() as session:
        return findings.standing(session, team.project).unseen


def animation() -> bytes:
    """Draw three frames."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (40 * n, 0, 0)) for n in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def pictured(installation: Installation, *contents: tuple[str, bytes]) -> tuple[Team, list[Task]]:
    with installation.database.write() as session:
        team = factories.team(session, factories.BOX_CONFIG)
        items = [
            Item(n, name, name, {}, media={"image": BytesMedia(name, content)})
            for n, (name, content) in enumerate(contents, 1)
        ]
        made = factories.bring(session, installation.store, team.requester, team.project, items)
    return team, made


def test_a_publish_attempt_leaves_pictures_to_the_next_scan(installation: Installation) -> None:
    names = [(f"{n}.png", factories.picture(n)) for n in range(3)]
    team, made = pictured(installation, *names)
    refreshed(installation, team)
    assert unseen(installation, team) == 3
    told = scanned(installation, team)
    assert (told["records"], told["unseen"]) == (3, 0)
    assert scanned(installation, team)["records"] == 0
    # Each change of one picture leaves one unseen, however often it is.
    for _ in range(2):
        with installation.database.write() as session:
            session.get_one(Task, made[0].id).updated_at = now()
        refreshed(installation, team)
        assert unseen(installation, team) == 1
    told = scanned(installation, team)
    assert (told["records"], told["unseen"]) == (1, 0)


def test_further_frames_are_unseen(installation: Installation) -> None:
    team, _made = pictured(installation, ("a.gif", animation()), ("b.png", factories.picture(1)))
    assert scanned(installation, team)["unseen"] == 1
    # Not left out on purpose: another scan would see no more.
    assert scanned(installation, team)["records"] == 0
    assert unseen(installation, team) == 1


def late(installation: Installation, task: Task, text: str) -> None:
    """Change a task as a transaction does that began before the last scan and ended after it."""
    with installation.database.write() as session:
        began = session.scalars(sa.select(Scan.created_at).order_by(Scan.id.desc())).first()
        assert began is not None
        row = session.get_one(Task, task.id)
        row.data = f'{{"text":"{text}"}}'
        row.updated_at = began - dt.timedelta(seconds=20)


@pytest.mark.parametrize("listed", [1000, 1])
def test_what_was_committed_late_is_looked_at(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, listed: int
) -> None:
    # Of many changes only the sums are kept: then all of them are looked at again.
    monkeypatch.setattr(changes, "LISTED", listed)
    with installation.database.write() as session:
        team = factories.team(session)
    made = factories.tasks(installation, team, 3)
    assert scanned(installation, team)["records"] == 3
    with installation.database.read() as session:
        assert findings.is_fresh(session, team.project, DETECTOR)
    late(installation, made[0], f"电话{MOBILE}")
    with installation.database.read() as session:
        assert not findings.is_fresh(session, team.project, DETECTOR)
    told = scanned(installation, team)
    assert (told["records"], told["found"]) == (1 if listed > 1 else 3, 1)
    assert scanned(installation, team)["records"] == 0
    with installation.database.read() as session:
        assert findings.is_fresh(session, team.project, DETECTOR)


def test_what_somebody_confirms_in_the_meantime_is_not_deleted(
    installation: Installation,
) -> None:
    database = installation.database
    if database.is_sqlite:
        pytest.skip("on SQLite nobody writes beside a scan")
    with database.write() as session:
        team = factories.team(session)
        items = factories.texts(f"电话{MOBILE}")
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
    scanned(installation, team)

    beside_it = [0]

    def confirmed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("DELETE FROM findings"):
            beside_it[0] += 1
            with database.engine.begin() as beside:
                beside.execute(sa.update(Finding).values(state=FindingState.CONFIRMED))

    with database.write() as session:
        project = session.get_one(Project, team.project.id)
        begun = findings.begin(session, team.requester, project, str(uuid.uuid4()), DETECTOR)
        sa.event.listen(database.engine, "before_cursor_execute", confirmed)
        findings.keep(session, begun, {task.id: []})
    sa.event.remove(database.engine, "before_cursor_execute", confirmed)
    assert beside_it == [1]
    with database.read() as session:
        assert [row.state for row in session.scalars(sa.select(Finding))] == ["confirmed"]
