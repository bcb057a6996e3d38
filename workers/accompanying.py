"""Add to a release what goes with its data: descriptions, proofs, checksums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from ..datasets import checksums, provenance, scores
from ..datasets.exports import WrittenFile
from ..datasets.installation import Installation
from ..datasets.people import User
from ..datasets.versions import FrozenVersion
from ..exporters import croissant, datapackage, release, tc609
from ..exporters.card import CardFacts, Making
from ..exporters.output import Output
from . import spool
from .attest import attest
from .describe import describe


@dataclass(frozen=True)
class Publication:
    """A release as it is being put together, before it has a row."""

    installation: Installation
    actor: User
    version: FrozenVersion
    facts: CardFacts
    making: Making
    exports: Sequence[tuple[str, Sequence[WrittenFile]]]
    notes: str
    # Told how many bytes of how many have been read.
    advance: checksums.Advance = lambda _done, _total: None


# Given what is published and its files so far, a writer returns the files that it adds.
Writer = Callable[[Publication, Sequence[WrittenFile]], list[WrittenFile]]


def _national(about: Publication, _files: Sequence[WrittenFile]) -> list[WrittenFile]:
    with spool.folder(about.installation.settings) as folder:
        output = Output(about.installation.store, folder)
        tc609.write(about.version, about.facts.facts, about.facts.licence, output)
        return output.written


def _quality(about: Publication, _files: Sequence[WrittenFile]) -> list[WrittenFile]:
    return [_json(about, scores.PATH, scores.measure(about.version))]


def _datasheet(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    return describe(
        about.installation, about.version, about.facts, about.notes, about.exports, files
    )


def _receipts(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    return attest(about.installation, about.version, about.facts.full_name, files)


def _croissant(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    version, facts = about.version, about.facts
    with about.installation.database.read() as session:
        known = provenance.of_version(session, version.id)
    told = croissant.statements(version, about.making, known, facts.facts)
    return [_json(about, croissant.PATH, croissant.document(version, facts, files, told))]


def _datapackage(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    told = datapackage.package(about.version, about.facts, files)
    return [_json(about, datapackage.PATH, told)]


def _json(about: Publication, path: str, told: object) -> WrittenFile:
    text = msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"
    return release.kept(about.installation.store, path, text)


def _sm3(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    parts = about.installation
    sizes = {file.digest: file.size for file in files}
    sums = checksums.complete(parts.database, parts.store, sizes, about.advance)
    return [release.sm3_checksums(parts.store, files, sums)]


def _checksums(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    return [release.checksums(about.installation.store, files)]


# In this order: what comes later sees what came before. What is signed covers all that was
# there before it, checksums cover everything.
WRITERS: tuple[Writer, ...] = (
    _national,
    _quality,
    _croissant,
    _datapackage,
    _datasheet,
    _receipts,
    _sm3,
    _checksums,
)


def accompany(about: Publication, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    """Return a release's files with all that goes with them.

    Raises:
        errors.Damaged: one path stands for two different files.
    """
    all_files = list(files)
    for write in WRITERS:
        all_files = release.united([*all_files, *write(about, all_files)])
    return all_files
