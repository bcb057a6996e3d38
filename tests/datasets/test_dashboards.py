"""What a dashboard tells somebody must not tell them which tasks checked them."""

from __future__ import annotations

import sqlalchemy as sa

from jinbiao.datasets import dashboards, gold
from jinbiao.datasets.dashboards import Asked
from jinbiao.datasets.gold import GoldExposure
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.datasets.projects import Project
from jinbiao.tests import factories
from jinbiao.tests.datasets.test_gold import colleague_of, next_of, with_gold
from jinbiao.tests.factories import submitted


def shown(installation: Installation, who: User) -> list[int]:
    """Return how many gold answers the person's own dashboard speaks of, project by project."""
    with installation.database.read() as session:
        _found, panels = dashboards.made(session, who, "work", Asked())
    (panel,) = [each for each in panels if each.key == "gold"]
    return [row["passed"].number for row in panel.rows]


def test_gold_is_told_in_whole_steps_only(installation: Installation) -> None:
    """A count that moves with one answer would say that this one was gold."""
    with installation.database.write() as session:
        team = factories.team(session)
        person = colleague_of(session, team)
    project = with_gold(installation, team, known=13, waiting=40)
    met = 0
    while met < 11:
        assignment = next_of(installation, person, project)
        assert assignment is not None
        with installation.database.read() as session:
            task = session.get_one(factories.Task, assignment.task_id)
        submitted(installation, person, project, task)
        with installation.database.write() as session:
            gold.measure_waiting(session, session.get_one(Project, project.id))
            met = session.scalar(
                sa.select(sa.func.count()).where(
                    GoldExposure.user_id == person.id, GoldExposure.is_passed.is_not(None)
                )
            )
        assert shown(installation, person) in ([], [10])
    assert shown(installation, person) == [10]
