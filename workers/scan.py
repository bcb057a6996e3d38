"""Look for personal information in a project's tasks or a library's assets: the scan job.

No value leaves the function that looks: what is written, counted, answered and logged is the
masked form and a keyed hash.
"""

from __future__ import annotations

import io
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..datasets import (
    errors,
    findings,
    libraries,
    personal_information,
    projects,
    reviews,
    tasks,
)
from ..datasets.annotations import Annotation
from ..datasets.findings import Owned, Scan, Seen, Since
from ..datasets.installation import Installation
from ..datasets.libraries import Asset, AssetKind
from ..datasets.media import pictures
from ..datasets.people import User
from ..datasets.projects import Project
from ..datasets.reviews import Review
from ..datasets.tasks import Media, Task
from . import picture_findings
from .work import Work

log = logging.getLogger("jinbiao.scan")

RECORDS = 500  # read together
BYTES = 4 * 1024**2  # of text that is held at once
SECONDS = 5.0  # after which what was found is written, pictures being slow

Advance = Callable[[Session, Scan, int], None]


@dataclass
class _Batch:
    """What was found in some records."""

    found: dict[int, list[Seen]] = field(default_factory=dict)
    # Of these a picture or something else was not looked at, or only its first frame …
    blind: set[int] = field(default_factory=set)
    partly: set[int] = field(default_factory=set)
    # … and this because nobody asked for pictures.
    skipped: set[int] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Record:
    """What is to be looked at of a record: texts and pictures, each with its place.

    With `more` there is something beside them that nothing can look at.
    """

    id: int
    texts: list[tuple[str, str]]
    pictures: list[tuple[str, str]]
    more: bool


@dataclass(frozen=True)
class _Looking:
    """What a scan needs to look at a record."""

    installation: Installation
    owned: Owned
    key: bytes
    pictures: bool


def run(work: Work) -> dict[str, Any]:
    """Scan the project, or the `library` of the request; `again` looks at everything anew.

    The result counts `records`, `found` and `unseen`: what could not be looked at.
    """
    request = work.request
    with work.installation.database.read() as session:
        owned: Owned
        if request.get("library"):
            owned = libraries.get(session, work.actor, int(request["library"]), "finding.scan")
        else:
            owned = projects.get(session, work.actor, int(work.project_id or 0), "finding.scan")

    def advance(session: Session, scan: Scan, total: int) -> None:
        state = {"since": since, "top": top}
        work.advance(session, scan.records, total, checkpoint={**state, "last": scan.last_id})

    since, top = work.checkpoint.get("since"), work.checkpoint.get("top")
    if top is None:
        since, top = _extent(work.installation, owned, bool(request.get("again")))
    pictures = bool(request.get("pictures", True))
    return _scan(
        work.installation, work.actor, owned, work.id, (since, top), advance, pictures=pictures
    )


def refresh(work: Work, project: Project) -> None:
    """Look at what no scan has seen yet in a project's texts, within another job.

    Pictures are not looked at: they count as unseen, and the next scan of all looks at them.
    """
    with work.installation.database.read() as session:
        if findings.is_fresh(session, project, personal_information.DETECTOR):
            return
    extent = _extent(work.installation, project, False)
    scan_id = str(uuid.uuid5(uuid.UUID(work.id), f"scan {work.attempt}"))

    def advance(session: Session, _scan: Scan, _total: int) -> None:
        work.advance(session, 0)

    _scan(work.installation, work.actor, project, scan_id, extent, advance, pictures=False)


def _extent(installation: Installation, owned: Owned, again: bool) -> tuple[int | None, int]:
    """Return since which scan to look (None: at everything), and up to which record."""
    with installation.database.read() as session:
        last = findings.last_scan(session, owned, personal_information.DETECTOR)
        table = _table(owned)
        mine = table.project_id if isinstance(owned, Project) else table.library_id
        top = session.scalar(sa.select(sa.func.max(table.id)).where(mine == owned.id)) or 0
    return (None if again or last is None else last.id), int(top)


def _table(owned: Owned) -> Any:
    return Task if isinstance(owned, Project) else Asset


def _scan(
    installation: Installation,
    actor: User,
    owned: Owned,
    job_id: str,
    extent: tuple[int | None, int],
    advance: Advance,
    *,
    pictures: bool,
) -> dict[str, Any]:
    database = installation.database
    since_id, top = extent
    with database.write() as session:
        scan = findings.begin(session, actor, owned, job_id, personal_information.DETECTOR)
        scan_id, at, done = scan.id, scan.last_id, scan.records
    with database.read() as session:
        since = None
        if since_id:
            last = session.get_one(Scan, since_id)
            since = findings.since(session, owned, last, skipped=pictures)
        missing = findings.waiting(owned, since).where(_table(owned).id > at).subquery()
        total = done + int(session.scalar(sa.select(sa.func.count()).select_from(missing)) or 0)
    looking = _Looking(
        installation, owned, findings.key_of(installation.settings, owned.organisation_id), pictures
    )
    for batch in _batches(looking, since, at, top):
        with database.write() as session:
            scan = session.get_one(Scan, scan_id)
            findings.keep(
                session,
                scan,
                batch.found,
                batch.blind,
                partly=batch.partly,
                skipped=batch.skipped,
            )
            advance(session, scan, total)
    with database.write() as session:
        scan = session.get_one(Scan, scan_id)
        findings.end(session, scan, owned, top)
        advance(session, scan, total)
        result = {
            "scan": scan.id,
            "records": scan.records,
            "found": scan.found,
            "unseen": scan.unseen,
        }
    return result


def _batches(looking: _Looking, since: Since | None, at: int, top: int) -> Iterator[_Batch]:
    while True:
        records = _read(looking, since, at, top)
        if not records:
            return
        batch = _Batch()
        for record in records:
            at = record.id
            _look(looking, record, batch)
            if time.monotonic() - batch.began > SECONDS:
                yield batch
                batch = _Batch()
        if batch.found:
            yield batch


def _look(looking: _Looking, record: _Record, batch: _Batch) -> None:
    """Look at all of a record and add to a batch what it holds."""
    found = findings.look_through(record.texts, looking.key)
    if record.more:
        batch.blind.add(record.id)
    for place, digest in record.pictures:
        if not looking.pictures:
            batch.blind.add(record.id)
            batch.skipped.add(record.id)
            break
        shown = _picture(looking, place, digest)
        if shown is None:
            batch.blind.add(record.id)
            continue
        hits, frames = shown
        found += hits
        if frames > 1:
            batch.partly.add(record.id)
    batch.found[record.id] = found


def _read(looking: _Looking, since: Since | None, at: int, top: int) -> list[_Record]:
    """Return the next records that are to be looked at, as many as fit into memory."""
    owned = looking.owned
    table = _table(owned)
    with looking.installation.database.read() as session:
        query = findings.waiting(owned, since).where(table.id > at, table.id <= top)
        ids = list(session.scalars(query.order_by(table.id).limit(RECORDS)))
        if not ids:
            return []
        text = Task.data if isinstance(owned, Project) else Asset.text
        sizes = session.execute(
            sa.select(table.id, sa.func.coalesce(sa.func.length(text), 0))
            .where(table.id.in_(ids))
            .order_by(table.id)
        )
        taken: list[int] = []
        held = 0
        for record_id, size in sizes:
            held += int(size)
            if taken and held > BYTES:
                break
            taken.append(record_id)
        if isinstance(owned, Project):
            return _tasks(session, taken)
        return [_asset(row) for row in session.scalars(_by_id(Asset, taken))]


def _by_id(table: Any, ids: list[int]) -> Any:
    return sa.select(table).where(table.id.in_(ids)).order_by(table.id)


def _tasks(session: Session, ids: list[int]) -> list[_Record]:
    rows = list(session.scalars(_by_id(Task, ids)))
    told = {row.id: list(findings.task_texts(row)) for row in rows}
    written = _written(session, told)
    media = tasks.media_of(session, rows)
    records = []
    for row in rows:
        data = row.data_values
        stored = [
            (str(name)[:200], digest)
            for name, value in data.items()
            if (digest := tasks.media_digest(value))
        ]
        shown = [each for each in stored if _is_picture(media.get(each[1]))]
        # Other things by address are not ours to fetch, and are as unseen as sound.
        more = len(shown) < len(stored) or any(map(_is_address, data.values()))
        texts = [*told[row.id], *written.get(row.id, [])]
        records.append(_Record(row.id, texts, shown, more))
    return records


def _written(
    session: Session, told: dict[int, list[tuple[str, str]]]
) -> dict[int, list[tuple[str, str]]]:
    """Return task id → the texts of its answers, and of what the last review made of each.

    `told` has the texts of the tasks themselves.
    """
    known = {number: [text for _place, text in texts] for number, texts in told.items()}
    answers = sa.select(Annotation.id, Annotation.task_id, Annotation.result)
    fixed = (
        sa.select(Review.id, Annotation.task_id, Review.result)
        .join(Annotation, Annotation.id == Review.annotation_id)
        .where(Review.result.is_not(None), reviews.is_deciding())
    )
    written: dict[int, list[tuple[str, str]]] = {}
    for kind, query in zip(findings.ANSWERS, (answers, fixed), strict=True):
        for number, task_id, result in session.execute(query.where(Annotation.task_id.in_(known))):
            answer = msgspec.json.decode(result or "[]")
            found = findings.written_texts(f"{kind}:{number}", answer, known[task_id])
            written.setdefault(task_id, []).extend(found)
    return written


def _is_picture(row: Media | None) -> bool:
    return row is not None and row.width is not None and row.content_type.startswith("image/")


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://", "s3://"))


def _asset(row: Asset) -> _Record:
    texts = list(findings.asset_texts(row))
    if row.kind == AssetKind.TEXT or row.text is not None:
        return _Record(row.id, texts, [], False)
    is_picture = row.kind == AssetKind.IMAGE
    return _Record(row.id, texts, [("", row.digest)] if is_picture else [], not is_picture)


def _picture(looking: _Looking, place: str, digest: str) -> tuple[list[Seen], int] | None:
    """Return what a picture's first frame shows, and how many it has; None: it was not seen."""
    try:
        content = looking.installation.store.read(digest)
        hits = picture_findings.look_values(content)
        frames = pictures.frames(io.BytesIO(content))
    except errors.JinbiaoError as problem:
        # Broken, too large, or the networks are not installed: unseen, and the scan goes on.
        log.info("picture %s was not looked at: %s", digest[:12], problem.code)
        return None
    shown = [
        Seen(
            place,
            hit.kind,
            hit.masked[:200],
            hit.confidence,
            picture_findings.DETECTOR,
            personal_information.fingerprint(hit.kind, value, looking.key) if value else None,
            region=json.dumps(
                {
                    "x": round(hit.x),
                    "y": round(hit.y),
                    "width": round(hit.width),
                    "height": round(hit.height),
                }
            ),
        )
        for hit, value in hits
    ]
    return shown, frames
