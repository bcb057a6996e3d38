"""Read what of a release is needed to send its files, and whether that still holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..people import Organisation
from .entry import Dataset
from .facts import Openness
from .releases import Release, ReleaseFile


@dataclass(frozen=True)
class OpenRelease:
    """A release of a dataset that is open to everybody, as a revision names it."""

    dataset_id: int
    release_id: int
    commit_id: str


def open_releases(
    session: Session, wanted: Iterable[tuple[str, str, str]]
) -> dict[tuple[str, str, str], OpenRelease]:
    """Return those of (organisation, name, revision) that everybody may read, in two queries.

    A revision is `main`, a tag or a commit id.
    """
    asked = list(dict.fromkeys(wanted))
    rows = session.execute(
        sa.select(Organisation.slug, Dataset.name, Dataset.id)
        .join(Organisation, Organisation.id == Dataset.organisation_id)
        .where(
            sa.tuple_(Organisation.slug, Dataset.name).in_({key[:2] for key in asked}),
            Dataset.openness == Openness.OPEN,
        )
    )
    datasets = {(slug, name): number for slug, name, number in rows}
    named: dict[tuple[int, str], OpenRelease] = {}
    for number, dataset_id, tag, commit in session.execute(
        sa.select(Release.id, Release.dataset_id, Release.tag, Release.commit_id)
        .where(Release.dataset_id.in_(datasets.values()))
        .order_by(Release.id)
    ):
        found = OpenRelease(dataset_id, number, commit)
        for name in ("main", tag, commit):
            named[dataset_id, name] = found
    return {
        key: named[datasets[key[:2]], key[2]]
        for key in asked
        if key[:2] in datasets and (datasets[key[:2]], key[2]) in named
    }


def file_digests(
    session: Session, release_id: int, *, most: int
) -> dict[str, tuple[str, int]] | None:
    """Return path → (digest, size) of a release's files, None if there are more than `most`."""
    rows = session.execute(
        sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size)
        .where(ReleaseFile.release_id == release_id)
        .limit(most + 1)
    ).all()
    return None if len(rows) > most else {path: (digest, size) for path, digest, size in rows}
