"""Bring raw data into a project: the import job."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from ..datasets import audit, collection, holdings, labelled, projects, sources
from ..datasets.collection import Prepared
from ..datasets.cycles import rarely_collected
from ..datasets.errors import Problem
from ..datasets.projects import Project
from . import arriving
from .work import Work

# Items a transaction: large enough for bulk speed, small enough to show progress.
BATCH = 2000
BATCH_BYTES = 8 << 20  # of data and answers: few items may be large ones
REMEMBERED_MEDIA = 20_000
MOST_NOTES = 20


def run(work: Work) -> dict[str, Any]:
    """Import what the request names (`path` on this host, or an uploaded `object`).

    `format` and `as` say how labels are read and kept. Goes on after the last committed batch
    when the job begins again. The result counts `tasks` and `rejected`, names the
    `reject_file` (a digest) where there is one, and says what was recognised in `notes`.
    """
    database, project_id = work.installation.database, int(work.project_id or 0)
    with database.read() as session:
        project = projects.get(session, work.actor, project_id, "task.import")
    number = int(work.checkpoint.get("number", 0))
    skipped: Counter[str] = Counter()
    notes: list[Problem] = []
    with arriving.source(work) as path, rarely_collected():
        # Read where it is used, so that an end in the middle closes the file at once.
        reading = partial(
            labelled.read,
            path,
            project=project,
            limits=collection.source_limits(work.installation.settings, project),
            media_limits=collection.media_limits(work.installation.settings),
            format=str(work.request.get("format") or "auto"),
            kept_as=str(work.request.get("as") or "annotations"),
            start_after=number,
            skipped=skipped,
            name=str(work.request.get("name") or path.name),
            notes=notes,
        )
        for batch, rejects in _batches(work, project, reading()):
            last = max([p.number for p in batch] + [r.number for r in rejects])
            with database.write() as session:
                work.advance(session, last, checkpoint={"number": last})
                # Somebody may have deleted it meanwhile: then nothing more comes in.
                projects.get(session, work.actor, project_id, "task.import")
                size = collection.media_size(batch)
                settings = work.installation.settings
                holdings.take(session, settings, project.organisation_id, size)
                collection.write(session, work.actor, project, work.id, batch, rejects)
    return _finish(work, project, skipped, notes)


def _batches(
    work: Work, project: Project, items: Iterator[sources.Item | sources.Reject]
) -> Iterator[tuple[list[Prepared], list[sources.Reject]]]:
    limits = collection.media_limits(work.installation.settings)
    known: dict[str, dict[str, Any]] = {}
    batch: list[Prepared] = []
    rejects: list[sources.Reject] = []
    most, filled = _batch_size(project), 0
    for item in items:
        if len(known) > REMEMBERED_MEDIA:
            known.clear()
        prepared = (
            item
            if isinstance(item, sources.Reject)
            else collection.prepare(work.installation.store, project, item, limits, known)
        )
        if isinstance(prepared, sources.Reject):
            rejects.append(prepared)
        else:
            batch.append(prepared)
            filled += prepared.length
        if len(batch) + len(rejects) >= most or filled >= BATCH_BYTES:
            yield batch, rejects
            batch, rejects, filled = [], [], 0
    if batch or rejects:
        yield batch, rejects


def _batch_size(project: Project) -> int:
    # Media take time to store: smaller batches keep the progress alive.
    return 50 if collection.media_keys(project) else BATCH


def _finish(
    work: Work, project: Project, skipped: Counter[str], notes: list[Problem]
) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out:
        with work.installation.database.read() as session:
            rejected = collection.write_reject_file(session, work.id, out)
            tasks = collection.task_count(session, work.id)
        out.seek(0)
        reject_file = work.installation.store.put(out).digest if rejected else None
    result = {
        "tasks": tasks,
        "rejected": rejected,
        "reject_file": reject_file,
        "skipped": dict(skipped),
    }
    shown = [
        {"place": each.place, "message": each.message, "values": each.values}
        for each in notes[:MOST_NOTES]
    ]
    with work.installation.database.write() as session:
        work.advance(session, tasks + rejected, tasks + rejected)
        audit.record(
            session, work.actor, "task.import", f"project/{project.id}", job=work.id, **result
        )
    return {**result, "notes": shown}


def reject_lines(content: bytes) -> list[dict[str, Any]]:
    """Read a reject file back: number, place and reason of each."""
    return [dict(msgspec.json.decode(line)) for line in content.splitlines()]
