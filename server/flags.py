"""What people say is wrong with tasks: said, listed, settled."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import flags, people, permissions, projects, tasks, withdrawals
from ..datasets.flags import Flag, FlagKind, FlagState
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("flags", __name__)
PAGE = 50


@routes.get("/api/tasks/<int:task_id>/flags")
@allows("task.flag")
def of_task(task_id: int) -> Response:
    """List what was said of a task: all of it to who leads, else one's own."""
    with installation().database.read() as session:
        task, _project = tasks.get(session, user(), task_id, "task.flag")
        leads = permissions.allows(user(), "assignment.manage")
        found = [row for row in flags.of_task(session, task) if leads or row.user_id == user().id]
    return payloads.answer([_plain(row) for row in found])


@routes.post("/api/tasks/<int:task_id>/flags")
@allows("task.flag")
def create(task_id: int) -> Response:
    """Say what is wrong with a task; with `skip` true, skip it as well."""
    values = payloads.body()
    with installation().database.write() as session:
        task, project = tasks.get(session, user(), task_id, "task.flag")
        payloads.refuse_unknown(values, {"kind", "text", "skip"})
        kind = payloads.text(values, "kind")
        text = payloads.text(values, "text", "", longest=flags.LONGEST_TEXT)
        skip = payloads.flag(values, "skip")
        settings = installation().settings
        made, skipped = withdrawals.raise_flag(
            session, settings, user(), project, task, kind, text, skip=skip
        )
        return payloads.answer({**_plain(made), "skipped": skipped}, 201)


@routes.get("/api/projects/<int:project_id>/flags")
@allows("assignment.manage")
def of_project(project_id: int) -> Response:
    """List a project's flags of one state and kind, the oldest first, after `after`."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        found = flags.of_project(session, project, **_wanted(), limit=PAGE)
        counts = flags.open_counts(session, project)
    return payloads.answer({"open": counts, "results": [_plain(row) for row in found]})


@routes.post("/api/projects/<int:project_id>/flags/<int:flag_id>")
@allows("assignment.manage")
def settle(project_id: int, flag_id: int) -> Response:
    """Settle a flag: `answered`, `requeued` or `withdrawn`, with an answer to who raised it."""
    with installation().database.write() as session:
        return payloads.answer(_plain(_settled(session, project_id, flag_id)))


@routes.get("/projects/<int:project_id>/flags")
@allows("assignment.manage")
def index(project_id: int) -> str:
    """Show a project's flags, and the forms to settle them."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        wanted = _wanted()
        found = flags.of_project(session, project, **wanted, limit=PAGE)
        return render_template(
            "flags/index.html",
            project=project,
            flags=found,
            counts=flags.open_counts(session, project),
            people=people.by_ids(session, _named(found)),
            tasks={row.id: row for row in tasks.by_ids(session, project, _tasks(found))},
            kinds=list(FlagKind),
            states=list(FlagState),
            chosen=wanted,
            page=PAGE,
        )


@routes.post("/projects/<int:project_id>/flags/<int:flag_id>")
@allows("assignment.manage")
def settle_here(project_id: int, flag_id: int) -> AnyResponse:
    """Settle a flag, and show those that are left."""
    with installation().database.write() as session:
        _settled(session, project_id, flag_id)
    return flask.redirect(flask.url_for("flags.index", project_id=project_id), 303)


def _settled(session: Session, project_id: int, flag_id: int) -> Flag:
    values = payloads.body()
    project = projects.get(session, user(), project_id, "assignment.manage")
    payloads.refuse_unknown(values, {"outcome", "answer"})
    outcome = payloads.text(values, "outcome")
    answer = payloads.text(values, "answer", "", longest=flags.LONGEST_TEXT)
    flag = flags.get(session, project, flag_id)
    return withdrawals.settle_flag(session, user(), project, flag, outcome, answer)


def _wanted() -> dict[str, Any]:
    kind = request.args.get("kind") or None
    return {
        "state": payloads.choice(request.args, "state", FlagState.OPEN, FlagState),
        "kind": kind and payloads.choice(request.args, "kind", FlagKind.OTHER, FlagKind),
        "after": payloads.number(request.args, "after", 0),
    }


def _named(found: list[Flag]) -> set[int]:
    return {row.user_id for row in found} | {row.settled_by for row in found if row.settled_by}


def _tasks(found: list[Flag]) -> set[int]:
    return {row.task_id for row in found}


def _plain(row: Flag) -> dict[str, Any]:
    return {
        "id": row.id,
        "task": row.task_id,
        "project": row.project_id,
        "user": row.user_id,
        "kind": row.kind,
        "text": row.text,
        "state": row.state,
        "answer": row.answer,
        # The discussion of a published dataset that it comes from.
        "discussion": row.discussion_id,
        "settled_by": row.settled_by,
        "settled_at": payloads.time(row.settled_at),
        "created_at": payloads.time(row.created_at),
    }
