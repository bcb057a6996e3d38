"""Bring raw material into a library: the intake job."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa

from ..datasets import audit, collection, holdings, libraries, media, sources
from ..datasets.libraries import Asset, AssetDraft, AssetKind, Library, PreparedAsset
from . import arriving
from .work import Work

# Texts a transaction: large enough for bulk speed, small enough to show progress.
BATCH = 2000
# Bytes take time to store: smaller batches keep the progress alive.
BATCH_OF_FILES = 50
BATCH_BYTES = 32 * 1024**2  # of texts that are held in memory together
REMEMBERED_MEDIA = 20_000


def run(work: Work) -> dict[str, Any]:
    """Bring what the request names (`path` on this host, or a stored `object`) into `library`.

    `each_line` makes a text of each line of a text file. Goes on after the last committed batch
    when the job begins again. The result counts `assets` and `rejected`, and names the
    `reject_file` (a digest) where there is one.
    """
    database, library_id = work.installation.database, int(work.request["library"])
    with database.read() as session:
        library = libraries.get(session, work.actor, library_id, "library.bring")
    number = int(work.checkpoint.get("number", 0))
    skipped: Counter[str] = Counter()
    with arriving.source(work) as path:
        # Read where it is used, so that an end in the middle closes the file at once.
        expanding = partial(
            libraries.expand,
            path,
            library=library,
            limits=libraries.source_limits(work.installation.settings),
            name=str(work.request.get("name") or path.name),
            start_after=number,
            skipped=skipped,
            each_line=bool(work.request.get("each_line")),
        )
        for batch, rejects in _batches(work, expanding()):
            last = max([each.number for each in batch] + [each.number for each in rejects])
            with database.write() as session:
                work.advance(session, last, checkpoint={"number": last})
                # The library's row before the organisation's, in one order with feeds.
                libraries.write(session, work.actor, library, work.id, batch, rejects)
                size = sum(each.size for each in batch)
                settings = work.installation.settings
                holdings.take(session, settings, library.organisation_id, size)
    return _finish(work, library, skipped)


def _batches(
    work: Work, drafts: Iterator[AssetDraft | sources.Reject]
) -> Iterator[tuple[list[PreparedAsset], list[sources.Reject]]]:
    limits = collection.media_limits(work.installation.settings)
    known: dict[str, dict[str, Any]] = {}
    batch: list[PreparedAsset] = []
    rejects: list[sources.Reject] = []
    files = held = 0
    for draft in drafts:
        if len(known) > REMEMBERED_MEDIA:
            known.clear()
        prepared = _prepared(work, draft, limits, known)
        if isinstance(prepared, sources.Reject):
            rejects.append(prepared)
        else:
            batch.append(prepared)
            files += prepared.kind != AssetKind.TEXT
            held += prepared.size if prepared.text is not None else 0
        full = len(batch) + len(rejects) >= BATCH
        if full or files >= BATCH_OF_FILES or held >= BATCH_BYTES:
            yield batch, rejects
            batch, rejects, files, held = [], [], 0, 0
    if batch or rejects:
        yield batch, rejects


def _prepared(
    work: Work,
    draft: AssetDraft | sources.Reject,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> PreparedAsset | sources.Reject:
    if isinstance(draft, sources.Reject):
        return draft
    return libraries.prepare(work.installation.store, draft, limits, known)


def _finish(work: Work, library: Library, skipped: Counter[str]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out:
        with work.installation.database.read() as session:
            rejected = collection.write_reject_file(session, work.id, out)
            query = sa.select(sa.func.count()).where(Asset.import_id == work.id)
            assets = int(session.scalar(query) or 0)
        out.seek(0)
        reject_file = work.installation.store.put(out).digest if rejected else None
    result = {
        "library": library.id,
        "assets": assets,
        "rejected": rejected,
        "reject_file": reject_file,
        "skipped": dict(skipped),
    }
    with work.installation.database.write() as session:
        work.advance(session, assets + rejected, assets + rejected)
        audit.record(
            session, work.actor, "library.intake", f"library/{library.id}", job=work.id, **result
        )
    return result
