"""Tasks are seen by those whose project it is, page by page, with their media in one query."""

from __future__ import annotations

import pytest

from jinbiao.datasets import projects, tasks
from jinbiao.datasets.errors import Forbidden, NotFound, NotSignedIn
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role
from jinbiao.datasets.tasks import TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, submitted


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def test_a_task_is_there_for_its_project_only(installation: Installation, team: Team) -> None:
    (task,) = factories.tasks(installation, team, 1)
    with installation.database.write() as session:
        stranger = factories.person(session, Role.REQUESTER)
        assert tasks.get(session, team.annotator, task.id, "task.read")[0].id == task.id
        with pytest.raises(NotSignedIn):
            tasks.get(session, None, task.id, "task.read")
        with pytest.raises(NotFound):
            tasks.get(session, stranger, task.id, "task.read")
        with pytest.raises(NotFound):
            tasks.get(session, team.annotator, task.id + 1, "task.read")
        with pytest.raises(Forbidden):
            tasks.get(session, team.annotator, task.id, "task.change")
        # With the project its tasks are gone from sight.
        projects.delete(session, team.requester, session.merge(team.project))
        session.flush()
        with pytest.raises(NotFound):
            tasks.get(session, team.annotator, task.id, "task.read")


def test_pages_and_counts(installation: Installation, team: Team) -> None:
    made = factories.tasks(installation, team, 7)
    submitted(installation, team.annotator, team.project, made[3])
    with installation.database.read() as session:
        first = tasks.page(session, team.project, limit=3)
        second = tasks.page(session, team.project, after=first[-1].id, limit=9)
        assert [task.id for task in first + second] == [task.id for task in made]
        (labelled,) = tasks.page(session, team.project, state=TaskState.LABELLED)
        assert labelled.id == made[3].id
        found = tasks.counts(session, [team.project.id, 0])
    assert found == {team.project.id: {TaskState.WAITING: 6, TaskState.LABELLED: 1}}


def test_media_of_many_tasks(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, factories.BOX_CONFIG)
        made = factories.bring(
            session, installation.store, team.requester, team.project, factories.pictures(3)
        )
        found = tasks.media_of(session, made)
        assert tasks.media_of(session, []) == {}
    digests = [tasks.media_digest(task.data_values["image"]) for task in made]
    assert list(found) and set(found) == set(digests)
    assert all(row.width == factories.PICTURE_SIDE for row in found.values())


@pytest.mark.parametrize(
    ("value", "digest"),
    [("media:abc", "abc"), ("a media:abc", None), (7, None), (None, None), ("https://x", None)],
)
def test_what_a_data_value_refers_to(value: object, digest: str | None) -> None:
    assert tasks.media_digest(value) == digest
