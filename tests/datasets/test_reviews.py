"""Nobody judges their own work; what was judged and why stays readable."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations, audit, reviews
from jinbiao.datasets.annotations import Annotation, AnnotationState
from jinbiao.datasets.assignments import Assignment, AssignmentState
from jinbiao.datasets.db import now
from jinbiao.datasets.errors import Forbidden, Invalid, NotFound, OwnWork, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.reviews import Review
from jinbiao.datasets.tasks import QueuedTask, Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, claimed, judged, submitted, tone


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


@pytest.fixture
def made(installation: Installation, team: Team) -> Annotation:
    (task,) = factories.tasks(installation, team, 1)
    return submitted(installation, team.annotator, team.project, task)


def claim_review(installation: Installation, reviewer: User, team: Team) -> Annotation | None:
    with installation.database.write() as session:
        return reviews.claim(session, installation.settings, reviewer, team.project)


def states(installation: Installation, annotation: Annotation) -> tuple[str, str]:
    with installation.database.read() as session:
        row = session.get_one(Annotation, annotation.id)
        return row.state, session.get_one(Task, row.task_id).state


@pytest.mark.parametrize("verdict", ["accept", "fix", "reject"])
def test_nobody_judges_their_own_work_not_even_the_administrator(
    installation: Installation, team: Team, verdict: str
) -> None:
    (task,) = factories.tasks(installation, team, 1)
    own = submitted(installation, team.admin, team.project, task)
    with pytest.raises(OwnWork):
        judged(installation, team.admin, own, verdict, reason="因为", result=tone())
    assert claim_review(installation, team.admin, team) is None
    with installation.database.write() as session:
        assert reviews.accept_in_bulk(session, team.admin, team.project, after=0, limit=9)[0] == 0
    assert states(installation, own) == (AnnotationState.SUBMITTED, TaskState.LABELLED)


def test_what_one_imported_is_ones_own_work(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        items = factories.texts("好", annotations=[{"result": tone()}])
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
        (found,) = annotations.of_tasks(session, [task.id])[task.id]
    with pytest.raises(OwnWork):
        judged(installation, team.requester, found)
    judged(installation, team.reviewer, found)
    assert states(installation, found) == (AnnotationState.ACCEPTED, TaskState.ACCEPTED)


def test_acceptance_ends_the_matter(
    installation: Installation, team: Team, made: Annotation
) -> None:
    review = judged(installation, team.reviewer, made)
    assert (review.verdict, review.revision, review.result) == ("accept", 1, None)
    assert states(installation, made) == (AnnotationState.ACCEPTED, TaskState.ACCEPTED)
    with pytest.raises(Refused, match="not waiting"):
        judged(installation, team.reviewer, made, "reject", reason="太晚")


def test_a_fix_stands_beside_the_original(
    installation: Installation, team: Team, made: Annotation
) -> None:
    review = judged(installation, team.reviewer, made, "fix", result=tone("bad"))
    assert reviews.decoded(review) == tone("bad")
    with installation.database.read() as session:
        row = session.get_one(Annotation, made.id)
        assert (row.result_values, row.revision) == (tone("good"), 1)
        found = reviews.of_annotations(session, [made.id])
        assert [one.id for one in found[made.id]] == [review.id]


def test_a_returned_task_is_mended_by_its_annotator_and_judged_again(
    installation: Installation, team: Team, made: Annotation
) -> None:
    judged(installation, team.reviewer, made, "reject", reason=" 语气看错了 ")
    assert states(installation, made) == (AnnotationState.REJECTED, TaskState.RETURNED)
    back = claimed(installation, team.annotator, team.project)
    assert back and back.task_id == made.task_id
    with pytest.raises(Refused, match="change your annotation"):
        with installation.database.read() as session:
            task = session.get_one(Task, made.task_id)
        submitted(installation, team.annotator, team.project, task)
    with installation.database.write() as session:
        row, task, project = annotations.get(session, team.annotator, made.id, "annotation.write")
        annotations.update(session, team.annotator, project, task, row, tone("bad"))
    assert states(installation, made) == (AnnotationState.SUBMITTED, TaskState.LABELLED)
    again = judged(installation, team.reviewer, made)
    assert again.revision == 2
    with installation.database.read() as session:
        story = [(r.verdict, r.reason) for r in reviews.of_annotations(session, [made.id])[made.id]]
        assert story == [("reject", "语气看错了"), ("accept", "")]
        actions = [event.action for event in reversed(audit.events(session))]
    assert actions[-4:] == [
        "annotation.submit",
        "review.reject",
        "annotation.update",
        "review.accept",
    ]


def test_what_an_importer_cannot_mend_goes_to_the_annotators(
    installation: Installation, team: Team
) -> None:
    with installation.database.write() as session:
        items = factories.texts("好", annotations=[{"result": tone()}])
        (task,) = factories.bring(session, installation.store, team.requester, team.project, items)
        (found,) = annotations.of_tasks(session, [task.id])[task.id]
    assert claimed(installation, team.annotator, team.project) is None
    judged(installation, team.reviewer, found, "reject", reason="机器导入有误")
    assert states(installation, found) == (AnnotationState.REJECTED, TaskState.WAITING)
    got = claimed(installation, team.annotator, team.project)
    assert got and got.task_id == task.id
    mended = submitted(installation, team.annotator, team.project, task)
    judged(installation, team.reviewer, mended)
    assert states(installation, mended) == (AnnotationState.ACCEPTED, TaskState.ACCEPTED)
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(QueuedTask)) == 0


def test_work_of_somebody_who_left_goes_to_others(
    installation: Installation, team: Team, made: Annotation
) -> None:
    with installation.database.write() as session:
        session.get_one(User, team.annotator.id).is_active = False
    judged(installation, team.reviewer, made, "reject", reason="重标")
    got = claimed(installation, team.colleague, team.project)
    assert got and got.task_id == made.task_id
    assert states(installation, made)[1] == TaskState.WAITING


def test_a_verdict_needs_what_it_says(
    installation: Installation, team: Team, made: Annotation
) -> None:
    with pytest.raises(Invalid, match="accept, fix, reject"):
        judged(installation, team.reviewer, made, "maybe")
    with pytest.raises(Invalid, match="why"):
        judged(installation, team.reviewer, made, "reject", reason="  ")
    with pytest.raises(Invalid, match="fixed result"):
        judged(installation, team.reviewer, made, "fix")
    with pytest.raises(Invalid, match="config"):
        judged(installation, team.reviewer, made, "fix", result=tone("awful"))
    assert states(installation, made) == (AnnotationState.SUBMITTED, TaskState.LABELLED)


def test_only_reviewers_of_the_project_judge(
    installation: Installation, team: Team, made: Annotation
) -> None:
    with installation.database.write() as session:
        stranger = factories.person(session, Role.REVIEWER)
    with pytest.raises(NotFound):
        judged(installation, stranger, made)
    with pytest.raises(Forbidden):
        judged(installation, team.colleague, made)


# --- one reviewer at a time --------------------------------------------------------------------


def test_reviewers_do_not_get_in_each_others_way(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        second = factories.person(session, Role.REVIEWER, team.home)
    for task in factories.tasks(installation, team, 2):
        submitted(installation, team.annotator, team.project, task)
    mine = claim_review(installation, team.reviewer, team)
    theirs = claim_review(installation, second, team)
    assert mine and theirs and mine.id < theirs.id
    again = claim_review(installation, team.reviewer, team)
    assert again and again.id == mine.id
    with pytest.raises(Refused, match="another reviewer"):
        judged(installation, second, mine)
    # What somebody looks at is left out of a bulk acceptance, which then goes on.
    with installation.database.write() as session:
        accepted = reviews.accept_in_bulk(session, second, team.project, after=0, limit=9)
    assert accepted == (1, theirs.id)
    with installation.database.write() as session:
        session.get_one(Annotation, mine.id).review_until = now() - dt.timedelta(seconds=1)
    judged(installation, second, mine)


def test_two_verdicts_at_once_are_one(installation: Installation, team: Team) -> None:
    with installation.database.write() as session:
        crowd = [factories.person(session, Role.REVIEWER, team.home) for _ in range(4)]
    made = [
        submitted(installation, team.annotator, team.project, task)
        for task in factories.tasks(installation, team, 5)
    ]

    def judge(reviewer: User) -> int:
        done = 0
        for annotation in made:
            try:
                judged(installation, reviewer, annotation)
                done += 1
            except Refused:
                pass
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(judge, crowd)) == len(made)
    with installation.database.read() as session:
        rows = session.scalars(sa.select(Review.annotation_id)).all()
        assert sorted(rows) == sorted(annotation.id for annotation in made)
        held = session.scalars(sa.select(Assignment.state)).all()
    assert set(held) == {AssignmentState.SUBMITTED}


def test_bulk_acceptance_goes_page_by_page(installation: Installation, team: Team) -> None:
    for task in factories.tasks(installation, team, 5):
        submitted(installation, team.annotator, team.project, task)
    after, pages = 0, []
    while True:
        with installation.database.write() as session:
            number, after = reviews.accept_in_bulk(
                session, team.reviewer, team.project, after=after, limit=2
            )
        if number == 0:
            break
        pages.append(number)
    assert pages == [2, 2, 1]
    with installation.database.read() as session:
        accepted = AnnotationState.ACCEPTED
        assert annotations.count_in_state(session, team.project, accepted) == 5
