"""Keep what scans find: decisions stay, what is gone goes, and a scan goes on where it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..db import insert_many, insert_new, now
from ..libraries import Asset, Library
from ..people import User
from ..projects import Project
from ..tasks import Task
from .changes import Owned, stamp_of, unseen
from .looking import Seen
from .rows import Finding, FindingState, Scan, UnseenRecord

# A decision is about this: the same kind and value at the same place of the same record.
_Key = tuple[int, str, str, str]


def of(owned: Owned) -> sa.ColumnElement[bool]:
    """Return the condition for the findings of a project or library."""
    if isinstance(owned, Project):
        return Finding.project_id == owned.id
    return Finding.library_id == owned.id


def lock(session: Session, *, project_id: int | None, library_id: int | None) -> None:
    """Let those who scan a project or library follow one another until the commit."""
    table, number = (Library, library_id) if project_id is None else (Project, project_id)
    session.execute(sa.select(table.id).where(table.id == number).with_for_update(key_share=True))


def begin(
    session: Session,
    actor: User,
    owned: Owned,
    job_id: str,
    detector: str,
) -> Scan:
    """Return the scan of a job: the one that it began before a fault, or a new one.

    It takes over what others could not see, and finds that out anew of what it looks at.
    """
    scan = session.scalar(sa.select(Scan).where(Scan.job_id == job_id))
    if scan is None:
        scan = Scan(
            organisation_id=owned.organisation_id,
            project_id=owned.id if isinstance(owned, Project) else None,
            library_id=owned.id if isinstance(owned, Library) else None,
            job_id=job_id,
            detector=detector,
            created_by=actor.id,
            last_id=0,
            records=0,
            found=0,
            unseen=0,
        )
        session.add(scan)
        session.flush()
        # Read after its time was taken, and before any record is.
        scan.recent = stamp_of(session, owned, scan.created_at)
        scan.unseen = unseen(session, owned)
    return scan


def keep(
    session: Session,
    scan: Scan,
    found: Mapping[int, Sequence[Seen]],
    blind: Collection[int] = (),
    *,
    partly: Collection[int] = (),
    skipped: Collection[int] = (),
) -> int:
    """Write what was found in some records (by their ids) in one go; return how many.

    Of those that are `blind` a picture or something else could not be looked at: what an earlier
    scan found in their pictures stays. `partly` names those with pictures of several frames, of
    which the first was looked at. Both are unseen; what was left out on purpose is `skipped`.

    What was deleted meanwhile is left out.

    What somebody decided stays with its place, kind and value; open findings that are gone go;
    a confirmed one that is gone counts as treated; a treated one that is there again is open.
    """
    # A publish attempt looks as well, whoever scans: what one has found the other knows.
    lock(session, project_id=scan.project_id, library_id=scan.library_id)
    there, last = _there(session, scan, sorted(found)), max([scan.last_id, *found])
    found = {number: hits for number, hits in found.items() if number in there}
    column = Finding.task_id if scan.project_id is not None else Finding.asset_id
    known: dict[_Key, list[Finding]] = defaultdict(list)
    for row in session.scalars(
        sa.select(Finding).where(column.in_(list(found))).order_by(Finding.id)
    ):
        record = row.task_id if scan.project_id is not None else row.asset_id
        known[_key(int(record or 0), row)].append(row)
    fresh = []
    for record_id, hits in found.items():
        for hit in hits:
            same = known.get(_key(record_id, hit))
            if same:
                _refresh(same.pop(0), hit)
            else:
                fresh.append(_row(scan, record_id, hit))
    gone: list[int] = []
    for row in (row for rows in known.values() for row in rows):
        if row.region is not None and (row.task_id or row.asset_id) in blind:
            continue
        if row.state == FindingState.OPEN:
            gone.append(row.id)
        elif row.state == FindingState.CONFIRMED:
            row.state, row.decided_at = FindingState.TREATED, now()
    session.flush()
    if gone:
        # Somebody may have confirmed one of them in the meantime.
        session.execute(
            sa.delete(Finding).where(Finding.id.in_(gone), Finding.state == FindingState.OPEN)
        )
    if fresh:
        insert_many(session, Finding, fresh)
    number = sum(map(len, found.values()))
    scan.records += len(found)
    scan.found += number
    if found:
        unseen_ids = {*blind, *partly} & there
        scan.unseen += _keep_unseen(session, scan, list(found), unseen_ids, skipped)
    scan.last_id = last
    return number


def _there(session: Session, scan: Scan, ids: Sequence[int]) -> set[int]:
    """Return those of the records that nobody has deleted meanwhile; they stay until the commit."""
    table = Task if scan.project_id is not None else Asset
    query = sa.select(table.id).where(table.id.in_(ids)).order_by(table.id)
    return set(session.scalars(query.with_for_update(read=True, key_share=True)))


def _keep_unseen(
    session: Session,
    scan: Scan,
    looked_at: list[int],
    unseen_ids: Collection[int],
    skipped: Collection[int],
) -> int:
    """Write down which of some records are unseen in part; return how many more that are."""
    is_task = scan.project_id is not None
    column = UnseenRecord.task_id if is_task else UnseenRecord.asset_id
    gone = session.execute(
        sa.delete(UnseenRecord)
        .where(column.in_(looked_at))
        .execution_options(synchronize_session=False)
    )
    rows = [
        {
            "project_id": scan.project_id,
            "task_id": number if is_task else None,
            "library_id": scan.library_id,
            "asset_id": None if is_task else number,
            "is_skipped": number in skipped,
        }
        for number in sorted(unseen_ids)
    ]
    if rows:
        insert_new(session, UnseenRecord, rows)
    return len(rows) - int(gone.rowcount)  # type: ignore[attr-defined]


def end(session: Session, scan: Scan, owned: Owned, last_id: int) -> None:
    """Say that a scan is over, and that nothing up to this record was left out."""
    scan.last_id, scan.ended_at = max(scan.last_id, last_id), now()
    scan.unseen = unseen(session, owned)


def _key(record_id: int, each: Finding | Seen) -> _Key:
    return record_id, each.place, each.kind, each.fingerprint or each.region or ""


def _refresh(row: Finding, hit: Seen) -> None:
    if (row.start, row.end, row.region) != (hit.start, hit.end, hit.region):
        row.start, row.end, row.region = hit.start, hit.end, hit.region
    if (row.masked, row.confidence, row.detector) != (hit.masked, hit.confidence, hit.detector):
        row.masked, row.confidence, row.detector = hit.masked, hit.confidence, hit.detector
    if row.state == FindingState.TREATED:
        row.state, row.decided_by, row.decided_at = FindingState.OPEN, None, None


def _row(scan: Scan, record_id: int, hit: Seen) -> dict[str, Any]:
    is_task = scan.project_id is not None
    return {
        "organisation_id": scan.organisation_id,
        "project_id": scan.project_id,
        "task_id": record_id if is_task else None,
        "library_id": scan.library_id,
        "asset_id": None if is_task else record_id,
        "kind": hit.kind,
        "place": hit.place,
        "start": hit.start,
        "end": hit.end,
        "region": hit.region,
        "masked": hit.masked,
        "fingerprint": hit.fingerprint,
        "confidence": hit.confidence,
        "detector": hit.detector,
        "state": str(FindingState.OPEN),
        "decided_by": None,
        "decided_at": None,
        "note": None,
        "created_at": now(),
    }
