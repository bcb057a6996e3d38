"""Stages of review: their settings, what waits in them, a task's story, and taking things back."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import projects, reviews, tasks
from ..datasets.annotations import Annotation
from ..datasets.projects import Project
from ..datasets.reviews import ReviewEvent
from ..datasets.tasks import Task
from . import payloads, review_sheets
from .auth import allows, installation, user

routes = Blueprint("review_stages", __name__)
OPTIONS = (
    "review_first",
    "review_first_percent",
    "review_second",
    "review_second_percent",
    "review_agreement_percent",
    "review_objections",
    "review_blind",
    "review_reasons",
    "is_safety",
)


@routes.get("/projects/<int:project_id>/review-stages")
@allows("annotation.read")
def show(project_id: int) -> str:
    """Show what is reviewed how often, and what waits in each stage."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        counts = reviews.stage_counts(session, project)
    return render_template(
        "reviews/stages.html",
        project=project,
        stages=projects.stages_of(project),
        counts=counts,
    )


@routes.post("/projects/<int:project_id>/review-stages")
@allows("project.change")
def change(project_id: int) -> Response:
    """Change the stages from the page; what waits in a stage goes on from there."""
    values = payloads.body()
    given: dict[str, Any] = {
        "review_first": payloads.text(values, "review_first", projects.SHARES[-1]),
        "review_second": payloads.text(values, "review_second", projects.SHARES[0]),
        "review_objections": payloads.flag(values, "review_objections"),
        "review_blind": payloads.flag(values, "review_blind"),
        "review_reasons": _reasons(payloads.text(values, "review_reasons", "", longest=20_000)),
    }
    for name in ("review_first_percent", "review_second_percent", "review_agreement_percent"):
        is_told = values.get(name) not in (None, "")
        given[name] = payloads.number(values, name, highest=100) if is_told else None
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        if payloads.flag(values, "is_safety"):
            given["is_safety"] = True
        projects.change(session, user(), project, options=given)
    return _to(flask.url_for("review_stages.show", project_id=project_id))


@routes.get("/api/projects/<int:project_id>/review-stages")
@allows("annotation.read")
def api_show(project_id: int) -> Response:
    """Return what is reviewed how often, and what waits in each stage since when."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        counts = reviews.stage_counts(session, project)
    return payloads.answer(
        {
            "project": project.id,
            "settings": {name: project.option(name) for name in OPTIONS},
            "stages": [
                {
                    "stage": int(each.stage),
                    "waiting": each.waiting,
                    "held": each.held,
                    "oldest": payloads.time(each.oldest),
                }
                for each in counts
            ],
        }
    )


@routes.get("/api/tasks/<int:task_id>/history")
@allows("annotation.read")
def api_history(task_id: int) -> Response:
    """Tell what happened to a task's annotations, oldest first, with what differs."""
    with installation().database.read() as session:
        task, project = tasks.get(session, user(), task_id, "annotation.read")
        made = annotation_rows.of_tasks(session, [task.id]).get(task.id, [])
        seen = annotation_rows.visible_to(user(), made)
        story = reviews.history(session, seen)
        who = [each.actor_id for each in story]
        known = review_sheets.names(session, user(), project, who, seen)
    return payloads.answer([review_sheets.happening(each, known) for each in story])


@routes.post("/api/annotations/<int:annotation_id>/objections")
@allows("annotation.write")
def api_object(annotation_id: int) -> Response:
    """Object to the return of one's own annotation; somebody arbitrates."""
    values = payloads.body()
    with installation().database.write() as session:
        row, task, project = annotation_rows.get(session, user(), annotation_id, "annotation.write")
        text = payloads.text(values, "reason", "", longest=2000)
        event = reviews.object_to(session, user(), project, task, row, text)
        return payloads.answer(_event(event), 201)


@routes.post("/api/annotations/<int:annotation_id>/roll-back")
@allows("annotation.change")
def api_roll_back(annotation_id: int) -> Response:
    """Make an earlier revision the newest one again; what is published stays as it is."""
    with installation().database.write() as session:
        return payloads.answer(_event(_roll_back(session, annotation_id)), 201)


@routes.post("/api/annotations/<int:annotation_id>/reopen")
@allows("annotation.change")
def api_reopen(annotation_id: int) -> Response:
    """Take an acceptance back; what is published stays as it is."""
    with installation().database.write() as session:
        return payloads.answer(_event(_reopen(session, annotation_id)), 201)


@routes.post("/annotations/<int:annotation_id>/roll-back")
@allows("annotation.change")
def roll_back(annotation_id: int) -> Response:
    """Roll an annotation back from the task's page."""
    with installation().database.write() as session:
        _roll_back(session, annotation_id)
        task_id = session.get_one(Annotation, annotation_id).task_id
    return _to(flask.url_for("tasks.show", task_id=task_id))


@routes.post("/annotations/<int:annotation_id>/reopen")
@allows("annotation.change")
def reopen(annotation_id: int) -> Response:
    """Take an acceptance back from the task's page."""
    with installation().database.write() as session:
        _reopen(session, annotation_id)
        task_id = session.get_one(Annotation, annotation_id).task_id
    return _to(flask.url_for("tasks.show", task_id=task_id))


def _found(session: Session, annotation_id: int) -> tuple[Annotation, Task, Project]:
    return annotation_rows.get(session, user(), annotation_id, "annotation.change")


def _roll_back(session: Session, annotation_id: int) -> ReviewEvent:
    values = payloads.body()
    row, task, project = _found(session, annotation_id)
    number = payloads.number(values, "revision", highest=2**31 - 1)
    reason = payloads.text(values, "reason", "", longest=2000)
    return reviews.roll_back(session, user(), project, task, row, number, reason)


def _reopen(session: Session, annotation_id: int) -> ReviewEvent:
    values = payloads.body()
    row, task, project = _found(session, annotation_id)
    reason = payloads.text(values, "reason", "", longest=2000)
    return reviews.reopen(session, user(), project, task, row, reason)


def _event(row: ReviewEvent) -> dict[str, Any]:
    return {
        "id": row.id,
        "annotation": row.annotation_id,
        "kind": row.kind,
        "revision": row.revision,
        "to_revision": row.to_revision,
        "reason": row.text,
        "created_by": row.actor_id,
        "created_at": payloads.time(row.created_at),
    }


def _reasons(text: str) -> list[dict[str, str]]:
    """Read reasons: one a line, `code text`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = []
    for line in lines:
        code, _space, words = line.partition(" ")
        found.append({"code": code, "text": words.strip()})
    return found


def _to(address: str) -> Response:
    return flask.redirect(address)  # type: ignore[return-value]
