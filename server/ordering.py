"""The order in which tasks are handed out: work it out anew."""

from __future__ import annotations

from flask import Blueprint, Response

from ..datasets import ordering, projects
from ..workers import queues
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("ordering", __name__)


@routes.post("/api/projects/<int:project_id>/order")
@allows("prelabel.run")
def create(project_id: int) -> Response:
    """Start the job that orders the project's tasks as its `sampling` says; `seed` is for lots."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"seed"})
    seed = payloads.number(values, "seed") if values.get("seed") is not None else None
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "prelabel.run")
        job = ordering.request(session, user(), project, seed)
    queues.announce(installation(), [job.id])
    return payloads.answer(payloads.job(job), 202)
