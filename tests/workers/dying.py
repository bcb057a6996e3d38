"""Do jobs that die on the way, as `kill -9` has it, and begin them again."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets import jobs
from jinbiao.tests.server.world import World
from jinbiao.workers import run


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def die_after_writing(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, job: str, *calls: int
) -> None:
    """Perform a job that dies after these calls of `module.write`, each time before the commit.

    When it returns, the job waits to be begun once more.
    """
    original, called = module.write, [0]

    def dies(*given: Any) -> None:
        original(*given)
        called[0] += 1
        if called[0] in calls:
            raise Killed

    monkeypatch.setattr(module, "write", dies)
    for _time in calls:
        with pytest.raises(Killed):
            run.perform(world.installation, job)
        with world.installation.database.write() as session:
            jobs.reclaim(session, -1)
