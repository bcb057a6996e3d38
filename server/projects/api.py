"""Projects: Label Studio's API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import flask
from flask import Blueprint, Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ...datasets import annotations as annotation_rows
from ...datasets import errors, overlap, people, projects, totals
from ...datasets.errors import _
from ...datasets.people import Organisation
from ...datasets.projects import LONGEST_DESCRIPTION, LONGEST_INSTRUCTION, OPTIONS, Project
from .. import payloads
from ..auth import allows, installation, user
from .configs import LONGEST_CONFIG

routes = Blueprint("projects_api", __name__)
PAGE, LARGEST_PAGE = 30, 1000
EMPTY_CONFIG = "<View></View>"
_TEXTS = ("title", "description", "expert_instruction", "label_config")
_SETTABLE = {*_TEXTS, *OPTIONS, "maximum_annotations", "organization", "vendor"}


@routes.get("/api/projects/")
@allows("project.read")
def index() -> Response:
    """List the projects one sees, newest first unless `ordering` says otherwise, by pages."""
    with installation().database.read() as session:
        count, found = _listed(session)
        counted = payloads.totals_of(session, user(), found)
        makers = people.by_ids(session, {row.created_by for row in found})
    rows = [payloads.project(row, counted[row.id], makers.get(row.created_by)) for row in found]
    return payloads.answer(_paged(count, rows))


@routes.get("/api/projects/counts/")
@allows("project.read")
def counts() -> Response:
    """List the numbers of the projects one sees, by pages."""
    with installation().database.read() as session:
        count, found = _listed(session, "id")
        counted = payloads.totals_of(session, user(), found)
    rows = [{"id": row.id, **payloads.counts(counted[row.id])} for row in found]
    return payloads.answer(_paged(count, rows))


@routes.post("/api/projects/")
@allows("project.create")
def create() -> Response:
    """Create a project; without a config it is a draft that can be given one later."""
    values = _known(payloads.body())
    with installation().database.write() as session:
        made = projects.create(
            session,
            user(),
            title=_text(values, "title", 200) or gettext(_("New project")),
            label_config=_text(values, "label_config", LONGEST_CONFIG) or EMPTY_CONFIG,
            description=_text(values, "description", LONGEST_DESCRIPTION) or "",
            instruction=_text(values, "expert_instruction", LONGEST_INSTRUCTION) or "",
            organisation=_organisation(session, values, "organization"),
            vendor=_organisation(session, values, "vendor"),
            maximum_annotations=payloads.number(values, "maximum_annotations", 1),
            options=_options(values),
        )
        return payloads.answer(payloads.project(made, made_by=user()), 201)


@routes.get("/api/projects/<int:project_id>/")
@allows("project.read")
def show(project_id: int) -> Response:
    """Return a project with its numbers."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        return payloads.answer(_whole(session, project))


@routes.patch("/api/projects/<int:project_id>/")
@allows("project.change")
def change(project_id: int) -> Response:
    """Change a project: only what is given."""
    values = _known(payloads.body())
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.change(
            session,
            user(),
            project,
            title=_text(values, "title", 200),
            description=_text(values, "description", LONGEST_DESCRIPTION),
            instruction=_text(values, "expert_instruction", LONGEST_INSTRUCTION),
            label_config=_text(values, "label_config", LONGEST_CONFIG),
            vendor=_organisation(session, values, "vendor"),
            options=_options(values),
            has_work=annotation_rows.count(session, project) > 0,
        )
        if values.get("maximum_annotations") is not None:
            number = payloads.number(values, "maximum_annotations")
            overlap.change(session, user(), project, number)
        return payloads.answer(_whole(session, project))


@routes.delete("/api/projects/<int:project_id>/")
@allows("project.change")
def delete(project_id: int) -> Response:
    """Hide a project; versions and what was published stay."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "project.change")
        projects.delete(session, user(), project)
    return flask.Response(status=204)


@routes.get("/api/projects/<int:project_id>/annotators/")
@allows("annotation.read")
def annotators(project_id: int) -> Response:
    """List who has annotated in a project."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.read")
        found = totals.annotators(session, project)
    return payloads.answer([payloads.creator(row, row.id) for row in found])


def _whole(session: Session, project: Project) -> dict[str, Any]:
    session.flush()
    counted = payloads.totals_of(session, user(), [project])
    makers = people.by_ids(session, {project.created_by})
    return payloads.project(project, counted[project.id], makers.get(project.created_by))


def _listed(session: Session, ordering: str = "-id") -> tuple[int, list[Project]]:
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    pinned = {"pinned_only": True, "exclude_pinned": False, "all": None}
    names = payloads.choice(request.args, "filter", "all", pinned)
    wanted = projects.Wanted(
        title=payloads.optional_text(request.args, "title"),
        search=payloads.optional_text(request.args, "search"),
        ids=payloads.numbers(request.args, "ids"),
        pinned=pinned[names],
    )
    return projects.listing(
        session,
        user(),
        wanted,
        ordering=payloads.optional_text(request.args, "ordering") or ordering,
        offset=(payloads.page_number() - 1) * size,
        limit=size,
    )


def _paged(count: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = _included(rows[0] if rows else ())
    if names is not None:
        rows = [{name: row[name] for name in row if name in names} for row in rows]
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    return payloads.paged(count, rows, payloads.page_number(), size)


def _included(possible: Iterable[str]) -> set[str] | None:
    """Return the members that `include` asks for, always with the id; None for all."""
    told = payloads.text(request.args, "include", "", longest=2000)
    names = {name.strip() for name in told.split(",") if name.strip()}
    strange = names - set(possible)
    if strange and possible:
        raise errors.Invalid(
            _("there is no field %(names)s"), place="include", names=", ".join(sorted(strange))
        )
    return names | {"id"} if names else None


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """Return what may be set; what a project's own answer holds besides is passed over."""
    payloads.refuse_unknown(values, _SETTABLE | payloads.PROJECT_KEYS)
    return values


def _text(values: dict[str, Any], name: str, longest: int) -> str | None:
    return payloads.given_text(values, name, longest=longest)


def _options(values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in OPTIONS if name in values}


def _organisation(session: Session, values: dict[str, Any], name: str) -> Organisation | None:
    """Return the organisation that a field names by its number or its slug."""
    value = values.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, int):
            return people.organisation_by_id(session, payloads.number(values, name))
        return people.get_organisation(session, payloads.text(values, name))
    except errors.NotFound as problem:
        raise errors.Invalid(problem.message, place=name, **problem.values) from problem
