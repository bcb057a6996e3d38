"""Keep work that is not submitted yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
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
    annotation_id: int = 0,
    was_postponed: bool | None = None,
) -> Draft:
    """Keep unfinished work; `revision` is the one the client last saw, 0 where it saw none.

    `annotation_id` names the annotation that it would change; 0 for a new one.

    A draft may hold what a submission may not (a box half drawn), only its size is bounded.

    Raises:
        errors.Stale: another tab has saved a newer revision, or has submitted the draft.
        errors.Invalid: a region is no object.
        errors.TooLarge: the draft is larger than an annotation may be.
    """
    permissions.require(annotator, "annotation.write", project)
    # Unfinished regions may say anything, but regions they are: the editor reads them again.
    if not all(isinstance(region, dict) for region in result):
        raise errors.Invalid(_("must be a list of regions"), place="result")
    text = msgspec.json.encode(result).decode()
    if len(text) > labels.MAX_RESULT_BYTES:
        raise errors.TooLarge(
            _("a draft may have at most %(limit)s bytes"),
            place="result",
            limit=labels.MAX_RESULT_BYTES,
        )
    assignments.take_turn(session, annotator)
    query = own_draft(annotator, task.id, annotation_id)
    draft = session.scalar(query.execution_options(populate_existing=True))
    if draft is None:
        if revision:
            raise errors.Stale(_("the draft is gone: another tab has submitted it"))
        draft = Draft(
            task_id=task.id,
            user_id=annotator.id,
            annotation_id=annotation_id,
            result=text,
            lead_time=seconds(lead_time),
            was_postponed=bool(was_postponed),
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
        if was_postponed is not None:
            draft.was_postponed = was_postponed
    session.flush()
    return draft


def keep_refused(
    session: Session, annotator: User, project: Project, task: Task, result: list[dict[str, Any]]
) -> Draft | None:
    """Keep an answer that was not taken as a draft, so that no work is lost.

    None where the person has answered the task, or still holds it: then they have it themselves.
    """
    if assignments.held(session, annotator, task.id) is not None:
        return None
    return save_draft(session, annotator, project, task, result)


def draft_of(session: Session, annotator: User, task_id: int) -> Draft | None:
    """Return the person's newest draft for a task."""
    found = drafts_of(session, annotator, [task_id]).get(task_id, [])
    return found[-1] if found else None


def drafts_of(session: Session, annotator: User, task_ids: Iterable[int]) -> dict[int, list[Draft]]:
    """Return task id → the person's own drafts, oldest change first, in one query."""
    found: dict[int, list[Draft]] = {}
    for row in session.scalars(_OF_TASKS, {"user": annotator.id, "tasks": list(task_ids)}):
        found.setdefault(row.task_id, []).append(row)
    return found


def get_draft(session: Session, annotator: User, draft_id: int) -> Draft:
    """Return one of the person's own drafts.

    Raises:
        errors.NotFound: there is none of theirs.
    """
    draft = session.get(Draft, draft_id)
    if draft is None or draft.user_id != annotator.id:
        raise errors.NotFound(_("there is no draft %(id)s of yours"), id=draft_id)
    return draft


_OF_TASKS = (
    sa.select(Draft)
    .where(
        Draft.user_id == sa.bindparam("user"),
        Draft.task_id.in_(sa.bindparam("tasks", expanding=True)),
    )
    .order_by(Draft.updated_at, Draft.id)
)


# Asked with every answer, and as a rule there is none: past the ORM.
_DRAFTS = Base.metadata.tables[Draft.__tablename__].c
_ANY = sa.select(_DRAFTS.id).where(
    _DRAFTS.user_id == sa.bindparam("user"), _DRAFTS.task_id == sa.bindparam("task")
)


def own_draft(annotator: User, task_id: int, annotation_id: int = 0) -> sa.Select[Draft]:
    """Select the person's draft for a task, or for a change of an annotation of it."""
    return sa.select(Draft).where(
        Draft.task_id == task_id,
        Draft.user_id == annotator.id,
        Draft.annotation_id == annotation_id,
    )


def end_drafts(session: Session, annotator: User, task: Task) -> Draft | None:
    """Delete the person's drafts of a task; return what was that of a new annotation."""
    session.flush()
    if session.connection().execute(_ANY, {"user": annotator.id, "task": task.id}).first() is None:
        return None
    found = drafts_of(session, annotator, [task.id]).get(task.id, [])
    if found:
        own = sa.delete(Draft).where(Draft.task_id == task.id, Draft.user_id == annotator.id)
        session.execute(own)
    return next((draft for draft in found if draft.annotation_id == 0), None)


def seconds(value: float | None) -> float | None:
    """Return a lead time that can be summed: within 0 and a day."""
    # A clock that jumps must not spoil a sum: nothing below zero, nothing above a day.
    return None if value is None else min(max(float(value), 0.0), 86_400.0)
