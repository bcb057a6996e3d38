"""Bound how much of a project one person takes: at all, a day, and at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from .rows import Assignment, AssignmentState

# A day begins and ends where the work is done.
ZONE = ZoneInfo("Asia/Shanghai")
CAPS = ("most_tasks_each", "most_tasks_a_day", "most_tasks_held")

_TAKEN = (
    sa.select(sa.func.count())
    .select_from(Assignment)
    .where(
        Assignment.project_id == sa.bindparam("project"),
        Assignment.user_id == sa.bindparam("user"),
        # What they skipped is no task that they took away from others.
        Assignment.state != AssignmentState.SKIPPED,
        Assignment.purpose.is_(None),
    )
)
_TODAY = _TAKEN.where(Assignment.created_at >= sa.bindparam("since"))
_HELD = _TAKEN.where(Assignment.state == AssignmentState.RESERVED, Assignment.assigned_by.is_(None))


def check(session: Session, annotator: User, project: Project) -> None:
    """Raise where somebody may take no further task of the project now.

    Asks the database only where the project has such a cap. What somebody was given by hand
    counts, but is never refused.

    Raises:
        errors.Refused: a cap is reached; the message says which, and when it ends.
    """
    given = {"project": project.id, "user": annotator.id}
    each, daily, held = (project.option(name) for name in CAPS)
    if held is not None and _count(session, _HELD, given) >= held:
        raise errors.Refused(
            _("you hold %(number)s tasks, as many as this project lets one hold; finish one first"),
            number=held,
        )
    if each is not None and _count(session, _TAKEN, given) >= each:
        raise errors.Refused(
            _("you have had your %(number)s tasks of this project; its leader can raise that"),
            number=each,
        )
    if daily is not None and _count(session, _TODAY, {**given, "since": _midnight()}) >= daily:
        raise errors.Refused(
            _("you have had your %(number)s tasks of today; there are more from %(time)s"),
            number=daily,
            time=f"{_midnight() + dt.timedelta(days=1):%Y-%m-%d %H:%M}",
        )


def left(session: Session, annotator: User, project: Project) -> int | None:
    """Return how many more tasks somebody may take today; None where nothing bounds it."""
    given = {"project": project.id, "user": annotator.id}
    each, daily, _held = (project.option(name) for name in CAPS)
    found = []
    if each is not None:
        found.append(each - _count(session, _TAKEN, given))
    if daily is not None:
        found.append(daily - _count(session, _TODAY, {**given, "since": _midnight()}))
    return max(0, min(found)) if found else None


def _midnight() -> dt.datetime:
    return now().astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _count(session: Session, query: sa.Select[int], given: Mapping[str, object]) -> int:
    return int(session.scalar(query, given) or 0)
