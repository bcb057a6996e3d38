"""Bring raw data into a project: the import job."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..datasets import audit, collection, errors, projects, sources
from ..datasets.collection import Prepared
from ..datasets.errors import _
from ..datasets.projects import Project
from . import spool
from .work import Work

# Items a transaction: large enough for bulk speed, small enough to show progress.
BATCH = 500
REMEMBERED_MEDIA = 20_000


def run(work: Work) -> dict[str, Any]:
    """Import what the request names (`path` on this host, or an uploaded `object`).

    Goes on after the last committed batch when the job begins again. The result counts
    `tasks` and `rejected`, and names the `reject_file` (a digest) where there is one.
    """
    database, project_id = work.installation.database, int(work.project_id or 0)
    with database.read() as session:
        project = projects.get(session, work.actor, project_id, "task.import")
    number = int(work.checkpoint.get("number", 0))
    skipped: Counter[str] = Counter()
    with _source(work) as path:
        items = sources.read(
            path,
            keys=project.data_keys,
            media_keys=collection.media_keys(project),
            limits=collection.source_limits(work.installation.settings, project),
            start_after=number,
            skipped=skipped,
            name=str(work.request.get("name") or path.name),
        )
        for batch, rejects in _batches(work, project, items):
            last = max([p.number for p in batch] + [r.number for r in rejects])
            with database.write() as session:
                work.advance(session, last, checkpoint={"number": last})
                # Somebody may have deleted it meanwhile: then nothing more comes in.
                projects.get(session, work.actor, project_id, "task.import")
                collection.write(session, work.actor, project, work.id, batch, rejects)
    return _finish(work, project, skipped)


def _batches(
    work: Work, project: Project, items: Iterator[sources.Item | sources.Reject]
) -> Iterator[tuple[list[Prepared], list[sources.Reject]]]:
    limits = collection.media_limits(work.installation.settings)
    known: dict[str, dict[str, Any]] = {}
    batch: list[Prepared] = []
    rejects: list[sources.Reject] = []
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
        if len(batch) + len(rejects) >= _batch_size(project):
            yield batch, rejects
            batch, rejects = [], []
    if batch or rejects:
        yield batch, rejects


def _batch_size(project: Project) -> int:
    # Media take time to store: smaller batches keep the progress alive.
    return 50 if collection.media_keys(project) else BATCH


def _finish(work: Work, project: Project, skipped: Counter[str]) -> dict[str, Any]:
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
    with work.installation.database.write() as session:
        work.advance(session, tasks + rejected, tasks + rejected)
        audit.record(
            session, work.actor, "task.import", f"project/{project.id}", job=work.id, **result
        )
    return result


@contextmanager
def _source(work: Work) -> Iterator[Path]:
    """Give the source as a path on this host; an uploaded one is fetched to a private place."""
    given = work.request.get("path")
    if given is not None:
        path = Path(given)
        if not path.exists():
            raise errors.Invalid(_("there is no file or folder %(path)s"), path=str(path))
        yield path
        return
    digest = str(work.request["object"])
    local = work.installation.store.path(digest)
    if local is not None:
        yield local
        return
    with spool.folder(work.installation.settings) as folder:
        target = folder / "upload"
        with work.installation.store.open(digest) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, 1024 * 1024)
        yield target


def reject_lines(content: bytes) -> list[dict[str, Any]]:
    """Read a reject file back: number, place and reason of each."""
    return [dict(msgspec.json.decode(line)) for line in content.splitlines()]
