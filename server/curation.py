"""Curation: answers side by side, the consensus between them, and somebody who decides."""

from __future__ import annotations

import datetime as dt
from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import consensus, errors, projects, reviews, tasks
from ..datasets.annotations import Annotation
from ..datasets.consensus import Consensus
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.reviews import Stage
from ..datasets.tasks import Task
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("curation", __name__)


@routes.get("/projects/<int:project_id>/curation")
@allows("review.arbitrate")
def show(project_id: int) -> str:
    """Show the task that people agree about least, all answers beside each other."""
    after = payloads.number(request.args, "after") if request.args.get("after") else None
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "review.arbitrate")
        found = consensus.next_to_curate(session, user(), project, after=after)
        return render_template(
            "quality/curation.html",
            project=project,
            waiting=consensus.count_to_curate(session, user(), project),
            consensus=None if found is None else found[0],
            task=None if found is None else _shown(session, found[1]),
            answers=[] if found is None else _answers(session, project, found[0], found[1]),
        )


@routes.post("/projects/<int:project_id>/curation/<int:task_id>")
@allows("review.arbitrate")
def decide(project_id: int, task_id: int) -> Response:
    """Take the consensus, or one of the answers (`take` is its id), or open it in the editor."""
    values = payloads.body()
    take = payloads.text(values, "take", "")
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "review.arbitrate")
        task = _task(session, project, task_id)
        if take == "editor":
            _hold(session, project, task)
        else:
            reason = payloads.text(values, "reason", "", longest=2000)
            result = _taken(session, project, task, take)
            consensus.curate(session, user(), project, task, result, reason=reason)
    if take == "editor":
        address = flask.url_for("reviews.review", project_id=project_id, task=task_id)
    else:
        address = flask.url_for("curation.show", project_id=project_id)
    return flask.redirect(address)  # type: ignore[return-value]


@routes.post("/api/projects/<int:project_id>/curation/<int:task_id>")
@allows("review.arbitrate")
def api_decide(project_id: int, task_id: int) -> Response:
    """Decide a task that people disagree about: all its answers are accepted as `result`.

    An answer that says just that is accepted, the others are fixed to it by a review each.
    """
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "review.arbitrate")
        task = _task(session, project, task_id)
        reason = payloads.text(values, "reason", "", longest=2000)
        made = consensus.curate(
            session, user(), project, task, payloads.result(values), reason=reason
        )
        return payloads.answer([payloads.review(row) for row in made], 201)


def _task(session: Session, project: Project, task_id: int) -> Task:
    task, of = tasks.get(session, user(), task_id, "task.read")
    if of.id != project.id:
        raise errors.NotFound(_("there is no task %(id)s"), id=task_id)
    return task


def _shown(session: Session, task: Task) -> dict[str, Any]:
    media = tasks.media_of(session, [task])
    return {"id": task.id, "name": task.name, "data": payloads.shown_data(task, media)}


def _answers(
    session: Session, project: Project, kept: Consensus, task: Task
) -> list[dict[str, Any]]:
    """Return each answer with how it differs from the consensus; nobody is named."""
    found = consensus.answered(session, project, [task.id])
    rows = found[0].answers.values() if found else ()
    return [
        {
            "id": row.id,
            "letter": chr(ord("A") + place % 26),
            "result": row.result_values,
            "differences": reviews.differences(row.result_values, kept.result_values),
        }
        for place, row in enumerate(rows)
    ]


def _taken(session: Session, project: Project, task: Task, take: str) -> list[dict[str, Any]]:
    if take == "consensus":
        kept = session.get(Consensus, task.id)
        if kept is None:
            raise errors.Refused(_("this task is not to be decided: look at the next one"))
        return kept.result_values
    found = consensus.answered(session, project, [task.id])
    rows = found[0].answers.values() if found else ()
    for row in rows:
        if str(row.id) == take:
            return row.result_values
    raise errors.Invalid(_("must be “consensus”, “editor” or the id of an answer"), place="take")


def _hold(session: Session, project: Project, task: Task) -> None:
    """Have the answer nearest to the others arbitrated by the curator in the editor next."""
    kept = session.get(Consensus, task.id)
    row = (
        None if kept is None else session.get(Annotation, kept.annotation_id, with_for_update=True)
    )
    found = consensus.answered(session, project, [task.id])
    if row is None or not found or user().id in found[0].answers:
        raise errors.Refused(_("this task is not to be decided: look at the next one"))
    if row.review_by not in (None, user().id) and row.review_until and row.review_until > now():
        raise errors.Refused(_("another reviewer is looking at this annotation"))
    minutes = installation().settings.reservation_minutes
    row.review_stage, row.review_by = Stage.ARBITRATION, user().id
    row.review_until = now() + dt.timedelta(minutes=minutes)
