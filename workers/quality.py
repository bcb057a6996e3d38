"""Compare what people said since the last time, keep it, and bring their answers to one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ..datasets import consensus, quality
from ..datasets.db import now
from ..datasets.installation import Installation
from ..datasets.projects import Project
from ..datasets.quality import keeping, report
from ..datasets.quality.keeping import Place
from . import queues
from .measure import Look
from .work import Work

_look = Look()


@dataclass
class Walk:
    """A walk through the tasks that changed until a moment, twice: to compare, then to propose."""

    work: Work
    until: datetime
    start: Place
    phase: str = "compare"
    place: Place | None = None
    done: int = 0

    def checkpoint(self) -> dict[str, Any]:
        """Return where the walk is, for the next attempt."""
        return {
            "phase": self.phase,
            "until": self.until.isoformat(),
            "start": _written(self.start),
            "place": _written(self.place or self.start),
        }

    def begin(self, phase: str) -> bool:
        """Begin one of the two; False where an earlier attempt had done with it."""
        if self.phase == "propose" and phase == "compare":
            return False
        if self.phase != phase:
            self.phase, self.place = phase, None
        return True

    def batches(self, project_id: int) -> Iterator[tuple[Project, list[int]]]:
        """Give the changed tasks, a batch at a time."""
        while True:
            with self.work.installation.database.read() as session:
                project = session.get_one(Project, project_id)
                found = keeping.changed(session, project, self.place or self.start, self.until)
            if not found:
                return
            self.place, self.done = found[-1], self.done + len(found)
            yield project, [each.task_id for each in found]

    def advance(self, session: Session) -> None:
        """Record how far the walk is, in the transaction of the work itself."""
        self.work.advance(session, self.done, None, self.checkpoint())


def run(work: Work) -> dict[str, Any]:
    """Compare a project's new answers, report, and propose what they come to.

    Two walks over the tasks that changed: the first compares, the second brings answers to
    one, since that asks how reliable everybody is. Each batch replaces what was kept of its
    tasks, and the checkpoint says how far the walk is: killed and begun again, it is the same.
    """
    begun = time.monotonic()
    project_id = int(work.project_id or 0)
    walk = _walk(work, project_id)
    _compare(walk, project_id)
    with work.installation.database.write() as session:
        project = session.get_one(Project, project_id)
        keeping.forget_gone(session, project)
        report.write(session, project, walk.until, time.monotonic() - begun)
    accepted = _propose(walk, project_id)
    return {"looked_at": walk.done, "accepted_by_rule": accepted}


def _compare(walk: Walk, project_id: int) -> None:
    database = walk.work.installation.database
    if not walk.begin("compare"):
        return
    for project, ids in walk.batches(project_id):
        with database.read() as session:
            rows = keeping.compared(session, project, ids)
        with database.write() as session:
            keeping.keep(session, project, ids, rows)
            walk.advance(session)


def _propose(walk: Walk, project_id: int) -> int:
    """Propose a result of each task; return how many were accepted by rule."""
    database = walk.work.installation.database
    walk.begin("propose")
    with database.read() as session:
        votes = consensus.reliable_votes(session, session.get_one(Project, project_id))
    accepted = 0
    for project, ids in walk.batches(project_id):
        with database.read() as session:
            rows = consensus.proposals(session, project, ids, votes)
        with database.write() as session:
            fresh = session.get_one(Project, project_id)
            accepted += consensus.keep(session, fresh, ids, rows)
            walk.advance(session)
    return accepted


def begin_due(installation: Installation, look: Look | None = None) -> None:
    """Start the projects that are due; looks once in measure.LOOK_SECONDS."""
    if not (look or _look).is_time():
        return
    with installation.database.read() as session:
        wanted = quality.due(session)
    for number in wanted:
        with installation.database.write() as session:
            job = quality.begin(session, number)
        if job is not None:
            queues.announce(installation, [job.id])


def _walk(work: Work, project_id: int) -> Walk:
    """Begin a walk, or go on with that of an earlier attempt."""
    told = work.checkpoint
    if "until" in told:
        until, start = datetime.fromisoformat(told["until"]), _place(told["start"])
        return Walk(work, until, start, told["phase"], _place(told["place"]))
    until = now()
    with work.installation.database.write() as session:
        start = keeping.begins_at(session, session.get_one(Project, project_id))
        walk = Walk(work, until, start)
        walk.advance(session)
    return walk


def _written(place: Place) -> list[Any]:
    return [place.changed.isoformat(), place.task_id]


def _place(told: list[Any]) -> Place:
    return Place(datetime.fromisoformat(told[0]), int(told[1]))
