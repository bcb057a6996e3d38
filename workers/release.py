"""Freeze, export and publish: the jobs from accepted work to a public dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..datasets import (
    catalogue,
    errors,
    exports,
    manifests,
    models,
    permissions,
    projects,
    receipts,
    versions,
)
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.versions import FrozenVersion, Version
from ..exporters.card import CardFacts, card_facts, how_made, write_card
from ..exporters.formats import FORMATS, RELEASE_FORMATS
from ..exporters.formats import export as export_as
from ..exporters.output import Output
from ..exporters.release import tree
from . import clearing, errata, spool
from .accompanying import Publication, accompany
from .export_parts import shared
from .holding import hold
from .work import Work

# How many of the steps of publishing the reading of all its bytes counts for.
READ_STEPS = 10


def freeze(work: Work) -> dict[str, Any]:
    """Freeze the project; the result names the `version`, its `commit_id` and `tag`.

    The same content frozen again gives the version that is there. What is only referred to is
    copied first: a version depends on nobody's bucket.
    """
    installation = work.installation
    with installation.database.write() as session:
        project = projects.get(session, work.actor, int(work.project_id or 0), "version.freeze")
        version = manifests.choose(
            session,
            work.actor,
            project,
            job_id=work.id,
            tag=work.request.get("tag"),
            seed=int(work.request.get("seed", 0)),
            fractions=work.request.get("fractions"),
        )
        work.advance(session, 0, version.records)
    try:
        # A large file may take long between two signs of progress.
        if version.commit_id is None:
            hold(work, version, project.organisation_id)
        with work.step(None, "freezing"):
            version_id = manifests.freeze(
                installation.database,
                installation.store,
                version.id,
                work.actor,
                work.advance,
                settings=installation.settings,
            )
    except Exception as problem:
        with installation.database.write() as session:
            if _gives_up(work, session, problem):
                # The tag is free again.
                manifests.discard(session, version.id)
        raise
    with installation.database.read() as session:
        frozen = session.get_one(Version, version_id)
        return {
            "version": frozen.id,
            "commit_id": frozen.commit_id,
            "tag": frozen.tag,
            "records": frozen.records,
            "statistics": frozen.statistics_values,
        }


def export(work: Work) -> dict[str, Any]:
    """Write a version in one `format`; the result names the `export`, its files and counts."""
    format_name = str(work.request.get("format"))
    if format_name not in FORMATS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="format", names=", ".join(FORMATS)
        )
    version = _opened(work, "version.export")
    with work.installation.database.write() as session:
        work.advance(session, 0, version.record_count)
    row = _exported(work, version, format_name, partial(_advance_to, work))
    with work.installation.database.write() as session:
        work.advance(session, version.record_count)
    return {
        "export": row.id,
        "format": row.format,
        "records": row.records,
        "regions": row.regions,
        "size": row.size,
        "manifest": row.manifest_digest,
    }


def publish(work: Work) -> dict[str, Any]:
    """Publish a version as `name` in the catalogue, with every format that suits it."""
    request = work.request
    installation = work.installation
    version = _opened(work, "dataset.publish")
    wanted = _wanted(work)
    # A name, licence or fact that cannot be used is told before the long work, not after it.
    facts = clearing.cleared(work, version, partial(_facts_now, work, version))
    with installation.database.read() as session:
        errata.check(session, work.actor, version, facts.full_name, request)
    steps = len(wanted) + READ_STEPS + 1
    done, left_out = _written(work, version, wanted, steps)
    _check_there(work, version, facts.full_name, done)
    making = how_made(version)
    card, front_matter = write_card(version, facts, done, making)
    with installation.database.read() as session:
        cards = models.cards(session, int(work.project_id or 0), making.models)
    files = tree(version, done, card, installation.store, cards)
    said = errata.prepare(installation, work.actor, version, facts.full_name, request)
    read = partial(_advance_read, work, len(wanted), steps)
    about = Publication(
        installation, work.actor, version, facts, making, done, said.notes, advance=read
    )
    files = accompany(about, files)
    root = receipts.merkle_root(installation.store, files)
    with installation.database.write() as session:
        dataset = _dataset(session, work, version)
        errata.check_again(session, dataset, version)
        is_there = catalogue.resolve(session, dataset, version.commit_id) is not None
        if not is_there:
            clearing.check_again(session, int(work.project_id or 0), version)
        release = catalogue.publish(
            session,
            work.actor,
            dataset,
            session.get_one(Version, version.id),
            files,
            card=msgspec.json.encode(front_matter).decode(),
            notes=said.notes,
            kind=said.kind,
            figures=said.figures,
            merkle_root=root,
        )
        if not is_there:
            errata.follow(session, work.actor, dataset, release, said)
        work.advance(session, steps, steps)
        return {
            "dataset": dataset.full_name,
            "tag": release.tag,
            "commit_id": release.commit_id,
            "files": len(files),
            "left_out": left_out,
        }


def _written(
    work: Work, version: FrozenVersion, wanted: Sequence[str], steps: int
) -> tuple[list[tuple[str, list[WrittenFile]]], dict[str, str]]:
    """Write the version in each format that can hold it; return also why others were left out."""
    done: list[tuple[str, list[WrittenFile]]] = []
    left_out: dict[str, str] = {}
    for number, name in enumerate(wanted, 1):
        try:
            row = _exported(work, version, name, partial(_stay_at, work, number - 1, steps))
        except errors.Refused as problem:
            # COCO of a text corpus, say: the format cannot hold the data.
            left_out[name] = str(problem)
            continue
        with work.installation.database.write() as session:
            work.advance(session, number, steps)
            done.append((name, exports.files(session, row)))
    return done, left_out


def _check_there(
    work: Work,
    version: FrozenVersion,
    full_name: str,
    done: Sequence[tuple[str, Sequence[WrittenFile]]],
) -> None:
    """Refuse formats that a release of this version does not have: what is public stays.

    Raises:
        errors.Refused: the version is published, without some of these formats.
    """
    with work.installation.database.read() as session:
        dataset = catalogue.find(session, full_name, work.actor)
        release = dataset and catalogue.resolve(session, dataset, version.commit_id)
        if not release:
            return
        paths = [file.path for _name, written in done for file in written]
        there = catalogue.files_at(session, release, paths)
    missing = [name for name, written in done if any(file.path not in there for file in written)]
    if missing:
        raise errors.Refused(
            _(
                "%(tag)s is published without %(formats)s, and a published version does not "
                "change: freeze a new version, or export this one on its page"
            ),
            tag=version.tag,
            formats=", ".join(missing),
        )


def _wanted(work: Work) -> list[str]:
    """Return the formats that a release is to carry."""
    wanted = [str(name) for name in work.request.get("formats") or RELEASE_FORMATS]
    if not set(wanted) <= set(FORMATS):
        raise errors.Invalid(
            _("must be among %(names)s"), place="formats", names=", ".join(FORMATS)
        )
    return wanted


def _advance_read(work: Work, before: int, steps: int, done: int, total: int) -> None:
    """Show how far the reading of all bytes for their checksums has come."""
    with work.installation.database.write() as session:
        work.advance(session, before + READ_STEPS * done // max(total, 1), steps)


def _gives_up(work: Work, session: Session, problem: Exception) -> bool:
    """Tell whether a freezing ends here, rather than going on in another worker."""
    if isinstance(problem, errors.Cancelled):
        return work.is_cancelled(session)
    return not isinstance(problem, errors.Unavailable | sa.exc.OperationalError)


def _advance_to(work: Work, done: int) -> None:
    """Show how many records have been written."""
    with work.installation.database.write() as session:
        work.advance(session, done)


def _stay_at(work: Work, done: int, total: int, _records: int) -> None:
    """Show that a step of publishing still goes on."""
    with work.installation.database.write() as session:
        work.advance(session, done, total)


def _exported(
    work: Work, version: FrozenVersion, format_name: str, tell: Callable[[int], None]
) -> exports.Export:
    """Return the version's export in a format, written now if it is not there."""
    installation = work.installation
    with installation.database.read() as session:
        there = exports.find(session, version.id, format_name)
    if there is not None:
        return there
    with spool.folder(installation.settings) as folder, work.step(None, f"writing {format_name}"):
        output = Output(installation.store, folder)
        parts = shared(installation.settings, format_name, folder, tell)
        manifest_digest = export_as(format_name, version, output, parts)
    with installation.database.write() as session:
        # Another job may have written the same format in the meantime.
        there = exports.find(session, version.id, format_name)
        if there is not None:
            return there
        return exports.add(
            session,
            work.actor,
            version.id,
            format_name,
            output.each_written(),
            records=output.records,
            regions=output.regions,
            manifest_digest=manifest_digest,
        )


def _opened(work: Work, action: str) -> FrozenVersion:
    installation = work.installation
    with installation.database.read() as session:
        version, project = versions.get(
            session, work.actor, int(work.request.get("version") or 0), "version.read"
        )
        permissions.require(work.actor, action, project)
        return versions.opened(session, installation.database, installation.store, version.id)


def _dataset(session: Session, work: Work, version: FrozenVersion) -> catalogue.Dataset:
    request = work.request
    project = projects.get(session, work.actor, int(work.project_id or 0), "dataset.publish")
    name = catalogue.checked_name(str(request.get("name") or ""))
    return catalogue.open_dataset(
        session,
        work.actor,
        project,
        name,
        title=str(request.get("title") or version.project_title),
        title_en=str(request.get("title_en") or ""),
        description=str(request.get("description") or project.description),
        licence=str(request.get("licence") or "CC-BY-4.0"),
        keywords=[str(word) for word in request.get("keywords") or []],
        task_categories=[str(word) for word in request.get("task_categories") or []],
        facts=catalogue.facts_for(session, project, name, request.get("facts") or {}),
    )


def _facts_now(work: Work, version: FrozenVersion) -> CardFacts:
    """Return what the card will say, checked; the dataset itself is changed at the end only."""
    with work.installation.database.write() as session:
        trial = session.begin_nested()
        facts = card_facts(_dataset(session, work, version))
        trial.rollback()
    return facts
