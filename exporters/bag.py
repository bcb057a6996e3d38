"""Stream a release as a BagIt bag in a ZIP (RFC 8493), the same bytes every time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from ..datasets.catalogue import Dataset, Release
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from . import archive

_ENCODING = "Tag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True)
class Bag:
    """A release with the files that make it a bag; all below one folder."""

    files: list[WrittenFile]
    # Digest → bytes of what is in no store.
    own: dict[str, bytes]

    @property
    def size(self) -> int:
        """Return the length in bytes of what `stream` yields."""
        return archive.zip_size(self.files)

    def beside(self, store: ObjectStore) -> archive.Opens:
        """Return what opens the bag's own files, and those of a store."""
        return _Beside(self.own, store)

    def stream(self, store: ObjectStore) -> Iterator[bytes]:
        """Yield the ZIP.

        Raises:
            errors.Damaged: an object is not as long as its file says.
        """
        return archive.stream_zip(self.beside(store), self.files)


class _Beside:
    """Open what is in memory, and all else from a store."""

    def __init__(self, own: dict[str, bytes], store: ObjectStore) -> None:
        self._own, self._store = own, store

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open the bytes of a digest, or a range of them."""
        data = self._own.get(digest)
        if data is None:
            return self._store.open(digest, start, length)
        return io.BytesIO(data[start : None if length is None else start + length])


def bag(dataset: Dataset, release: Release, files: Sequence[WrittenFile]) -> Bag:
    """Put a release's files into a bag."""
    ordered = sorted(files, key=lambda file: file.path)
    tags = {
        "bagit.txt": f"BagIt-Version: {_version(ordered)}\n{_ENCODING}".encode(),
        "bag-info.txt": _info(dataset, release, ordered),
        "manifest-sha256.txt": "".join(
            f"{file.digest}  data/{file.path}\n" for file in ordered
        ).encode(),
    }
    lines = (f"{_digest(data)}  {path}\n" for path, data in sorted(tags.items()))
    tags["tagmanifest-sha256.txt"] = "".join(lines).encode()
    folder = f"{dataset.organisation.slug}-{dataset.name}-{release.tag}"
    written = [
        WrittenFile(f"{folder}/{path}", _digest(data), len(data)) for path, data in tags.items()
    ]
    payload = [
        WrittenFile(f"{folder}/data/{file.path}", file.digest, file.size) for file in ordered
    ]
    return Bag([*written, *payload], {_digest(data): data for data in tags.values()})


def _info(dataset: Dataset, release: Release, files: Sequence[WrittenFile]) -> bytes:
    size = sum(file.size for file in files)
    # What was said when it was published: a bag made later is the same.
    title = msgspec.json.decode(release.card or "{}").get("pretty_name", dataset.title)
    values = {
        "Source-Organization": dataset.organisation.name,
        "External-Description": title,
        "External-Identifier": f"urn:uuid:{release.uid}",
        "Internal-Sender-Identifier": f"{dataset.full_name}@{release.tag}",
        "Bagging-Date": release.published_at.date().isoformat(),
        "Bag-Size": _told(size),
        "Payload-Oxum": f"{size}.{len(files)}",
    }
    lines = (f"{name}: {_one_line(value)}\n" for name, value in values.items())
    return "".join(lines).encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _told(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def _version(files: Sequence[WrittenFile]) -> str:
    """Return the version of BagIt that the bag follows.

    1.0 writes `%` in paths as `%25`, which the most common reader (bagit for Python, 1.9) does
    not undo; 0.97 writes it as it is. No path of a release has a line end.
    """
    return "0.97" if any("%" in file.path for file in files) else "1.0"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
