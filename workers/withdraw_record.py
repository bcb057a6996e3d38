"""Withhold every published file that holds a withdrawn record, in all releases."""

from __future__ import annotations

from typing import Any

from ..datasets import catalogue, downloads, tombstones
from . import record_files
from .work import Work


def run(work: Work) -> dict[str, Any]:
    """Find the files of the `tombstone`, release by release, and withhold them.

    Safe to run again: what is withheld stays so, and nobody is told twice.
    """
    installation = work.installation
    with installation.database.read() as session:
        tombstone, dataset = tombstones.get(session, int(work.request.get("tombstone") or 0))
        held = tombstones.holders(session, dataset.id, tombstone.key)
    told: set[int] = set()
    number = 0
    for place, (release, line) in enumerate(held, 1):
        with installation.database.read() as session:
            files = catalogue.files(session, release)
        with work.step(None, f"looking through {release.tag}"):
            paths = set(record_files.holding(installation, release, line, files))
        with installation.database.write() as session:
            tombstones.withhold(session, tombstone, release, paths)
            told |= downloads.owners(session, release.id, paths)
            work.advance(session, place, len(held))
        number += len(paths)
    with installation.database.write() as session:
        row, _dataset = tombstones.get(session, tombstone.id)
        tombstones.complete(session, row, dataset, told)
    return {"releases": len(held), "files": number, "told": len(told)}
