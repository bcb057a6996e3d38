"""Freeze what was accepted into immutable versions, and read them back."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, labels, permissions, splits
from .db import Base, Database, Id, now
from .errors import _
from .people import User
from .projects import Project
from .storage import ObjectStore

MANIFEST_FORMAT = "jinbiao-manifest/1"
# How much is read of a version at once; of lines whose length is not known yet, the first.
# What is made of so many bytes still fits into the cache of a processor: a tenth of the time.
FIRST_LINES, BATCH_LINES, BATCH_BYTES = 50, 1000, 1 << 20


class Version(Base):
    """A frozen state of a project: the same content always has the same commit id."""

    __tablename__ = "versions"
    __table_args__ = (
        sa.UniqueConstraint("project_id", "commit_id"),
        sa.UniqueConstraint("project_id", "tag"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    tag: Mapped[str] = mapped_column(sa.String(40))
    # 40 lower-case hex digits; None until the freezing is complete.
    commit_id: Mapped[str | None] = mapped_column(sa.String(40), index=True)
    manifest_digest: Mapped[str | None] = mapped_column(sa.String(64))
    manifest_size: Mapped[int | None] = mapped_column(Id)
    records: Mapped[int] = mapped_column(default=0)
    statistics: Mapped[str] = mapped_column(default="{}")
    label_config: Mapped[str]
    parsed_label_config: Mapped[str]
    seed: Mapped[int]
    fractions: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(sa.String(36), unique=True)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def statistics_values(self) -> dict[str, Any]:
        """Return counts: `splits` name → records, `labels` label → regions."""
        return dict(msgspec.json.decode(self.statistics))

    @property
    def is_frozen(self) -> bool:
        """Tell whether the freezing is complete."""
        return self.commit_id is not None


class VersionRecord(Base):
    """One record of a version; `line` is its line of the manifest, to the byte."""

    __tablename__ = "version_records"
    __table_args__ = (
        sa.UniqueConstraint("version_id", "key"),
        sa.Index("ix_version_records_split", "version_id", "split", "position"),
    )

    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("versions.id"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    task_id: Mapped[int] = mapped_column(Id)
    annotation_id: Mapped[int] = mapped_column(Id)
    review_id: Mapped[int | None] = mapped_column(Id)
    key: Mapped[str] = mapped_column(sa.String(72))
    split: Mapped[str | None] = mapped_column(sa.String(12))
    line: Mapped[str | None]
    # Four digests of 16 hex digits: see `record_digest`.
    digest: Mapped[str | None] = mapped_column(sa.String(64))


class RecordMedia(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored picture, sound or file of a record; sizes are of the upright picture."""

    source: str
    sha256: str
    size: int
    file: str
    content_type: str
    width: int | None = None
    height: int | None = None


class RecordPrediction(msgspec.Struct, frozen=True):
    """The model's answer that the annotator was shown."""

    model_version: str
    weights: str
    score: float | None


class RecordReview(msgspec.Struct, frozen=True):
    """Who judged the annotation (a pseudonym), and how."""

    reviewer: str
    verdict: str


class RecordCleaning(msgspec.Struct, frozen=True):
    """The run that cleaned an asset (its lasting id), and the version of the recipe that it ran.

    `digest` is the SHA-256 of the recipe's steps in their canonical form.
    """

    uid: str
    recipe: str
    version: int
    digest: str


class RecordOrigin(msgspec.Struct, frozen=True):
    """The raw material that a record was made of, named so that nobody can guess it.

    `keyed_asset` is its keyed digest (`libraries.keyed_digest`). `asset`, the plain SHA-256 of
    its bytes as they came, stands in the first versions only: of a masked text it can be tried
    out what was masked.
    """

    cleaning: RecordCleaning | None
    keyed_asset: str | msgspec.UnsetType = msgspec.UNSET
    asset: str | msgspec.UnsetType = msgspec.UNSET


class Record(msgspec.Struct, frozen=True):
    """One record as the manifest has it.

    `media` maps a data key to stored media, whose `file` is a name without folders, unique
    in the version; `data` holds the other data values; `result` is Label Studio's.
    """

    key: str
    name: str
    group: str
    split: str
    media: dict[str, RecordMedia]
    data: dict[str, Any]
    result: list[dict[str, Any]]
    annotator: str
    prediction: RecordPrediction | None
    review: RecordReview | None
    # The version of the guideline that the annotator had read; not written where it is unknown.
    guideline: int | msgspec.UnsetType = msgspec.UNSET
    # Not written of what was brought into the project as it is.
    origin: RecordOrigin | msgspec.UnsetType = msgspec.UNSET


class _Parts(msgspec.Struct):
    """The parts of a line as they are stored, to the byte."""

    result: msgspec.Raw
    media: msgspec.Raw
    data: msgspec.Raw
    name: msgspec.Raw
    group: msgspec.Raw
    annotator: msgspec.Raw
    prediction: msgspec.Raw
    review: msgspec.Raw


_PARTS = msgspec.json.Decoder(_Parts)


def record_digest(line: bytes) -> str:
    """Return what tells the parts of two records apart without reading their lines.

    16 hex digits each of BLAKE2b over labels, media, data, and how it was made (name, group,
    who, which prediction and review).
    """
    told = _PARTS.decode(line)
    making = b"\n".join((told.name, told.group, told.annotator, told.prediction, told.review))
    return "".join(
        hashlib.blake2b(part, digest_size=8).hexdigest()
        for part in (told.result, told.media, told.data, making)
    )


@dataclass(frozen=True)
class FrozenVersion:
    """A version as exporters read it: facts, and records streamed in a fixed order."""

    database: Database
    store: ObjectStore
    id: int
    project_title: str
    tag: str
    commit_id: str
    manifest_digest: str
    manifest_size: int
    record_count: int
    statistics: dict[str, Any]
    label_config: str
    seed: int
    fractions: dict[str, float]
    created_at: dt.datetime
    parsed_label_config: str

    @cached_property
    def config(self) -> labels.LabelConfig:
        """Return the parsed labelling config."""
        return labels.LabelConfig.from_json(self.parsed_label_config)

    @property
    def splits(self) -> list[str]:
        """Return the names of the splits that have records, in the usual order."""
        return [name for name in splits.SPLITS if self.statistics["splits"].get(name)]

    def batches(
        self, split: str | None = None, *, start: int = 0, end: int | None = None
    ) -> Iterator[list[bytes]]:
        """Stream the manifest's record lines as UTF-8, in position order, several at a time.

        A batch has at most BATCH_LINES lines, fewer where they are long. Positions are from
        `start` to before `end` (None: all that follow).
        """
        position, limit = start - 1, FIRST_LINES
        held = Base.metadata.tables[VersionRecord.__tablename__].c
        # SQLite hands out the bytes that it holds; PostgreSQL's driver makes texts of them faster.
        as_bytes = self.database.is_sqlite
        line = sa.cast(held.line, sa.LargeBinary) if as_bytes else held.line
        query = sa.select(held.position, line).where(held.version_id == self.id)
        if split is not None:
            query = query.where(held.split == split)
        if end is not None:
            query = query.where(held.position < end)
        query = query.order_by(held.position)
        while True:
            with self.database.read() as session:
                found = session.connection().execute(
                    query.where(held.position > position).limit(limit)
                )
                # The driver's own rows: SQLAlchemy's take as long again, and change nothing here.
                rows = found.cursor.fetchall() if found.cursor is not None else []
            if not rows:
                return
            position = rows[-1][0]
            batch = [line if as_bytes else line.encode() for _position, line in rows]
            yield batch
            mean = sum(map(len, batch)) // len(batch) + 1
            limit = max(1, min(BATCH_LINES, BATCH_BYTES // mean))

    def lines(self, split: str | None = None) -> Iterator[str]:
        """Stream the manifest's record lines, in position order, at constant memory."""
        for batch in self.batches(split):
            for line in batch:
                yield line.decode()

    def records(self, split: str | None = None) -> Iterator[Record]:
        """Stream the records, in position order, at constant memory."""
        decode = msgspec.json.Decoder(Record).decode
        for batch in self.batches(split):
            yield from map(decode, batch)

    def open_media(self, media: RecordMedia) -> BinaryIO:
        """Open the bytes of a record's media as readers are to see them."""
        return self.store.open(media.sha256)


def get(
    session: Session, user: User | None, version_id: int, action: str
) -> tuple[Version, Project]:
    """Return a frozen version and its project for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Version, Project)
        .join(Project, Project.id == Version.project_id)
        .where(Version.id == version_id, Version.commit_id.is_not(None))
    ).first()
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if found is None or not permissions.sees(user, found[1]):
        raise errors.NotFound(_("there is no version %(id)s"), id=version_id)
    permissions.require(user, action, found[1])
    return found[0], found[1]


def of_project(session: Session, project: Project) -> list[Version]:
    """List the frozen versions of a project, newest first."""
    return list(
        session.scalars(
            sa.select(Version)
            .where(Version.project_id == project.id, Version.commit_id.is_not(None))
            .order_by(Version.id.desc())
        )
    )


def find(session: Session, project: Project, reference: str) -> Version:
    """Return the frozen version of that tag, commit id or the word "latest".

    Raises:
        errors.NotFound: there is none.
    """
    query = sa.select(Version).where(
        Version.project_id == project.id, Version.commit_id.is_not(None)
    )
    if reference != "latest":
        query = query.where(sa.or_(Version.tag == reference, Version.commit_id == reference))
    version = session.scalar(query.order_by(Version.id.desc()).limit(1))
    if version is None:
        raise errors.NotFound(
            _("project %(project)s has no version “%(reference)s”"),
            project=project.id,
            reference=reference[:60],
        )
    return version


def opened(
    session: Session, database: Database, store: ObjectStore, version_id: int
) -> FrozenVersion:
    """Return a version as exporters read it.

    Raises:
        errors.NotFound: there is none, or it is not complete.
    """
    version = session.get(Version, version_id)
    if version is None or version.commit_id is None or version.manifest_digest is None:
        raise errors.NotFound(_("there is no frozen version %(id)s"), id=version_id)
    project = session.get_one(Project, version.project_id)
    return FrozenVersion(
        database=database,
        store=store,
        id=version.id,
        project_title=project.title,
        tag=version.tag,
        commit_id=version.commit_id,
        manifest_digest=version.manifest_digest,
        manifest_size=version.manifest_size or 0,
        record_count=version.records,
        statistics=version.statistics_values,
        label_config=version.label_config,
        seed=version.seed,
        fractions=dict(msgspec.json.decode(version.fractions)),
        created_at=version.created_at,
        parsed_label_config=version.parsed_label_config,
    )


def lock_version(session: Session, version_id: int) -> None:
    """Let those who add to a version follow one another until the commit."""
    session.execute(
        sa.select(Version.id).where(Version.id == version_id).with_for_update(key_share=True)
    )


def lock_project(session: Session, project_id: int) -> None:
    """Let those who make versions of a project follow one another until the commit."""
    session.execute(
        sa.select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)
    )


def checked_tag(session: Session, project: Project, tag: str | None) -> str:
    """Return the tag for a new version: the one asked for, or the next free v1.N.0.

    Raises:
        errors.Invalid: it is not of the form v1.2.3, or taken.
    """
    taken = set(session.scalars(sa.select(Version.tag).where(Version.project_id == project.id)))
    if tag is None:
        number = 0
        while f"v1.{number}.0" in taken:
            number += 1
        return f"v1.{number}.0"
    if not re.fullmatch(r"v[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}", tag):
        raise errors.Invalid(_("must look like v1.2.3, not “%(tag)s”"), place="tag", tag=tag[:40])
    if tag in taken:
        raise errors.Invalid(_("“%(tag)s” is taken"), place="tag", tag=tag)
    return tag


def note_frozen(session: Session, actor: User, version: Version) -> None:
    """Write the audit event of a completed freezing."""
    audit.record(
        session,
        actor,
        "version.freeze",
        f"version/{version.id}",
        commit=version.commit_id,
        manifest=version.manifest_digest,
        records=version.records,
    )
