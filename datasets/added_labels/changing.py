"""Change and take back added labels; one that annotations use stays what it is."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions, webhooks
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from .adding import checked_description, checked_title, checked_value
from .rows import AddedLabel, AddedLabelLink, remember
from .using import used

Linked = list[tuple[AddedLabelLink, Project]]


def change(
    session: Session,
    actor: User,
    label: AddedLabel,
    *,
    title: str | None = None,
    value: Any = None,
    description: str | None = None,
    approved: bool | None = None,
) -> None:
    """Change what is given of a label.

    People change their own until it is approved; who may change projects changes any.

    Raises:
        errors.Forbidden: it is another person's or approved, or they may not approve.
        errors.Invalid: the title is taken, or a control could not take the value.
        errors.Refused: the value would change though annotations use it.
    """
    _check_owner(actor, label)
    if approved is not None and approved != label.approved:
        _check_manager(actor, label)
        label.approved, label.approved_by = approved, actor.id if approved else None
    if title is not None and title != label.title:
        label.title = _free(session, label, checked_title(title))
    if description is not None:
        label.description = checked_description(description)
    if value is not None and value != msgspec.json.decode(label.value):
        linked = _linked(session, label)
        _check_unused(session, label, linked)
        for link, project in linked:
            checked_value(project, link.from_name, value)
        label.value = msgspec.json.encode(value).decode()
        for _link, project in linked:
            remember(session, project)
    label.updated_at = now()
    audit.record(session, actor, "label.change", f"label/{label.id}")


def remove(session: Session, actor: User, label: AddedLabel) -> None:
    """Delete a label with its links.

    Raises:
        errors.Forbidden: it is another person's or approved.
        errors.Refused: annotations use it.
    """
    _check_owner(actor, label)
    linked = _linked(session, label)
    _check_unused(session, label, linked)
    for link, project in linked:
        session.delete(link)
        webhooks.emit(session, project, "LABEL_LINK_DELETED", [link.id])
    session.flush()
    session.delete(label)
    for _link, project in linked:
        remember(session, project)
    audit.record(session, actor, "label.delete", f"label/{label.id}", title=label.title)


def move(
    session: Session,
    actor: User,
    link: AddedLabelLink,
    label: AddedLabel,
    project: Project,
    from_name: str,
) -> None:
    """Let another control of the project take the label instead.

    Raises:
        errors.Forbidden: it is another person's or approved.
        errors.Invalid: the control could not take the label.
        errors.Refused: annotations use it.
    """
    _check_owner(actor, label)
    if from_name != link.from_name:
        _check_unused(session, label, [(link, project)])
        checked_value(project, from_name, msgspec.json.decode(label.value))
        link.from_name = from_name
        remember(session, project)
    subject = f"project/{project.id}"
    audit.record(session, actor, "label.move", subject, labels=[label.id], control=from_name)
    webhooks.emit(session, project, "LABEL_LINK_UPDATED", [link.id])


def unlink(
    session: Session, actor: User, link: AddedLabelLink, label: AddedLabel, project: Project
) -> None:
    """Take a label away from a project; the organisation keeps it.

    Raises:
        errors.Forbidden: it is another person's or approved.
        errors.Refused: annotations use it.
    """
    _check_owner(actor, label)
    _check_unused(session, label, [(link, project)])
    session.delete(link)
    remember(session, project)
    subject = f"project/{project.id}"
    audit.record(session, actor, "label.unlink", subject, labels=[label.id])
    webhooks.emit(session, project, "LABEL_LINK_DELETED", [link.id])


def _check_owner(actor: User, label: AddedLabel) -> None:
    permissions.require(actor, "annotation.write")
    if label.created_by != actor.id or label.approved:
        _check_manager(actor, label)


def _check_manager(actor: User, label: AddedLabel) -> None:
    at_home = permissions.is_everywhere(actor) or actor.organisation_id == label.organisation_id
    if not at_home or not permissions.allows(actor, "project.change"):
        raise errors.Forbidden(_("this label is another person's, or approved"))


def _linked(session: Session, label: AddedLabel) -> Linked:
    rows = session.execute(
        sa.select(AddedLabelLink, Project)
        .join(Project, Project.id == AddedLabelLink.project_id)
        .where(AddedLabelLink.label_id == label.id)
        .order_by(Project.id)
    )
    return [(row[0], row[1]) for row in rows]


def _check_unused(session: Session, label: AddedLabel, linked: Linked) -> None:
    number = sum(used(session, [(link, label) for link, _project in linked]).values())
    if number:
        raise errors.Refused(
            _("%(number)s annotations use this label: replace it there first"), number=number
        )


def _free(session: Session, label: AddedLabel, title: str) -> str:
    taken = sa.select(AddedLabel.id).where(
        AddedLabel.organisation_id == label.organisation_id, AddedLabel.title == title
    )
    if session.scalar(taken) is not None:
        raise errors.Invalid(_("there is a label with this title"), place="title")
    return title
