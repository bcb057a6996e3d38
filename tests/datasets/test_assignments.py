"""Tasks are handed out fairly: never more often than wanted, never two to one person."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations, assignments, reviews
from jinbiao.datasets.assignments import Assignment, AssignmentState
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Forbidden, NotFound, Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.datasets.tasks import QueuedTask, Task, TaskState
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, claimed, judged, submitted


def a_team(installation: Installation, tasks: int, overlap: int = 1) -> tuple[Team, list[Task]]:
    with installation.database.write() as session:
        team = factories.team(session, overlap=overlap)
    return team, factories.tasks(installation, team, tasks)


def lapse(database: Database, assignment: Assignment) -> None:
    """Let a reservation lapse, and the sweeper pass."""
    with database.write() as session:
        row = session.get_one(Assignment, assignment.id)
        row.reserved_until = now() - dt.timedelta(seconds=1)
    with database.write() as session:
        assert assignments.expire(session) == 1


def check_books(database: Database, team: Team, tasks: int) -> None:
    """Assignments and open slots together are overlap × tasks; no task has too many."""
    overlap = team.project.maximum_annotations
    with database.read() as session:
        # Who skipped gave the slot back, and only is not asked again.
        kept = sa.select(Assignment.task_id, Assignment.user_id).where(
            Assignment.state != AssignmentState.SKIPPED
        )
        held = list(session.execute(kept))
        rows = session.execute(sa.select(QueuedTask.task_id, QueuedTask.open_slots))
        slots = {task_id: number for task_id, number in rows}
    assert len(set(held)) == len(held)
    by_task = Counter(task_id for task_id, _user in held)
    assert len(held) + sum(slots.values()) == overlap * tasks
    assert all(by_task[task] + slots.get(task, 0) == overlap for task in by_task | slots)
    assert all(number > 0 for number in slots.values())


def test_the_next_task_is_the_oldest_and_is_reserved(installation: Installation) -> None:
    team, tasks = a_team(installation, 3)
    first = claimed(installation, team.annotator, team.project)
    second = claimed(installation, team.colleague, team.project)
    assert first and second and first.reserved_until
    assert [first.task_id, second.task_id] == [tasks[0].id, tasks[1].id]
    minutes = (first.reserved_until - now()).total_seconds() / 60
    assert installation.settings.reservation_minutes - 1 < minutes
    check_books(installation.database, team, 3)


def test_a_killed_tab_finds_its_task_again(installation: Installation) -> None:
    team, _tasks = a_team(installation, 2)
    first = claimed(installation, team.annotator, team.project)
    again = claimed(installation, team.annotator, team.project)
    assert first and again and first.id == again.id


def test_nothing_left(installation: Installation) -> None:
    team, _tasks = a_team(installation, 1)
    assert claimed(installation, team.annotator, team.project)
    assert claimed(installation, team.colleague, team.project) is None


def test_only_annotators_of_the_project_claim(installation: Installation) -> None:
    team, _tasks = a_team(installation, 1)
    with installation.database.write() as session:
        stranger = factories.person(session)
    with pytest.raises(NotFound):
        claimed(installation, stranger, team.project)
    with pytest.raises(Forbidden):
        claimed(installation, team.reviewer, team.project)


def test_two_tabs_get_the_same_task(installation: Installation) -> None:
    team, tasks = a_team(installation, 20)
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: claimed(installation, team.annotator, team.project), range(16))
        )
    assert {one.task_id for one in found if one} == {tasks[0].id}
    check_books(installation.database, team, 20)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_many_people_at_once(installation: Installation, overlap: int) -> None:
    team, tasks = a_team(installation, 12, overlap)
    with installation.database.write() as session:
        crowd = [factories.person(session, home=team.home) for _ in range(8)]

    def work(annotator: User) -> None:
        while assignment := claimed(installation, annotator, team.project):
            with installation.database.read() as session:
                task = session.get_one(Task, assignment.task_id)
            submitted(installation, annotator, team.project, task)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, annotator) for annotator in crowd]:
            done.result()
    check_books(installation.database, team, 12)
    with installation.database.read() as session:
        left = session.scalar(sa.select(sa.func.count()).select_from(QueuedTask))
        states = set(session.scalars(sa.select(Task.state)))
    # Whoever is told "nothing left" is told the truth: no slot stays behind.
    assert (left, states) == (0, {TaskState.LABELLED})


def test_the_last_slots_are_waited_for(installation: Installation) -> None:
    """One task wanted by four: all four get it, also when they ask in the same moment."""
    team, tasks = a_team(installation, 1, overlap=4)
    with installation.database.write() as session:
        crowd = [factories.person(session, home=team.home) for _ in range(6)]
    start = threading.Barrier(len(crowd))

    def ask(annotator: User) -> Assignment | None:
        start.wait()
        return claimed(installation, annotator, team.project)

    with ThreadPoolExecutor(len(crowd)) as pool:
        got = [one for one in pool.map(ask, crowd) if one]
    assert len(got) == 4
    check_books(installation.database, team, 1)


def test_lapsed_reservations_go_to_somebody_else(installation: Installation) -> None:
    team, tasks = a_team(installation, 1)
    mine = claimed(installation, team.annotator, team.project)
    assert mine
    lapse(installation.database, mine)
    check_books(installation.database, team, 1)
    taken = claimed(installation, team.colleague, team.project)
    assert taken and taken.task_id == tasks[0].id
    with pytest.raises(Refused, match="no place left"):
        submitted(installation, team.annotator, team.project, tasks[0])


def test_a_lapsed_task_that_nobody_took_can_still_be_submitted(installation: Installation) -> None:
    team, tasks = a_team(installation, 1)
    mine = claimed(installation, team.annotator, team.project)
    assert mine
    lapse(installation.database, mine)
    submitted(installation, team.annotator, team.project, tasks[0])
    check_books(installation.database, team, 1)


def test_an_answer_that_comes_while_its_reservation_lapses(installation: Installation) -> None:
    """The sweeper has deleted the reservation and not committed yet: the place is taken anew."""
    team, tasks = a_team(installation, 1)
    mine = claimed(installation, team.annotator, team.project)
    assert mine
    with installation.database.write() as session:
        row = session.get_one(Assignment, mine.id)
        row.reserved_until = now() - dt.timedelta(seconds=1)
    with ThreadPoolExecutor(1) as pool:
        with installation.database.write() as session:
            assert assignments.expire(session) == 1
            answer = pool.submit(submitted, installation, team.annotator, team.project, tasks[0])
            time.sleep(0.3)
        answer.result()
    check_books(installation.database, team, 1)


def test_returned_tasks_come_first(installation: Installation) -> None:
    team, tasks = a_team(installation, 3)
    made = submitted(installation, team.annotator, team.project, tasks[1])
    judged(installation, team.reviewer, made, "reject", reason="再看一遍")
    back = claimed(installation, team.annotator, team.project)
    assert back and (back.task_id, back.state) == (tasks[1].id, AssignmentState.RETURNED)
    with installation.database.read() as session:
        assert session.get_one(Task, tasks[1].id).state == TaskState.RETURNED
    check_books(installation.database, team, 3)


def test_work_that_is_done_does_not_slow_the_next_claim_down(installation: Installation) -> None:
    """With an overlap, what one has done stays in the queue for others."""
    team, tasks = a_team(installation, 300, overlap=2)
    with installation.database.write() as session:
        for task in tasks[:299]:
            row = session.get_one(Task, task.id)
            annotations.submit(
                session,
                installation.settings,
                team.annotator,
                team.project,
                row,
                factories.tone(),
            )
    found = claimed(installation, team.annotator, team.project)
    assert found and found.task_id == tasks[299].id


@pytest.mark.parametrize("seed", range(4))
def test_any_schedule_keeps_the_books(installation: Installation, seed: int) -> None:
    """Claims, submissions, skips, lapses, returns and retries in any order, by many at once."""
    overlap = 1 + seed % 2
    team, tasks = a_team(installation, 6, overlap)
    with installation.database.write() as session:
        crowd = [factories.person(session, home=team.home) for _ in range(5)]
    settings = replace(installation.settings, reservation_minutes=0)

    def act(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        annotator = chance.choice(crowd)
        deed = chance.choice(["claim", "claim", "submit", "submit", "skip", "expire", "judge"])
        with installation.database.write() as session:
            if deed == "expire":
                assignments.expire(session)
                return
            if deed == "judge":
                waiting = reviews.claim(session, settings, team.reviewer, team.project)
                if waiting is not None:
                    task = session.get_one(Task, waiting.task_id)
                    verdict = chance.choice(["accept", "reject"])
                    reviews.judge(
                        session, team.reviewer, team.project, task, waiting, verdict, reason="…"
                    )
                return
            claim = assignments.claim(session, settings, annotator, team.project)
            if claim is None or deed == "claim":
                return
            task = session.get_one(Task, claim.task_id)
            try:
                annotations.submit(
                    session,
                    settings,
                    annotator,
                    team.project,
                    task,
                    factories.tone(),
                    was_cancelled=deed == "skip",
                )
            except Refused:
                assert claim.state == AssignmentState.RETURNED

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(act, number) for number in range(60)]:
            done.result()
    check_books(installation.database, team, 6)
