"""Labels that are probably wrong: the list, the job that makes it, what reviewers say."""

from __future__ import annotations

from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import errors, jobs, predictions, projects, suspicions, tasks
from ..datasets.annotations import Annotation
from ..datasets.errors import _
from ..datasets.jobs import Job
from ..datasets.projects import Project
from ..datasets.suspicions import Suspicion, SuspicionState
from ..datasets.tasks import Task
from ..workers import queues
from . import links, payloads
from .auth import allows, installation, user

routes = Blueprint("suspicions", __name__)
PAGE = 50


@routes.get("/projects/<int:project_id>/suspicions")
@allows("annotation.review")
def show(project_id: int) -> str:
    """Show the labels that are probably wrong, the worst first."""
    state = payloads.choice(
        request.args, "state", SuspicionState.OPEN, [str(each) for each in SuspicionState]
    )
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
        found = suspicions.page(
            session, user(), project, state=state, after=_after(), limit=PAGE + 1
        )
        return render_template(
            "suspicions/show.html",
            project=project,
            rows=_shown(session, project, found[:PAGE]),
            last=found[PAGE - 1][0] if len(found) > PAGE else None,
            state=state,
            counts=suspicions.counts(session, project),
            precision=suspicions.precision(session, project),
            versions=[name for name, *_rest in predictions.versions(session, project)],
            job=_running(session, project),
        )


@routes.post("/projects/<int:project_id>/suspicions")
@allows("annotation.review")
def look(project_id: int) -> Response:
    """Start the job that looks for wrong labels."""
    values = payloads.body()
    version = payloads.optional_text(values, "model_version", longest=140)
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
        job = _running(session, project) or jobs.add(
            session,
            user(),
            "suspect",
            {"model_version": version},
            project_id=project.id,
            organisation_id=project.organisation_id,
            vendor_id=project.vendor_id,
        )
    queues.announce(installation(), [job.id])
    return _back(project_id)


@routes.post("/projects/<int:project_id>/suspicions/<int:suspicion_id>")
@allows("annotation.review")
def decide(project_id: int, suspicion_id: int) -> Response:
    """Say that a label is right, or really wrong: then its annotation goes back."""
    values = payloads.body()
    reason = payloads.optional_text(values, "reason", longest=2000) or ""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "annotation.review")
        verdict = payloads.choice(values, "verdict", "", ["wrong", "right"])
        suspicions.decide(
            session, user(), project, suspicion_id, is_wrong=verdict == "wrong", reason=reason
        )
    return _back(project_id)


def _after() -> tuple[float, int] | None:
    """Return behind which score and suspicion the page begins; None for the first page."""
    told = request.args.get("score")
    if not told:
        return None
    try:
        score = float(told)
    except ValueError:
        raise errors.Invalid(_("must be a number"), place="score") from None
    return payloads.decimal({"score": score}, "score") or 0.0, payloads.number(
        request.args, "after"
    )


def _running(session: Session, project: Project) -> Job | None:
    newest = jobs.recent(session, project_id=project.id, kind="suspect", limit=1)
    return next((job for job in newest if job.state not in jobs.ENDED), None)


def _shown(
    session: Session, project: Project, found: list[tuple[Suspicion, Task]]
) -> list[dict[str, Any]]:
    """Return what a row shows: the suspicion, its task, its words or picture."""
    key = project.data_keys[0] if project.data_keys else ""
    media = tasks.media_of(session, (task for _row, task in found))
    wanted = sa.select(Annotation).where(
        Annotation.id.in_({row.annotation_id for row, _task in found})
    )
    answers = {row.id: row for row in session.scalars(wanted)} if media else {}
    shown = []
    for row, task in found:
        picture = media.get(tasks.media_digest(task.data_values.get(key)) or "")
        if picture is not None and picture.width is None:
            picture = None
        answer = answers.get(row.annotation_id)
        regions = answer.result_values if picture is not None and answer is not None else []
        shown.append(
            {
                "row": row,
                "task": task,
                "excerpt": _excerpt(project, task),
                "picture": None if picture is None else links.thumbnail(picture),
                # All of them where something is missing or the whole answer is meant.
                "regions": [each for each in regions if row.region_id in ("", each.get("id"))],
            }
        )
    return shown


def _excerpt(project: Project, task: Task) -> str:
    """Return the first words of a text; nothing of a picture."""
    values = task.data_values
    key = project.data_keys[0] if project.data_keys else ""
    told = values.get(key)
    is_text = isinstance(told, str) and not told.startswith(("media:", "http://", "https://", "/"))
    return str(told)[:160] if is_text else ""


def _back(project_id: int) -> Response:
    return flask.redirect(flask.url_for("suspicions.show", project_id=project_id))  # type: ignore[return-value]
