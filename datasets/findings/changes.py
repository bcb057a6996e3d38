"""Say which records changed since a scan looked at them, whatever the order of commits.

A record is stamped before its transaction ends, so that one stamped before a scan began may be
committed after the scan read its row. Each scan therefore writes down what had changed of late
when it began; what is of that time and does not stand there is looked at again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation
from ..libraries import Asset, AssetState, Library
from ..projects import Project
from ..reviews import Review
from ..tasks import Task, TaskState
from .rows import Scan, UnseenRecord

Owned = Project | Library
# Longer than any transaction that changes a task or an answer, and than clocks differ.
MARGIN = dt.timedelta(minutes=10)
# So many late changes are written down one by one; of more only the sums.
LISTED = 1000


@dataclass(frozen=True)
class Since:
    """What a scan has seen: everything up to `last_id` that was not changed from `moment` on.

    What is `late` was changed before and came to light after it began. With `skipped`, what an
    earlier one left out on purpose waits as well.
    """

    last_id: int
    moment: dt.datetime
    late: tuple[int, ...] = ()
    skipped: bool = False


def scans_of(owned: Owned) -> sa.ColumnElement[bool]:
    """Return the condition for the scans of a project or library."""
    if isinstance(owned, Project):
        return Scan.project_id == owned.id
    return Scan.library_id == owned.id


def unseen_of(owned: Owned) -> sa.ColumnElement[bool]:
    """Return the condition for the records of a project or library that are unseen in part."""
    if isinstance(owned, Project):
        return UnseenRecord.project_id == owned.id
    return UnseenRecord.library_id == owned.id


def unseen(session: Session, owned: Owned) -> int:
    """Count the records of which something was not looked at, withdrawn ones left out."""
    number = sa.select(sa.func.count()).select_from(UnseenRecord).where(unseen_of(owned))
    if isinstance(owned, Project):
        number = number.join(Task, Task.id == UnseenRecord.task_id).where(
            Task.state != TaskState.WITHDRAWN
        )
    else:
        number = number.join(Asset, Asset.id == UnseenRecord.asset_id).where(
            Asset.state == AssetState.HELD
        )
    return int(session.scalar(number) or 0)


def last_scan(session: Session, owned: Owned, detector: str | None = None) -> Scan | None:
    """Return the last scan that has ended, of this detector or of any."""
    query = sa.select(Scan).where(scans_of(owned), Scan.ended_at.is_not(None))
    if detector is not None:
        query = query.where(Scan.detector == detector)
    return session.scalar(query.order_by(Scan.id.desc()).limit(1))


def scans(session: Session, owned: Owned, limit: int = 20) -> list[Scan]:
    """List the scans of a project or library, the newest first."""
    query = sa.select(Scan).where(scans_of(owned)).order_by(Scan.id.desc()).limit(limit)
    return list(session.scalars(query))


def stamp_of(session: Session, owned: Owned, moment: dt.datetime) -> str:
    """Return what was changed in the last MARGIN before `moment`, as is known by now (JSON)."""
    rows = _changed(session, owned, moment)
    if rows is not None:
        return msgspec.json.encode({"rows": sorted(rows)}).decode()
    return msgspec.json.encode({"sums": _sums(session, owned, moment)}).decode()


def since(session: Session, owned: Owned, scan: Scan, *, skipped: bool = False) -> Since:
    """Return what a scan that has ended leaves to be looked at."""
    began = scan.created_at
    told = msgspec.json.decode(scan.recent or "{}")
    if "rows" in told and (rows := _changed(session, owned, began)) is not None:
        seen = set(told["rows"])
        late = {record for change, record in rows.items() if change not in seen}
        return Since(scan.last_id, began, tuple(sorted(late)), skipped)
    if "sums" in told and told["sums"] == _sums(session, owned, began):
        return Since(scan.last_id, began, (), skipped)
    return Since(scan.last_id, began - MARGIN, (), skipped)


def waiting(owned: Owned, since: Since | None) -> Any:
    """Return a select of the ids of records that were not looked at; None: that is all."""
    table: Any = Task if isinstance(owned, Project) else Asset
    if isinstance(owned, Library):
        query = sa.select(Asset.id).where(
            Asset.library_id == owned.id, Asset.state == AssetState.HELD
        )
    else:
        query = sa.select(Task.id).where(
            Task.project_id == owned.id, Task.state != TaskState.WITHDRAWN
        )
    if since is None:
        return query
    conditions = [table.id > since.last_id]
    if isinstance(owned, Library):
        # What is in a library never changes; it may be seen late.
        conditions.append(Asset.created_at >= since.moment)
    else:
        answered = sa.select(Annotation.task_id).where(
            Annotation.project_id == owned.id, Annotation.updated_at >= since.moment
        )
        judged = (
            sa.select(Annotation.task_id)
            .join(Review, Review.annotation_id == Annotation.id)
            .where(Review.project_id == owned.id, Review.created_at >= since.moment)
        )
        conditions += [
            Task.updated_at >= since.moment,
            Task.id.in_(answered),
            Task.id.in_(judged),
        ]
    if since.late:
        conditions.append(table.id.in_(since.late))
    if since.skipped:
        left = UnseenRecord.task_id if isinstance(owned, Project) else UnseenRecord.asset_id
        conditions.append(
            table.id.in_(sa.select(left).where(unseen_of(owned), UnseenRecord.is_skipped))
        )
    return query.where(sa.or_(*conditions))


def is_fresh(session: Session, project: Project, detector: str) -> bool:
    """Tell whether everything in a project was looked at since it last changed."""
    scan = last_scan(session, project, detector)
    if scan is None:
        return False
    # Nothing changed even shortly before it: nothing more is to be asked.
    near = Since(scan.last_id, scan.created_at - MARGIN)
    if session.scalar(waiting(project, near).limit(1)) is None:
        return True
    exact = since(session, project, scan)
    return session.scalar(waiting(project, exact).limit(1)) is None


def _changes(owned: Owned) -> list[tuple[Any, Any, sa.ColumnElement[bool]]]:
    """Return what says that a record was changed: the times, the record's id, and of whom."""
    if isinstance(owned, Library):
        return [(Asset.created_at, Asset.id, Asset.library_id == owned.id)]
    judged = sa.and_(Review.project_id == owned.id, Annotation.id == Review.annotation_id)
    return [
        (Task.updated_at, Task.id, Task.project_id == owned.id),
        (Annotation.updated_at, Annotation.task_id, Annotation.project_id == owned.id),
        (Review.created_at, Annotation.task_id, judged),
    ]


def _near(column: Any, moment: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= moment - MARGIN, column < moment)


def _changed(session: Session, owned: Owned, moment: dt.datetime) -> dict[str, int] | None:
    """Return each change shortly before a moment with its record's id; None: there are many."""
    found: dict[str, int] = {}
    for column, record, mine in _changes(owned):
        query = sa.select(column.class_.id, column, record).where(mine, _near(column, moment))
        rows = session.execute(query.limit(LISTED + 1)).all()
        if len(rows) > LISTED:
            return None
        name = column.class_.__tablename__
        found.update({f"{name} {number} {at.isoformat()}": task for number, at, task in rows})
    return found


def _sums(session: Session, owned: Owned, moment: dt.datetime) -> list[list[str]]:
    """Return how many changes there were shortly before a moment, and the sums of ids and times."""
    told = []
    for column, _record, mine in _changes(owned):
        query = sa.select(
            sa.func.count(),
            sa.func.sum(column.class_.id),
            sa.func.sum(sa.extract("epoch", column)),
        ).where(mine, _near(column, moment))
        told.append([str(value or 0) for value in session.execute(query).one()])
    return told
