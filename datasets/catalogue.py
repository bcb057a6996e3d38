"""Keep the public catalogue: datasets, their releases and files."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from . import audit, errors, permissions
from .db import Base, Id, Path500, now
from .errors import _
from .exports import WrittenFile
from .people import Organisation, User, clean_line
from .projects import Project
from .versions import Version

# SPDX identifiers that agencies use for open data.
LICENCES = (
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "MulanPSL-2.0",
    "Apache-2.0",
    "MIT",
    "ODbL-1.0",
    "PDDL-1.0",
    "other",
)


class Dataset(Base):
    """An entry of the catalogue, `organisation/name`."""

    __tablename__ = "datasets"
    __table_args__ = (
        sa.UniqueConstraint("organisation_id", "name"),
        sa.Index("ix_datasets_modified", "modified_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(96))
    title: Mapped[str]
    title_en: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    licence: Mapped[str] = mapped_column(sa.String(40))
    # JSON lists.
    keywords: Mapped[str] = mapped_column(default="[]")
    task_categories: Mapped[str] = mapped_column(default="[]")
    # Title, names, keywords and description in lower case, for search.
    search_text: Mapped[str] = mapped_column(default="")
    downloads: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    modified_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def full_name(self) -> str:
        """Return `organisation/name`, as clients write it."""
        return f"{self.organisation.slug}/{self.name}"

    @property
    def keyword_list(self) -> list[str]:
        """Return the keywords."""
        return list(msgspec.json.decode(self.keywords))

    @property
    def task_category_list(self) -> list[str]:
        """Return the task categories, in Hugging Face's words."""
        return list(msgspec.json.decode(self.task_categories))


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
    # The card's YAML front matter as JSON, and its text, so that no page parses it again.
    card: Mapped[str] = mapped_column(default="{}")
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


def checked_name(name: str) -> str:
    """Return a dataset name if the hub clients accept it.

    Raises:
        errors.Invalid: it does not follow the rules of repository names.
    """
    good = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,53}[A-Za-z0-9])?", name)
    if not good or "--" in name or ".." in name or name.endswith(".git"):
        raise errors.Invalid(
            _("must be 1 to 55 letters, digits, single - . or _, not “%(name)s”"),
            place="name",
            name=name[:80],
        )
    return name


def open_dataset(
    session: Session,
    actor: User,
    project: Project,
    name: str,
    *,
    title: str,
    title_en: str = "",
    description: str = "",
    licence: str = "CC-BY-4.0",
    keywords: Sequence[str] = (),
    task_categories: Sequence[str] = (),
) -> Dataset:
    """Return the dataset of that name in the project's organisation, made or brought up to date.

    Raises:
        errors.Invalid: a value is not usable, or the name belongs to another project.
    """
    permissions.require(actor, "dataset.publish", project)
    checked_name(name)
    if licence not in LICENCES:
        raise errors.Invalid(
            _("must be one of %(allowed)s"), place="licence", allowed=", ".join(LICENCES)
        )
    dataset = session.scalar(
        sa.select(Dataset).where(
            Dataset.organisation_id == project.organisation_id, Dataset.name == name
        )
    )
    if dataset is not None and dataset.project_id != project.id:
        raise errors.Invalid(
            _("“%(name)s” is published from another project"), place="name", name=name
        )
    if dataset is None:
        dataset = Dataset(organisation_id=project.organisation_id, project_id=project.id, name=name)
        dataset.organisation = project.organisation
        session.add(dataset)
    dataset.title = clean_line(title, "title", 200)
    dataset.title_en = title_en.strip()[:200]
    dataset.description = description[:20_000]
    dataset.licence = licence
    dataset.keywords = msgspec.json.encode(list(keywords)).decode()
    dataset.task_categories = msgspec.json.encode(list(task_categories)).decode()
    dataset.search_text = " ".join(
        [dataset.full_name, dataset.title, dataset.title_en, description, *keywords]
    ).lower()
    session.flush()
    return dataset


def publish(
    session: Session,
    actor: User,
    dataset: Dataset,
    version: Version,
    files: Iterable[WrittenFile],
    *,
    card: str,
    notes: str = "",
) -> Release:
    """Put a version with its files on the public pages, whole or not at all.

    Publishing the same version again returns the release that is there.

    Raises:
        errors.Invalid: two files have one path, or the tag stands for another commit.
    """
    there = session.scalar(
        sa.select(Release).where(
            Release.dataset_id == dataset.id, Release.commit_id == version.commit_id
        )
    )
    if there is not None:
        return there
    rows = {file.path: file for file in files}
    release = Release(
        dataset_id=dataset.id,
        version_id=version.id,
        tag=version.tag,
        commit_id=version.commit_id,
        notes=notes[:5000],
        card=card,
        records=version.records,
        size=sum(file.size for file in rows.values()),
        published_by=actor.id,
    )
    session.add(release)
    session.flush()
    session.execute(
        sa.insert(ReleaseFile),
        [
            {"release_id": release.id, "path": f.path, "digest": f.digest, "size": f.size}
            for f in rows.values()
        ],
    )
    dataset.modified_at = release.published_at
    audit.record(
        session,
        actor,
        "dataset.publish",
        f"dataset/{dataset.full_name}",
        tag=release.tag,
        commit=release.commit_id,
        files=len(rows),
    )
    return release


def find(session: Session, full_name: str) -> Dataset | None:
    """Return the published dataset `organisation/name`; None when nothing is released."""
    slug, _slash, name = full_name.partition("/")
    has_release = sa.exists().where(Release.dataset_id == Dataset.id)
    return session.scalar(
        sa.select(Dataset)
        .join(Organisation, Organisation.id == Dataset.organisation_id)
        .where(Organisation.slug == slug, Dataset.name == name, has_release)
    )


def releases(session: Session, dataset: Dataset) -> list[Release]:
    """List a dataset's releases, newest first."""
    return list(
        session.scalars(
            sa.select(Release).where(Release.dataset_id == dataset.id).order_by(Release.id.desc())
        )
    )


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


def resolve(session: Session, dataset: Dataset, revision: str) -> Release | None:
    """Return the release that a branch (`main`), tag or commit id stands for."""
    name = revision
    for prefix in ("refs/heads/", "refs/tags/"):
        name = name.removeprefix(prefix)
    query = sa.select(Release).where(Release.dataset_id == dataset.id)
    if name not in ("main", "master"):
        query = query.where(sa.or_(Release.tag == name, Release.commit_id == name))
    return session.scalar(query.order_by(Release.id.desc()).limit(1))


def file(session: Session, release: Release, path: str) -> WrittenFile | None:
    """Return one file of a release."""
    row = session.get(ReleaseFile, (release.id, path))
    return None if row is None else WrittenFile(row.path, row.digest, row.size)


def files(
    session: Session,
    release: Release,
    *,
    folder: str = "",
    after: str = "",
    limit: int | None = None,
) -> list[WrittenFile]:
    """List the files of a release below a folder by path, from after `after`."""
    query = sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size).where(
        ReleaseFile.release_id == release.id, ReleaseFile.path > after
    )
    if folder:
        # "0" follows "/": the range holds all paths that begin with the folder.
        query = query.where(ReleaseFile.path > f"{folder}/", ReleaseFile.path < f"{folder}0")
    query = query.order_by(ReleaseFile.path)
    if limit is not None:
        query = query.limit(limit)
    return [WrittenFile(*row) for row in session.execute(query)]


def search(
    session: Session,
    *,
    words: str = "",
    author: str | None = None,
    category: str | None = None,
    before: tuple[dt.datetime, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets, last changed first; every word must occur.

    `before` is the (modified_at, id) of the last one seen: keyset paging.
    """
    query = sa.select(Dataset).where(sa.exists().where(Release.dataset_id == Dataset.id))
    for word in words.lower().split()[:10]:
        query = query.where(Dataset.search_text.contains(word, autoescape=True))
    if author:
        query = query.join(Organisation, Organisation.id == Dataset.organisation_id).where(
            Organisation.slug == author
        )
    if category:
        quoted = msgspec.json.encode(category).decode()
        query = query.where(Dataset.task_categories.contains(quoted, autoescape=True))
    if before is not None:
        at, dataset_id = before
        query = query.where(
            sa.or_(
                Dataset.modified_at < at,
                sa.and_(Dataset.modified_at == at, Dataset.id < dataset_id),
            )
        )
    query = query.order_by(Dataset.modified_at.desc(), Dataset.id.desc()).limit(limit)
    return list(session.scalars(query))


def count_download(session: Session, dataset_id: int) -> None:
    """Count one download of a dataset."""
    session.execute(
        sa.update(Dataset).where(Dataset.id == dataset_id).values(downloads=Dataset.downloads + 1)
    )


def newest(session: Session, datasets: Iterable[Dataset]) -> dict[int, Release]:
    """Return the newest release of each dataset by dataset id, in one query."""
    latest = (
        sa.select(sa.func.max(Release.id))
        .where(Release.dataset_id.in_([dataset.id for dataset in datasets]))
        .group_by(Release.dataset_id)
    )
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


def ranked(
    session: Session,
    *,
    words: str = "",
    author: str | None = None,
    order: str = "modified",
    before: tuple[dt.datetime | int, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets by `order`, highest first; every word must occur.

    `order` is `modified`, `created` or `downloads`; `before` is its (value, id) of the last
    one seen: keyset paging.
    """
    column = {
        "modified": Dataset.modified_at,
        "created": Dataset.created_at,
        "downloads": Dataset.downloads,
    }[order]
    query = sa.select(Dataset).where(sa.exists().where(Release.dataset_id == Dataset.id))
    for word in words.lower().split()[:10]:
        query = query.where(Dataset.search_text.contains(word, autoescape=True))
    if author:
        owner = sa.select(Organisation.id).where(Organisation.slug == author).scalar_subquery()
        query = query.where(Dataset.organisation_id == owner)
    if before is not None:
        value, dataset_id = before
        query = query.where(
            sa.or_(column < value, sa.and_(column == value, Dataset.id < dataset_id))
        )
    query = query.order_by(column.desc(), Dataset.id.desc()).limit(limit)
    return list(session.scalars(query))


def files_at(session: Session, release: Release, paths: Sequence[str]) -> dict[str, WrittenFile]:
    """Return those of the paths that are files of the release, 500 a query."""
    found: dict[str, WrittenFile] = {}
    for start in range(0, len(paths), 500):
        rows = session.execute(
            sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size).where(
                ReleaseFile.release_id == release.id,
                ReleaseFile.path.in_(paths[start : start + 500]),
            )
        )
        found |= {row.path: WrittenFile(*row) for row in rows}
    return found


def folders_at(session: Session, release: Release, paths: Sequence[str]) -> set[str]:
    """Return those of the paths that are folders of the release, 500 a query."""
    found: set[str] = set()
    for start in range(0, len(paths), 500):
        asked = (
            sa.values(sa.column("path", sa.String), name="asked")
            .data([(path,) for path in paths[start : start + 500]])
            .cte()
        )
        inside = sa.exists().where(
            ReleaseFile.release_id == release.id,
            ReleaseFile.path > asked.c.path + "/",
            ReleaseFile.path < asked.c.path + "0",
        )
        found.update(session.scalars(sa.select(asked.c.path).where(inside)))
    return found


def entries(
    session: Session, release: Release, *, folder: str = "", after: str = "", limit: int
) -> list[WrittenFile | str]:
    """List what is directly in a folder by path: files, and the paths of folders.

    `after` is the last entry seen: the path of a file, or of a folder with a `/` behind it.
    Each entry costs one step in the index, however many files the folders hold.
    """
    inside = f"{folder}/" if folder else ""
    start = max(inside, f"{after[:-1]}0" if after.endswith("/") else f"{after}\x01")

    def next_path(at_least: str | sa.ColumnElement[str]) -> sa.Select[str]:
        query = sa.select(ReleaseFile.path).where(
            ReleaseFile.release_id == release.id, ReleaseFile.path >= at_least
        )
        if folder:
            query = query.where(ReleaseFile.path < f"{folder}0")
        return query.order_by(ReleaseFile.path).limit(1)

    seen = sa.select(
        next_path(start).scalar_subquery().label("path"), sa.literal(1).label("number")
    ).cte("seen", recursive=True)
    sqlite = session.get_bind().dialect.name == "sqlite"
    place = sa.func.instr if sqlite else sa.func.strpos
    slash = place(sa.func.substr(seen.c.path, len(inside) + 1), "/", type_=sa.Integer)
    # "0" follows "/" and U+0001 is the lowest character: nothing lies between.
    beyond = sa.case(
        (slash > 0, sa.func.substr(seen.c.path, 1, len(inside) + slash - 1) + "0"),
        else_=seen.c.path + "\x01",
    )
    step = sa.select(next_path(beyond).correlate(seen).scalar_subquery(), seen.c.number + 1)
    seen = seen.union_all(step.where(seen.c.path.is_not(None), seen.c.number < limit))
    rows = session.execute(
        sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size)
        .join(seen, seen.c.path == ReleaseFile.path)
        .where(ReleaseFile.release_id == release.id)
        .order_by(seen.c.number)
    )
    return [
        inside + rest.split("/")[0]
        if "/" in (rest := row.path[len(inside) :])
        else WrittenFile(*row)
        for row in rows
    ]


def first_files(
    session: Session, releases: Iterable[Release], limit: int
) -> dict[int, list[WrittenFile]]:
    """Return the first `limit` files of each release by release id, in one query."""
    parts = [
        sa.select(ReleaseFile)
        .where(ReleaseFile.release_id == release.id)
        .order_by(ReleaseFile.path)
        .limit(limit)
        .subquery()
        for release in releases
    ]
    found: dict[int, list[WrittenFile]] = {}
    if parts:
        for row in session.execute(sa.union_all(*(sa.select(part) for part in parts))):
            found.setdefault(row.release_id, []).append(WrittenFile(row.path, row.digest, row.size))
    return found
