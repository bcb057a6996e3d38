"""Keep saved views of a project's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, permissions
from ..db import Base, Id
from ..errors import _
from ..people import User
from ..projects import Project
from .filters import Query, parse_query

MOST_BYTES = 200_000
MOST_VIEWS = 500  # of one project


class View(Base):
    """How somebody wants to see a project's tasks; everybody of the project may use it."""

    __tablename__ = "views"
    __table_args__ = (sa.Index("ix_views_project", "project_id", "position", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # JSON, in Label Studio's words: title, type, target, filters, ordering, columns …
    data: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)

    @property
    def query(self) -> Query:
        """Return what the view asks for."""
        return parse_query(msgspec.json.decode(self.data), "data")


def add(
    session: Session, actor: User, project: Project, data: Mapping[str, Any], position: int = 0
) -> View:
    """Save a view.

    Raises:
        errors.Invalid: its filters cannot be used.
        errors.Refused: the project has MOST_VIEWS.
    """
    permissions.require(actor, "view.change", project)
    held = session.scalar(sa.select(sa.func.count()).where(View.project_id == project.id)) or 0
    if held >= MOST_VIEWS:
        raise errors.Refused(_("a project has at most %(most)s views"), most=MOST_VIEWS)
    view = View(
        project_id=project.id,
        user_id=actor.id,
        data=_checked(session, data),
        position=position,
    )
    session.add(view)
    session.flush()
    audit.record(session, actor, "view.create", f"view/{view.id}", project=project.id)
    return view


def get(session: Session, user: User | None, view_id: int, action: str) -> tuple[View, Project]:
    """Return a view and its project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(View, Project)
        .join(Project, Project.id == View.project_id)
        .where(View.id == view_id, Project.deleted_at.is_(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no view %(id)s"), id=view_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def of_project(session: Session, project: Project) -> list[View]:
    """List a project's views in their order."""
    query = sa.select(View).where(View.project_id == project.id)
    return list(session.scalars(query.order_by(View.position, View.id)))


def change(
    session: Session,
    actor: User,
    view: View,
    data: Mapping[str, Any],
    *,
    whole: bool = False,
    position: int | None = None,
) -> None:
    """Replace what is given of a view, or all of it.

    Raises:
        errors.Invalid: its filters cannot be used.
    """
    before = {} if whole else dict(msgspec.json.decode(view.data))
    view.data = _checked(session, {**before, **data})
    if position is not None:
        view.position = position
    audit.record(session, actor, "view.change", f"view/{view.id}")


def remove(session: Session, actor: User, view: View) -> None:
    """Delete a view."""
    session.delete(view)
    audit.record(session, actor, "view.delete", f"view/{view.id}")


def reset(session: Session, actor: User, project: Project) -> None:
    """Delete all views of a project."""
    permissions.require(actor, "project.change", project)
    session.execute(sa.delete(View).where(View.project_id == project.id))
    audit.record(session, actor, "view.reset", f"project/{project.id}")


def _checked(session: Session, data: Mapping[str, Any]) -> str:
    text = msgspec.json.encode(data).decode()
    if len(text) > MOST_BYTES:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"), place="data", longest=MOST_BYTES
        )
    dialect = session.get_bind().dialect.name
    query = parse_query(data, "data")
    query.condition(dialect)
    query.order(dialect)
    return text
