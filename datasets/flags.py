"""Keep what people say is wrong with a task itself, each with a reason, until it is settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, notices, permissions
from .db import Base, Id, now
from .errors import _
from .people import User
from .projects import Project
from .tasks import Task

LONGEST_TEXT = 500  # characters, of what is said and of what is answered
MOST_OPEN = 20  # of one person on one task


class FlagKind(StrEnum):
    """What is wrong with a task."""

    UNDECIDABLE = "undecidable"
    BAD_DATA = "bad_data"
    PERSONAL_INFORMATION = "personal_information"
    UNCLEAR_GUIDELINE = "unclear_guideline"
    OTHER = "other"


class FlagState(StrEnum):
    """What became of a flag."""

    OPEN = "open"
    ANSWERED = "answered"
    REQUEUED = "requeued"
    WITHDRAWN = "withdrawn"


class Flag(Base):
    """What one person says of one task; open until somebody who leads has settled it."""

    __tablename__ = "task_flags"
    __table_args__ = (
        sa.Index("ix_task_flags_project", "project_id", "state", "id"),
        sa.Index("ix_task_flags_task", "task_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(sa.String(30))
    text: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(sa.String(20), default=FlagState.OPEN)
    answer: Mapped[str] = mapped_column(default="")
    # The discussion of a published dataset that it comes from.
    discussion_id: Mapped[int | None] = mapped_column(Id)
    settled_by: Mapped[int | None] = mapped_column(Id)
    settled_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def add(
    session: Session, actor: User, project: Project, task: Task, kind: str, text: str = ""
) -> Flag:
    """Say what is wrong with a task; said again while it is open, it is the same flag.

    Raises:
        errors.Invalid: the kind is not known, the text is longer than 500 characters or, for
            "other", missing.
    """
    permissions.require(actor, "task.flag", project)
    if kind not in list(FlagKind):
        raise errors.Invalid(_("must be one of %(names)s"), place="kind", names=", ".join(FlagKind))
    text = checked_text(text, "text")
    if kind == FlagKind.OTHER and not text:
        raise errors.Invalid(_("please say what is wrong"), place="text")
    mine = session.scalars(
        sa.select(Flag).where(
            Flag.task_id == task.id, Flag.user_id == actor.id, Flag.state == FlagState.OPEN
        )
    ).all()
    for flag in mine:
        if flag.kind == kind and text in ("", flag.text):
            return flag
    if len(mine) >= MOST_OPEN:
        raise errors.Refused(_("you have said enough about this task: please wait for an answer"))
    flag = Flag(project_id=project.id, task_id=task.id, user_id=actor.id, kind=kind, text=text)
    session.add(flag)
    session.flush()
    audit.record(session, actor, "task.flag", f"task/{task.id}", kind=kind, flag=flag.id)
    return flag


def get(session: Session, project: Project, flag_id: int) -> Flag:
    """Return a flag of the project, locked.

    Raises:
        errors.NotFound: there is none.
    """
    flag = session.scalar(
        sa.select(Flag)
        .where(Flag.id == flag_id, Flag.project_id == project.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if flag is None:
        raise errors.NotFound(_("there is no flag %(id)s in this project"), id=flag_id)
    return flag


def of_task(session: Session, task: Task) -> list[Flag]:
    """List all flags of a task, the oldest first."""
    return list(session.scalars(sa.select(Flag).where(Flag.task_id == task.id).order_by(Flag.id)))


def of_project(
    session: Session,
    project: Project,
    *,
    state: str = FlagState.OPEN,
    kind: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Flag]:
    """List a project's flags of one state, the oldest first, from after an id; keyset paging."""
    query = sa.select(Flag).where(
        Flag.project_id == project.id, Flag.state == state, Flag.id > after
    )
    if kind:
        query = query.where(Flag.kind == kind)
    return list(session.scalars(query.order_by(Flag.id).limit(limit)))


def open_counts(session: Session, project: Project) -> dict[str, int]:
    """Count the open flags of a project by kind."""
    rows = session.execute(
        sa.select(Flag.kind, sa.func.count())
        .where(Flag.project_id == project.id, Flag.state == FlagState.OPEN)
        .group_by(Flag.kind)
    )
    return {kind: number for kind, number in rows}


_TOLD = {
    FlagState.ANSWERED: _("Your flag on task %(task)s was answered: %(answer)s"),
    FlagState.REQUEUED: _("Task %(task)s, which you flagged, is in the queue again. %(answer)s"),
    FlagState.WITHDRAWN: _("Task %(task)s, which you flagged, was withdrawn. %(answer)s"),
}


def close(
    session: Session, actor: User, flags: Sequence[Flag], state: str, answer: str = ""
) -> None:
    """Settle flags with one outcome, and tell whoever raised them."""
    answer = checked_text(answer, "answer")
    for flag in flags:
        flag.state, flag.answer = state, answer
        flag.settled_by, flag.settled_at = actor.id, now()
        values = {"task": flag.task_id, "answer": answer}
        address = f"/tasks/{flag.task_id}"
        if flag.discussion_id is not None:
            # Who reads what is published need not see the project.
            address = f"/discussions/{flag.discussion_id}"
        notices.add(session, flag.user_id, "flag", _TOLD[FlagState(state)], values, address)
        audit.record(
            session, actor, "task.flag_settle", f"task/{flag.task_id}", flag=flag.id, outcome=state
        )
    session.flush()


def checked_text(text: str, place: str) -> str:
    """Return what somebody wrote, trimmed.

    Raises:
        errors.Invalid: it is longer than 500 characters or holds what no text holds.
    """
    text = text.strip()
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise errors.Invalid(
            _("must be a text of at most %(longest)s characters"),
            place=place,
            longest=LONGEST_TEXT,
        )
    return text
