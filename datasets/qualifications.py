"""Keep who has passed a project's examination, and until when.

A lead may suspend somebody, with a reason that they are told and may answer; nothing here does
so by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, notices, permissions
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project

LONGEST_REASON = 2_000  # characters
FOREVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


class Qualification(Base):
    """Somebody may work on a project for a time."""

    __tablename__ = "qualifications"
    __table_args__ = (sa.Index("ix_qualifications_person", "project_id", "user_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # The attempt at the examination that earned it.
    attempt_id: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    valid_to: Mapped[dt.datetime] = mapped_column(default=FOREVER)
    suspended_at: Mapped[dt.datetime | None]
    suspended_by: Mapped[int | None] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(default="")
    # What the person says to it.
    appeal: Mapped[str] = mapped_column(default="")
    appealed_at: Mapped[dt.datetime | None]

    @property
    def is_valid(self) -> bool:
        """Tell whether it admits its holder now."""
        return self.suspended_at is None and self.valid_to > now()


def check(session: Session, user: User, project: Project) -> None:
    """Raise where the project wants an examination passed and somebody has no valid pass.

    Raises:
        errors.Forbidden: they have not; the message says why and where.
    """
    if not project.option("exam_required"):
        return
    found = newest(session, user.id, project)
    if found is not None and found.is_valid:
        return
    address = f"/projects/{project.id}/exam"
    if found is not None and found.suspended_at is not None:
        raise errors.Forbidden(
            _("your admission to this project is suspended (%(reason)s): %(address)s"),
            reason=found.reason,
            address=address,
        )
    if found is not None:
        raise errors.Forbidden(
            _("your admission to this project has ended, take the examination again: %(address)s"),
            address=address,
        )
    raise errors.Forbidden(
        _("pass the examination of this project first: %(address)s"), address=address
    )


_NEWEST = (
    sa.select(Qualification)
    .where(
        Qualification.project_id == sa.bindparam("project"),
        Qualification.user_id == sa.bindparam("user"),
    )
    .order_by(Qualification.id.desc())
    .limit(1)
)


def newest(session: Session, user_id: int, project: Project) -> Qualification | None:
    """Return somebody's newest qualification for a project, valid or not."""
    return session.scalar(_NEWEST, {"project": project.id, "user": user_id})


def of_project(session: Session, project: Project) -> dict[int, Qualification]:
    """Return user id → the newest qualification of everybody who has one, in one query."""
    newest_ids = (
        sa.select(sa.func.max(Qualification.id))
        .where(Qualification.project_id == project.id)
        .group_by(Qualification.user_id)
    )
    rows = session.scalars(sa.select(Qualification).where(Qualification.id.in_(newest_ids)))
    return {row.user_id: row for row in rows}


def of_people(
    session: Session, project: Project, user_ids: Iterable[int]
) -> dict[int, Qualification]:
    """Return user id → the newest qualification of those people, in one query."""
    wanted = set(user_ids)
    found = of_project(session, project) if wanted else {}
    return {number: row for number, row in found.items() if number in wanted}


def grant(
    session: Session,
    user_id: int,
    project: Project,
    *,
    days: int,
    attempt_id: int | None = None,
) -> Qualification:
    """Admit somebody for so many days from now; 0 for no end."""
    row = Qualification(
        project_id=project.id,
        user_id=user_id,
        attempt_id=attempt_id,
        valid_to=now() + dt.timedelta(days=days) if days else FOREVER,
        reason="",
        appeal="",
    )
    session.add(row)
    session.flush()
    return row


def get(
    session: Session, user: User, qualification_id: int, action: str
) -> tuple[Qualification, Project]:
    """Return a qualification with its project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    found = session.execute(
        sa.select(Qualification, Project)
        .join(Project, Project.id == Qualification.project_id)
        .where(Qualification.id == qualification_id, Project.deleted_at.is_(None))
    ).first()
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no qualification %(id)s"), id=qualification_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def suspend(
    session: Session, actor: User, project: Project, row: Qualification, reason: str
) -> None:
    """Keep somebody from taking more tasks, and tell them why and that they may answer.

    Raises:
        errors.Invalid: no reason is given.
        errors.Refused: it is suspended already.
    """
    permissions.require(actor, "exam.manage", project)
    session.refresh(row, with_for_update=True)
    reason = _said(reason, "reason")
    if row.suspended_at is not None:
        raise errors.Refused(_("this admission is suspended already"))
    row.suspended_at, row.suspended_by, row.reason = now(), actor.id, reason
    row.appeal, row.appealed_at = "", None
    notices.add(
        session,
        row.user_id,
        "qualification",
        _("Your admission to “%(project)s” is suspended: %(reason)s. You may answer there."),
        {"project": project.title, "reason": reason},
        f"/projects/{project.id}/exam",
    )
    _record(session, actor, "qualification.suspend", project, row)


def restore(session: Session, actor: User, project: Project, row: Qualification) -> None:
    """Let somebody work again, and tell them.

    Raises:
        errors.Refused: it is not suspended.
    """
    permissions.require(actor, "exam.manage", project)
    session.refresh(row, with_for_update=True)
    if row.suspended_at is None:
        raise errors.Refused(_("this admission is not suspended"))
    row.suspended_at, row.suspended_by = None, None
    notices.add(
        session,
        row.user_id,
        "qualification",
        _("Your admission to “%(project)s” holds again"),
        {"project": project.title},
        f"/projects/{project.id}",
    )
    _record(session, actor, "qualification.restore", project, row)


def appeal(session: Session, actor: User, project: Project, row: Qualification, text: str) -> None:
    """Answer one's own suspension; who suspended is told.

    Raises:
        errors.NotFound: it is another person's.
        errors.Refused: it is not suspended, or answered already.
        errors.Invalid: nothing is said.
    """
    if row.user_id != actor.id:
        raise errors.NotFound(_("there is no qualification %(id)s"), id=row.id)
    session.refresh(row, with_for_update=True)
    if row.suspended_at is None:
        raise errors.Refused(_("this admission is not suspended"))
    if row.appealed_at is not None:
        raise errors.Refused(_("you have answered already; a lead decides"))
    row.appeal, row.appealed_at = _said(text, "appeal"), now()
    if row.suspended_by is not None:
        notices.add(
            session,
            row.suspended_by,
            "qualification",
            _("%(name)s answers the suspension in “%(project)s”: %(text)s"),
            {"name": actor.name, "project": project.title, "text": row.appeal[:200]},
            f"/projects/{project.id}/exam",
        )
    _record(session, actor, "qualification.appeal", project, row)


def _said(text: str, place: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_REASON:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"),
            place=place,
            longest=LONGEST_REASON,
        )
    return text


def _record(
    session: Session, actor: User, action: str, project: Project, row: Qualification
) -> None:
    audit.record(session, actor, action, f"project/{project.id}", person=row.user_id)
