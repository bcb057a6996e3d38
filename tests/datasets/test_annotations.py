"""An answer is taken once, whoever sends it how often; nothing that was said is lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations, assignments, labels, projects, removal, reviews
from jinbiao.datasets.annotations import (
    Annotation,
    AnnotationRevision,
    AnnotationState,
    Draft,
    state_of,
)
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, Refused, Stale, TooLarge
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import QueuedTask, Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, judged, submitted, tone


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def task(installation: Installation, team: Team) -> Task:
    return factories.tasks(installation, team, 1)[0]


def state(installation: Installation, task: Task) -> str:
    with installation.database.read() as session:
        return session.get_one(Task, task.id).state


def draft(
    installation: Installation, annotator: User, team: Team, task: Task, **values: Any
) -> Draft:
    with installation.database.write() as session:
        return annotations.save_draft(session, annotator, team.project, task, tone(), **values)


def update(
    installation: Installation, annotator: User, annotation: Annotation, answer: str = "bad"
) -> Annotation:
    with installation.database.write() as session:
        row, task, project = annotations.get(session, annotator, annotation.id, "annotation.write")
        annotations.update(session, annotator, project, task, row, tone(answer), lead_time=2.0)
        return row


def test_an_answer_is_kept_as_it_was_given(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task, lead_time=3.5)
    with installation.database.read() as session:
        row = session.get_one(Annotation, made.id)
        assert row.result_values == tone()
        assert (row.state, row.completed_by, row.lead_time) == (
            AnnotationState.SUBMITTED,
            team.annotator.id,
            3.5,
        )
        assert annotations.count(session, team.project) == 1
    assert state(installation, task) == TaskState.LABELLED


def test_the_same_answer_sent_twice_is_one(
    installation: Installation, team: Team, task: Task
) -> None:
    first = submitted(installation, team.annotator, team.project, task, unique_id="a-1")
    again = submitted(
        installation, team.annotator, team.project, task, tone("bad"), unique_id="a-1"
    )
    assert (again.id, again.result_values) == (first.id, tone())
    with pytest.raises(Refused, match="no place left"):
        submitted(installation, team.annotator, team.project, task, unique_id="a-2")


@pytest.mark.parametrize("unique_id", ["a-1", None])
def test_the_same_answer_sent_at_once_is_one(
    installation: Installation, team: Team, task: Task, unique_id: str | None
) -> None:
    start = threading.Barrier(6)

    def send(_number: int) -> int | None:
        start.wait()
        try:
            return submitted(
                installation, team.annotator, team.project, task, unique_id=unique_id
            ).id
        except Refused:
            return None

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(send, range(6)))
    assert len(set(found) - {None}) == 1
    assert (None in found) == (unique_id is None)
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Annotation)) == 1


def test_two_people_may_use_the_same_unique_id(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    (task,) = factories.tasks(installation, team, 1)
    mine = submitted(installation, team.annotator, team.project, task, unique_id="1")
    theirs = submitted(installation, team.colleague, team.project, task, unique_id="1")
    assert mine.id != theirs.id


def test_a_unique_id_is_never_cut(installation: Installation, team: Team, task: Task) -> None:
    with pytest.raises(Invalid, match="unique_id"):
        submitted(installation, team.annotator, team.project, task, unique_id="x" * 65)


def test_a_refused_result_names_every_region(
    installation: Installation, team: Team, task: Task
) -> None:
    wrong = [tone("awful")[0], {**tone()[0], "id": "b", "from_name": "colour"}]
    with pytest.raises(Invalid) as refused:
        submitted(installation, team.annotator, team.project, task, wrong)
    places = {problem.place for problem in refused.value.problems}
    assert {place.split(".")[0] for place in places} == {"result[0]", "result[1]"}
    assert state(installation, task) == TaskState.WAITING


def with_rule(installation: Installation, team: Team, rule: str) -> Team:
    """Choose what a skip does with the task."""
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        projects.change(session, team.requester, project, options={"skip_queue": rule})
    return replace(team, project=project)


def test_a_skip_is_no_answer_and_others_get_the_task(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task, was_cancelled=True)
    assert made.was_cancelled and made.result_values == []
    assert state(installation, task) == TaskState.WAITING
    with installation.database.write() as session:
        assert annotations.count(session, team.project) == 0
        again = session.get_one(Task, task.id)
        assert (again.total_annotations, again.cancelled_annotations) == (0, 1)
        settings = installation.settings
        assert assignments.claim(session, settings, team.annotator, team.project) is None
        assert assignments.claim(session, settings, team.colleague, team.project) is not None


def test_a_skip_closes_the_task_where_skips_are_ignored(
    installation: Installation, team: Team, task: Task
) -> None:
    team = with_rule(installation, team, "IGNORE_SKIPPED")
    submitted(installation, team.annotator, team.project, task, was_cancelled=True)
    assert state(installation, task) == TaskState.SKIPPED
    with installation.database.write() as session:
        settings = installation.settings
        assert assignments.claim(session, settings, team.colleague, team.project) is None


def test_a_skipped_task_comes_back_last_where_the_project_wants_it(
    installation: Installation, team: Team, task: Task
) -> None:
    team = with_rule(installation, team, "REQUEUE_FOR_ME")
    (other,) = factories.tasks(installation, team, 1)
    for wanted in (task, other, task):
        with installation.database.write() as session:
            settings = installation.settings
            held = assignments.claim(session, settings, team.annotator, team.project)
            assert held is not None and held.task_id == wanted.id
        submitted(installation, team.annotator, team.project, wanted, was_cancelled=True)


def test_an_empty_answer_is_one_unless_the_project_says_no(
    installation: Installation, team: Team, task: Task
) -> None:
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        options = {"enable_empty_annotation": False}
        projects.change(session, team.requester, project, options=options)
    with pytest.raises(Invalid) as refused:
        submitted(installation, team.annotator, project, task, [])
    assert refused.value.place == "result"
    assert submitted(installation, team.annotator, team.project, task, []).result == "[]"


def test_who_brings_data_answers_beyond_the_places(
    installation: Installation, team: Team, task: Task
) -> None:
    submitted(installation, team.annotator, team.project, task)
    for number in range(2, 4):
        submitted(installation, team.requester, team.project, task, ground_truth=number == 3)
        with installation.database.read() as session:
            assert session.get_one(Task, task.id).total_annotations == number
    with pytest.raises(Refused):
        submitted(installation, team.colleague, team.project, task)
    with pytest.raises(Forbidden):
        submitted(installation, team.colleague, team.project, task, ground_truth=True)


def test_a_removed_answer_frees_its_place(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task)
    update(installation, team.annotator, made)
    with pytest.raises(NotFound), installation.database.write() as session:
        removal.answers(session, team.colleague, team.project, [made.id])
    with installation.database.write() as session:
        assert removal.answers(session, team.annotator, team.project, [made.id]) == 1
        assert session.scalars(sa.select(AnnotationRevision)).all() == []
        assert session.get_one(Task, task.id).total_annotations == 0
    assert state(installation, task) == TaskState.WAITING
    submitted(installation, team.colleague, team.project, task)


def test_an_accepted_answer_is_removed_only_by_who_may_change_others(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task)
    judged(installation, team.reviewer, made, "accept")
    with pytest.raises(Refused), installation.database.write() as session:
        removal.answers(session, team.annotator, team.project, [made.id])
    with installation.database.write() as session:
        assert removal.answers(session, team.requester, team.project, [made.id]) == 1
    assert state(installation, task) == TaskState.WAITING


def test_removed_tasks_leave_nothing_behind(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    first, second = factories.tasks(installation, team, 2)
    made = submitted(installation, team.annotator, team.project, first)
    judged(installation, team.reviewer, made, "accept")
    draft(installation, team.colleague, team, first)
    with installation.database.write() as session:
        ids = [first.id, second.id, 10**9]
        assert removal.tasks(session, team.requester, team.project, ids[:1]) == 1
        for table in (Annotation, Draft, Assignment, reviews.Review):
            assert session.scalars(sa.select(table)).all() == []
        left = session.scalars(sa.select(QueuedTask.task_id)).all()
        assert left == [second.id]
        assert removal.tasks(session, team.requester, team.project, ids) == 1


def test_a_skip_leaves_the_task_to_others_while_a_place_is_open(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    (task,) = factories.tasks(installation, team, 1)
    submitted(installation, team.annotator, team.project, task, was_cancelled=True)
    assert state(installation, task) == TaskState.WAITING
    submitted(installation, team.colleague, team.project, task)
    assert state(installation, task) == TaskState.LABELLED


def test_reviewers_and_strangers_do_not_answer(
    installation: Installation, team: Team, task: Task
) -> None:
    with installation.database.write() as session:
        stranger = factories.person(session)
    with pytest.raises(Forbidden):
        submitted(installation, team.reviewer, team.project, task)
    with pytest.raises(NotFound):
        submitted(installation, stranger, team.project, task)


# --- changes -----------------------------------------------------------------------------------


def test_a_change_keeps_what_was_there_before(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task, lead_time=1.0)
    update(installation, team.annotator, made, "bad")
    changed = update(installation, team.annotator, made, "good")
    assert (changed.revision, changed.lead_time) == (3, 2.0)
    with installation.database.read() as session:
        earlier = session.scalars(
            sa.select(AnnotationRevision).order_by(AnnotationRevision.revision)
        ).all()
        assert [(row.revision, '"good"' in row.result) for row in earlier] == [
            (1, True),
            (2, False),
        ]


def test_only_the_author_changes_and_only_before_acceptance(
    installation: Installation, team: Team, task: Task
) -> None:
    made = submitted(installation, team.annotator, team.project, task)
    with pytest.raises(NotFound):
        update(installation, team.colleague, made)
    judged(installation, team.reviewer, made)
    with pytest.raises(Refused, match="accepted"):
        update(installation, team.annotator, made)


def test_a_change_looks_at_the_annotation_as_it_is_now(
    installation: Installation, team: Team, task: Task
) -> None:
    """The reviewer accepts it between the moment it was read and the moment it is changed."""
    made = submitted(installation, team.annotator, team.project, task)
    with installation.database.read() as session:
        seen = session.get_one(Annotation, made.id)
    judged(installation, team.reviewer, made)
    with installation.database.write() as session:
        session.add(seen)
        assert seen.state == AnnotationState.SUBMITTED
        row = session.get_one(Task, task.id)
        with pytest.raises(Refused, match="accepted"):
            annotations.update(session, team.annotator, team.project, row, seen, tone("bad"))


# --- drafts ------------------------------------------------------------------------------------


def test_a_draft_counts_its_revisions(installation: Installation, team: Team, task: Task) -> None:
    assert draft(installation, team.annotator, team, task).revision == 1
    assert draft(installation, team.annotator, team, task, revision=1).revision == 2
    with pytest.raises(Stale, match="revision 2"):
        draft(installation, team.annotator, team, task, revision=1)
    # Without a revision the client says: whatever is there, keep this.
    assert draft(installation, team.annotator, team, task, lead_time=-5).revision == 3
    with installation.database.read() as session:
        kept = annotations.draft_of(session, team.annotator, task.id)
        assert kept and kept.lead_time == 0
        assert annotations.draft_of(session, team.colleague, task.id) is None


def test_first_drafts_of_two_tabs_are_one(
    installation: Installation, team: Team, task: Task
) -> None:
    start = threading.Barrier(5)

    def save(_number: int) -> int:
        start.wait()
        return draft(installation, team.annotator, team, task).revision

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(save, range(5))) == [1, 2, 3, 4, 5]


def test_a_draft_goes_with_the_answer_and_does_not_come_back(
    installation: Installation, team: Team, task: Task
) -> None:
    seen = draft(installation, team.annotator, team, task).revision
    submitted(installation, team.annotator, team.project, task)
    with installation.database.read() as session:
        assert annotations.draft_of(session, team.annotator, task.id) is None
    with pytest.raises(Stale, match="gone"):
        draft(installation, team.annotator, team, task, revision=seen)


def test_a_draft_is_as_large_as_an_answer_at_most(
    installation: Installation, team: Team, task: Task
) -> None:
    huge = [{"text": "x" * labels.MAX_RESULT_BYTES}]
    with installation.database.write() as session, pytest.raises(TooLarge):
        annotations.save_draft(session, team.annotator, team.project, task, huge)


# --- where a task is ---------------------------------------------------------------------------

SUBMITTED, ACCEPTED, REJECTED, SKIPPED = (
    AnnotationState.SUBMITTED,
    AnnotationState.ACCEPTED,
    AnnotationState.REJECTED,
    AnnotationState.SKIPPED,
)


@pytest.mark.parametrize(
    ("states", "is_returned", "has_open_slots", "expected"),
    [
        ([], False, True, TaskState.WAITING),
        ([SKIPPED], False, True, TaskState.WAITING),
        ([SKIPPED], False, False, TaskState.SKIPPED),
        ([SKIPPED, SUBMITTED], False, False, TaskState.LABELLED),
        ([SUBMITTED], False, True, TaskState.LABELLED),
        ([REJECTED], True, False, TaskState.RETURNED),
        ([REJECTED], False, True, TaskState.WAITING),
        ([REJECTED, SUBMITTED], True, False, TaskState.RETURNED),
        ([ACCEPTED, REJECTED], True, False, TaskState.ACCEPTED),
        ([ACCEPTED, SUBMITTED], False, False, TaskState.ACCEPTED),
        ([ACCEPTED, SKIPPED], False, True, TaskState.ACCEPTED),
    ],
)
def test_where_a_task_is(
    states: list[str], is_returned: bool, has_open_slots: bool, expected: TaskState
) -> None:
    found = state_of(states, is_returned=is_returned, has_open_slots=has_open_slots)
    assert found == expected


def test_a_second_answer_does_not_undo_the_first_ones_acceptance(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    (task,) = factories.tasks(installation, team, 1)
    first = submitted(installation, team.annotator, team.project, task)
    judged(installation, team.reviewer, first)
    second = submitted(installation, team.colleague, team.project, task, tone("bad"))
    assert state(installation, task) == TaskState.ACCEPTED
    judged(installation, team.reviewer, second, "reject", reason="不对")
    assert state(installation, task) == TaskState.ACCEPTED


def test_an_answer_that_comes_during_an_acceptance_does_not_undo_it(
    installation: Installation,
) -> None:
    with installation.database.write() as session:
        team = factories.team(session, overlap=2)
    (task,) = factories.tasks(installation, team, 1)
    first = submitted(installation, team.annotator, team.project, task)
    second = submitted(installation, team.colleague, team.project, task)
    judged(installation, team.reviewer, second, "reject", reason="不对")
    assert state(installation, task) == TaskState.RETURNED
    with ThreadPoolExecutor(1) as pool:
        with installation.database.write() as session:
            row, its_task, project = annotations.get(
                session, team.reviewer, first.id, "annotation.review"
            )
            reviews.judge(session, team.reviewer, project, its_task, row, "accept")
            mending = pool.submit(update, installation, team.colleague, second)
            time.sleep(0.3)
        mending.result()
    assert state(installation, task) == TaskState.ACCEPTED
