"""Keep the buckets and folders that a project takes tasks from and writes answers to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, jobs, seals
from ..db import Base, Id, now
from ..errors import _
from ..jobs import Job, JobState
from ..people import User
from ..projects import Project
from ..settings import Settings
from . import ownership
from .patterns import check_pattern

KINDS = {"s3": "AWS S3", "localfiles": "Local files"}
IMPORT, EXPORT = "import", "export"
MOST_STORES = 50  # of one project
LOCAL_SETTING = "JINBIAO_LOCAL_FILES"
# What is kept sealed and never given back.
SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

# option → default, in the order of Label Studio's answers; which of them a store has depends
# on its kind and direction.
_FILTERS: dict[str, Any] = {"regex_filter": None, "use_blob_urls": False}
_S3: dict[str, Any] = {
    "bucket": None,
    "prefix": None,
    **_FILTERS,
    "aws_sse_kms_key_id": None,
    "region_name": None,
    "s3_endpoint": None,
}
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("s3", IMPORT): {"presign": True, **_S3, "presign_ttl": 1, "recursive_scan": False},
    ("s3", EXPORT): {"can_delete_objects": False, **_S3},
    ("localfiles", IMPORT): {"path": None, **_FILTERS, "recursive_scan": False},
    ("localfiles", EXPORT): {"path": None, **_FILTERS, "can_delete_objects": False},
}


class Store(Base):
    """A bucket or folder, from which tasks come or into which answers go."""

    __tablename__ = "connected_stores"
    __table_args__ = (sa.Index("ix_connected_stores_kind", "project_id", "direction", "kind"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    direction: Mapped[str] = mapped_column(sa.String(10))
    title: Mapped[str | None]
    description: Mapped[str | None]
    synchronizable: Mapped[bool] = mapped_column(default=True)
    # JSON: those of OPTIONS that were given; and the sealed keys.
    options: Mapped[str] = mapped_column(default="{}")
    secrets: Mapped[str] = mapped_column(default="")
    # How the last run went: initialized, queued, in_progress, failed, completed,
    # completed_with_errors.
    status: Mapped[str] = mapped_column(sa.String(30), default="initialized")
    traceback: Mapped[str | None]
    meta: Mapped[str] = mapped_column(default="{}")
    job_id: Mapped[str | None] = mapped_column(sa.String(36))
    last_sync: Mapped[dt.datetime | None]
    last_sync_count: Mapped[int | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def option_values(self) -> dict[str, Any]:
        """Return its options, defaults in place."""
        return {**OPTIONS[self.kind, self.direction], **msgspec.json.decode(self.options)}

    @property
    def meta_values(self) -> dict[str, Any]:
        """Return what is known of its runs."""
        return dict(msgspec.json.decode(self.meta))


class SeenObject(Base):
    """An object that a run has dealt with: it made tasks, or it is the answer of this number."""

    __tablename__ = "seen_objects"
    __table_args__ = (sa.Index("ix_seen_objects_annotation", "store_id", "annotation_id"),)

    store_id: Mapped[int] = mapped_column(
        sa.ForeignKey("connected_stores.id", ondelete="CASCADE"), primary_key=True
    )
    # SHA-256 of the key, which may be longer than an index takes; and which form of it.
    key_digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    etag: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    key: Mapped[str]
    annotation_id: Mapped[int | None] = mapped_column(Id)


def add(
    session: Session,
    settings: Settings,
    actor: User,
    project: Project,
    kind: str,
    direction: str,
    values: Mapping[str, Any],
) -> Store:
    """Connect a bucket or folder to a project; it was tried before, outside the transaction.

    Raises:
        errors.Invalid: a value is not usable, or there are MOST_STORES already.
    """
    row = draft(settings, actor, project, kind, direction, values)
    there = sa.select(sa.func.count()).where(Store.project_id == project.id)
    if (session.scalar(there) or 0) >= MOST_STORES:
        raise errors.Invalid(_("a project has at most %(most)s storages"), most=MOST_STORES)
    session.add(row)
    session.flush()
    _record(session, actor, "storage.create", row)
    return row


def draft(
    settings: Settings,
    actor: User,
    project: Project,
    kind: str,
    direction: str,
    values: Mapping[str, Any],
) -> Store:
    """Return a store that is not kept yet.

    Raises:
        errors.Invalid: a value is not usable.
    """
    ownership.require(actor, project)
    row = Store(
        project_id=project.id,
        kind=kind,
        direction=direction,
        options="{}",
        secrets="",
        created_by=actor.id,
    )
    apply(settings, row, values)
    return row


def get(
    session: Session, user: User | None, store_id: int, kind: str, direction: str
) -> tuple[Store, Project]:
    """Return a store of a kind with its project for somebody who manages it.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Store, Project)
        .join(Project, Project.id == Store.project_id)
        .where(
            Store.id == store_id,
            Store.kind == kind,
            Store.direction == direction,
            Project.deleted_at.is_(None),
        )
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None:
        raise errors.NotFound(_("there is no storage %(id)s"), id=store_id)
    ownership.require(user, found[1])
    return found[0], found[1]


def listing(
    session: Session,
    user: User,
    direction: str,
    kind: str | None = None,
    project: Project | None = None,
) -> list[Store]:
    """List the stores of a direction, of one kind or all, of a project or all, oldest first."""
    query = (
        sa.select(Store)
        .join(Project, Project.id == Store.project_id)
        .where(Store.direction == direction, Project.deleted_at.is_(None))
        .order_by(Store.id)
    )
    if kind is not None:
        query = query.where(Store.kind == kind)
    if project is not None:
        ownership.require(user, project)
        query = query.where(Store.project_id == project.id)
    else:
        query = ownership.limited(query, user)
    return list(session.scalars(query))


def change(
    session: Session, settings: Settings, actor: User, row: Store, values: Mapping[str, Any]
) -> None:
    """Change what is given of a store.

    Raises:
        errors.Invalid: a value is not usable, or another host would be sent the old keys.
    """
    apply(settings, row, values)
    session.flush()
    _record(session, actor, "storage.change", row)


def delete(session: Session, actor: User, row: Store) -> None:
    """Disconnect a bucket or folder; tasks that came from it stay."""
    _record(session, actor, "storage.delete", row)
    session.delete(row)
    session.flush()


def apply(settings: Settings, row: Store, values: Mapping[str, Any]) -> None:
    """Put values into a store that may not be kept yet.

    Raises:
        errors.Invalid: a value is not usable, or another host would be sent the old keys.
    """
    known = OPTIONS[row.kind, row.direction]
    before = row.option_values
    given = {name: values[name] for name in known if values.get(name) is not None}
    options = {**msgspec.json.decode(row.options), **given}
    if options.get("regex_filter"):
        check_pattern(options["regex_filter"])
    kept = _secrets(settings, row)
    told = {name: values[name] for name in SECRETS if values.get(name)}
    moves = options.get("s3_endpoint") != before.get("s3_endpoint")
    if moves and kept and not told:
        raise errors.Invalid(
            _("give the keys again for another address"), place="aws_secret_access_key"
        )
    sealed = {**kept, **told}
    row.secrets = seals.seal(settings, msgspec.json.encode(sealed).decode()) if sealed else ""
    row.options = msgspec.json.encode(options, order="sorted").decode()
    for name in ("title", "description", "synchronizable"):
        if values.get(name) is not None:
            setattr(row, name, values[name])
    if row.kind == "localfiles":
        folder(settings, row)
    elif not options.get("bucket"):
        raise errors.Invalid(_("say which bucket"), place="bucket")


def secrets_of(settings: Settings, row: Store) -> dict[str, str]:
    """Return the keys of a bucket."""
    return _secrets(settings, row)


def folder(settings: Settings, row: Store) -> Path:
    """Return the folder of a store, links followed.

    Raises:
        errors.Invalid: it is not there, or not below one that the operator allows.
    """
    given = row.option_values["path"]
    if not settings.local_files:
        raise errors.Invalid(
            _("the operator allows no folder: %(setting)s is not set"),
            place="path",
            setting=LOCAL_SETTING,
        )
    try:
        path = Path(str(given or "")).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        path = None
    allowed = path is not None and any(path.is_relative_to(top) for top in settings.local_files)
    # One answer for both: who asks must not learn what else is on this host.
    if path is None or not allowed or not path.is_dir():
        raise errors.Invalid(
            _("there is no such folder below those of %(setting)s"),
            place="path",
            setting=LOCAL_SETTING,
        )
    return path


def start(session: Session, actor: User, row: Store, project: Project) -> Job:
    """Write down a run of a store, or return the one that is on its way; announce it afterwards.

    Raises:
        errors.Refused: it is not to be synchronised.
    """
    if not row.synchronizable:
        raise errors.Refused(_("this storage is not to be synchronised"))
    session.refresh(row, with_for_update=True)
    present = None if row.job_id is None else session.get(Job, row.job_id)
    if present is not None and present.state in (JobState.WAITING, JobState.RUNNING):
        return present
    job = jobs.add(
        session,
        actor,
        "sync",
        {"storage": row.id},
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )
    row.job_id, row.status, row.traceback = job.id, "queued", None
    attempts = int(row.meta_values.get("attempts", 0)) + 1
    _set_meta(row, {"attempts": attempts, "time_queued": str(now())})
    session.flush()
    return job


def note_progress(session: Session, store_id: int) -> None:
    """Write down that a run goes on."""
    row = session.get(Store, store_id)
    if row is None:
        raise errors.Cancelled(_("the storage was disconnected"))
    at = str(now())
    row.status = "in_progress"
    meta = row.meta_values
    _set_meta(row, {"time_in_progress": at, **meta, "time_last_ping": at})
    session.flush()


def note_end(
    session: Session, store_id: int, *, count: int, error: str | None, rejected: int, **facts: int
) -> None:
    """Write down how a run ended; `error` is None where it came to its end."""
    row = session.get(Store, store_id)
    if row is None:
        return
    at = now()
    if error is not None:
        row.status, row.traceback = "failed", error[:2000]
        _set_meta(row, {**row.meta_values, "time_failure": str(at)})
    else:
        row.status = "completed_with_errors" if rejected else "completed"
        row.traceback, row.last_sync, row.last_sync_count = None, at, count
        meta = row.meta_values
        begun = dt.datetime.fromisoformat(meta.get("time_in_progress") or str(at))
        duration = (at - begun).total_seconds()
        _set_meta(row, {**meta, "time_completed": str(at), "duration": duration, **facts})
    session.flush()


def _secrets(settings: Settings, row: Store) -> dict[str, str]:
    text = seals.unseal(settings, row.secrets)
    return dict(msgspec.json.decode(text)) if text else {}


def _set_meta(row: Store, values: Mapping[str, Any]) -> None:
    row.meta = msgspec.json.encode(values).decode()


def _record(session: Session, actor: User, action: str, row: Store) -> None:
    audit.record(session, actor, action, f"storage/{row.id}", project=row.project_id, kind=row.kind)
