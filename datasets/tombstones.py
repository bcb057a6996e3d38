"""Keep what was withdrawn from published datasets: the records, and the files that hold them.

A tombstone says which record, why and when, and nothing of what was in it. What holds the
record stays in the store, but no protocol sends it any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, catalogue, errors, notices, permissions, withdrawals
from .catalogue import Dataset, Release, ReleaseFile
from .db import Base, Id, Path500, insert_new, now
from .errors import _
from .people import User
from .projects import Project
from .tasks import Task
from .versions import VersionRecord

LONGEST_REASON = 500  # characters


class Tombstone(Base):
    """One record that was withdrawn from all releases of a dataset."""

    __tablename__ = "tombstones"
    __table_args__ = (
        sa.UniqueConstraint("dataset_id", "key", name="uq_tombstones_dataset_id_key"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("datasets.id"))
    key: Mapped[str] = mapped_column(sa.String(72))
    reason: Mapped[str]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    # When all files that hold it had been found; None while they are looked for.
    searched_at: Mapped[dt.datetime | None]


class WithheldFile(Base):
    """A file of a release that holds a withdrawn record."""

    __tablename__ = "withheld_files"

    release_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("releases.id"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Path500, primary_key=True)
    tombstone_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("tombstones.id"), primary_key=True, autoincrement=False
    )


def withheld(session: Session, release_id: int, paths: Iterable[str]) -> dict[str, str]:
    """Return those of a release's paths that hold a withdrawn record, with the reason.

    The path "" stands for all files together, which are never withheld: a ZIP of them leaves
    out those that are. Where a release has nothing withheld, nothing is asked: its row is in
    the session of whoever read it.
    """
    release = session.get(Release, release_id)
    wanted = [path for path in paths if path]
    if release is None or not release.has_withheld or not wanted:
        return {}
    query = (
        sa.select(WithheldFile.path, Tombstone.reason)
        .join(Tombstone, Tombstone.id == WithheldFile.tombstone_id)
        .where(WithheldFile.release_id == release_id)
    )
    if len(wanted) <= 500:
        query = query.where(WithheldFile.path.in_(wanted))
    asked = set(wanted)
    return {path: reason for path, reason in session.execute(query) if path in asked}


def of_releases(session: Session, release_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return release id → its withheld paths, of those releases that have any, in one query."""
    found: dict[int, set[str]] = {}
    query = sa.select(WithheldFile.release_id, WithheldFile.path).where(
        WithheldFile.release_id.in_(list(release_ids))
    )
    for release_id, path in session.execute(query) if release_ids else ():
        found.setdefault(release_id, set()).add(path)
    return {release_id: frozenset(paths) for release_id, paths in found.items()}


def withdraw(session: Session, actor: User, dataset: Dataset, key: str, reason: str) -> Tombstone:
    """Withdraw a record from all releases of a dataset, and its task from the work.

    Until a job has found the files that hold it, all files of those releases are withheld.
    Withdrawn again, it is the same tombstone.

    Raises:
        errors.NotFound: no release has such a record, or the dataset is another's.
        errors.Invalid: the reason is missing or longer than 500 characters.
    """
    project = session.get_one(Project, dataset.project_id)
    permissions.require(actor, "dataset.publish", project)
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON or "\0" in reason:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"),
            place="reason",
            longest=LONGEST_REASON,
        )
    # Before anything is looked up: a release that is just being published is withheld as well.
    catalogue.lock_dataset(session, dataset)
    task_ids = set(
        session.scalars(
            sa.select(VersionRecord.task_id)
            .join(Release, Release.version_id == VersionRecord.version_id)
            .where(Release.dataset_id == dataset.id, VersionRecord.key == key)
        )
    )
    if not task_ids:
        raise errors.NotFound(_("no version has a record “%(key)s”"), key=key[:80])
    row = {"dataset_id": dataset.id, "key": key, "reason": reason, "created_by": actor.id}
    is_new = insert_new(session, Tombstone, [{**row, "created_at": now(), "searched_at": None}])
    found = session.scalars(sa.select(Tombstone).filter_by(dataset_id=dataset.id, key=key)).one()
    if is_new:
        _withhold_all(session, found)
        for task_id in sorted(task_ids):
            task = session.get(Task, task_id)
            if task is not None and task.project_id == project.id:
                withdrawals.withdraw(session, actor, project, task)
        subject = f"dataset/{dataset.full_name}"
        audit.record(session, actor, "record.withdraw", subject, key=key, reason=reason)
    return found


def of_dataset(
    session: Session, dataset: Dataset, *, before: int | None = None, limit: int = 50
) -> list[Tombstone]:
    """List a dataset's tombstones, newest first, from before an id."""
    query = sa.select(Tombstone).where(Tombstone.dataset_id == dataset.id)
    if before is not None:
        query = query.where(Tombstone.id < before)
    return list(session.scalars(query.order_by(Tombstone.id.desc()).limit(limit)))


def how_many(session: Session, dataset: Dataset) -> int:
    """Count a dataset's tombstones."""
    query = sa.select(sa.func.count()).where(Tombstone.dataset_id == dataset.id)
    return int(session.scalar(query) or 0)


def withdrawn_keys(session: Session, dataset_id: int) -> sa.Select[str]:
    """Select the keys that were withdrawn from a dataset."""
    return sa.select(Tombstone.key).where(Tombstone.dataset_id == dataset_id)


def gone(session: Session, dataset_id: int, keys: Collection[str]) -> dict[str, Tombstone]:
    """Return those of the keys that were withdrawn from a dataset."""
    if not keys:
        return {}
    query = sa.select(Tombstone).where(
        Tombstone.dataset_id == dataset_id, Tombstone.key.in_(list(keys))
    )
    return {row.key: row for row in session.scalars(query)}


def check_without(session: Session, dataset: Dataset, version_id: int) -> None:
    """Raise errors.Refused for a version that still has a record withdrawn from the dataset."""
    key = session.scalar(
        sa.select(VersionRecord.key)
        .where(
            VersionRecord.version_id == version_id,
            VersionRecord.key.in_(withdrawn_keys(session, dataset.id)),
        )
        .limit(1)
    )
    if key is not None:
        raise errors.Refused(
            _("this version has the withdrawn record %(key)s: freeze the project again"), key=key
        )


def holders(session: Session, dataset_id: int, key: str) -> list[tuple[Release, str]]:
    """List the releases that have a record, oldest first, each with the record's line."""
    rows = session.execute(
        sa.select(Release, VersionRecord.line)
        .join(VersionRecord, VersionRecord.version_id == Release.version_id)
        .where(
            Release.dataset_id == dataset_id,
            VersionRecord.key == key,
            VersionRecord.line.is_not(None),
        )
        .order_by(Release.id)
    )
    return [(release, str(line)) for release, line in rows]


def is_shared(session: Session, version_id: int, key: str, digest: str) -> bool:
    """Tell whether other data of a version use a stored medium as well, as a sample picture.

    Records of the same data (`key`, `key-2`) are no others.
    """
    other = sa.select(VersionRecord.position).where(
        VersionRecord.version_id == version_id,
        VersionRecord.line.contains(digest, autoescape=True),
        ~VersionRecord.key.startswith(key[:64], autoescape=True),
    )
    return session.scalar(other.limit(1)) is not None


def _withhold_all(session: Session, tombstone: Tombstone) -> None:
    """Withhold every file of the releases that have the record, for nobody knows yet which."""
    concerned = sa.select(Release.id).where(
        Release.dataset_id == tombstone.dataset_id,
        Release.version_id.in_(
            sa.select(VersionRecord.version_id).where(
                VersionRecord.key == tombstone.key, VersionRecord.line.is_not(None)
            )
        ),
    )
    files = sa.select(ReleaseFile.release_id, ReleaseFile.path, sa.literal(tombstone.id)).where(
        ReleaseFile.release_id.in_(concerned)
    )
    columns = ["release_id", "path", "tombstone_id"]
    session.execute(sa.insert(WithheldFile).from_select(columns, files))
    session.execute(
        sa.update(Release)
        .where(Release.id.in_(concerned))
        .values(has_withheld=True)
        .execution_options(synchronize_session="fetch")
    )


def withhold(session: Session, tombstone: Tombstone, release: Release, paths: set[str]) -> None:
    """Withhold the files of a release that hold the withdrawn record, and no others for it."""
    session.execute(
        sa.delete(WithheldFile)
        .where(WithheldFile.release_id == release.id, WithheldFile.tombstone_id == tombstone.id)
        .execution_options(synchronize_session=False)
    )
    insert_new(
        session,
        WithheldFile,
        [
            {"release_id": release.id, "path": path, "tombstone_id": tombstone.id}
            for path in sorted(paths)
        ],
    )
    if paths:
        session.execute(
            sa.update(Release).where(Release.id == release.id).values(has_withheld=True)
        )


def complete(
    session: Session, tombstone: Tombstone, dataset: Dataset, told: Collection[int]
) -> None:
    """Note that all files were found, and tell those who have one of them."""
    # Withdrawn twice, it is looked for twice: whoever ends first tells.
    session.refresh(tombstone, with_for_update=True)
    if tombstone.searched_at is not None:
        return
    tombstone.searched_at = now()
    message = _("A record that you downloaded from “%(dataset)s” was withdrawn: %(reason)s")
    values = {"dataset": dataset.title, "reason": tombstone.reason}
    address = f"/datasets/{dataset.full_name}/withdrawn"
    for user_id in sorted(told):
        notices.add(session, user_id, "withdrawn", message, values, address)


def get(session: Session, tombstone_id: int) -> tuple[Tombstone, Dataset]:
    """Return a tombstone and its dataset.

    Raises:
        errors.NotFound: there is none.
    """
    found = session.get(Tombstone, tombstone_id)
    if found is None:
        raise errors.NotFound(_("there is no tombstone %(id)s"), id=tombstone_id)
    return found, session.get_one(catalogue.Dataset, found.dataset_id)
