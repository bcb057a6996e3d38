"""Answers by which somebody is checked or admitted are no work: nothing counts or shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import (
    agreement,
    annotations,
    assignments,
    learning,
    projects,
    removal,
    reviews,
    snapshots,
    totals,
    versions,
    views,
    webhooks,
)
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.assignments import Assignment, AssignmentState
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import QueuedTask, Task
from jinbiao.datasets.webhooks import Delivery
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, judged, submitted, tone

PURPOSES = pytest.mark.parametrize("purpose", ["gold", "exam"])


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        made = factories.team(session)
        webhooks.add(
            session, installation.settings, made.requester, made.project, url="https://a.example/"
        )
        return made


def held(installation: Installation, team: Team, task: Task, purpose: str) -> None:
    """Give the colleague a task to check or admit them."""
    with installation.database.write() as session:
        session.add(
            Assignment(
                project_id=team.project.id,
                task_id=task.id,
                user_id=team.colleague.id,
                purpose=purpose,
                reserved_until=now(),
            )
        )


def answered(installation: Installation, team: Team, purpose: str) -> tuple[Task, Annotation]:
    """Accept one task and let the colleague answer it otherwise, as no work."""
    (task,) = factories.tasks(installation, team, 1)
    factories.accepted(installation, team, [task])
    held(installation, team, task, purpose)
    return task, submitted(installation, team.colleague, team.project, task, tone("bad"))


def facts(installation: Installation, task: Task) -> tuple[Any, ...]:
    """Return the row of a task, and whether it is queued."""
    with installation.database.read() as session:
        row = session.get_one(Task, task.id)
        queued = session.scalar(sa.select(QueuedTask).where(QueuedTask.task_id == task.id))
        return (
            row.state,
            row.total_annotations,
            row.cancelled_annotations,
            row.updated_at,
            row.updated_by,
            queued is not None,
        )


def told(installation: Installation) -> list[str]:
    """List what is waiting to be told."""
    with installation.database.read() as session:
        return list(session.scalars(sa.select(Delivery.action).order_by(Delivery.id)))


def changed(installation: Installation, team: Team, row: Annotation) -> None:
    with installation.database.write() as session:
        found, task, project = annotations.get(session, team.colleague, row.id, "annotation.write")
        annotations.update(session, team.colleague, project, task, found, tone())


def deleted(installation: Installation, team: Team, row: Annotation) -> None:
    with installation.database.write() as session:
        removal.answers(session, team.colleague, team.project, [row.id])


@PURPOSES
@pytest.mark.parametrize("then", [None, changed, deleted])
def test_an_answer_that_is_no_work_changes_nothing_of_the_task(
    installation: Installation,
    team: Team,
    purpose: str,
    then: Callable[[Installation, Team, Annotation], None] | None,
) -> None:
    (task,) = factories.tasks(installation, team, 1)
    factories.accepted(installation, team, [task])
    before, said = facts(installation, task), told(installation)
    held(installation, team, task, purpose)
    row = submitted(installation, team.colleague, team.project, task, tone("bad"))
    assert (row.purpose, row.is_work, row.state) == (purpose, False, AnnotationState.SUBMITTED)
    with installation.database.read() as session:
        hold = assignments.held(session, team.colleague, task.id)
        assert hold is not None
        assert (hold.state, hold.reserved_until) == (AssignmentState.SUBMITTED, None)
    if then is not None:
        then(installation, team, row)
    assert facts(installation, task) == before
    assert told(installation) == said


@PURPOSES
@pytest.mark.parametrize("rule", ["REQUEUE_FOR_OTHERS", "REQUEUE_FOR_ME", "IGNORE_SKIPPED"])
def test_a_skip_that_is_no_work_queues_nothing(
    installation: Installation, team: Team, purpose: str, rule: str
) -> None:
    (task,) = factories.tasks(installation, team, 1)
    factories.accepted(installation, team, [task])
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        projects.change(session, team.requester, project, options={"skip_queue": rule})
    before = facts(installation, task)
    held(installation, team, task, purpose)
    row = submitted(installation, team.colleague, team.project, task, result=[], was_cancelled=True)
    assert (row.purpose, row.state) == (purpose, AnnotationState.SKIPPED)
    deleted(installation, team, row)
    assert facts(installation, task) == before


@PURPOSES
def test_no_reviewer_gets_it(installation: Installation, team: Team, purpose: str) -> None:
    _task, row = answered(installation, team, purpose)
    with installation.database.write() as session:
        assert reviews.claim(session, installation.settings, team.reviewer, team.project) is None
        bulk = reviews.accept_in_bulk(session, team.reviewer, team.project, after=0, limit=9)
        assert bulk[0] == 0
    with pytest.raises(Refused, match="not waiting"):
        judged(installation, team.reviewer, row)


@PURPOSES
def test_no_reader_counts_it(installation: Installation, team: Team, purpose: str) -> None:
    task, row = answered(installation, team, purpose)
    with installation.database.read() as session:
        project = team.project
        assert annotations.count(session, project) == 1
        assert annotations.count_in_state(session, project, AnnotationState.SUBMITTED) == 0
        assert learning.answers(session, project.id) == 1
        assert [result for _task, result in reviews.labelled(session, project, 9)] == [
            session.get_one(Annotation, row.id - 1).result
        ]
        found = totals.of_projects(session, [project], team.colleague)[project.id]
        # To the person themselves a check looks like a task that they did.
        assert (found.annotations, found.done_by_asker) == (1, int(purpose == "gold"))
        assert [each.id for each in totals.annotators(session, project)] == [team.annotator.id]
        row_of_task = session.get_one(Task, task.id)
        sheet = agreement.of_task(session, team.requester, project, row_of_task)
        assert sheet.people == (team.annotator.id,)
        assert removal.answers_of(session, project, [task.id]) == [row.id - 1]
        made = annotations.of_tasks(session, [task.id])[task.id]
        assert [each.id for each in annotations.visible_to(team.requester, made)] == [row.id - 1]
        assert [each.id for each in annotations.visible_to(team.colleague, made)] == [row.id]


@PURPOSES
@pytest.mark.parametrize("name", ["annotations_results", "annotations_ids", "annotators"])
def test_no_view_finds_it(installation: Installation, team: Team, purpose: str, name: str) -> None:
    _task, row = answered(installation, team, purpose)
    values = {
        "annotations_results": ("String", "bad"),
        "annotations_ids": ("List", row.id),
        "annotators": ("List", team.colleague.id),
    }
    kind, value = values[name]
    item = {"filter": f"filter:tasks:{name}", "operator": "contains", "type": kind, "value": value}
    with installation.database.read() as session:
        query = views.parse_query({"filters": {"conjunction": "and", "items": [item]}})
        assert views.chosen(session, team.project, query) == []
        # The same question finds it as soon as it is work.
        session.get_one(Annotation, row.id).purpose = None
        session.flush()
        assert len(views.chosen(session, team.project, query)) == 1


@PURPOSES
def test_no_version_and_no_snapshot_holds_it(
    installation: Installation, team: Team, purpose: str
) -> None:
    _task, row = answered(installation, team, purpose)
    version = factories.frozen(installation, team)
    with installation.database.read() as session:
        frozen = versions.opened(session, installation.database, installation.store, version.id)
        (record,) = frozen.records()
        assert record.result == tone()
        wanted = snapshots.Wanted()
        reading = snapshots.Reading(session, team.project, wanted, lambda *_: "")
        (line,) = snapshots.lines(reading)
        assert [each.id for each in line.answers] == [row.id - 1]
        (text,) = snapshots.task_texts(reading)
        assert b'"bad"' not in text
