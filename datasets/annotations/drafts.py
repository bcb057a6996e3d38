"""Keep work that is not submitted yet."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import assignments, errors, labels, permissions
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import Task


class Draft(Base):
    """Work that is not submitted yet: one per person, task and annotation that it changes."""

    __tablename__ = "drafts"
    __table_args__ = (sa.UniqueConstraint("task_id", "user_id", "annotation_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    task_id: Mapped[int] = mapped_column(sa.ForeignKey("tasks.id"))
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    # The annotation that it changes; 0 where it is a new one.
    annotation_id: Mapped[int] = mapped_column(Id, default=0)
    result: Mapped[str]
    lead_time: Mapped[float | None]
    was_postponed: Mapped[bool] = mapped_column(default=False)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


def save_draft(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    result: list[dict[str, Any]],
    *,
    lead_time: float | None = None,
    revision: int | None = None,
) -> Draft:
    """Keep unfinished work; `revision` is the one the client last saw.

    A draft may hold what a submission may not (a box half drawn), only its size is bounded.

    Raises:
        errors.Stale: another tab has saved a newer revision, or has submitted the draft.
        errors.TooLarge: the draft is larger than an annotation may be.
    """
    permissions.require(annotator, "annotation.write", project)
    text = msgspec.json.encode(result).decode()
    if len(text) > labels.MAX_RESULT_BYTES:
        raise errors.TooLarge(
            _("a draft may have at most %(limit)s bytes"),
            place="result",
            limit=labels.MAX_RESULT_BYTES,
        )
    assignments.take_turn(session, annotator)
    draft = session.scalar(_draft(annotator, task.id).execution_options(populate_existing=True))
    if draft is None:
        if revision is not None:
            raise errors.Stale(_("the draft is gone: another tab has submitted it"))
        draft = Draft(
            task_id=task.id, user_id=annotator.id, result=text, lead_time=seconds(lead_time)
        )
        session.add(draft)
    else:
        if revision is not None and revision != draft.revision:
            raise errors.Stale(
                _("another tab has saved a newer draft (revision %(revision)s)"),
                revision=draft.revision,
            )
        draft.result, draft.lead_time = text, seconds(lead_time)
        draft.revision += 1
        draft.updated_at = now()
    session.flush()
    return draft


def draft_of(session: Session, annotator: User, task_id: int) -> Draft | None:
    """Return the person's draft for a task."""
    return session.scalar(_draft(annotator, task_id))


def _draft(annotator: User, task_id: int) -> sa.Select[Draft]:
    return sa.select(Draft).where(
        Draft.task_id == task_id, Draft.user_id == annotator.id, Draft.annotation_id == 0
    )


def seconds(value: float | None) -> float | None:
    """Return a lead time that can be summed: within 0 and a day."""
    # A clock that jumps must not spoil a sum: nothing below zero, nothing above a day.
    return None if value is None else min(max(float(value), 0.0), 86_400.0)
