"""Say what a release is in one signed statement, and prove one record of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import catalogue, errors
from ..catalogue import Release
from ..errors import _
from ..exports import WrittenFile
from ..storage import ObjectStore
from ..versions import FrozenVersion, VersionRecord
from . import nodes, verify_receipt
from .keys import SigningKey
from .verify_receipt import HASHES, RELEASE_FILE, SIGNATURE_FILE, UNSIGNED, canonical, receipt_of

RECEIPTS, NODES = "receipts/receipts.jsonl", "receipts/tree.bin"
VERIFIER = "receipts/verify_receipt.py"
LONGEST_KEY = 72  # characters


def config_digest(version: FrozenVersion) -> str:
    """Return the SHA-256 of a version's labelling config."""
    return hashlib.sha256(version.label_config.encode()).hexdigest()


def statement(
    version: FrozenVersion,
    full_name: str,
    files: Iterable[WrittenFile],
    roots: Mapping[str, str],
    keys: Sequence[SigningKey],
    manifest: str,
) -> bytes:
    """Return what release.json says: canonical JSON and a line end; the signatures are over it.

    `files` are all files of the release that are there by now; those that come later are named
    in `verify_receipt.UNSIGNED`.
    """
    covered = {file.path: file for file in files if not UNSIGNED.fullmatch(file.path)}
    listed = "".join(f"{covered[path].digest}  {path}\n" for path in sorted(covered)).encode()
    told = {
        "format": verify_receipt.RELEASE,
        "dataset": full_name,
        "tag": version.tag,
        "commit": version.commit_id,
        "records": version.record_count,
        "manifest": {"path": manifest, "sha256": version.manifest_digest},
        "config": {"sha256": config_digest(version)},
        "receipts": {"path": RECEIPTS, "sha256": covered[RECEIPTS].digest},
        "roots": dict(roots),
        "files": {
            "count": len(covered),
            **{name: hashed(listed).hex() for name, hashed in HASHES.items()},
        },
        "keys": [key.told for key in keys],
    }
    return canonical(told) + b"\n"


def told_in(store: ObjectStore, files: Iterable[WrittenFile]) -> dict[str, Any] | None:
    """Return what the release.json among a release's files says; None where there is none."""
    kept = next((file for file in files if file.path == RELEASE_FILE), None)
    return None if kept is None else dict(msgspec.json.decode(store.read(kept.digest)))


def merkle_root(store: ObjectStore, files: Iterable[WrittenFile]) -> str | None:
    """Return the SHA-256 root over the receipts of a release with these files."""
    told = told_in(store, files)
    return None if told is None else str(told["roots"]["sha256"])


def proof(session: Session, store: ObjectStore, release: Release, key: str) -> bytes:
    """Return the proof of one record: its receipt, its paths, and the signed statement.

    Takes few reads, however many records there are.

    Raises:
        errors.NotFound: the release has no such record, or no receipts.
        errors.Withdrawn: the record is not kept any more.
    """
    kept = catalogue.files_at(session, release, [RELEASE_FILE, SIGNATURE_FILE, NODES])
    if len(kept) < 3:
        raise errors.NotFound(_("this release is from before there were receipts"))
    found = session.execute(
        sa.select(VersionRecord.position, VersionRecord.line).where(
            VersionRecord.version_id == release.version_id, VersionRecord.key == key
        )
    ).first()
    if found is None or len(key) > LONGEST_KEY:
        raise errors.NotFound(_("the release has no record “%(key)s”"), key=key[:LONGEST_KEY])
    position, line = found
    if line is None:
        raise errors.Withdrawn(_("this record was withdrawn"))
    release_text = store.read(kept[RELEASE_FILE].digest)
    said = msgspec.json.decode(release_text)

    def read(start: int, length: int) -> bytes:
        with store.open(kept[NODES].digest, start, length) as stream:
            return stream.read()

    told = {
        "format": verify_receipt.PROOF,
        "receipt": receipt_of(line.encode(), said["config"]["sha256"]),
        "position": position,
        "path": nodes.path(read, position, said["records"]),
        "release": release_text.decode(),
        "signatures": store.read(kept[SIGNATURE_FILE].digest).decode(),
    }
    return canonical(told) + b"\n"
