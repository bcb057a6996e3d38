"""Prepare what a release says beyond its files: what is in it, what it corrects, who has that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ..datasets import catalogue, discussions, downloads, histograms, tombstones
from ..datasets.catalogue import Dataset, Release
from ..datasets.installation import Installation
from ..datasets.people import User
from ..datasets.versions import FrozenVersion
from . import record_files

ERRATUM = "erratum"


@dataclass(frozen=True)
class Prepared:
    """What a release is published with: its kind and notes, and whom an erratum concerns."""

    kind: str
    notes: str
    corrects: Sequence[str]
    # The ids of those who downloaded a file that holds a corrected record.
    having: frozenset[int]
    # What histograms.count found, as JSON.
    figures: str


def check(
    session: Session,
    actor: User,
    version: FrozenVersion,
    full_name: str,
    request: Mapping[str, Any],
) -> None:
    """Say before the long work whether this version can be published so.

    Raises:
        errors.Refused: it has a withdrawn record, or there is nothing to correct.
        errors.Invalid: a record that it is to correct is the same as before.
    """
    dataset = catalogue.find(session, full_name, actor)
    if dataset is not None:
        tombstones.check_without(session, dataset, version.id)
    is_there = dataset is not None and catalogue.resolve(session, dataset, version.commit_id)
    if request.get("kind") == ERRATUM and not is_there:
        discussions.check_corrections(session, dataset, version.id, _corrects(request))


def check_again(session: Session, dataset: Dataset, version: FrozenVersion) -> None:
    """Look once more where the release is written: much may have happened during the long work.

    Whoever publishes the same or withdraws a record waits until the commit.

    Raises:
        errors.Refused: a record of the version was withdrawn.
    """
    catalogue.lock_dataset(session, dataset)
    tombstones.check_without(session, dataset, version.id)


def prepare(
    installation: Installation,
    actor: User,
    version: FrozenVersion,
    full_name: str,
    request: Mapping[str, Any],
) -> Prepared:
    """Return what the release is published with; nothing is changed yet."""
    notes = str(request.get("notes") or "")
    figures = msgspec.json.encode(histograms.count(version.config, version.records())).decode()
    if request.get("kind") != ERRATUM:
        return Prepared("release", notes, (), frozenset(), figures)
    corrects = _corrects(request)
    with installation.database.read() as session:
        dataset = catalogue.find(session, full_name, actor)
    having = set() if dataset is None else _having(installation, dataset.id, corrects)
    notes = discussions.notes_of(notes, corrects)
    return Prepared(ERRATUM, notes, corrects, frozenset(having), figures)


def follow(
    session: Session, actor: User, dataset: Dataset, release: Release, prepared: Prepared
) -> None:
    """Tell whom an erratum concerns, in the transaction that publishes it."""
    if prepared.kind == ERRATUM:
        discussions.correct(session, actor, dataset, release, prepared.corrects, prepared.having)


def _corrects(request: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(key) for key in request.get("corrects") or ()))


def _having(installation: Installation, dataset_id: int, keys: Sequence[str]) -> set[int]:
    """Look only through the files that somebody with an account took."""
    found: set[int] = set()
    for key in keys:
        with installation.database.read() as session:
            held = tombstones.holders(session, dataset_id, key)
        for release, line in held:
            with installation.database.read() as session:
                taken = sorted(downloads.taken_paths(session, release.id) - {""})
                files = catalogue.files_at(session, release, taken)
            paths = list(record_files.holding(installation, release, line, files.values()))
            with installation.database.read() as session:
                found |= downloads.owners(session, release.id, paths)
    return found
