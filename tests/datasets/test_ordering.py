"""The order of tasks: what teaches most comes early, and nobody loses a task over it."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import annotations, assignments, ordering, predictions, projects
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.ordering import Known
from jinbiao.datasets.ordering.orders import window_of
from jinbiao.datasets.predictions import NewPrediction
from jinbiao.datasets.projects import SAMPLINGS, Project
from jinbiao.datasets.tasks import BEGUN, QueuedTask, Task
from jinbiao.tests import factories
from jinbiao.tests.datasets.test_assignments import a_team, check_books
from jinbiao.tests.factories import Team, claimed, submitted, tone

SEQUENTIAL, _UNIFORM, UNCERTAINTY = SAMPLINGS

shares = st.floats(0, 1)
vectors = st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3).map(
    lambda values: np.array(values, np.float32)
)
known = st.builds(
    Known,
    score=st.none() | shares,
    agreement=st.none() | shares,
    features=st.none() | vectors,
)


@given(st.lists(known, max_size=120))
def test_an_order_holds_every_task_once_and_is_always_the_same(tasks: list[Known]) -> None:
    order = ordering.most_telling(tasks)
    assert sorted(order) == list(range(len(tasks)))
    assert order == ordering.most_telling(tasks)


@given(st.lists(st.tuples(shares, vectors), min_size=1, max_size=200))
def test_what_a_model_is_unsure_of_comes_early(given_: list[tuple[float, Any]]) -> None:
    """Window by window: a tenth of the ranks, and what is as uncertain as the last of them."""
    tasks = [Known(score=round(score, 3), features=features) for score, features in given_]
    scores = [float(tasks[place].score or 0) for place in ordering.most_telling(tasks)]
    ranked, end = sorted(scores), 0
    while end < len(ranked):
        start, end = end, min(end + window_of(len(tasks)), len(ranked))
        while end < len(ranked) and ranked[end] == ranked[end - 1]:
            end += 1
        assert sorted(scores[start:end]) == ranked[start:end]


@given(st.lists(shares, max_size=100))
def test_without_features_the_order_is_by_uncertainty_then_by_id(scores: list[float]) -> None:
    rounded = [round(score, 2) for score in scores]
    order = ordering.most_telling([Known(score=score) for score in rounded])
    assert order == sorted(range(len(rounded)), key=lambda place: (rounded[place], place))


def test_what_models_disagree_about_comes_before_what_one_is_unsure_of() -> None:
    tasks = [
        Known(score=0.9, agreement=1.0),
        Known(score=0.3),
        Known(score=0.9, agreement=0.0),
        Known(score=None),
        Known(score=0.4, agreement=1.0),
    ]
    # The one of unknown score counts as the median: between the unsure and the sure.
    assert ordering.most_telling(tasks) == [2, 1, 4, 3, 0]


@pytest.mark.parametrize("kinds", [4, 16])
def test_near_duplicates_stand_apart(kinds: int) -> None:
    """Sixty-four pictures of a few kinds, all equally unsure: the first ones are of each kind."""
    chance = np.random.default_rng(3)
    middles = chance.normal(size=(kinds, 32)).astype(np.float32)
    tasks = [
        Known(
            score=0.5,
            features=middles[number * kinds // 64] + chance.normal(0, 0.01, 32).astype(np.float32),
        )
        for number in range(64)
    ]
    first = ordering.most_telling(tasks)[:kinds]
    assert len({place * kinds // 64 for place in first}) == kinds


def test_duplicates_stand_apart_across_windows_too() -> None:
    chance = np.random.default_rng(5)
    vectors = chance.normal(size=(16, 8)).astype(np.float32)
    tasks = [Known(score=0.1, features=row) for row in vectors]
    tasks += [Known(score=0.2, features=row) for row in vectors[:15]]
    tasks += [Known(score=0.2, features=-vectors.sum(axis=0))]
    # Of the second window, only the last task says anything new.
    assert ordering.most_telling(tasks)[16] == 31


def test_features_that_are_no_numbers_or_of_two_sizes_do_no_harm() -> None:
    broken = Known(score=0.5, features=np.array([np.nan, np.inf], np.float32))
    other = Known(score=0.4, features=np.ones(3, np.float32))
    assert ordering.most_telling([broken, broken]) == [0, 1]
    assert ordering.most_telling([broken, other]) == [1, 0]
    assert ordering.most_telling([]) == []


def test_fifty_thousand_tasks_are_ordered_without_a_table_of_all_distances() -> None:
    chance = np.random.default_rng(1)
    rows = chance.normal(size=(ordering.MOST_ORDERED, 16)).astype(np.float32)
    scores = chance.random(len(rows))
    tasks = [Known(score=float(s), features=row) for s, row in zip(scores, rows, strict=True)]
    assert len(set(ordering.most_telling(tasks))) == ordering.MOST_ORDERED


@given(st.integers(0, 2**31), st.lists(st.integers(1, 2**40), min_size=2, max_size=50, unique=True))
def test_lots_depend_on_the_seed_and_the_task_alone(seed: int, ids: list[int]) -> None:
    drawn = ordering.shuffle(ids, seed)
    assert drawn == {**ordering.shuffle(ids[:1], seed), **ordering.shuffle(ids[1:], seed)}
    assert all(BEGUN < priority < 0 for priority in drawn.values())


def test_lots_are_even() -> None:
    drawn = ordering.shuffle(range(1, 20_001), 7)
    middle = -450_000
    assert 9_700 < sum(priority < middle for priority in drawn.values()) < 10_300
    assert ordering.shuffle(range(1, 100), 7) != ordering.shuffle(range(1, 100), 8)


# ---------------------------------------------------------------- the queue


def sampled(installation: Installation, team: Team, sampling: str = UNCERTAINTY) -> Project:
    """Return the project with another sampling."""
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        projects.set_option(project, "sampling", sampling)
        return project


def put(installation: Installation, project: Project, order: list[int]) -> int:
    with installation.database.write() as session:
        return ordering.reprioritise(session, project, order)


def queued(installation: Installation, project: Project) -> list[int]:
    """List the tasks as the queue has them."""
    with installation.database.read() as session:
        query = sa.select(QueuedTask.task_id).where(QueuedTask.project_id == project.id)
        return list(session.scalars(query.order_by(QueuedTask.priority, QueuedTask.task_id)))


def skipped(installation: Installation, team: Team, task: Task) -> None:
    submitted(installation, team.annotator, team.project, task, [], was_cancelled=True)


def test_tasks_are_handed_out_in_the_order_that_was_written(installation: Installation) -> None:
    team, tasks = a_team(installation, 5)
    project = sampled(installation, team)
    order = [tasks[place].id for place in (3, 0, 4)]
    assert put(installation, project, order) == 3
    # Those that the order does not name follow by id.
    expected = [*order, tasks[1].id, tasks[2].id]
    got = []
    while assignment := claimed(installation, team.annotator, project):
        got.append(assignment.task_id)
        with installation.database.read() as session:
            task = session.get_one(Task, assignment.task_id)
        submitted(installation, team.annotator, project, task)
    assert got == expected
    check_books(installation.database, team, 5)


def test_an_empty_order_brings_the_old_one_back(installation: Installation) -> None:
    team, tasks = a_team(installation, 6)
    ids = [task.id for task in tasks]
    put(installation, team.project, ids[::-1])
    assert queued(installation, team.project) == ids[::-1]
    # A shorter one leaves nothing of it behind.
    put(installation, team.project, [ids[2]])
    assert queued(installation, team.project) == [ids[2], *ids[:2], *ids[3:]]
    put(installation, team.project, [])
    assert queued(installation, team.project) == ids
    assert put(installation, team.project, []) == 0


def test_skipped_tasks_stay_behind_and_absent_ones_stay_away(installation: Installation) -> None:
    team, tasks = a_team(installation, 4)
    skipped(installation, team, tasks[0])
    submitted(installation, team.annotator, team.project, tasks[1])
    assert put(installation, team.project, [task.id for task in tasks]) == 2
    assert queued(installation, team.project) == [tasks[2].id, tasks[3].id, tasks[0].id]
    check_books(installation.database, team, 4)


def test_an_order_follows_people_where_several_answer_a_task(installation: Installation) -> None:
    """Somebody's first task is the last one by id: nothing is hidden from them for that."""
    team, tasks = a_team(installation, 5, overlap=2)
    project = sampled(installation, team)
    ids = [task.id for task in tasks]
    order = [ids[4], ids[1], ids[3], ids[0], ids[2]]
    put(installation, project, order)
    for expected in order:
        assignment = claimed(installation, team.annotator, project)
        assert assignment and assignment.task_id == expected
        with installation.database.read() as session:
            task = session.get_one(Task, expected)
        submitted(installation, team.annotator, project, task)
    assert claimed(installation, team.annotator, project) is None
    check_books(installation.database, team, 5)


def test_what_somebody_has_begun_is_finished_first(installation: Installation) -> None:
    team, tasks = a_team(installation, 4, overlap=2)
    project = sampled(installation, team)
    submitted(installation, team.annotator, project, tasks[2])
    ids = [task.id for task in tasks]
    put(installation, project, [ids[3], ids[2], ids[1], ids[0]])
    assert queued(installation, project) == [ids[2], ids[3], ids[1], ids[0]]
    # Not for who has begun it.
    mine = claimed(installation, team.annotator, project)
    theirs = claimed(installation, team.colleague, project)
    assert mine and theirs
    assert (mine.task_id, theirs.task_id) == (ids[3], ids[2])


def test_a_new_order_begins_at_its_front_for_everybody(installation: Installation) -> None:
    """Where somebody was in the order before hides nothing of the new one from them."""
    team, tasks = a_team(installation, 6, overlap=2)
    project = sampled(installation, team)
    ids = [task.id for task in tasks]
    put(installation, project, [ids[5], ids[4], ids[3], ids[2], ids[1], ids[0]])
    for expected in (ids[5], ids[4]):
        assignment = claimed(installation, team.annotator, project)
        assert assignment and assignment.task_id == expected
        submitted(installation, team.annotator, project, tasks[ids.index(expected)])
    put(installation, project, [ids[0], ids[5], ids[2], ids[4], ids[1], ids[3]])
    got = []
    while assignment := claimed(installation, team.annotator, project):
        got.append(assignment.task_id)
        submitted(installation, team.annotator, project, tasks[ids.index(assignment.task_id)])
    assert got == [ids[0], ids[2], ids[1], ids[3]]
    # The colleague finishes first what was begun before that order, then goes through it.
    theirs = []
    while assignment := claimed(installation, team.colleague, project):
        theirs.append(assignment.task_id)
        submitted(installation, team.colleague, project, tasks[ids.index(assignment.task_id)])
    assert theirs == [ids[4], ids[5], *got]
    check_books(installation.database, team, 6)


def test_what_comes_back_behind_somebody_is_not_hidden_from_them(
    installation: Installation,
) -> None:
    team, tasks = a_team(installation, 3, overlap=2)
    project = sampled(installation, team)
    with installation.database.write() as session:
        third = factories.person(session, home=team.home)
    put(installation, project, [tasks[2].id, tasks[1].id, tasks[0].id])
    held = [claimed(installation, one, project) for one in (team.colleague, third)]
    assert all(each and each.task_id == tasks[2].id for each in held)
    for place in (1, 0):
        mine = claimed(installation, team.annotator, project)
        assert mine and mine.task_id == tasks[place].id
        submitted(installation, team.annotator, project, tasks[place])
    assert claimed(installation, team.annotator, project) is None
    with installation.database.write() as session:
        assert held[0]
        assignments.give_back(session, session.get_one(assignments.Assignment, held[0].id))
    back = claimed(installation, team.annotator, project)
    assert back and back.task_id == tasks[2].id
    check_books(installation.database, team, 3)


def test_a_task_that_comes_back_while_another_order_is_written(installation: Installation) -> None:
    team, tasks = a_team(installation, 3)
    held = claimed(installation, team.annotator, team.project)
    assert held
    put(installation, team.project, [task.id for task in reversed(tasks)])
    with installation.database.write() as session:
        assignments.give_back(session, session.get_one(assignments.Assignment, held.id))
    ids = [task.id for task in tasks]
    assert queued(installation, team.project) == [ids[2], ids[1], ids[0]]
    put(installation, team.project, [ids[1], ids[0], ids[2]])
    assert queued(installation, team.project) == [ids[1], ids[0], ids[2]]
    check_books(installation.database, team, 3)


@pytest.mark.parametrize("overlap", [1, 2])
def test_orders_are_written_while_people_claim(installation: Installation, overlap: int) -> None:
    """Forty orders against eight people who claim, submit, skip and let go, all at once."""
    number = 40
    team, tasks = a_team(installation, number, overlap)
    project = sampled(installation, team)
    ids = [task.id for task in tasks]
    with installation.database.write() as session:
        crowd = [factories.person(session, home=team.home) for _ in range(8)]
    done = threading.Event()
    orders = 0

    def reorder() -> None:
        nonlocal orders
        chance = random.Random(9)
        while not done.is_set():
            chance.shuffle(ids)
            put(installation, project, ids[: chance.randint(0, number)])
            orders += 1

    def work(annotator: Any) -> None:
        chance = random.Random(annotator.id)
        while assignment := claimed(installation, annotator, project):
            with installation.database.write() as session:
                row = session.get_one(assignments.Assignment, assignment.id)
                if chance.random() < 0.2:
                    assignments.give_back(session, row)
                    continue
                task = session.get_one(Task, assignment.task_id)
                was_cancelled = chance.random() < 0.1
                annotations.submit(
                    session,
                    installation.settings,
                    annotator,
                    project,
                    task,
                    tone(),
                    was_cancelled=was_cancelled,
                )

    with ThreadPoolExecutor(9) as pool:
        writer = pool.submit(reorder)
        for each in [pool.submit(work, annotator) for annotator in crowd]:
            each.result()
        done.set()
        writer.result()
    assert orders > 1
    check_books(installation.database, team, number)
    # What was given back after the others had gone is there for them.
    for annotator in crowd:
        while assignment := claimed(installation, annotator, project):
            with installation.database.read() as session:
                task = session.get_one(Task, assignment.task_id)
            submitted(installation, annotator, project, task)
    check_books(installation.database, team, number)
    assert queued(installation, project) == []


# ---------------------------------------------------------------- what models said


def test_the_newest_prediction_tells_and_two_versions_are_compared(
    installation: Installation,
) -> None:
    team, tasks = a_team(installation, 4)
    said = [
        NewPrediction(tasks[0].id, tone("good"), "old", 0.1),
        NewPrediction(tasks[1].id, tone("good"), "old", 0.2),
        NewPrediction(tasks[0].id, tone("bad"), "new", 0.8),
        NewPrediction(tasks[1].id, tone("good"), "new", 0.9),
        NewPrediction(tasks[2].id, tone("good"), "new", None),
    ]
    with installation.database.write() as session:
        predictions.bring(session, team.requester, team.project, said)
    with installation.database.read() as session:
        found = ordering.known(session, team.project, [task.id for task in tasks])
    assert {task_id: (one.score, one.agreement) for task_id, one in found.items()} == {
        tasks[0].id: (0.8, 0.0),
        tasks[1].id: (0.9, 1.0),
        tasks[2].id: (None, None),
    }
