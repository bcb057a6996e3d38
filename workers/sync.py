"""Take tasks from buckets and folders, and write answers into them: the sync job."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..datasets import addresses, audit, collection, errors, holdings, media, projects, sources
from ..datasets.annotations import Annotation
from ..datasets.collection import Prepared
from ..datasets.connections import messages, patterns, stores
from ..datasets.connections.stores import SeenObject, Store
from ..datasets.db import insert_new
from ..datasets.errors import Problem, _
from ..datasets.media import texts
from ..datasets.projects import Project
from ..datasets.tasks import Task
from .stores import Found, Reach, reach
from .work import Work

PAGE = 500  # objects that are looked up, or answers that are written, together
BATCH = 50  # objects in one transaction
LIST_BYTES = 64 * 1024**2  # of an object that lists tasks
TEXT_BYTES = 1024**2
WRITERS = 8


@dataclass
class _Batch:
    """What was made of some objects, to be written together."""

    tasks: list[Prepared] = field(default_factory=list)
    rejects: list[sources.Reject] = field(default_factory=list)
    seen: list[Found] = field(default_factory=list)


@dataclass(frozen=True)
class _ObjectMedia:
    """A medium that stands in a bucket or folder."""

    name: str
    opener: Callable[[], BinaryIO]

    def open(self) -> BinaryIO:
        """Return the opened object."""
        return self.opener()


def run(work: Work) -> dict[str, Any]:
    """Bring what is new in the requested `storage`, or write what is new into it.

    What was dealt with once is passed over: a second run over the same adds nothing. The
    result counts `objects`, and `tasks` and `rejected` (with a `reject_file`) or `written`
    and `deleted`.
    """
    number = int(work.request["storage"])
    with work.installation.database.read() as session:
        project = projects.get(session, work.actor, int(work.project_id or 0), "connection.manage")
        row = session.get(Store, number)
        if row is None or row.project_id != project.id:
            raise errors.Cancelled(_("the storage was disconnected"))
    with work.installation.database.write() as session:
        stores.note_progress(session, number)
    try:
        way = reach(work.installation.settings, row)
        if row.direction == stores.IMPORT:
            return _bring(work, project, row, way)
        return _write(work, project, row, way)
    except (errors.Unavailable, errors.Damaged):
        raise
    except errors.JinbiaoError as problem:
        with work.installation.database.write() as session:
            stores.note_end(session, number, count=0, error=str(problem), rejected=0)
        raise


def _bring(work: Work, project: Project, row: Store, way: Reach) -> dict[str, Any]:
    number = int(work.checkpoint.get("number", 0))
    limits = collection.media_limits(work.installation.settings)
    objects = existed = 0
    database = work.installation.database
    for page in _pages(way.found()):
        wanted = _matching(row, page)
        with database.read() as session:
            fresh = _unseen(session, row, wanted)
        objects += len(wanted)
        existed += len(wanted) - len(fresh)
        for start in range(0, len(fresh), BATCH):
            made = _Batch()
            for found in fresh[start : start + BATCH]:
                number = _take(work, project, row, way, limits, found, number, made)
            with database.write() as session:
                stores.note_progress(session, row.id)
                work.advance(session, objects, None, {"number": number})
                _keep(session, work, project, row, made)
    return _brought(work, project, row, objects, existed)


def _take(
    work: Work,
    project: Project,
    row: Store,
    way: Reach,
    limits: media.MediaLimits,
    found: Found,
    number: int,
    made: _Batch,
) -> int:
    """Make tasks of an object, or a reject; return the last number that was used."""
    try:
        if row.option_values["use_blob_urls"]:
            prepared = _blob(work, project, way, limits, found, number + 1)
        else:
            prepared = _listed(work, project, way, limits, found)
    except errors.Unavailable:
        raise
    except errors.JinbiaoError as problem:
        first = problem.problems[0] if problem.problems else None
        reason = first or Problem(problem.place, problem.message, problem.values)
        made.rejects.append(sources.Reject(number + 1, found.key[:500], reason))
        return number + 1
    for each in prepared:
        number += 1
        made.tasks.append(replace(each, number=number, name=(each.name or found.name)[:500]))
    made.seen.append(found)
    return number


def _blob(
    work: Work, project: Project, way: Reach, limits: media.MediaLimits, found: Found, number: int
) -> list[Prepared]:
    """Return the task of an object that is the thing to label itself; it is copied here.

    Raises:
        errors.Invalid: it is not what the config shows.
    """
    keys = project.data_keys
    if not keys:
        raise errors.Invalid(_("the config shows no data"))
    if keys[0] not in collection.media_keys(project):
        with way.open(found.key, TEXT_BYTES) as stream:
            text = texts.as_utf8(stream).decode()
        item = collection.Brought(number, {keys[0]: text}, name=found.name)
        return [collection.checked(project, item)]
    opener = _ObjectMedia(found.name, lambda: way.open(found.key, limits.other_bytes))
    item_read = sources.Item(number, found.key, found.name, {}, {keys[0]: opener})
    prepared = collection.prepare(work.installation.store, project, item_read, limits, {})
    if isinstance(prepared, sources.Reject):
        reason = prepared.reason
        raise errors.Invalid(reason.message, place=reason.place, **reason.values)
    return [prepared]


def _listed(
    work: Work, project: Project, way: Reach, limits: media.MediaLimits, found: Found
) -> list[Prepared]:
    """Return the tasks that an object lists as JSON, all or none.

    Raises:
        errors.Invalid: it lists none, or one that is not usable.
    """
    with way.open(found.key, LIST_BYTES) as stream:
        content = stream.read()
    reader = collection.ListReader(work.installation.store, project, limits, lambda _address: None)
    return reader.read(content)


def _keep(session: Session, work: Work, project: Project, row: Store, made: _Batch) -> None:
    size = collection.media_size(made.tasks)
    holdings.take(session, work.installation.settings, project.organisation_id, size)
    collection.write(session, work.actor, project, work.id, made.tasks, made.rejects)
    insert_new(
        session,
        SeenObject,
        sorted(
            (_seen(row, found.key, found.etag, None) for found in made.seen),
            key=lambda values: str(values["key_digest"]),
        ),
    )


def _brought(
    work: Work, project: Project, row: Store, objects: int, existed: int
) -> dict[str, Any]:
    database = work.installation.database
    with tempfile.TemporaryFile() as out:
        with database.read() as session:
            rejected = collection.write_reject_file(session, work.id, out)
            count = collection.task_count(session, work.id)
        out.seek(0)
        reject_file = work.installation.store.put(out).digest if rejected else None
    result = {
        "objects": objects,
        "tasks": count,
        "rejected": rejected,
        "reject_file": reject_file,
    }
    with database.write() as session:
        work.advance(session, objects, objects)
        stores.note_end(
            session, row.id, count=count, error=None, rejected=rejected, tasks_existed=existed
        )
        audit.record(
            session, work.actor, "storage.bring", f"storage/{row.id}", project=project.id, **result
        )
    return result


def _write(work: Work, project: Project, row: Store, way: Reach) -> dict[str, Any]:
    database = work.installation.database
    after, written, total = int(work.checkpoint.get("after", 0)), 0, 0
    written = int(work.checkpoint.get("written", 0))
    total = int(work.checkpoint.get("total", 0))
    while True:
        with database.read() as session:
            page = _answers(session, project, after)
            fresh = _unwritten(session, row, page)
            contents = _contents(session, work, project, fresh)
        if not page:
            break
        with ThreadPoolExecutor(WRITERS) as pool:
            keys = list(pool.map(lambda one: way.write(one[0], one[1]), contents))
        after, total, written = page[-1].id, total + len(page), written + len(fresh)
        with database.write() as session:
            stores.note_progress(session, row.id)
            checkpoint = {"after": after, "written": written, "total": total}
            work.advance(session, total, None, checkpoint)
            _note_written(session, row, fresh, keys)
    deleted = _remove_gone(work, row, way) if row.option_values["can_delete_objects"] else 0
    result = {"objects": total, "written": written, "deleted": deleted}
    with database.write() as session:
        work.advance(session, total, total)
        stores.note_end(
            session, row.id, count=total, error=None, rejected=0, total_annotations=total
        )
        audit.record(
            session, work.actor, "storage.write", f"storage/{row.id}", project=project.id, **result
        )
    return result


def _answers(session: Session, project: Project, after: int) -> list[Annotation]:
    query = sa.select(Annotation).where(
        Annotation.project_id == project.id, Annotation.id > after, Annotation.is_work
    )
    return list(session.scalars(query.order_by(Annotation.id).limit(PAGE)))


def _form(row: Annotation) -> str:
    """Return what differs between two forms of one annotation."""
    return f"{row.revision}-{row.updated_at.isoformat()}"


def _unwritten(session: Session, row: Store, page: list[Annotation]) -> list[Annotation]:
    ids = [each.id for each in page]
    known = session.execute(
        sa.select(SeenObject.annotation_id, SeenObject.etag).where(
            SeenObject.store_id == row.id, SeenObject.annotation_id.in_(ids)
        )
    )
    there = {(number, etag) for number, etag in known}
    return [each for each in page if (each.id, _form(each)) not in there]


def _contents(
    session: Session, work: Work, project: Project, rows: list[Annotation]
) -> list[tuple[int, bytes]]:
    """Return the number and the JSON of each annotation, with its task and its maker."""
    ids = {row.task_id for row in rows}
    found = {row.id: row for row in session.scalars(sa.select(Task).where(Task.id.in_(ids)))}
    people = messages.makers(session, rows)
    address = messages.stored_address(addresses.of(work.installation.settings))
    listed = []
    for row in rows:
        task = found[row.task_id]
        whole = messages.task(task, project, messages.data_of(task, address))
        shown = messages.exported(row, people.get(row.completed_by), whole)
        listed.append((row.id, msgspec.json.encode(shown)))
    return listed


def _note_written(session: Session, row: Store, rows: list[Annotation], keys: list[str]) -> None:
    """Remember which form of each answer stands in the store, instead of the one before."""
    ids = [each.id for each in rows]
    session.execute(
        sa.delete(SeenObject)
        .where(SeenObject.store_id == row.id, SeenObject.annotation_id.in_(ids))
        .execution_options(synchronize_session=False)
    )
    values = [_seen(row, key, _form(each), each.id) for each, key in zip(rows, keys, strict=True)]
    insert_new(session, SeenObject, sorted(values, key=lambda one: str(one["key_digest"])))


def _remove_gone(work: Work, row: Store, way: Reach) -> int:
    """Remove the objects of annotations that were deleted here; return how many."""
    left = sa.exists().where(Annotation.id == SeenObject.annotation_id)
    query = sa.select(SeenObject.annotation_id, SeenObject.key).where(
        SeenObject.store_id == row.id, SeenObject.annotation_id.is_not(None), ~left
    )
    removed = 0
    while True:
        with work.installation.database.read() as session:
            gone = session.execute(query.limit(PAGE)).all()
        if not gone:
            return removed
        for each in gone:
            way.remove(each.key)
        with work.installation.database.write() as session:
            work.advance(session, removed)
            session.execute(
                sa.delete(SeenObject)
                .where(
                    SeenObject.store_id == row.id,
                    SeenObject.annotation_id.in_([each.annotation_id for each in gone]),
                )
                .execution_options(synchronize_session=False)
            )
        removed += len(gone)


def _pages(found: Iterator[Found]) -> Iterator[list[Found]]:
    while page := list(islice(found, PAGE)):
        yield page


def _matching(row: Store, page: list[Found]) -> list[Found]:
    """Leave out what the pattern does not match: whole keys of buckets, names of files."""
    names = [found.key if row.kind == "s3" else found.name for found in page]
    fits = patterns.matching(row.option_values["regex_filter"], names)
    return [found for found, good in zip(page, fits, strict=True) if good]


def _unseen(session: Session, row: Store, page: list[Found]) -> list[Found]:
    known = session.execute(
        sa.select(SeenObject.key_digest, SeenObject.etag).where(
            SeenObject.store_id == row.id,
            SeenObject.key_digest.in_([_digest(found.key) for found in page]),
        )
    )
    there = {(digest, etag) for digest, etag in known}
    return [found for found in page if (_digest(found.key), found.etag) not in there]


def _seen(row: Store, key: str, etag: str, annotation_id: int | None) -> dict[str, Any]:
    return {
        "store_id": row.id,
        "key_digest": _digest(key),
        "etag": etag,
        "key": key,
        "annotation_id": annotation_id,
    }


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
