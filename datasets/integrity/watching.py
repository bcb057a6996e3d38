"""Decide when a project's work is looked at again: every so many answers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import jobs, permissions
from ..annotations import Annotation
from ..jobs import ENDED, Job
from ..people import User
from ..projects import Project
from .looking import Seen, look
from .reading import answers, comparing, known

KIND = "integrity"
EVERY = 500  # answers


def seen(session: Session, project: Project) -> Seen:
    """Look at a project's newest answers."""
    return look(answers(session, project), comparing(project.config), known(session, project))


def due(session: Session) -> list[int]:
    """List the ids of the projects that are due, of those where somebody answered."""
    newest = (
        sa.select(Annotation.project_id, sa.func.max(Annotation.id))
        .group_by(Annotation.project_id)
        .having(sa.func.count() >= EVERY)
    )
    return [number for number, last in session.execute(newest) if _is_due(session, number, last)]


def begin(session: Session, project_id: int) -> Job | None:
    """Write down the job of a project that is due; None where another worker was first."""
    project = session.scalar(sa.select(Project).where(Project.id == project_id).with_for_update())
    if project is None or project.deleted_at is not None:
        return None
    last = session.scalar(
        sa.select(sa.func.max(Annotation.id)).where(Annotation.project_id == project_id)
    )
    if not _is_due(session, project_id, last or 0):
        return None
    return _ask(session, project, session.get_one(User, project.created_by), by_itself=True)


def ask(session: Session, actor: User, project: Project) -> Job:
    """Write down a job that looks at a project; the caller announces it after the commit."""
    permissions.require(actor, "integrity.decide", project)
    return _ask(session, project, actor)


def _ask(session: Session, project: Project, actor: User, *, by_itself: bool = False) -> Job:
    until = session.scalar(
        sa.select(sa.func.max(Annotation.id)).where(Annotation.project_id == project.id)
    )
    return jobs.add(
        session,
        actor,
        KIND,
        {"until": until or 0, jobs.AUTOMATIC: by_itself},
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def _is_due(session: Session, project_id: int, newest: int) -> bool:
    last = next(iter(jobs.recent(session, project_id=project_id, kind=KIND, limit=1)), None)
    if last is not None and last.state not in ENDED:
        return False
    after = 0 if last is None else int(last.request_values.get("until") or 0)
    if newest <= after:
        return False
    new = (
        sa.select(Annotation.id)
        .where(Annotation.project_id == project_id, Annotation.id > after)
        .limit(EVERY)
        .subquery()
    )
    return (session.scalar(sa.select(sa.func.count()).select_from(new)) or 0) >= EVERY
