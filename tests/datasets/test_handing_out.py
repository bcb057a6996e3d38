"""No task is handed out more often than its overlap allows, whatever many processes do at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jinbiao.datasets import people
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import User
from jinbiao.tests import factories
from jinbiao.tests.bench.checks import books
from jinbiao.tests.datasets.test_assignments import a_team

PROCESSES, DEEDS = 6, 60


@pytest.mark.parametrize("overlap", [1, 3])
def test_many_processes_keep_the_books(installation: Installation, overlap: int) -> None:
    """Few tasks and many who want them: every race there is comes up."""
    project_id = _play(installation, 60, overlap, "work")
    assert books(installation, project_id, overlap) == []


@pytest.mark.parametrize("overlap", [1, 3])
def test_tasks_that_leave_and_come_back_keep_the_books(
    installation: Installation, overlap: int
) -> None:
    """Withdrawn in the very moment in which somebody takes it, gives it back, or keeps it."""
    project_id = _play(installation, 8, overlap, "withdraw")
    assert books(installation, project_id, overlap) == []


def _play(installation: Installation, tasks: int, overlap: int, mostly: str) -> int:
    """Let processes play with a new project; return its id."""
    team, _tasks = a_team(installation, tasks, overlap)
    with installation.database.write() as session:
        crowd = [factories.person(session, home=team.home) for _ in range(6)]
        home = people.organisation_by_id(session, team.home.id)
        group = people.add_team(session, home, "甲组")
        for each in crowd[:3]:
            people.put_in_team(session, session.get_one(User, each.id), group)
    url = installation.database.url.render_as_string(hide_password=False)
    home_folder = str(installation.settings.home)
    module = [sys.executable, "-P", "-m", "jinbiao.tests.datasets.handing_out"]
    game = [home_folder, url, str(team.project.id), str(PROCESSES), str(DEEDS), mostly]
    done = subprocess.run([*module, *game], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    deeds = [int(line) for line in done.stdout.split()]
    assert len(deeds) == PROCESSES
    assert sum(deeds) > PROCESSES * DEEDS / 2
    return team.project.id
