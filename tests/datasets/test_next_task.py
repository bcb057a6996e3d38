"""What comes next can be told before it is taken, and nobody's place in the queue hides a task."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from jinbiao.datasets import annotations, assignments, ordering
from jinbiao.datasets.assignments import Assignment, QueuePlace
from jinbiao.datasets.errors import NotFound
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.datasets.test_assignments import a_team, check_books
from jinbiao.tests.factories import Team, claimed, judged, submitted, tone


def peeked(installation: Installation, annotator: User, project: Project, number: int) -> list[int]:
    """Ask what comes next."""
    with installation.database.read() as session:
        return assignments.peek(session, annotator, project, number)


def worked(installation: Installation, annotator: User, project: Project) -> list[int]:
    """Answer task after task until none is left, and return which."""
    done = []
    while assignment := claimed(installation, annotator, project):
        done.append(assignment.task_id)
        with installation.database.write() as session:
            task = session.get_one(Task, assignment.task_id)
            if assignment.state == "returned":
                row = annotations.of_tasks(session, [task.id])[task.id]
                mine = next(each for each in row if each.completed_by == annotator.id)
                annotations.update(session, annotator, project, task, mine, tone())
            else:
                annotations.submit(session, installation.settings, annotator, project, task, tone())
    return done


def stirred(installation: Installation, team: Team, tasks: list[Task], seed: int) -> Project:
    """Let two people claim, submit, skip, give back and have work returned; perhaps reorder."""
    chance = random.Random(seed)
    project = team.project
    everybody = (team.annotator, team.colleague)
    for _step in range(25):
        who = chance.choice(everybody)
        deed = chance.choice(["submit", "submit", "skip", "leave", "return", "order"])
        if deed == "order":
            order = [task.id for task in tasks]
            chance.shuffle(order)
            with installation.database.write() as session:
                ordering.reprioritise(session, project, order[: chance.randint(0, len(order))])
            continue
        assignment = claimed(installation, who, project)
        if assignment is None or assignment.state == "returned":
            continue
        task = next(task for task in tasks if task.id == assignment.task_id)
        if deed == "leave":
            with installation.database.write() as session:
                assignments.give_back(session, session.get_one(Assignment, assignment.id))
            continue
        made = submitted(installation, who, project, task, was_cancelled=deed == "skip")
        if deed == "return":
            judged(installation, team.reviewer, made, "reject", reason="再看")
    return project


@pytest.mark.parametrize("overlap", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_foretold_comes(installation: Installation, seed: int, overlap: int) -> None:
    """Whatever has happened before: while nobody else acts, claims come as they were told."""
    team, tasks = a_team(installation, 14, overlap)
    project = stirred(installation, team, tasks, seed)
    told = peeked(installation, team.annotator, project, 100)
    assert len(set(told)) == len(told)
    assert peeked(installation, team.annotator, project, 3) == told[:3]
    check_books(installation.database, team, 14)
    assert worked(installation, team.annotator, project) == told
    check_books(installation.database, team, 14)


def test_shown_tasks_are_held_in_the_order_foretold(installation: Installation) -> None:
    """The workbench never claims: it looks ahead, and holds what it shows."""
    team, tasks = a_team(installation, 6, overlap=2)
    settings, project = installation.settings, team.project
    for task in tasks:
        (first, *_others) = peeked(installation, team.annotator, project, 3)
        assert first == task.id
        with installation.database.write() as session:
            row = session.get_one(Task, first)
            assert assignments.hold(session, settings, team.annotator, project, row)
        assert peeked(installation, team.annotator, project, 2)[0] == first
        submitted(installation, team.annotator, project, task)
    assert peeked(installation, team.annotator, project, 3) == []
    with installation.database.read() as session:
        (place,) = session.scalars(sa.select(QueuePlace))
    assert (place.user_id, place.task_id) == (team.annotator.id, tasks[-1].id)


def test_peek_says_nothing_to_strangers(installation: Installation) -> None:
    team, _tasks = a_team(installation, 2)
    with installation.database.write() as session:
        stranger = factories.person(session)
    with pytest.raises(NotFound):
        peeked(installation, stranger, team.project, 2)
