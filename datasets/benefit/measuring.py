"""Decide when what pre-labels save is measured anew, and find what was measured last."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import jobs
from ..annotations import Annotation, AnnotationState
from ..jobs import ENDED, Job
from ..models import ProjectModel
from ..people import User
from ..projects import Project

KIND = "measure"
EVERY = 50  # answers in an arm between two measurements
_ANSWERED = (AnnotationState.SUBMITTED, AnnotationState.ACCEPTED, AnnotationState.REJECTED)


def newest(session: Session, project: Project) -> dict[str, Any] | None:
    """Return the newest measured report of a project as plain values; None before the first."""
    for job in jobs.recent(session, project_id=project.id, kind=KIND, limit=10):
        if "report" in job.result_values:
            return dict(job.result_values["report"])
    return None


def due(session: Session) -> list[Project]:
    """List the projects with models that have EVERY more answers than when last measured."""
    with_models = sa.select(ProjectModel.project_id).distinct()
    found = session.scalars(
        sa.select(Project).where(Project.id.in_(with_models), Project.deleted_at.is_(None))
    )
    return [project for project in found if _is_due(session, project)]


def begin(session: Session, project_id: int) -> Job | None:
    """Write down the job of a project that is due; None where another worker was first."""
    project = session.scalar(sa.select(Project).where(Project.id == project_id).with_for_update())
    if project is None or not _is_due(session, project):
        return None
    return ask(session, project, session.get_one(User, project.created_by), by_itself=True)


def ask(session: Session, project: Project, actor: User, *, by_itself: bool = False) -> Job:
    """Write down a job that measures a project; the caller announces it after the commit."""
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


def _is_due(session: Session, project: Project) -> bool:
    last = next(iter(jobs.recent(session, project_id=project.id, kind=KIND, limit=1)), None)
    if last is not None and last.state not in ENDED:
        return False
    after = 0 if last is None else int(last.request_values.get("until") or 0)
    new = (
        sa.select(Annotation.id)
        .where(
            Annotation.project_id == project.id,
            Annotation.state.in_(_ANSWERED),
            Annotation.id > after,
            Annotation.arm.is_not(None),
            Annotation.is_work,
        )
        .limit(EVERY)
        .subquery()
    )
    return (session.scalar(sa.select(sa.func.count()).select_from(new)) or 0) >= EVERY
