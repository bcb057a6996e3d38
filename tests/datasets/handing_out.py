"""Be many processes that take, answer, skip, let go, give and reorder at once.

Arguments: home, database URL, project, number of processes, deeds of each, what they mostly do
("work", or "withdraw": tasks leave and come back all the time). Everything that the
domain refuses is part of the game; anything else ends a process with an error.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import sys
from pathlib import Path

import sqlalchemy as sa

from jinbiao.datasets import annotations, assignments, next_tasks, ordering, people, withdrawals
from jinbiao.datasets.assignments import Assignment, AssignmentState
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import JinbiaoError
from jinbiao.datasets.people import Role, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.tasks import Task
from jinbiao.tests.factories import tone

WORK = {
    "submit": 40,
    "hold": 10,
    "skip": 8,
    "leave": 8,
    "lapse": 6,
    "expire": 6,
    "give": 4,
    "take_back": 4,
    "order": 2,
    "withdraw": 1,
}
# Whoever takes a task out of the work meets those who give it back, keep it for a team and put
# it back themselves.
WITHDRAW = WORK | {"submit": 5, "leave": 25, "give": 15, "take_back": 8, "withdraw": 25}
DEEDS = {"work": WORK, "withdraw": WITHDRAW}


def act(database: Database, settings: Settings, number: int, deed: str, crowd: list[User]) -> None:
    """Do one thing as one of the crowd."""
    one, leader = random.choice(crowd), next(u for u in crowd if u.role == Role.REQUESTER)
    workers = [user for user in crowd if user.role == Role.ANNOTATOR]
    one = random.choice(workers)
    with database.write() as session:
        project = session.get_one(Project, number)
        if deed == "expire":
            assignments.expire(session)
        elif deed == "order":
            order = ordering.waiting(session, project)
            random.shuffle(order)
            ordering.reprioritise(session, project, order[: len(order) // 2])
        elif deed == "give":
            chosen = assignments.next_waiting(session, project, 3)
            team = people.teams(session)[0]
            if random.random() < 0.5:
                assignments.assign_to_team(session, leader, project, chosen, team)
            else:
                assignments.assign(session, settings, leader, project, chosen[:1], [one])
        elif deed == "take_back":
            held = assignments.holds(session, project, limit=2)
            meant = assignments.waiting_for_groups(session, project, limit=2)
            ids = [row.id for row in held], [row.id for row in meant]
            assignments.take_back_all(session, leader, project, *ids)
        elif deed == "withdraw":
            task = session.scalars(
                sa.select(Task).where(Task.project_id == number).order_by(sa.func.random()).limit(1)
            ).one()
            withdrawals.withdraw(session, leader, project, task)
        else:
            work(session, settings, one, project, deed)
    if deed == "withdraw":
        with database.write() as session:
            project, task = session.get_one(Project, number), session.get_one(Task, task.id)
            withdrawals.restore(session, leader, project, task)


def work(
    session: sa.orm.Session, settings: Settings, one: User, project: Project, deed: str
) -> None:
    """Take a task, and do with it what an annotator may."""
    if deed == "hold":
        # One in a transaction, as the server does it.
        for task_id in assignments.peek(session, one, project, 2)[-1:]:
            row = session.get_one(Task, task_id)
            assignments.hold(session, settings, one, project, row)
        return
    mine = next_tasks.claim(session, settings, one, project)
    if mine is None or mine.state != AssignmentState.RESERVED:
        return
    if deed == "leave":
        assignments.give_back(session, mine)
    elif deed == "lapse":
        # In the past, or where a clock that was wrong would put it.
        away = random.choice([dt.timedelta(seconds=-1), dt.timedelta(days=4000)])
        session.get_one(Assignment, mine.id).reserved_until = now() + away
    else:
        task = session.get_one(Task, mine.task_id)
        annotations.submit(
            session, settings, one, project, task, tone(), was_cancelled=deed == "skip"
        )


def play(home: str, url: str, number: int, mostly: str, seed: int, deeds: int) -> None:
    """Act so often at random; say how often something was done that was not refused."""
    random.seed(seed)
    often = DEEDS[mostly]
    settings, database = Settings(home=Path(home), database_url=url), Database(url)
    with database.read() as session:
        crowd = people.users(session, session.get_one(Project, number).organisation_id)
    done = 0
    for _number in range(deeds):
        (deed,) = random.choices(list(often), list(often.values()))
        try:
            act(database, settings, number, deed, crowd)
            done += 1
        except JinbiaoError:
            continue
    database.close()
    os.write(1, f"{done}\n".encode())


def main() -> None:
    """Let processes play that share nothing but the program; fail if one of them does."""
    home, url, project, processes, deeds, mostly = sys.argv[1:]
    forking = multiprocessing.get_context("fork")
    game = (home, url, int(project), mostly)
    players = [
        forking.Process(target=play, args=(*game, seed, int(deeds)))
        for seed in range(int(processes))
    ]
    for player in players:
        player.start()
    for player in players:
        player.join()
    sys.exit(any(player.exitcode for player in players))


if __name__ == "__main__":
    main()
