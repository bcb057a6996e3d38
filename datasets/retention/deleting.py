"""Write down what was counted, and delete stored bytes that nothing has needed for long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, jobs
from ..cleaning import CleanedRecord, Cleaning
from ..db import insert_many, insert_new, now
from ..errors import _
from ..holdings import DeletionLine, DeletionReport, StorageCount, StorageUsage, UnusedObject
from ..jobs import Job, JobState
from ..libraries import Asset, Library
from ..people import Organisation, Role, User
from ..storage import ObjectStore
from ..tasks import Media

KIND = "retain"
BATCH = 500
# Nothing is deleted that was put later than that before now, whatever the settings say.
FRESH = dt.timedelta(days=1)

Parts = Mapping[int, Sequence[tuple[str, str | None, int, int]]]


def begin(session: Session, actor: User, job_id: str, *, is_dry: bool) -> DeletionReport:
    """Return the report of a job, made when it is asked for the first time."""
    found = session.scalars(
        sa.select(DeletionReport).where(DeletionReport.job_id == job_id)
    ).first()
    if found is None:
        found = DeletionReport(job_id=job_id, is_dry=is_dry, actor_id=actor.id, began_at=now())
        found.objects = found.assets = found.size = 0
        session.add(found)
        session.flush()
    return found


def taken(session: Session) -> dict[int, int]:
    """Return how much each organisation took since the last count; asked before the next."""
    query = sa.select(StorageUsage.organisation_id, StorageUsage.taken)
    return {home: size for home, size in session.execute(query)}


def keep_counts(session: Session, parts: Parts, taken_before: Mapping[int, int]) -> None:
    """Replace what is known of every organisation's storage by what was counted just now.

    `taken_before` is what `taken` said before the counting began: what was taken meanwhile may
    not be in the count, and stays taken until the next.
    """
    texts = _texts(session)
    session.execute(sa.delete(StorageCount))
    at = now()
    homes = list(session.scalars(sa.select(Organisation.id)))
    insert_new(
        session,
        StorageUsage,
        [
            {"organisation_id": home, "quota": None, "counted": 0, "taken": 0, "counted_at": None}
            for home in sorted(homes)
        ],
    )
    for home in homes:
        rows = [*parts.get(home, ()), *texts.get(home, ())]
        used = sum(size for _kind, subject, _number, size in rows if subject is None)
        session.execute(
            sa.update(StorageUsage)
            .where(StorageUsage.organisation_id == home)
            .values(counted=used, taken=_less(taken_before.get(home, 0)), counted_at=at)
            .execution_options(synchronize_session=False)
        )
        merged: dict[tuple[str, str | None], list[int]] = {}
        for kind, subject, number, size in rows:
            total = merged.setdefault((kind, subject), [0, 0])
            total[0] += number
            total[1] += size
        insert_many(
            session,
            StorageCount,
            [
                {
                    "organisation_id": home,
                    "kind": kind,
                    "subject": subject,
                    "objects": number,
                    "size": size,
                }
                for (kind, subject), (number, size) in merged.items()
            ],
        )


def note_unused(session: Session, unused: Sequence[tuple[str, int]]) -> dict[str, dt.datetime]:
    """Remember bytes that nothing refers to, and return since when each has been so."""
    at = now()
    insert_new(
        session,
        UnusedObject,
        [{"digest": digest, "size": size, "since": at} for digest, size in unused],
    )
    wanted = [digest for digest, _size in unused]
    query = sa.select(UnusedObject.digest, UnusedObject.since).where(
        UnusedObject.digest.in_(wanted)
    )
    return {digest: since for digest, since in session.execute(query)}


def known_unused(session: Session, after: str) -> list[str]:
    """List the next bytes that were remembered as unused, by digest."""
    query = sa.select(UnusedObject.digest).where(UnusedObject.digest > after)
    return list(session.scalars(query.order_by(UnusedObject.digest).limit(BATCH)))


def forget_unused(session: Session, digests: Iterable[str]) -> None:
    """Forget that bytes were unused: something refers to them again, or they are gone."""
    session.execute(
        sa.delete(UnusedObject)
        .where(UnusedObject.digest.in_(list(digests)))
        .execution_options(synchronize_session=False)
    )


def note_deleted(
    session: Session, report_id: int, rows: Sequence[tuple[str, int, dt.datetime]]
) -> None:
    """Write (digest, size, unused since) into the report; what it tells already stays as it is."""
    told = set(
        session.scalars(
            sa.select(DeletionLine.digest).where(
                DeletionLine.report_id == report_id,
                DeletionLine.kind == "object",
                DeletionLine.digest.in_([digest for digest, _size, _since in rows]),
            )
        )
    )
    at = now()
    fresh = [
        {
            "report_id": report_id,
            "kind": "object",
            "digest": digest,
            "size": size,
            "reason": "unused",
            "since": since,
            "organisation_id": None,
            "library_id": None,
            "at": at,
        }
        for digest, size, since in rows
        if digest not in told
    ]
    insert_many(session, DeletionLine, fresh)


def take_back(session: Session, report_id: int, digests: Sequence[str]) -> None:
    """Take bytes out of a report that were put again meanwhile, and stay."""
    if digests:
        session.execute(
            sa.delete(DeletionLine)
            .where(DeletionLine.report_id == report_id, DeletionLine.digest.in_(digests))
            .execution_options(synchronize_session=False)
        )


def forget_facts(session: Session, store: ObjectStore, digests: Iterable[str]) -> None:
    """Forget what was known of bytes that are gone.

    Whoever brings them again puts the bytes before the facts: where they are there by now,
    their facts stay.
    """
    gone = [digest for digest in digests if store.size(digest) is None]
    if gone:
        session.execute(
            sa.delete(Media)
            .where(Media.digest.in_(gone))
            .execution_options(synchronize_session=False)
        )


def end(session: Session, actor: User, report: DeletionReport) -> None:
    """Close a report; what it tells goes into the audit trail."""
    for kind, number, size in session.execute(
        sa.select(DeletionLine.kind, sa.func.count(), sa.func.sum(DeletionLine.size))
        .where(DeletionLine.report_id == report.id)
        .group_by(DeletionLine.kind)
    ):
        if kind == "object":
            report.objects, report.size = number, int(size)
        else:
            report.assets = number
    report.ended_at = now()
    session.flush()
    audit.record(
        session,
        actor,
        "storage.look" if report.is_dry else "objects.delete",
        f"deletion-report/{report.id}",
        objects=report.objects,
        assets=report.assets,
        bytes=report.size,
    )


def ask(session: Session, actor: User, *, is_dry: bool) -> Job:
    """Write down a look for what can be deleted; the caller has asked for the right.

    Raises:
        errors.Refused: somebody looks already.
    """
    _minding(session)
    if is_under_way(session):
        raise errors.Refused(_("somebody is looking already: wait until it has ended"))
    return jobs.add(session, actor, KIND, {"dry": is_dry})


def ask_at_night(session: Session, hours: range, hour: int) -> Job | None:
    """Write down the nightly deletion when it is due; None otherwise.

    Due: the last one began 20 hours ago, and it is night; or 44 hours ago.
    """
    actor = _minding(session)
    if actor is None or is_under_way(session):
        return None
    last = session.scalar(
        sa.select(sa.func.max(DeletionReport.began_at)).where(DeletionReport.is_dry.is_(False))
    )
    # Nobody has anything to let go of on the first day.
    age = now() - (last or actor.created_at)
    if age > dt.timedelta(hours=44) or (hour in hours and age > dt.timedelta(hours=20)):
        return jobs.add(session, actor, KIND, {"dry": False, jobs.AUTOMATIC: True})
    return None


def _minding(session: Session) -> User | None:
    """Return who minds what is stored; those who ask for a look follow one another by them."""
    return session.scalars(
        sa.select(User)
        .where(User.role.in_((Role.PLATFORM_ADMIN, Role.SYSTEM_ADMIN)), User.is_active)
        .order_by(User.id)
        .limit(1)
        .with_for_update(of=User, key_share=True)
    ).first()


def is_under_way(session: Session) -> bool:
    """Tell whether a look for what can be deleted waits or runs."""
    query = sa.select(Job.id).where(
        Job.kind == KIND, Job.state.in_((JobState.WAITING, JobState.RUNNING))
    )
    return session.execute(query.limit(1)).first() is not None


def reports(
    session: Session, *, before: int | None = None, limit: int = 20
) -> list[DeletionReport]:
    """List the reports, newest first."""
    query = sa.select(DeletionReport)
    if before is not None:
        query = query.where(DeletionReport.id < before)
    return list(session.scalars(query.order_by(DeletionReport.id.desc()).limit(limit)))


def lines(
    session: Session,
    *,
    report_id: int | None = None,
    organisation_id: int | None = None,
    after: int = 0,
    limit: int = BATCH,
) -> list[DeletionLine]:
    """List what a report tells of, or what of an organisation went, after an id."""
    query = sa.select(DeletionLine).where(DeletionLine.id > after)
    if report_id is not None:
        query = query.where(DeletionLine.report_id == report_id)
    if organisation_id is not None:
        kept = sa.select(DeletionReport.id).where(DeletionReport.is_dry.is_(False))
        query = query.where(
            DeletionLine.organisation_id == organisation_id, DeletionLine.report_id.in_(kept)
        )
    return list(session.scalars(query.order_by(DeletionLine.id).limit(limit)))


def _less(before: int) -> sa.ColumnElement[int]:
    """Return what was taken but for `before`; never less than nothing."""
    return sa.case((StorageUsage.taken > before, StorageUsage.taken - before), else_=0)


def _texts(session: Session) -> dict[int, list[tuple[str, str | None, int, int]]]:
    """Return what texts take that stand in the tables themselves, as parts."""
    found: dict[int, list[tuple[str, str | None, int, int]]] = {}

    def add(kind: str, rows: Iterable[Any]) -> None:
        for home, library, number, size in rows:
            found.setdefault(home, []).append((kind, None, number, int(size or 0)))
            subject = f"library/{library}"
            found[home].append(("library", subject, number, int(size or 0)))

    originals = (
        sa.select(Library.organisation_id, Library.id, sa.func.count(), sa.func.sum(Asset.size))
        .join(Asset, Asset.library_id == Library.id)
        .where(Asset.text.is_not(None))
        .group_by(Library.organisation_id, Library.id)
    )
    add("originals", session.execute(originals))
    cleaned = (
        sa.select(
            Library.organisation_id,
            Library.id,
            sa.func.count(),
            sa.func.sum(_bytes(session, CleanedRecord.text)),
        )
        .join(Cleaning, Cleaning.library_id == Library.id)
        .join(CleanedRecord, CleanedRecord.cleaning_id == Cleaning.id)
        .where(CleanedRecord.text.is_not(None))
        .group_by(Library.organisation_id, Library.id)
    )
    add("cleaned", session.execute(cleaned))
    return found


def _bytes(session: Session, column: sa.ColumnElement[str | None] | object) -> sa.Function[int]:
    """Return how many bytes a text takes in UTF-8, in either database."""
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.length(sa.cast(column, sa.LargeBinary))
    return sa.func.octet_length(column)
