"""Check people by known answers, unseen among their work; the numbers say how sure they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from jinbiao.datasets import gold, next_tasks, notices, projects
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.errors import Forbidden, Refused
from jinbiao.datasets.gold import GoldExposure, GoldPlan, GoldState, GoldTask
from jinbiao.datasets.gold.choosing import Candidate
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Organisation, Role, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, judged, submitted, tone


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def colleague_of(session: Session, team: Team) -> User:
    """Add one more annotator."""
    home = session.get_one(Organisation, team.home.id)
    return factories.person(session, Role.ANNOTATOR, home)


def with_gold(
    installation: Installation, team: Team, known: int = 6, waiting: int = 30, **options: Any
) -> Project:
    """Accept some tasks as "good", make gold of them, and let others wait."""
    tasks = factories.tasks(installation, team, known)
    factories.accepted(installation, team, tasks)
    factories.tasks(installation, team, waiting)
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        projects.change(session, team.requester, project, options={"gold_every": 2, **options})
        # The same lots in every run.
        session.add(GoldPlan(project_id=project.id, seed="known"))
        gold.choose(session, team.requester, project, known)
        return project


def next_of(installation: Installation, who: User, project: Project) -> Assignment | None:
    with installation.database.write() as session:
        row = session.get_one(Project, project.id)
        return next_tasks.claim(session, installation.settings, who, row)


def worked(
    installation: Installation, who: User, project: Project, number: int, answer: str = "good"
) -> list[Assignment]:
    """Let somebody answer so many tasks, whatever they are; return their assignments."""
    done = []
    for _ in range(number):
        found = next_of(installation, who, project)
        if found is None:
            break
        with installation.database.read() as session:
            task = session.get_one(Task, found.task_id)
        submitted(installation, who, project, task, tone(answer))
        done.append(found)
    return done


def exposures(installation: Installation, who: User) -> list[GoldExposure]:
    with installation.database.write() as session:
        project_id = session.scalar(
            sa.select(GoldExposure.project_id).where(GoldExposure.user_id == who.id).limit(1)
        )
        if project_id is not None:
            gold.measure_waiting(session, session.get_one(Project, project_id))
        return list(
            session.scalars(
                sa.select(GoldExposure)
                .where(GoldExposure.user_id == who.id)
                .order_by(GoldExposure.id)
            )
        )


def test_gold_is_drawn_from_adjudicated_work_by_a_lead(
    installation: Installation, team: Team
) -> None:
    tasks = factories.tasks(installation, team, 4)
    accepted = factories.accepted(installation, team, tasks[:2])
    returned = submitted(installation, team.annotator, team.project, tasks[2])
    judged(installation, team.reviewer, returned, "reject", reason="不对")
    unseen = submitted(installation, team.annotator, team.project, tasks[3])
    with installation.database.write() as session:
        with pytest.raises(Forbidden):
            gold.choose(session, team.annotator, team.project, 9)
        made = gold.choose(session, team.requester, team.project, 9)
        assert sorted(row.task_id for row in made) == sorted(task.id for task in tasks[:2])
        assert {row.annotation_id for row in made} == {row.id for row in accepted}
        for row in (returned, unseen, accepted[0]):
            with pytest.raises(Refused):
                gold.add(session, team.requester, team.project, row.id)


def test_a_fix_is_the_truth(installation: Installation, team: Team) -> None:
    (task,) = factories.tasks(installation, team, 1)
    row = submitted(installation, team.annotator, team.project, task, tone("bad"))
    judged(installation, team.reviewer, row, "fix", result=tone("good"))
    with installation.database.write() as session:
        made = gold.add(session, team.requester, team.project, row.id)
        assert (made.source, made.by_hand, made.label) == ("fix", True, "good")
        assert gold.truths(session, [made]) == {made.id: tone("good")}


def test_the_labels_are_chosen_in_turn_the_best_known_first() -> None:
    common = [Candidate(n, n, "review", 1, ("a",)) for n in range(90)]
    rare = [Candidate(100 + n, 100 + n, "review", 1 + n % 2, ("b",)) for n in range(4)]
    true = Candidate(200, 200, "ground_truth", 1, ("a",))
    chosen = gold.stratified([*common, *rare, true], 6, seed=1)
    assert Counter(label for _each, label in chosen) == {"a": 3, "b": 3}
    assert {each.annotation_id for each, label in chosen if label == "b"} >= {101, 103}
    assert true in [each for each, _label in chosen]


@given(st.integers(2, 40), st.integers(1, 10**6))
def test_the_lot_keeps_the_share_and_says_nothing_of_the_next(every: int, user: int) -> None:
    drawn = [gold.is_due("secret", user, place, every) for place in range(4000)]
    share = sum(drawn) / len(drawn)
    assert abs(share - 1 / every) < 5 * (1 / every / len(drawn)) ** 0.5
    after = [later for now, later in zip(drawn, drawn[1:], strict=False) if now]
    assert abs(sum(after) / len(after) - 1 / every) < 5 * (1 / every / len(after)) ** 0.5


def test_gold_stands_among_the_work_and_what_is_ahead_comes(
    installation: Installation, team: Team
) -> None:
    project = with_gold(installation, team)
    first = next_of(installation, team.colleague, project)
    seen = []
    while first is not None and len(seen) < 20:
        again = next_of(installation, team.colleague, project)
        assert again is not None and again.task_id == first.task_id
        with installation.database.read() as session:
            row = session.get_one(Project, project.id)
            coming = next_tasks.ahead(session, team.colleague, row, 2)
            task = session.get_one(Task, first.task_id)
            assert coming[0] == first.task_id
        submitted(installation, team.colleague, project, task)
        seen.append(first.purpose)
        first = next_of(installation, team.colleague, project)
        assert first is not None and first.task_id == coming[1]
    assert 1 <= seen.count("gold") <= 6
    assert seen.count(None) == len(seen) - seen.count("gold")
    met = exposures(installation, team.colleague)
    assert len({row.gold_id for row in met}) == len(met)


def test_a_task_that_was_fetched_ahead_is_held_as_what_it_is(
    installation: Installation, team: Team
) -> None:
    project = with_gold(installation, team)
    purposes = set()
    for _ in range(12):
        with installation.database.write() as session:
            row = session.get_one(Project, project.id)
            coming = next_tasks.ahead(session, team.colleague, row, 1)
            task = session.get_one(Task, coming[0])
            held = next_tasks.take(session, installation.settings, team.colleague, row, task)
            purposes.add(held.purpose)
        submitted(installation, team.colleague, project, task)
    assert purposes == {None, "gold"}
    with installation.database.write() as session:
        other = session.scalars(
            sa.select(Task).where(Task.project_id == project.id, Task.state == "accepted")
        ).first()
        assert other is not None
        row = session.get_one(Project, project.id)
        with pytest.raises(Refused):
            next_tasks.take(session, installation.settings, team.annotator, row, other)


def test_nobody_meets_their_own_answer_or_one_gold_twice_and_work_goes_on_without(
    installation: Installation, team: Team
) -> None:
    project = with_gold(installation, team, known=3, waiting=40)
    own = worked(installation, team.annotator, project, 15)
    assert [row.purpose for row in own] == [None] * 15
    others = worked(installation, team.colleague, project, 99)
    assert Counter(row.purpose for row in others) == {None: 25, "gold": 3}
    assert next_of(installation, team.colleague, project) is None


def test_a_lapsed_check_comes_again_and_counts_once(installation: Installation, team: Team) -> None:
    project = with_gold(installation, team, known=2)
    while True:
        found = next_of(installation, team.colleague, project)
        assert found is not None
        if found.purpose == "gold":
            break
        with installation.database.read() as session:
            task = session.get_one(Task, found.task_id)
        submitted(installation, team.colleague, project, task)
    with installation.database.write() as session:
        session.delete(session.get_one(Assignment, found.id))
    again = next_of(installation, team.colleague, project)
    assert again is not None and (again.task_id, again.purpose) == (found.task_id, "gold")
    with installation.database.read() as session:
        row = session.scalars(sa.select(GoldTask).where(GoldTask.task_id == found.task_id)).one()
        assert row.exposures == 1


def test_caps_retirement_and_suspension_end_it(installation: Installation, team: Team) -> None:
    project = with_gold(installation, team, known=6, gold_most_per_person=2)
    done = worked(installation, team.colleague, project, 20)
    assert sum(row.purpose == "gold" for row in done) == 2
    with installation.database.write() as session:
        project = session.get_one(Project, project.id)
        third = colleague_of(session, team)
        projects.change(session, team.requester, project, options={"gold_retire_after": 1})
    met = {row.gold_id for row in exposures(installation, team.colleague)}
    done = worked(installation, third, project, 5)
    assert not met & {row.gold_id for row in exposures(installation, third)}
    with installation.database.write() as session:
        for row in session.scalars(sa.select(GoldTask)):
            gold.set_state(session, team.requester, project, row, GoldState.SUSPENDED, "看一看")
        fourth = colleague_of(session, team)
    assert {row.purpose for row in worked(installation, fourth, project, 3)} == {None}


def test_scores_follow_the_answer_until_its_maker_is_told(
    installation: Installation, team: Team
) -> None:
    project = with_gold(installation, team, known=4)
    worked(installation, team.colleague, project, 12, "bad")
    met = exposures(installation, team.colleague)
    assert met and all((row.score, row.is_passed) == (0.0, False) for row in met)
    with installation.database.read() as session:
        (found,) = gold.trend(session, session.get_one(Project, project.id))
        assert (found.user_id, found.passed.value) == (team.colleague.id, 0.0)
        assert (found.passed.number, found.passed.method) == (len(met), "wilson")
        assert not gold.passes_gate(session, project, team.colleague, 0.5)
        assert not gold.passes_gate(session, project, team.annotator, 0.0)


def test_feedback_is_given_once_and_the_first_answer_counts(
    installation: Installation, team: Team
) -> None:
    project = with_gold(installation, team, known=4, gold_feedback=True)
    while True:
        found = next_of(installation, team.colleague, project)
        assert found is not None
        with installation.database.read() as session:
            task = session.get_one(Task, found.task_id)
        row = submitted(installation, team.colleague, project, task, tone("bad"))
        with installation.database.write() as session:
            here = session.get_one(Project, project.id)
            told = gold.tell(session, here, session.merge(row))
            if found.purpose is None:
                assert told is None
                continue
            assert told is not None
            assert (told.score, told.is_passed, told.differences) == (0.0, False, ["tone"])
            assert told.truth == tone("good")
            changed = session.merge(row)
            changed.result = changed.result.replace("bad", "good")
            assert gold.tell(session, here, changed) is None
            break
    (met,) = exposures(installation, team.colleague)
    assert (met.score, met.was_told) == (0.0, True)


def test_a_gold_task_that_good_annotators_doubt_is_suspended(
    installation: Installation, team: Team
) -> None:
    tasks = factories.tasks(installation, team, 8)
    rows = factories.accepted(installation, team, tasks[:7])
    wrong = submitted(installation, team.annotator, team.project, tasks[7], tone("bad"))
    judged(installation, team.reviewer, wrong)
    factories.tasks(installation, team, 120)
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        projects.change(session, team.requester, project, options={"gold_every": 2})
        for row in (*rows, wrong):
            gold.add(session, team.requester, project, row.id)
        good = [colleague_of(session, team) for _ in range(3)]
    for person in good:
        worked(installation, person, project, 30)
        exposures(installation, person)
    with installation.database.read() as session:
        states = {
            row.annotation_id: (row.state, row.reason)
            for row in session.scalars(sa.select(GoldTask))
        }
        assert states.pop(wrong.id) == (GoldState.SUSPENDED, "doubtful")
        assert set(states.values()) == {(GoldState.ACTIVE, "")}
        assert [row.kind for row in notices.listing(session, team.requester.id)] == [
            "gold_doubtful"
        ]
