"""Labels that people add beside the config: Label Studio's API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import added_labels, errors, projects
from ..datasets.added_labels import AddedLabel, AddedLabelLink, Links, NewLabel
from ..datasets.errors import _
from ..datasets.projects import Project
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("added_labels", __name__)
PAGE, LARGEST_PAGE = 100, 1000
MOST_PROJECTS = 1000  # that one replacement looks at
_NEW = {"project", "from_name", "value", "title", "description", "approved", "approved_by"}
_TEXT = 10_000  # characters; the domain names the limit of each text


@routes.get("/api/labels/")
@allows("project.read")
def index() -> Response:
    """List the labels that people have added in one's organisation or in its projects."""
    size, page = payloads.page_size(PAGE, LARGEST_PAGE), payloads.page_number()
    with installation().database.read() as session:
        count, found = added_labels.find(session, user(), offset=(page - 1) * size, limit=size)
        rows = _labels(session, found)
    return payloads.answer(payloads.paged(count, rows, page, size))


@routes.post("/api/labels/")
@allows("annotation.write")
def create() -> Response:
    """Add labels and link them to a project; a title that is there already is that label."""
    given = payloads.body_list(added_labels.MOST_AT_ONCE)
    numbers = {payloads.number(_entry(each), "project") for each in given}
    if len(numbers) > 1:
        raise errors.Invalid(_("all labels must be of one project"), place="project")
    wanted = [_new(each) for each in given]
    with installation().database.write() as session:
        project = projects.get(session, user(), numbers.pop(), "annotation.write")
        made = added_labels.add(session, user(), project, wanted)
        rows = _labels(session, made)
    return payloads.answer([_made(*pair, project) for pair in zip(rows, wanted, strict=True)], 201)


@routes.get("/api/labels/<int:label_id>/")
@allows("project.read")
def show(label_id: int) -> Response:
    """Return an added label."""
    with installation().database.read() as session:
        label = added_labels.get(session, user(), label_id)
        return payloads.answer(_labels(session, [label])[0])


@routes.patch("/api/labels/<int:label_id>/")
@allows("annotation.write")
def change(label_id: int) -> Response:
    """Change what is given of an added label: one's own, or any with the right to."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"value", "title", "description", "approved"})
    with installation().database.write() as session:
        label = added_labels.get(session, user(), label_id)
        added_labels.change(
            session,
            user(),
            label,
            title=payloads.given_text(values, "title", longest=_TEXT),
            value=values.get("value"),
            description=payloads.given_text(values, "description", longest=_TEXT),
            approved=payloads.given_flag(values, "approved"),
        )
        return payloads.answer(_labels(session, [label])[0])


@routes.delete("/api/labels/<int:label_id>/")
@allows("annotation.write")
def delete(label_id: int) -> Response:
    """Delete an added label that no annotation uses."""
    with installation().database.write() as session:
        added_labels.remove(session, user(), added_labels.get(session, user(), label_id))
    return flask.Response(status=204)


@routes.post("/api/labels/bulk")
@allows("annotation.change")
def replace() -> Response:
    """Put a label in the place of another in saved annotations, but for accepted ones."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"project", "old_label", "new_label"})
    with installation().database.write() as session:
        found = added_labels.replace(
            session, user(), _asked(session, values), values.get("old_label"), values["new_label"]
        )
    return payloads.answer(
        {"annotations_updated": found.annotations, "annotations_kept": found.kept}
    )


@routes.get("/api/label_links/")
@allows("project.read")
def links() -> Response:
    """List which labels were added to which controls; `expand=label` tells them whole."""
    size, page = payloads.page_size(PAGE, LARGEST_PAGE), payloads.page_number()
    with installation().database.read() as session:
        count, found = added_labels.find_links(
            session,
            user(),
            project_id=_number("project"),
            created_by=_number("label__created_by"),
            created_from=_moment("label__created_at__gte") or _moment("label__created_at"),
            created_until=_moment("label__created_at__lte") or _moment("label__created_at"),
            offset=(page - 1) * size,
            limit=size,
        )
        rows = _links(session, found)
    return payloads.answer(payloads.paged(count, rows, page, size))


@routes.post("/api/label_links/")
@allows("annotation.write")
def add_link() -> Response:
    """Let a control of a project take a label that the organisation has."""
    values = payloads.body()
    number, label_number = (payloads.number(values, name) for name in ("project", "label"))
    from_name = payloads.text(values, "from_name")
    with installation().database.write() as session:
        project = projects.get(session, user(), number, "annotation.write")
        label = added_labels.get(session, user(), label_number)
        made = added_labels.link(session, user(), project, label, from_name)
        return payloads.answer(_links(session, [(made, label)])[0], 201)


@routes.get("/api/label_links/<int:link_id>/")
@allows("project.read")
def show_link(link_id: int) -> Response:
    """Return one link of a label to a project."""
    with installation().database.read() as session:
        link, label, _project = added_labels.get_link(session, user(), link_id)
        return payloads.answer(_links(session, [(link, label)])[0])


@routes.patch("/api/label_links/<int:link_id>/")
@allows("annotation.write")
def change_link(link_id: int) -> Response:
    """Let another control of the project take the label instead (`from_name`)."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"from_name"})
    with installation().database.write() as session:
        link, label, project = added_labels.get_link(session, user(), link_id)
        from_name = payloads.text(values, "from_name", link.from_name)
        added_labels.move(session, user(), link, label, project, from_name)
        return payloads.answer(_links(session, [(link, label)])[0])


@routes.delete("/api/label_links/<int:link_id>/")
@allows("annotation.write")
def remove_link(link_id: int) -> Response:
    """Take a label that no annotation uses away from a project."""
    with installation().database.write() as session:
        link, label, project = added_labels.get_link(session, user(), link_id)
        added_labels.unlink(session, user(), link, label, project)
    return flask.Response(status=204)


def _entry(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise errors.Invalid(_("must be a list of objects"))
    payloads.refuse_unknown(value, _NEW)
    return value


def _new(entry: Mapping[str, Any]) -> NewLabel:
    return NewLabel(
        payloads.text(entry, "title", longest=_TEXT),
        entry.get("value"),
        payloads.text(entry, "from_name"),
        payloads.given_text(entry, "description", longest=_TEXT),
        payloads.flag(entry, "approved"),
    )


def _asked(session: Session, values: Mapping[str, Any]) -> list[Project]:
    """Return the project that a replacement names, or all of the organisation."""
    for name in ("old_label", "new_label"):
        if values.get(name) is None:
            raise errors.Invalid(_("must be a label or a list of labels"), place=name)
    if values.get("project") is not None:
        number = payloads.number(values, "project")
        return [projects.get(session, user(), number, "annotation.change")]
    seen = projects.visible(session, user(), limit=MOST_PROJECTS + 1)
    if len(seen) > MOST_PROJECTS:
        raise errors.Refused(
            _("there are more than %(most)s projects: name one"),
            place="project",
            most=MOST_PROJECTS,
        )
    return [project for project in seen if project.organisation_id == user().organisation_id]


def _labels(session: Session, found: Sequence[AddedLabel]) -> list[dict[str, Any]]:
    linked = added_labels.links_of(session, user(), found)
    rows = []
    for label in found:
        links = linked.get(label.id, Links())
        rows.append(
            {"links": list(links.ids), **_label(label), "projects": sorted(set(links.projects))}
        )
    return rows


def _label(label: AddedLabel) -> dict[str, Any]:
    return {
        "id": label.id,
        "created_at": payloads.time(label.created_at),
        "updated_at": payloads.time(label.updated_at),
        "value": msgspec.Raw(label.value.encode()),
        "title": label.title,
        "description": label.description,
        "approved": label.approved,
        "created_by": label.created_by,
        "approved_by": label.approved_by,
        "organization": label.organisation_id,
    }


def _made(row: dict[str, Any], wanted: NewLabel, project: Project) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name != "links"}
    return {**told, "project": project.id, "from_name": wanted.from_name}


def _links(
    session: Session, found: Sequence[tuple[AddedLabelLink, AddedLabel]]
) -> list[dict[str, Any]]:
    counts = added_labels.used(session, found)
    whole = "label" in payloads.words(request.args, "expand")
    return [
        {
            "id": link.id,
            "annotations_count": counts[link.id],
            "from_name": link.from_name,
            "project": link.project_id,
            "label": _label(label) if whole else label.id,
        }
        for link, label in found
    ]


def _number(name: str) -> int | None:
    return payloads.number(request.args, name) if request.args.get(name) else None


def _moment(name: str) -> dt.datetime | None:
    told = request.args.get(name)
    return payloads.moment(name, told) if told else None
