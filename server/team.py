"""Who works on a project and on which task: as Label Studio's clients expect it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import assignments, errors, people, projects, reviews, tasks, views
from ..datasets.assignments import Assignment
from ..datasets.errors import _
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("team", __name__)
PAGE, LARGEST_PAGE = 100, 1000
MOST_TASKS = 10_000  # that one request assigns
MOST_PEOPLE = 100


@routes.get("/api/projects/<int:project_id>/members/paginated/")
@allows("annotation.read")
def members(project_id: int) -> Response:
    """List the people who see a project: of its owner and of the company that works on it."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    page = payloads.page_number()
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        found = people.of_organisations(session, _homes(project))
    rows = [
        {**payloads.user(row), "project_role": row.role, "implicit_member": True}
        for row in found[(page - 1) * size : page * size]
    ]
    return payloads.answer(payloads.paged(len(found), rows, page, size))


@routes.get("/api/projects/<int:project_id>/tasks/<int:task_id>/assignees")
@allows("annotation.read")
def assignees(project_id: int, task_id: int) -> Response:
    """List who holds or has done a task."""
    with installation().database.read() as session:
        task, project = _task(session, project_id, task_id, "annotation.read")
        made = annotation_rows.of_tasks(session, [task.id]).get(task.id, [])
        hides = any(reviews.hides(user(), project, row) for row in made)
        if hides or reviews.are_blind_for(user(), project):
            raise errors.Forbidden(_("in this project reviewers are not told who made what"))
        rows = assignments.of_task(session, task)
    return payloads.answer([_assignment(row) for row in rows])


@routes.post("/api/projects/<int:project_id>/tasks/<int:task_id>/assignees")
@allows("assignment.manage")
def assign(project_id: int, task_id: int) -> Response:
    """Reserve a task for people."""
    values = payloads.body()
    with installation().database.write() as session:
        _task_row, project = _task(session, project_id, task_id, "assignment.manage")
        made = _reserve(session, project, [task_id], values)
        return payloads.answer(_assignment(made[0]), 201)


@routes.delete("/api/projects/<int:project_id>/tasks/<int:task_id>/assignees")
@allows("assignment.manage")
def unassign(project_id: int, task_id: int) -> Response:
    """Take a reserved task back from people; what they have done stays."""
    with installation().database.write() as session:
        task, project = _task(session, project_id, task_id, "assignment.manage")
        users = payloads.numbers(request.args, "users")
        number = assignments.take_back(session, user(), project, task, users)
    return payloads.answer({"removed": number})


@routes.post("/api/projects/<int:project_id>/tasks/assignees")
@allows("assignment.manage")
def assign_many(project_id: int) -> Response:
    """Reserve chosen tasks for people, all or none."""
    values = payloads.body()
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "assignment.manage")
        query = views.parse_query(values)
        if values.get("selectedItems") is None:
            raise errors.Invalid(_("say which tasks are meant"), place="selectedItems")
        ids = (
            tasks.ids(session, project) if query.is_plain else views.chosen(session, project, query)
        )
        if len(ids) > MOST_TASKS:
            raise errors.TooLarge(
                _("must have at most %(most)s entries"), place="selectedItems", most=MOST_TASKS
            )
        made = _reserve(session, project, ids, values)
        return payloads.answer({"assignments": len(made)})


def _reserve(
    session: Session, project: Project, task_ids: list[int], values: dict[str, Any]
) -> list[Assignment]:
    payloads.choice(values, "type", "AN", ["AN"])
    numbers = payloads.ids(values, "users", MOST_PEOPLE)
    found = people.by_ids(session, numbers)
    homes = _homes(project)
    strange = [n for n in numbers if n not in found or found[n].organisation_id not in homes]
    if strange:
        raise errors.Invalid(
            _("there is no user %(id)s in this project"), place="users", id=strange[0]
        )
    return assignments.assign(
        session, installation().settings, user(), project, task_ids, list(found.values())
    )


def _homes(project: Project) -> list[int]:
    return [number for number in (project.organisation_id, project.vendor_id) if number]


def _task(session: Session, project_id: int, task_id: int, action: str) -> tuple[Any, Project]:
    task, project = tasks.get(session, user(), task_id, action)
    if project.id != project_id:
        raise errors.NotFound(_("there is no task %(id)s"), id=task_id)
    return task, project


def _assignment(row: Assignment) -> dict[str, Any]:
    return {
        "id": row.id,
        "task": row.task_id,
        "assignee": row.user_id,
        "type": "AN",
        "state": row.state,
        "created_at": payloads.time(row.created_at),
    }
