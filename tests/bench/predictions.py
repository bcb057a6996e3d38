"""Measure what a prediction costs besides the model: a job with a model that does nothing.

    .venv/bin/python tests/bench/predictions.py [--tasks 100000] [--database URL] [--profile]

Prints predictions a second and CPU milliseconds for each; ends with 1 where a task has no
prediction, or two, or where one costs a millisecond or more.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jinbiao.datasets import migrations, people, projects
from jinbiao.datasets.db import Database
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.tests import factories
from jinbiao.tests.bench import filling
from jinbiao.workers import run
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.fixed import NeverTrained, WithoutOptions
from jinbiao.workers.models.interface import Answer, Choice, Given, Item, Serves, Target

LIMIT_MS = 1.0


class Constant(WithoutOptions, NeverTrained):
    """Say the same of everything at once."""

    name, version, queue = "constant", "1", "cpu"
    serves = Serves("text", (Choice,))

    def load(self, weights: bytes | None, target: Target, given: Given) -> Constant:
        """Return itself."""
        return self

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return one choice for each item."""
        return [Answer([Choice("正常", 0.9)], 0.9) for _item in items]

    def card(self) -> dict[str, Any]:
        """Say nothing."""
        return {}


def main() -> int:
    """Fill a project, predict all of it, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    MODELS["constant"] = Constant()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database = Database(chosen.database or f"sqlite:///{home / 'bench.sqlite3'}")
        migrations.upgrade(database)
        installation = Installation(Settings(home=home), database, FolderStorage(home / "objects"))
        project, requester = filled(installation, chosen.tasks)
        profile = cProfile.Profile()
        wall, cpu = time.perf_counter(), time.process_time()
        if chosen.profile:
            profile.enable()
        job = run.do_here(installation, requester, project, "prelabel", {"model": "constant"})
        profile.disable()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        each = cpu / chosen.tasks * 1000
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        print(
            f"{kind}: {chosen.tasks:,} predictions, {chosen.tasks / wall:,.0f}/s, "
            f"{each:.3f} ms of CPU each, {job.result_values['failed']} failed"
        )
        if chosen.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        right = counts(installation) == (chosen.tasks, chosen.tasks)
        database.close()
    return int(not right or each >= LIMIT_MS)


def filled(installation: Installation, number: int) -> tuple[projects.Project, people.User]:
    """Return a project with waiting tasks of which none is left blank, and its owner."""
    with installation.database.write() as session:
        team = factories.team(session, filling.TEXT_CONFIG)
        projects.set_option(team.project, "prelabel_control_percent", 0)
    filling.fill_queue(installation, team.project.id, number, 1)
    return team.project, team.requester


def counts(installation: Installation) -> tuple[int, int]:
    """Return how many predictions there are, and of how many tasks."""
    with installation.database.read() as session:
        every = sa.func.count(Prediction.id), sa.func.count(sa.distinct(Prediction.task_id))
        rows = session.execute(sa.select(*every)).one()
    return int(rows[0]), int(rows[1])


if __name__ == "__main__":
    sys.exit(main())
