"""Add labels to an organisation and link them to the controls of its projects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions, webhooks
from ..db import insert_new, now
from ..errors import _
from ..people import User
from ..projects import Project
from .rows import LONGEST_TITLE, AddedLabel, AddedLabelLink, remember

MOST_AT_ONCE = 1000
MOST_LINKS = 5000  # of one project
LONGEST_DESCRIPTION = 5000  # characters
LONGEST_LABEL, DEEPEST = 200, 20  # characters, labels on the way


@dataclass(frozen=True)
class NewLabel:
    """A label that somebody wants to add; `value` is a label or the path to it."""

    title: str
    value: Any
    from_name: str
    description: str | None = None
    approved: bool = False


def add(
    session: Session, actor: User, project: Project, given: Sequence[NewLabel]
) -> list[AddedLabel]:
    """Add labels to the project's organisation and link them, all or none; return them in order.

    A title that is there already is that label, whatever else is said of it; sent twice, a
    label is added once.

    Raises:
        errors.Invalid: a label is not usable, or linked to another control of the project.
        errors.Forbidden: the actor may not approve labels.
        errors.Refused: the project would have more than MOST_LINKS.
    """
    permissions.require(actor, "annotation.write", project)
    if any(each.approved for each in given):
        permissions.require(actor, "project.change", project)
    at = now()
    rows = {
        each.title: {
            "organisation_id": project.organisation_id,
            "title": checked_title(each.title),
            "value": checked_value(project, each.from_name, each.value),
            "description": checked_description(each.description),
            "approved": each.approved,
            "approved_by": actor.id if each.approved else None,
            "created_by": actor.id,
            "created_at": at,
            "updated_at": at,
        }
        for each in given
    }
    titles = sorted(rows)
    known = _by_title(session, project, titles)
    insert_new(session, AddedLabel, [rows[title] for title in titles if title not in known])
    labels = _by_title(session, project, titles)
    for title in titles:
        if title not in known:
            audit.record(session, actor, "label.create", f"label/{labels[title].id}", title=title)
    _link(session, actor, project, [(labels[each.title], each.from_name) for each in given])
    return [labels[each.title] for each in given]


def link(
    session: Session, actor: User, project: Project, label: AddedLabel, from_name: str
) -> AddedLabelLink:
    """Let a control of a project take a label of the organisation; once is enough.

    Raises:
        errors.Invalid: the label is another organisation's, linked to another control already,
            or not one that the control could take.
        errors.Refused: the project would have more than MOST_LINKS.
    """
    permissions.require(actor, "annotation.write", project)
    if label.organisation_id != project.organisation_id:
        raise errors.Invalid(_("the label is another organisation's"), place="label")
    _link(session, actor, project, [(label, from_name)])
    return session.scalars(
        sa.select(AddedLabelLink).filter_by(project_id=project.id, label_id=label.id)
    ).one()


def checked_title(title: str) -> str:
    """Return a title; raise errors.Invalid for one that is empty or too long."""
    if not title.strip() or len(title) > LONGEST_TITLE or "\0" in title:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"), place="title", longest=LONGEST_TITLE
        )
    return title


def checked_description(text: str | None) -> str | None:
    """Return a description; raise errors.Invalid for one that is too long."""
    if text is not None and (len(text) > LONGEST_DESCRIPTION or "\0" in text):
        raise errors.Invalid(
            _("must have at most %(longest)s characters"),
            place="description",
            longest=LONGEST_DESCRIPTION,
        )
    return text


def checked_value(project: Project, from_name: str, value: Any) -> str:
    """Return the JSON text of a label that a control of a project could take.

    Raises:
        errors.Invalid: there is no such control, it has no labels, or the value is neither a
            label nor a path to one.
    """
    control = project.config.by_name.get(from_name)
    if control is None or not (control.labels or control.dynamic):
        raise errors.Invalid(
            _("the configuration has no control %(name)s with labels"),
            place="from_name",
            name=from_name[:200],
        )
    path = value if isinstance(value, list) else [value]
    usable = 0 < len(path) <= DEEPEST and all(
        isinstance(label, str) and 0 < len(label) <= LONGEST_LABEL and "\0" not in label
        for label in path
    )
    if not usable or (len(path) > 1 and not control.paths and not control.dynamic):
        raise errors.Invalid(
            _("must be a label of at most %(longest)s characters, or the labels that lead to it"),
            place="value",
            longest=LONGEST_LABEL,
        )
    return msgspec.json.encode(value).decode()


def _by_title(session: Session, project: Project, titles: Sequence[str]) -> dict[str, AddedLabel]:
    rows = session.scalars(
        sa.select(AddedLabel).where(
            AddedLabel.organisation_id == project.organisation_id, AddedLabel.title.in_(titles)
        )
    )
    return {row.title: row for row in rows}


def _link(
    session: Session, actor: User, project: Project, wanted: Sequence[tuple[AddedLabel, str]]
) -> None:
    """Link labels to controls where they are not linked yet."""
    mine = sa.select(AddedLabelLink.label_id, AddedLabelLink.from_name)
    rows = session.execute(mine.where(AddedLabelLink.project_id == project.id))
    before = {row[0]: row[1] for row in rows}
    names = dict(before)
    for label, from_name in wanted:
        if names.setdefault(label.id, from_name) != from_name:
            raise errors.Invalid(
                _("the label is linked to %(control)s already"),
                place="from_name",
                control=names[label.id],
            )
        # A title that was there already may stand for something that fits no such control.
        checked_value(project, from_name, msgspec.json.decode(label.value))
    missing = sorted(names.keys() - before.keys())
    if len(names) > MOST_LINKS:
        raise errors.Refused(_("a project has at most %(most)s added labels"), most=MOST_LINKS)
    if not missing:
        return
    insert_new(
        session,
        AddedLabelLink,
        [
            {"project_id": project.id, "label_id": number, "from_name": names[number]}
            for number in missing
        ],
    )
    made = session.scalars(
        sa.select(AddedLabelLink.id)
        .where(AddedLabelLink.project_id == project.id, AddedLabelLink.label_id.in_(missing))
        .order_by(AddedLabelLink.id)
    ).all()
    remember(session, project)
    subject = f"project/{project.id}"
    audit.record(session, actor, "label.link", subject, labels=missing)
    webhooks.emit(session, project, "LABEL_LINK_CREATED", made)
