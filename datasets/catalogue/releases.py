"""Keep releases: versions as they were published, and the revisions that name them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors
from ..db import Base, Id, Path500, now
from ..errors import _
from ..exports import WrittenFile
from ..people import User
from ..versions import Version
from .entry import Dataset, facts_of
from .facts import check
from .levels import too_low


class Release(Base):
    """A version as it was published; immutable, with the version's commit id."""

    __tablename__ = "releases"
    __table_args__ = (
        sa.UniqueConstraint("dataset_id", "tag"),
        sa.UniqueConstraint("dataset_id", "commit_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(sa.ForeignKey("datasets.id"))
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("versions.id"))
    tag: Mapped[str] = mapped_column(sa.String(40))
    commit_id: Mapped[str] = mapped_column(sa.String(40))
    notes: Mapped[str] = mapped_column(default="")
    # "release", or "erratum" where it corrects the one before.
    kind: Mapped[str] = mapped_column(sa.String(10), default="release")
    # Stands for this version alone, for ever.
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True, default=lambda: str(uuid.uuid4()))
    # SHA-256 over the receipts of all records; None for releases from before there were any.
    merkle_root: Mapped[str | None] = mapped_column(sa.String(64))
    # The card's YAML front matter as JSON, and its text, so that no page parses it again.
    card: Mapped[str] = mapped_column(default="{}")
    # Distributions of what is in it, as JSON: see distributions.py; None where nobody counted.
    figures: Mapped[str | None]
    # Whether files of it are withheld, for a record that was withdrawn.
    has_withheld: Mapped[bool] = mapped_column(default=False)
    records: Mapped[int]
    size: Mapped[int] = mapped_column(Id)
    published_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    published_at: Mapped[dt.datetime] = mapped_column(default=now)


class ReleaseFile(Base):
    """One file of a release tree."""

    __tablename__ = "release_files"

    release_id: Mapped[int] = mapped_column(
        sa.ForeignKey("releases.id"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Path500, primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    size: Mapped[int] = mapped_column(Id)


def lock_dataset(session: Session, dataset: Dataset) -> None:
    """Let those who publish a dataset and those who withdraw its records follow one another.

    Until the commit; the dataset is read again.
    """
    session.refresh(dataset, with_for_update={"key_share": True, "of": Dataset})


def publish(
    session: Session,
    actor: User,
    dataset: Dataset,
    version: Version,
    files: Iterable[WrittenFile],
    *,
    card: str,
    notes: str = "",
    kind: str = "release",
    figures: str | None = None,
    merkle_root: str | None = None,
) -> Release:
    """Put a version with its files on the public pages, whole or not at all.

    Publishing the same version again returns the release that is there.

    Raises:
        errors.Refused: the version is not frozen, or is another project's.
        errors.Invalid: two files have one path, the tag stands for another commit, or a fact
            is missing or its level lower than its sources': all reasons at once.
    """
    if version.commit_id is None or version.project_id != dataset.project_id:
        raise errors.Refused(_("only a frozen version of the dataset's project is published"))
    lock_dataset(session, dataset)
    there = session.scalar(
        sa.select(Release).where(
            Release.dataset_id == dataset.id, Release.commit_id == version.commit_id
        )
    )
    if there is not None:
        return there
    _check_facts(session, dataset, version)
    rows = _by_path(files)
    if resolve(session, dataset, f"refs/tags/{version.tag}") is not None:
        raise errors.Invalid(_("“%(tag)s” stands for another commit"), place="tag", tag=version.tag)
    release = Release(
        dataset_id=dataset.id,
        version_id=version.id,
        tag=version.tag,
        commit_id=version.commit_id,
        notes=notes[:5000],
        kind=kind,
        figures=figures,
        merkle_root=merkle_root,
        card=card,
        records=version.records,
        size=sum(file.size for file in rows.values()),
        published_by=actor.id,
    )
    _keep(session, release, rows.values())
    dataset.modified_at, dataset.newest_id = release.published_at, release.id
    audit.record(
        session,
        actor,
        "dataset.publish",
        f"dataset/{dataset.full_name}",
        tag=release.tag,
        commit=release.commit_id,
        files=len(rows),
        openness=dataset.openness,
    )
    return release


def releases(session: Session, dataset: Dataset) -> list[Release]:
    """List a dataset's releases, newest first."""
    return list(
        session.scalars(
            sa.select(Release).where(Release.dataset_id == dataset.id).order_by(Release.id.desc())
        )
    )


def releases_of(session: Session, datasets: Iterable[Dataset]) -> dict[int, list[Release]]:
    """Return the releases of each dataset by dataset id, newest first, in one query."""
    found: dict[int, list[Release]] = {dataset.id: [] for dataset in datasets}
    query = sa.select(Release).where(Release.dataset_id.in_(found)).order_by(Release.id.desc())
    for release in session.scalars(query) if found else ():
        found[release.dataset_id].append(release)
    return found


def of_version(session: Session, version: Version) -> list[Dataset]:
    """List the datasets that a version was published as."""
    return list(
        session.scalars(
            sa.select(Dataset)
            .join(Release, Release.dataset_id == Dataset.id)
            .where(Release.version_id == version.id)
            .order_by(Dataset.id)
        )
    )


def of_project(session: Session, project_id: int, limit: int = 20) -> list[Dataset]:
    """List the datasets that a project was published as, the last changed first."""
    return list(
        session.scalars(
            sa.select(Dataset)
            .where(Dataset.project_id == project_id, Dataset.newest_id.is_not(None))
            .order_by(Dataset.modified_at.desc(), Dataset.id.desc())
            .limit(limit)
        )
    )


def resolve(session: Session, dataset: Dataset, revision: str) -> Release | None:
    """Return the release that a branch (`main`), tag or commit id stands for."""
    name = revision
    for prefix in ("refs/heads/", "refs/tags/"):
        name = name.removeprefix(prefix)
    query = sa.select(Release).where(Release.dataset_id == dataset.id)
    if name not in ("main", "master"):
        query = query.where(sa.or_(Release.tag == name, Release.commit_id == name))
    return session.scalar(query.order_by(Release.id.desc()).limit(1))


def newest(session: Session, datasets: Iterable[Dataset]) -> dict[int, Release]:
    """Return the newest release of each dataset by dataset id, in one query."""
    latest = [dataset.newest_id for dataset in datasets if dataset.newest_id is not None]
    found = session.scalars(sa.select(Release).where(Release.id.in_(latest)))
    return {release.dataset_id: release for release in found}


def history(
    session: Session, until: Release, *, before: int | None = None, limit: int
) -> list[Release]:
    """List a release and those of its dataset before it, newest first, from below id `before`."""
    query = sa.select(Release).where(Release.dataset_id == until.dataset_id, Release.id <= until.id)
    if before is not None:
        query = query.where(Release.id < before)
    return list(session.scalars(query.order_by(Release.id.desc()).limit(limit)))


def _check_facts(session: Session, dataset: Dataset, version: Version) -> None:
    """Refuse what is missing, and a level that is too low by now: a library's may have changed."""
    check(facts_of(dataset))
    earlier = session.scalars(sa.select(Release.version_id).where(Release.dataset_id == dataset.id))
    problems = too_low(session, dataset.data_level, [version.id, *earlier])
    if problems:
        raise errors.Invalid(
            _("the dataset cannot be published yet: %(every)s"),
            problems=problems,
            every="; ".join(map(str, problems)),
        )


def _keep(session: Session, release: Release, files: Iterable[WrittenFile]) -> None:
    session.add(release)
    session.flush()
    session.execute(
        sa.insert(ReleaseFile),
        [
            {"release_id": release.id, "path": f.path, "digest": f.digest, "size": f.size}
            for f in files
        ],
    )


def _by_path(files: Iterable[WrittenFile]) -> dict[str, WrittenFile]:
    found: dict[str, WrittenFile] = {}
    for file in files:
        if file.path in found:
            raise errors.Invalid(_("two files have the path %(path)s"), path=file.path)
        found[file.path] = file
    if not found:
        raise errors.Invalid(_("a release needs at least one file"))
    return found
