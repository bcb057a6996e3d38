"""Look at a project's work for what chance does not explain: the integrity job."""

from __future__ import annotations

from typing import Any

from ..datasets import gold, integrity
from ..datasets.installation import Installation
from ..datasets.projects import Project
from . import queues
from .measure import Look
from .work import Work

_look = Look()


def run(work: Work) -> dict[str, Any]:
    """Measure what waits of gold, look at the newest answers, and write down what stands out.

    Safe to run again: the same answers give the same findings, written once.
    """
    database = work.installation.database
    with database.write() as session:
        project = session.get_one(Project, int(work.project_id or 0))
        while gold.measure_waiting(session, project):
            pass
    with database.read() as session:
        project = session.get_one(Project, int(work.project_id or 0))
        seen = integrity.seen(session, project)
    with database.write() as session:
        project = session.get_one(Project, project.id)
        work.advance(session, seen.tests, seen.tests)
        fresh = integrity.keep(session, project, seen)
        number = len(fresh)
    return {"tests": seen.tests, "found": len(seen.found), "new": number}


def begin_due(installation: Installation, look: Look | None = None) -> None:
    """Start looking at the projects that are due, at most once in a while."""
    if not (look or _look).is_time():
        return
    with installation.database.read() as session:
        wanted = integrity.due(session)
    for project_id in wanted:
        with installation.database.write() as session:
            job = integrity.begin(session, project_id)
        if job is not None:
            queues.announce(installation, [job.id])
