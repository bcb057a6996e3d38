"""Keep added labels and what links them to projects; find those that somebody may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors, permissions
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..projects import Project

LONGEST_TITLE, LONGEST_NAME = 500, 200  # characters


class AddedLabel(Base):
    """One label of an organisation; its title is told apart from all others there."""

    __tablename__ = "added_labels"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "title"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    title: Mapped[str] = mapped_column(sa.String(LONGEST_TITLE))
    # JSON: a label, or the labels on the way to it.
    value: Mapped[str]
    description: Mapped[str | None]
    approved: Mapped[bool] = mapped_column(default=False)
    approved_by: Mapped[int | None] = mapped_column(Id)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def path(self) -> tuple[str, ...]:
        """Return the labels that lead to it, itself the last."""
        value = msgspec.json.decode(self.value)
        return tuple(value) if isinstance(value, list) else (value,)


class AddedLabelLink(Base):
    """One label that a control of a project takes beside those of the config."""

    __tablename__ = "added_label_links"
    __table_args__ = (sa.UniqueConstraint("project_id", "label_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    label_id: Mapped[int] = mapped_column(
        sa.ForeignKey("added_labels.id", ondelete="CASCADE"), index=True
    )
    from_name: Mapped[str] = mapped_column(sa.String(LONGEST_NAME))


@dataclass(frozen=True)
class Links:
    """What leads from one label to the projects that somebody sees."""

    ids: tuple[int, ...] = ()
    projects: tuple[int, ...] = ()


def get(session: Session, user: User, label_id: int) -> AddedLabel:
    """Return a label of the user's organisation, or of a project that they see.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.scalar(_labels(user).where(AddedLabel.id == label_id))
    if found is None:
        raise errors.NotFound(_("there is no label %(id)s"), id=label_id)
    return found


def find(
    session: Session, user: User, *, offset: int = 0, limit: int = 100
) -> tuple[int, list[AddedLabel]]:
    """Return how many labels somebody sees, and one page of them by id."""
    query = _labels(user)
    count = session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    page = query.order_by(AddedLabel.id).offset(offset).limit(limit)
    return count, list(session.scalars(page))


def get_link(
    session: Session, user: User, link_id: int
) -> tuple[AddedLabelLink, AddedLabel, Project]:
    """Return a link with its label and its project.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(_links(user).where(AddedLabelLink.id == link_id)).first()
    if found is None:
        raise errors.NotFound(_("there is no label link %(id)s"), id=link_id)
    return found[0], found[1], found[2]


def find_links(
    session: Session,
    user: User,
    *,
    project_id: int | None = None,
    created_by: int | None = None,
    created_from: dt.datetime | None = None,
    created_until: dt.datetime | None = None,
    offset: int = 0,
    limit: int = 100,
) -> tuple[int, list[tuple[AddedLabelLink, AddedLabel]]]:
    """Return how many links of projects somebody sees, and one page of them with their labels."""
    query = _links(user)
    if project_id is not None:
        query = query.where(AddedLabelLink.project_id == project_id)
    if created_by is not None:
        query = query.where(AddedLabel.created_by == created_by)
    if created_from is not None:
        query = query.where(AddedLabel.created_at >= created_from)
    if created_until is not None:
        query = query.where(AddedLabel.created_at <= created_until)
    numbers = query.with_only_columns(AddedLabelLink.id).subquery()
    count = session.scalar(sa.select(sa.func.count()).select_from(numbers)) or 0
    page = query.order_by(AddedLabelLink.id).offset(offset).limit(limit)
    return count, [(row[0], row[1]) for row in session.execute(page)]


def links_of(session: Session, user: User, labels: Iterable[AddedLabel]) -> dict[int, Links]:
    """Return label id → its links to projects that somebody sees, in one query."""
    wanted = [label.id for label in labels]
    found: dict[int, Links] = {}
    query = _links(user).where(AddedLabelLink.label_id.in_(wanted)).order_by(AddedLabelLink.id)
    for link, _label, _project in session.execute(query):
        before = found.get(link.label_id, Links())
        found[link.label_id] = Links((*before.ids, link.id), (*before.projects, link.project_id))
    return found


def remember(session: Session, project: Project) -> None:
    """Bring what a project knows of its added labels in line with the links."""
    session.flush()
    # Two people may be adding labels in this very moment.
    session.refresh(project, ["added_labels"], with_for_update=True)
    rows = session.execute(
        sa.select(AddedLabelLink.from_name, AddedLabel)
        .join(AddedLabel, AddedLabel.id == AddedLabelLink.label_id)
        .where(AddedLabelLink.project_id == project.id)
        .order_by(AddedLabelLink.id)
    )
    found: dict[str, list[Sequence[str]]] = {}
    for from_name, label in rows:
        found.setdefault(from_name, []).append(label.path)
    project.added_labels = msgspec.json.encode(found, order="sorted").decode()


def _home(user: User) -> list[Any]:
    if permissions.is_everywhere(user):
        return []
    home = user.organisation_id
    return [sa.or_(Project.organisation_id == home, Project.vendor_id == home)]


def _links(user: User) -> sa.Select[AddedLabelLink, AddedLabel, Project]:
    permissions.require(user, "project.read")
    return (
        sa.select(AddedLabelLink, AddedLabel, Project)
        .join(AddedLabel, AddedLabel.id == AddedLabelLink.label_id)
        .join(Project, Project.id == AddedLabelLink.project_id)
        .where(Project.deleted_at.is_(None), *_home(user))
    )


def _labels(user: User) -> sa.Select[AddedLabel]:
    query = sa.select(AddedLabel)
    if permissions.is_everywhere(user):
        return query
    linked = _links(user).with_only_columns(AddedLabelLink.label_id)
    return query.where(
        sa.or_(AddedLabel.organisation_id == user.organisation_id, AddedLabel.id.in_(linked))
    )
