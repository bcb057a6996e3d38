"""Decide when a project's models are to learn again from what people have done since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import audit, jobs
from .annotations import Annotation, AnnotationState
from .jobs import ENDED, Job
from .models import ProjectModel
from .people import User
from .projects import Project

MOST_JOBS = 20  # of a project, looked at for one model
ANSWERED = (AnnotationState.SUBMITTED, AnnotationState.ACCEPTED)

_NEWEST = (
    sa.select(sa.func.max(Annotation.id))
    .where(Annotation.project_id == ProjectModel.project_id, Annotation.is_work)
    .correlate(ProjectModel)
    .scalar_subquery()
)


def states(session: Session) -> dict[int, tuple[int, dt.datetime]]:
    """Return model id → newest answer of its project and last change of the model, for all that
    may learn by themselves: cheap, to tell whether anything is new."""
    rows = session.execute(
        sa.select(ProjectModel.id, _NEWEST, ProjectModel.updated_at).where(
            ProjectModel.is_on, ProjectModel.train_after > 0
        )
    )
    return {number: (newest or 0, changed) for number, newest, changed in rows}


def due(session: Session, trainable: Collection[str]) -> list[ProjectModel]:
    """List the models that are to learn again, by id; `trainable` are the kinds that learn.

    They are on and learn from answers; as many answers came in since they last began to learn
    as their project wants, and no job of theirs waits or runs.
    """
    query = (
        sa.select(ProjectModel)
        .join(Project, Project.id == ProjectModel.project_id)
        .where(
            ProjectModel.is_on,
            ProjectModel.train_after > 0,
            ProjectModel.kind.in_(sorted(trainable)),
            Project.deleted_at.is_(None),
        )
    )
    found = session.scalars(query.order_by(ProjectModel.id))
    return [row for row in found if _is_due(session, row)]


def answers(session: Session, project_id: int, until: dt.datetime | None = None) -> int:
    """Count the answers of a project that a model may learn from, or those given until then."""
    query = sa.select(sa.func.count()).where(
        Annotation.project_id == project_id, Annotation.state.in_(ANSWERED), Annotation.is_work
    )
    if until is not None:
        query = query.where(Annotation.created_at <= until)
    return int(session.scalar(query) or 0)


def begin(session: Session, model_id: int, queue: str) -> Job | None:
    """Write down the job of a model that is due; None where another worker was first."""
    row = session.scalar(
        sa.select(ProjectModel)
        .where(ProjectModel.id == model_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or not row.is_on or not _is_due(session, row):
        return None
    project = session.get_one(Project, row.project_id)
    number = answers(session, project.id)
    job = jobs.add(
        session,
        session.get_one(User, row.created_by),
        "prelabel",
        {
            "project_model": row.id,
            "train": True,
            "predict": True,
            "answers": number,
            jobs.AUTOMATIC: True,
        },
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
        queue=queue,
    )
    audit.record(
        session, "worker", "model.train_due", f"model/{row.id}", job=job.id, answers=number
    )
    return job


def _is_due(session: Session, row: ProjectModel) -> bool:
    number = answers(session, row.project_id)
    if number - row.answers_at_training < row.train_after:
        return False
    # However a training ended, it is not begun again with the same answers; and a model learns
    # from the newest ones only, so that what it learned from may be fewer than there were.
    return all(
        job.state in ENDED and number - _answers_at(session, job) >= row.train_after
        for job in _jobs(session, row)
    )


def _answers_at(session: Session, job: Job) -> int:
    """Return how many answers there were when a job began to learn; 0 where it was not to."""
    asked = job.request_values
    if not asked.get("train", True):
        return 0
    if "answers" in asked:
        return int(asked["answers"])
    return answers(session, int(job.project_id or 0), job.created_at)


def _jobs(session: Session, row: ProjectModel) -> list[Job]:
    """Return the newest of a project's jobs that were about this model."""
    query = sa.select(Job).where(Job.project_id == row.project_id, Job.kind == "prelabel")
    newest = session.scalars(query.order_by(Job.created_at.desc()).limit(MOST_JOBS))
    return [job for job in newest if _is_about(job, row)]


def _is_about(job: Job, row: ProjectModel) -> bool:
    asked = job.request_values
    if asked.get("project_model") is not None:
        return bool(asked["project_model"] == row.id)
    return bool(asked.get("model") == row.kind)
