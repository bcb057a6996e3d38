"""Find the files of a release that hold one record, whatever format they are in.

A shard of Parquet is read in its column `key` alone. Any other file is looked through for
what only this record has: its key, the names of its own media, its own texts. Files named
after the record's medium are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import msgspec

from ..datasets import tombstones
from ..datasets.catalogue import Release
from ..datasets.exports import WrittenFile
from ..datasets.installation import Installation
from ..datasets.storage import ObjectStore
from ..datasets.versions import Record

CHUNK = 1 << 20
LONGEST = 200  # characters of a text that is looked for
SHORTEST = 8
# They name records or files and prove what they were; they hold nothing of what is in them.
PROOFS = (
    "checksums.", "manifest-sha", "manifest-md5", "tagmanifest", "receipts", "bag", "datasheet.",
    "evidence/",
)  # fmt: skip
# One file a record, named after it: the name alone tells.
PER_RECORD = ("labels/", "Annotations/")
# Texts are cut into tokens there, so that none can be found; each file holds a whole split.
BY_TOKEN = ("conll/",)
MEDIA = frozenset(
    ".jpg .jpeg .png .bmp .gif .webp .tif .tiff .wav .mp3 .flac .ogg .m4a .mp4 .webm .pdf".split()
)


def holding(
    installation: Installation, release: Release, line: str, files: Iterable[WrittenFile]
) -> Iterator[str]:
    """Give the paths of those of the files that hold the record of this line."""
    record = msgspec.json.decode(line, type=Record)
    with installation.database.read() as session:
        own = {
            media.sha256: media.file
            for media in record.media.values()
            if not tombstones.is_shared(session, release.version_id, record.key, media.sha256)
        }
    stems = {PurePosixPath(name).stem for name in own.values()}
    needles = _needles(record, own.values())
    for file in files:
        path = PurePosixPath(file.path)
        if file.path.startswith(PROOFS):
            continue
        if file.digest in own or (stems and path.stem in stems):
            yield file.path
        elif file.path.startswith(BY_TOKEN) and path.stem == record.split:
            yield file.path
        elif path.suffix.lower() in MEDIA or file.path.startswith(PER_RECORD):
            continue
        elif path.suffix == ".parquet":
            if _has_key(installation.store, file, record.key):
                yield file.path
        elif _holds(installation.store, file, needles):
            yield file.path


def _needles(record: Record, names: Iterable[str]) -> list[bytes]:
    """List what only this record has, as it stands in texts and in JSON."""
    found = {f"{record.key}".encode()}
    for name in names:
        found |= {name.encode(), msgspec.json.encode(name)[1:-1]}
    for value in record.data.values():
        if isinstance(value, str) and len(value.strip()) >= SHORTEST:
            found.add(value.strip()[:LONGEST].encode())
            found.add(msgspec.json.encode(value.strip()[:LONGEST])[1:-1])
    return sorted(found)


def _has_key(store: ObjectStore, file: WrittenFile, key: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with store.open(file.digest) as stream:
        try:
            shard = pq.ParquetFile(stream)
            groups = shard.iter_batches(columns=["key"])
            return any(pc.any(pc.equal(batch["key"], key)).as_py() for batch in groups)
        except (pa.ArrowInvalid, KeyError):
            # Without keys nobody can say whose rows these are: better withheld than sent.
            return True


def _holds(store: ObjectStore, file: WrittenFile, needles: list[bytes]) -> bool:
    overlap = max(map(len, needles)) - 1
    rest = b""
    with store.open(file.digest) as stream:
        while chunk := stream.read(CHUNK):
            seen = rest + chunk
            if any(needle in seen for needle in needles):
                return True
            rest = seen[-overlap:]
    return False
