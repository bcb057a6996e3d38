"""Lists of tasks: what the Data Manager and the SDK ask for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ...datasets import errors, permissions, projects, reviews, tasks, totals, views
from ...datasets.errors import _
from ...datasets.projects import Project
from ...datasets.views import Query, View
from .. import payloads
from ..auth import allows, installation, user

routes = Blueprint("tasks_lists", __name__)
PAGE, LARGEST_PAGE = 100, 10_000
FIELDS = ("task_only", "all")


@routes.get("/api/tasks/")
@allows("task.read")
def index() -> Response:
    """List tasks of a project or of a saved view: filtered, ordered, by pages."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    page = payloads.page_number()
    whole = payloads.choice(request.args, "fields", "task_only", FIELDS) == "all"
    with installation().database.read() as session:
        project, view = _place(session)
        query = query_of(view, request.args)
        only = payloads.flag(request.args, "only_annotated")
        alone = payloads.is_alone(user(), project)
        sees_others = permissions.allows(user(), "annotation.read")
        tells = (alone and (only or query.is_telling)) or query.is_about_others
        if tells and not sees_others:
            raise errors.Forbidden(_("you may not ask what others made of the tasks"))
        if query.asks_who and reviews.are_blind_for(user(), project):
            raise errors.Forbidden(_("in this project reviewers are not told who made what"))
        found = views.page(session, project, query, page=page, size=size, only_annotated=only)
        payloads.check_page(page, size, found.total)
        loaded = payloads.load(session, user(), project, found.tasks, with_predictions=whole)
    rows = [payloads.listed(row, loaded, whole=whole) for row in found.tasks]
    return payloads.answer(
        {
            "total_annotations": sum(row["total_annotations"] for row in rows)
            if alone
            else found.annotations,
            "total_predictions": found.predictions,
            "total": found.total,
            "tasks": _cut(rows),
        }
    )


@routes.get("/api/projects/<int:project_id>/tasks/")
@allows("task.read")
def of_project(project_id: int) -> Response:
    """List a project's tasks with their answers, newest first, by pages."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    page = payloads.page_number()
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.read")
        count = totals.tasks_of(session, project)
        payloads.check_page(page, size, count)
        found = tasks.newest(session, project, offset=(page - 1) * size, limit=size)
        loaded = payloads.load(session, user(), project, found)
    return payloads.answer([payloads.with_answers(row, loaded) for row in found])


def query_of(view: View | None, values: Any) -> Query:
    """Return what is asked for: the view's filters, or those of the address's `query`."""
    text = payloads.optional_text(values, "query", longest=100_000)
    if text is not None:
        return views.parse_query(views.decoded(text, "query"))
    return views.Query() if view is None else view.query


def _place(session: Session) -> tuple[Project, View | None]:
    if request.args.get("view"):
        number = payloads.number(request.args, "view")
        view, project = views.get(session, user(), number, "task.read")
        return project, view
    if not request.args.get("project"):
        raise errors.Invalid(_("say of which project or view"), place="project")
    number = payloads.number(request.args, "project")
    return projects.get(session, user(), number, "task.read"), None


def _cut(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave only the members that `include` asks for."""
    told = [part for text in request.args.getlist("include") for part in text.split(",")]
    names = {name.strip() for name in told if name.strip()}
    if not names or not rows:
        return rows
    strange = names - set(rows[0])
    if strange:
        raise errors.Invalid(
            _("there is no field %(names)s"), place="include", names=", ".join(sorted(strange))
        )
    return [{name: value for name, value in row.items() if name in names} for row in rows]
