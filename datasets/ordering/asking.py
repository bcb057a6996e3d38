"""Ask for the order of a project's tasks to be worked out: a job."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import jobs, permissions
from ..jobs import Job, JobState
from ..people import User
from ..projects import SAMPLINGS, Project

SEQUENTIAL, UNIFORM, UNCERTAINTY = SAMPLINGS


def request(session: Session, actor: User, project: Project, seed: int | None = None) -> Job:
    """Write down the job that orders a project's tasks as its sampling says; the one that waits
    already, where it would do the same.

    `seed` is for tasks by lot; the project's number unless somebody says otherwise.

    Raises:
        errors.Forbidden: the actor may not run models.
    """
    permissions.require(actor, "prelabel.run", project)
    wanted = {"seed": project.id if seed is None else seed}
    waiting = sa.select(Job).where(
        Job.state == JobState.WAITING, Job.kind == "order", Job.project_id == project.id
    )
    for job in session.scalars(waiting.order_by(Job.created_at)):
        if job.request_values == wanted:
            return job
    return jobs.add(
        session,
        actor,
        "order",
        wanted,
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def after_predictions(session: Session, project: Project, actor: User) -> Job | None:
    """Let tasks be ordered anew after models have answered; None where their answers do not
    decide the order. The caller announces the job after the commit."""
    if project.option("sampling") != UNCERTAINTY:
        return None
    return request(session, actor, project)
