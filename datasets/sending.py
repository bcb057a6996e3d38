"""Make tasks of a library's assets: as they came, or as a cleaning left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from . import errors, jobs, libraries, permissions
from .cleaning import CleanedRecord, Cleaning, RecordState, reading
from .collection import Brought, Prepared, checked, write
from .collection.prepared import refuse_stored
from .db import insert_many
from .errors import Problem, _
from .jobs import Job
from .libraries import Asset, AssetKind, AssetState, Library, TaskOrigin
from .people import User
from .projects import Project
from .sources import Reject
from .tasks import MEDIA_PREFIX, Task

KIND = "send_assets"
MOST_COUNTED = 200_000  # records of a cleaning that a page counts by kind
# Which tags of a config show which kind of asset, the fittest first.
TAGS: dict[str, tuple[str, ...]] = {
    AssetKind.TEXT: ("Text", "Paragraphs", "HyperText"),
    AssetKind.IMAGE: ("Image",),
    AssetKind.AUDIO: ("Audio", "AudioPlus"),
    AssetKind.VIDEO: ("Video",),
    AssetKind.TABLE: ("TimeSeries",),
    AssetKind.DOCUMENT: ("Pdf", "PDF"),
}


@dataclass(frozen=True)
class Sendable:
    """An asset that is to become a task, with what a cleaning made of it."""

    asset: Asset
    record: CleanedRecord | None

    @property
    def place(self) -> int:
        """Return what tells it from the others of the same sending."""
        return self.asset.id if self.record is None else self.record.id


def ask(
    session: Session,
    actor: User,
    library: Library,
    project: Project,
    cleaning_id: int | None = None,
) -> Job:
    """Write down a job that sends a library's held assets, or a cleaning's records, to a project.

    Raises:
        errors.Invalid: the project belongs to others, or its config shows none of the kinds.
        errors.NotFound: there is no such cleaning of this library that has ended.
    """
    permissions.require(actor, "library.read", library)
    permissions.require(actor, "task.import", project)
    check(session, library, project, cleaning_id)
    request = {"library": library.id, "cleaning": cleaning_id}
    return jobs.add(
        session,
        actor,
        KIND,
        request,
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def check(session: Session, library: Library, project: Project, cleaning_id: int | None) -> None:
    """Raise where a library's assets, or the records of this cleaning, cannot go to a project."""
    if library.organisation_id != project.organisation_id:
        raise errors.Invalid(
            _("the library and the project belong to different organisations"), place="project"
        )
    if cleaning_id is not None:
        found = session.get(Cleaning, cleaning_id)
        if found is None or found.library_id != library.id or found.ended_at is None:
            raise errors.NotFound(_("there is no ended cleaning %(id)s here"), id=cleaning_id)
    kinds = [library.kind] if library.kind in TAGS else list(TAGS)
    if library.kind == AssetKind.DOCUMENT:
        kinds.append(AssetKind.IMAGE)  # the pages of its documents
    if not any(key_for(project, kind) for kind in kinds):
        raise errors.Invalid(
            _("the project shows nothing of what the library holds"), place="project"
        )


def cleanings(session: Session, library: Library, limit: int = 20) -> list[Cleaning]:
    """List the ended cleanings of a library, newest first."""
    query = (
        sa.select(Cleaning)
        .where(Cleaning.library_id == library.id, Cleaning.ended_at.is_not(None))
        .order_by(Cleaning.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def key_for(project: Project, kind: str) -> str | None:
    """Return the data key of a project that shows this kind of asset; None where none does."""
    for tag in TAGS[kind]:
        for each in project.config.objects:
            if each.tag == tag and each.key:
                return each.key
    return None


def kinds_shown(project: Project) -> frozenset[str]:
    """Return the kinds of assets that a project's config shows."""
    return frozenset(kind for kind in TAGS if key_for(project, kind))


def kept_by_kind(session: Session, cleaning: Cleaning) -> dict[str, int]:
    """Count by kind the records of a cleaning that can become tasks; {} where they are too many.

    They are counted for a page that somebody waits for.
    """
    if cleaning.ended_at is None or (cleaning.kept or 0) > MOST_COUNTED:
        return {}
    query = (
        sa.select(Asset.kind, sa.func.count())
        .join(CleanedRecord, CleanedRecord.asset_id == Asset.id)
        .where(
            CleanedRecord.cleaning_id == cleaning.id,
            CleanedRecord.state != RecordState.DROPPED,
            Asset.state == AssetState.HELD,
        )
        .group_by(Asset.kind)
    )
    return {kind: number for kind, number in session.execute(query)}


def from_libraries(session: Session, project: Project) -> int:
    """Count the tasks of a project that were made of libraries' assets."""
    query = (
        sa.select(sa.func.count())
        .select_from(TaskOrigin)
        .join(Task, Task.id == TaskOrigin.task_id)
        .where(Task.project_id == project.id)
    )
    return session.scalar(query) or 0


def batch(
    session: Session,
    library: Library,
    project: Project,
    cleaning_id: int | None,
    after: int,
    limit: int,
) -> tuple[list[Sendable], int, int | None]:
    """Return the next assets that are not in the project yet, how many were looked at, and where
    the search goes on: None at the end.

    They are at most `limit`, and as many as fit into memory together. Whoever else sends from
    the library waits until the commit, and finds what became tasks.

    Raises:
        errors.NotFound: the library was removed meanwhile.
    """
    libraries.lock(session, library)
    ids, is_end = _next(session, library, cleaning_id, after, limit)
    if cleaning_id is None:
        held = libraries.held(library).where(Asset.id.in_(ids))
        sendable = [Sendable(each, None) for each in session.scalars(held)]
    else:
        rows = session.execute(
            sa.select(CleanedRecord, Asset)
            .join(Asset, Asset.id == CleanedRecord.asset_id)
            .where(CleanedRecord.id.in_(ids))
            .order_by(CleanedRecord.id)
        )
        sendable = [Sendable(each, record) for record, each in rows]
    last = None if is_end else ids[-1]
    there = _there(session, project, sendable, cleaning_id)
    fresh = [each for each in sendable if (each.asset.id, _record_id(each)) not in there]
    return fresh, len(sendable), last


def _next(
    session: Session, library: Library, cleaning_id: int | None, after: int, limit: int
) -> tuple[list[int], bool]:
    """Return the ids of the next assets, or records of a cleaning, and whether no more follow."""
    if cleaning_id is None:
        query = libraries.held(library, after).with_only_columns(Asset.id, libraries.held_bytes())
    else:
        query = (
            sa.select(CleanedRecord.id, reading.held_bytes())
            .join(Asset, Asset.id == CleanedRecord.asset_id)
            .where(
                CleanedRecord.cleaning_id == cleaning_id,
                CleanedRecord.id > after,
                CleanedRecord.state != RecordState.DROPPED,
                Asset.state == AssetState.HELD,
            )
            .order_by(CleanedRecord.id)
        )
    sizes = [(number, size) for number, size in session.execute(query.limit(limit))]
    ids = libraries.fitting(sizes)
    return ids, len(ids) == len(sizes) < limit


def _there(
    session: Session, project: Project, found: Sequence[Sendable], cleaning_id: int | None
) -> set[tuple[int, int | None]]:
    """Return (asset, record) of those that the project has tasks of already.

    An asset that a cleaning split goes there in parts; otherwise it goes there once.
    """
    ids = sorted({each.asset.id for each in found})
    if not ids:
        return set()
    rows = session.execute(
        sa.select(TaskOrigin.asset_id, TaskOrigin.cleaning_id, TaskOrigin.cleaned_record_id)
        .join(Task, Task.id == TaskOrigin.task_id)
        .where(TaskOrigin.asset_id.in_(ids), Task.project_id == project.id)
    ).all()
    parts = {(row.asset_id, row.cleaned_record_id) for row in rows}
    # Sent as it came, or by another cleaning.
    whole = {row.asset_id for row in rows if cleaning_id is None or row.cleaning_id != cleaning_id}
    return {
        (each.asset.id, _record_id(each))
        for each in found
        if each.asset.id in whole or (each.asset.id, _record_id(each)) in parts
    }


def prepared(project: Project, each: Sendable) -> Prepared | Reject:
    """Return the task that an asset becomes, checked against the config; a fault is a reject."""
    asset, record = each.asset, each.record
    try:
        key = key_for(project, asset.kind)
        if key is None:
            raise errors.Invalid(
                _("the project shows nothing of this kind: %(kind)s"), kind=asset.kind
            )
        facts = asset.fact_values
        data = {name: facts[name] for name in project.data_keys if name in facts}
        text = asset.text if record is None or record.text is None else record.text
        digest = asset.digest if record is None or record.digest is None else record.digest
        names: dict[str, str] = {}
        if asset.kind == AssetKind.TEXT:
            data[key] = text
            refuse_stored(data)
        else:
            refuse_stored(data)
            data[key] = f"{MEDIA_PREFIX}{digest}"
            names[key] = asset.name
        folder, _slash, last = asset.name.rpartition("/")
        meta = {"library": asset.library_id, "asset": asset.id}
        return checked(
            project,
            Brought(
                each.place,
                data,
                meta=meta,
                name=last or asset.name,
                group=folder,
                media_names=names,
            ),
        )
    except errors.JinbiaoError as problem:
        return Reject(
            each.place,
            asset.name,
            Problem(problem.place, problem.message, problem.values),
        )


def keep(
    session: Session,
    actor: User,
    project: Project,
    import_id: str,
    found: Sequence[Sendable],
    cleaning_id: int | None,
) -> int:
    """Make tasks of assets and remember what they were made of; return how many.

    Raises:
        errors.NotFound: the project was deleted meanwhile.
    """
    good: list[Prepared] = []
    rejects: list[Reject] = []
    for each in found:
        made = prepared(project, each)
        (rejects if isinstance(made, Reject) else good).append(made)  # type: ignore[arg-type]
    ids = write(session, actor, project, import_id, good, rejects)
    by_place = {each.place: each for each in found}
    origins = [
        {
            "task_id": task_id,
            "asset_id": by_place[each.number].asset.id,
            "cleaning_id": cleaning_id,
            "cleaned_record_id": _record_id(by_place[each.number]),
        }
        for task_id, each in zip(ids, good, strict=True)
    ]
    insert_many(session, TaskOrigin, origins)
    return len(ids)


def _record_id(each: Sendable) -> int | None:
    return None if each.record is None else each.record.id
