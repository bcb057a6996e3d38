"""Complete a snapshot into a frozen version: write its lines, its manifest, its name."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, versions
from ..db import Database, count_anew
from ..people import User
from ..settings import Settings
from ..storage import ObjectStore
from ..versions import MANIFEST_FORMAT, Version, VersionRecord
from .records import Advance, divide, write_lines
from .snapshot import discard


def freeze(
    database: Database,
    store: ObjectStore,
    version_id: int,
    actor: User,
    advance: Advance,
    *,
    settings: Settings | None = None,
) -> int:
    """Complete a snapshot into a frozen version and return the version's id.

    The id is that of an earlier version when the content is the same. `advance` is called
    with (session, done, total) inside each transaction. Without the installation's `settings`
    records do not name their raw material, since nothing keeps it from being guessed.
    """
    with database.read() as session:
        version = session.get_one(Version, version_id)
    if version.commit_id is not None:
        return version.id
    chosen, statistics = divide(database, version)
    write_lines(database, version, chosen, advance, settings)
    with tempfile.TemporaryFile() as draft:
        digest = hashlib.sha256()
        for line in _manifest(database, version, statistics):
            draft.write(line)
            digest.update(line)
        draft.seek(0)
        stored = store.put(draft)
    with database.write() as session:
        advance(session, version.records, version.records)
        count_anew(session, VersionRecord)
        return _name(session, actor, version_id, stored.digest, stored.size, statistics)


def _manifest(
    database: Database, version: Version, statistics: Mapping[str, Any]
) -> Iterator[bytes]:
    header = {
        "format": MANIFEST_FORMAT,
        "label_config": version.label_config,
        "records": version.records,
        "seed": version.seed,
        "fractions": msgspec.json.decode(version.fractions),
        "statistics": statistics,
    }
    yield msgspec.json.encode(header, order="sorted") + b"\n"
    position = -1
    while True:
        with database.read() as session:
            rows = session.execute(
                sa.select(VersionRecord.position, VersionRecord.line)
                .where(VersionRecord.version_id == version.id, VersionRecord.position > position)
                .order_by(VersionRecord.position)
                .limit(1000)
            ).all()
        if not rows:
            return
        position = rows[-1][0]
        yield b"".join(str(line).encode() + b"\n" for _position, line in rows)


def _name(
    session: Session,
    actor: User,
    version_id: int,
    digest: str,
    size: int,
    statistics: Mapping[str, Any],
) -> int:
    version = session.get_one(Version, version_id)
    versions.lock_project(session, version.project_id)
    session.refresh(version)
    if version.commit_id is not None:
        return version.id
    commit_id = digest[:40]
    twin = session.scalar(
        sa.select(Version).where(
            Version.project_id == version.project_id, Version.commit_id == commit_id
        )
    )
    if twin is not None:
        discard(session, version_id)
        audit.record(session, actor, "version.freeze_again", f"version/{twin.id}", commit=commit_id)
        return twin.id
    version.commit_id, version.manifest_digest = commit_id, digest
    version.manifest_size = size
    version.statistics = msgspec.json.encode(statistics).decode()
    versions.note_frozen(session, actor, version)
    return version.id
