"""Projects: pages."""

from __future__ import annotations

import flask
from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from ...datasets import annotations as annotation_rows
from ...datasets import (
    catalogue,
    jobs,
    labels,
    models,
    people,
    predictions,
    projects,
    versions,
)
from ...datasets.annotations import AnnotationState
from .. import payloads
from ..auth import allows, installation, user
from ..models import kinds
from .configs import LONGEST_CONFIG

routes = Blueprint("projects", __name__)
PAGE = 50


@routes.get("/projects")
@allows("project.read")
def index() -> str:
    """Show the projects that the person sees, newest first."""
    before = payloads.before()
    with installation().database.read() as session:
        found = projects.visible(session, user(), before=before, limit=PAGE + 1)
        counts = payloads.states_of(session, user(), found)
    return render_template(
        "projects/index.html",
        projects=found[:PAGE],
        counts=counts,
        next_before=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@routes.get("/projects/new")
@allows("project.create")
def new() -> str:
    """Show the form for a new project with the templates to begin from."""
    with installation().database.read() as session:
        organisations = people.organisations(session)
    return render_template(
        "projects/new.html", templates=labels.TEMPLATES, organisations=organisations, values={}
    )


@routes.post("/projects")
@allows("project.create")
def create() -> Response:
    """Create a project from the form."""
    values = payloads.body()
    with installation().database.write() as session:
        project = _create(session, values)
    return flask.redirect(flask.url_for("projects.show", project_id=project.id))  # type: ignore[return-value]


@routes.get("/projects/<int:project_id>")
@allows("project.read")
def show(project_id: int) -> str:
    """Show a project: the chain with counts at each step, what runs, what can be done."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        counts = payloads.states_of(session, user(), [project]).get(project.id, {})
        frozen = versions.of_project(session, project)
        published = {row.id: catalogue.of_version(session, row) for row in frozen}
        return render_template(
            "projects/show.html",
            project=project,
            counts=counts,
            predicted=predictions.count(session, project),
            to_review=0
            if payloads.is_alone(user(), project)
            else annotation_rows.count_in_state(session, project, AnnotationState.SUBMITTED),
            models=models.of_project(session, project),
            ready=kinds.only_ready(project.config),
            versions=frozen,
            published={number: found for number, found in published.items() if found},
            jobs=jobs.recent(session, project_id=project.id, limit=8),
        )


def _create(session: Session, values: dict[str, object]) -> projects.Project:
    slug = payloads.optional_text(values, "organization")
    vendor = payloads.optional_text(values, "vendor")
    return projects.create(
        session,
        user(),
        title=payloads.text(values, "title", ""),
        label_config=payloads.text(values, "label_config", "", longest=LONGEST_CONFIG),
        description=payloads.text(values, "description", "", longest=10_000),
        instruction=payloads.text(values, "expert_instruction", "", longest=50_000),
        organisation=None if slug is None else people.get_organisation(session, slug),
        vendor=None if vendor is None else people.get_organisation(session, vendor),
        maximum_annotations=payloads.number(values, "maximum_annotations", 1),
    )
