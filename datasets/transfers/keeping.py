"""Begin uploads, note what has come of them, end them, and forget those that lapsed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, holdings, jobs, libraries, permissions, projects
from ..db import now
from ..errors import Problem, _
from ..jobs import Job
from ..libraries import Library
from ..people import User
from ..projects import Project
from ..settings import Settings
from ..sources import names
from . import pieces
from .rows import Transfer, TransferState

LONGEST_NAME = 500
LONGEST_PART = 240  # bytes of one folder's or file's name
LONGEST_METADATA = 8000
MOST_OPTIONS = 4000  # bytes of JSON
MOST_IN_BATCH = 100_000
CHUNK = 5000  # ids in one statement
# What a job has brought is remembered as long as the job may be run again.
REMEMBERED_DAYS = 90


def begin(
    session: Session,
    settings: Settings,
    actor: User,
    target: Library | Project,
    *,
    name: str,
    length: int,
    batch: str | None = None,
    options: Mapping[str, Any] | None = None,
    metadata_header: str | None = None,
) -> Transfer:
    """Write down an upload that is about to come.

    Raises:
        errors.Invalid: the name or a value is not usable.
        errors.TooLarge: it is larger than an upload may be, or the person has too many open.
        errors.Unavailable: the disk has too little room.
    """
    permissions.require(actor, action_of(target), target)
    if length > settings.maximum_transfer_bytes:
        raise errors.TooLarge(
            _("the file has %(size)s MB; the limit is %(limit)s MB"),
            place="Upload-Length",
            size=round(length / 1024**2, 1),
            limit=round(settings.maximum_transfer_bytes / 1024**2, 1),
        )
    pieces.check_space(settings, length)
    transfer = Transfer(
        key=str(uuid.uuid4()),
        user_id=actor.id,
        library_id=target.id if isinstance(target, Library) else None,
        project_id=target.id if isinstance(target, Project) else None,
        name=checked_name(name),
        length=length,
        received=0,
        state=TransferState.OPEN,
        batch=batch,
        options=_options(options or {}),
        metadata_header=metadata_header,
        expires_at=now() + dt.timedelta(days=settings.transfer_days),
    )
    session.add(transfer)
    session.flush()
    # Counted with those that others begin at the same moment.
    holdings.lock(session, target.organisation_id)
    under_way = outstanding(session, target.organisation_id)
    holdings.check(session, settings, target.organisation_id, under_way)
    if open_count(session, actor) > settings.transfers_each:
        raise errors.TooLarge(
            _("you have %(limit)s uploads open; end or remove some first"),
            limit=settings.transfers_each,
        )
    return transfer


def action_of(target: Library | Project) -> str:
    """Return the right that it takes to bring something there."""
    return "library.bring" if isinstance(target, Library) else "task.import"


def action_for(transfer: Transfer) -> str:
    """Return the right that it takes to bring an upload there, also where that has gone."""
    return "library.bring" if transfer.library_id is not None else "task.import"


def outstanding(session: Session, organisation_id: int) -> int:
    """Return the bytes of an organisation's uploads that came or will, and that no job has yet.

    No quota has counted them: without this, many begun at once would pass it one by one.
    """
    ours = (
        sa.select(table.id).where(table.organisation_id == organisation_id)
        for table in (Library, Project)
    )
    of_libraries, of_projects = ours
    query = sa.select(sa.func.coalesce(sa.func.sum(Transfer.length), 0)).where(
        Transfer.state.in_((TransferState.OPEN, TransferState.STORED)),
        sa.or_(Transfer.library_id.in_(of_libraries), Transfer.project_id.in_(of_projects)),
    )
    return int(session.scalar(query) or 0)


def get(session: Session, user: User | None, key: str) -> Transfer:
    """Return an upload of one's own.

    Raises:
        errors.NotFound: there is none, or it is somebody else's.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    found = session.scalar(sa.select(Transfer).where(Transfer.key == key[:36]))
    if found is None or found.user_id != user.id:
        raise errors.NotFound(_("there is no upload %(id)s"), id=key[:40])
    return found


def open_one(session: Session, key: str) -> Transfer | None:
    """Return an upload that has not been stored yet, whosever it is; None where it has."""
    found = session.scalar(sa.select(Transfer).where(Transfer.key == key[:36]))
    return found if found is not None and found.state == TransferState.OPEN else None


def target_of(session: Session, user: User, transfer: Transfer) -> Library | Project:
    """Return where an upload goes, asked again for the right to bring it there.

    Raises:
        errors.NotFound: it has gone meanwhile.
        errors.Forbidden: the person may no longer.
    """
    if transfer.library_id is not None:
        return libraries.get(session, user, transfer.library_id, "library.bring")
    return projects.get(session, user, transfer.project_id or 0, "task.import")


def listing(
    session: Session,
    user: User,
    *,
    batch: str | None = None,
    state: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Transfer]:
    """List one's own uploads, oldest first; keyset paging by id."""
    query = sa.select(Transfer).where(Transfer.user_id == user.id, Transfer.id > after)
    if batch is not None:
        query = query.where(Transfer.batch == batch)
    if state is not None:
        query = query.where(Transfer.state == state)
    return list(session.scalars(query.order_by(Transfer.id).limit(limit)))


def open_count(session: Session, user: User) -> int:
    """Count the uploads of a person that have not become a job."""
    query = (
        sa.select(sa.func.count())
        .select_from(Transfer)
        .where(Transfer.user_id == user.id, Transfer.state != TransferState.BROUGHT)
    )
    return int(session.scalar(query) or 0)


def received(
    session: Session, settings: Settings, transfer: Transfer, start: int, end: int
) -> None:
    """Note that the bytes from `start` to `end` are on the disk; this acknowledges them.

    Raises:
        errors.Stale: what was received is not `start` any more.
        errors.NotFound: the upload was removed meanwhile.
    """
    moment = now()
    done = session.execute(
        sa.update(Transfer)
        .where(
            Transfer.id == transfer.id,
            Transfer.received == start,
            Transfer.state == TransferState.OPEN,
        )
        .values(
            received=end,
            touched_at=moment,
            expires_at=moment + dt.timedelta(days=settings.transfer_days),
        )
        .returning(Transfer.id)
        .execution_options(synchronize_session=False)
    ).first()
    if done is None:
        if session.scalar(sa.select(Transfer.id).where(Transfer.id == transfer.id)) is None:
            raise errors.NotFound(_("there is no upload %(id)s"), id=transfer.key)
        raise errors.Stale(_("another request has sent this part already"))


def stored(session: Session, actor: User, transfer: Transfer, digest: str) -> Job | None:
    """Note that a whole upload is an object of the store; ask for its job unless it has a batch.

    Safe to repeat. The caller announces the job after the commit.
    """
    row = session.get(Transfer, transfer.id, with_for_update=True, populate_existing=True)
    if row is None or row.state != TransferState.OPEN:
        return None
    row.digest, row.state, row.touched_at = digest, TransferState.STORED, now()
    session.flush()
    return None if row.batch is not None else _bring(session, actor, [row], row.option_values)


def bring(
    session: Session,
    actor: User,
    batch: str,
    options: Mapping[str, Any] | None = None,
    *,
    target: tuple[int | None, int | None] | None = None,
) -> Job:
    """Ask for one job that brings what is stored of a batch and not brought yet.

    `target` (library, project) takes what goes there, else what goes where the first one goes.

    Raises:
        errors.NotFound: there is nothing of that batch.
        errors.Invalid: an option is not usable.
    """
    query = (
        sa.select(Transfer)
        .where(
            Transfer.user_id == actor.id,
            Transfer.batch == batch,
            Transfer.state == TransferState.STORED,
        )
        .order_by(Transfer.id)
        .limit(MOST_IN_BATCH)
        .with_for_update()
    )
    if target is not None:
        query = query.where(
            Transfer.library_id.is_not_distinct_from(target[0]),
            Transfer.project_id.is_not_distinct_from(target[1]),
        )
    rows = list(session.scalars(query))
    if not rows:
        raise errors.NotFound(_("there is no upload %(id)s"), id=batch[:40])
    first = (rows[0].library_id, rows[0].project_id)
    rows = [row for row in rows if (row.library_id, row.project_id) == first]
    given = {**rows[0].option_values, **(options or {})}
    _options(given)
    return _bring(session, actor, rows, given)


def of_job(session: Session, job_id: str) -> list[tuple[str, str]]:
    """List (name, digest) of what a job was asked to bring, in the order of the uploads."""
    query = sa.select(Transfer.name, Transfer.digest).where(Transfer.job_id == job_id)
    found = session.execute(query.order_by(Transfer.id))
    return [(name, digest) for name, digest in found if digest is not None]


def give_up(session: Session, settings: Settings, transfer: Transfer) -> None:
    """Forget an upload that its owner does not want; what is stored of it counts until night."""
    row = session.get(Transfer, transfer.id, with_for_update=True, populate_existing=True)
    if row is not None and row.state == TransferState.STORED:
        target: Library | Project | None = (
            session.get(Library, row.library_id)
            if row.library_id is not None
            else session.get(Project, row.project_id)
        )
        if target is not None:
            holdings.add(session, target.organisation_id, row.length)
    remove(session, transfer)


def remove(session: Session, transfer: Transfer) -> None:
    """Forget an upload; the caller deletes its bytes after the commit."""
    session.execute(sa.delete(Transfer).where(Transfer.id == transfer.id))


def checked_name(name: str) -> str:
    """Return a relative path that is safe to store and to write down.

    Raises:
        errors.Invalid: it is empty, too long, absolute, or leads out of its folder.
    """
    found = names.safe(name)
    if isinstance(found, Problem):
        raise errors.Invalid(found.message, place="filename", **found.values)
    # No disk keeps longer names.
    longest = max(len(part.encode()) for part in found.split("/"))
    if len(found) > LONGEST_NAME or longest > LONGEST_PART:
        raise errors.Invalid(_("the name is empty or too long"), place="filename")
    return found


def _bring(
    session: Session, actor: User, rows: Sequence[Transfer], options: Mapping[str, Any]
) -> Job:
    target = target_of(session, actor, rows[0])
    request: dict[str, Any] = {**options, "name": rows[0].name}
    if len(rows) == 1:
        request["object"] = rows[0].digest
    else:
        request |= {"gathered": len(rows), "name": _common(rows)}
    into_library = isinstance(target, Library)
    if into_library:
        request["library"] = target.id
    job = jobs.add(
        session,
        actor,
        "intake" if into_library else "import",
        request,
        project_id=None if into_library else target.id,
        organisation_id=target.organisation_id,
        vendor_id=target.vendor_id,
    )
    ids = [row.id for row in rows]
    # No database takes a statement of any length.
    for start in range(0, len(ids), CHUNK):
        session.execute(
            sa.update(Transfer)
            .where(Transfer.id.in_(ids[start : start + CHUNK]))
            .values(
                state=TransferState.BROUGHT,
                job_id=job.id,
                touched_at=now(),
                expires_at=now() + dt.timedelta(days=REMEMBERED_DAYS),
            )
            .execution_options(synchronize_session=False)
        )
    audit.record(
        session,
        actor,
        "transfer.bring",
        f"{'library' if into_library else 'project'}/{target.id}",
        files=len(rows),
        bytes=sum(row.length for row in rows),
        job=job.id,
    )
    return job


def _common(rows: Sequence[Transfer]) -> str:
    """Name a batch: the folder that all lay in, or its first file."""
    tops = {row.name.partition("/")[0] for row in rows}
    return tops.pop() if len(tops) == 1 else rows[0].name


def _options(options: Mapping[str, Any]) -> str:
    text = msgspec.json.encode(options, order="sorted")
    if len(text) > MOST_OPTIONS:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"), place="options", longest=MOST_OPTIONS
        )
    return text.decode()
