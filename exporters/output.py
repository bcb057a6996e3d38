"""Collect the files of one export: written ones go to the store, media are linked."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from ..datasets.versions import FrozenVersion

EXPORT_FORMAT = "jinbiao-export/1"
MAX_PATH = 500  # characters, as the tables hold them
TOGETHER, TOGETHER_BYTES = 1000, 8 << 20  # small files that go to the store at once
_WRONG = re.compile(r"[\x00-\x1f\x7f\\]")


class Output:
    """Take the files of one export at constant memory and count what is in them."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """Write to a store; unfinished files lie in `folder` (None: the system's own)."""
        self.store = store
        self.records = 0
        self.regions = 0
        self._folder = folder
        self._files: dict[str, WrittenFile] = {}
        # Digest → bytes of small files that are not in the store yet.
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0
        self._has_empty = False

    @property
    def written(self) -> list[WrittenFile]:
        """List the files so far, by path; all of them are in the store then."""
        self._store_waiting()
        return [self._files[path] for path in sorted(self._files)]

    @contextmanager
    def file(self, path: str) -> Iterator[BinaryIO]:
        """Give a buffered writer whose bytes are in the store after a clean end.

        Raises:
            errors.Invalid: the path cannot be one of a release.
            errors.Damaged: the path is taken.
        """
        checked_path(path)
        with self.scratch() as draft:
            yield draft
            draft.seek(0)
            stored = self.store.put(draft)
        self._add(WrittenFile(path, stored.digest, stored.size))

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """Give a temporary file that is gone afterwards.

        Raises:
            errors.Unavailable: the disk is full, or cannot be written.
        """
        try:
            with tempfile.TemporaryFile(dir=self._folder, buffering=1 << 18) as draft:
                yield cast(BinaryIO, draft)
        except OSError as error:
            raise errors.Unavailable(
                _("temporary files cannot be written: %(reason)s"), reason=error.strerror
            ) from error

    def write(self, path: str, data: bytes) -> None:
        """Write a small file whose bytes are in memory already; the store gets many at once."""
        checked_path(path)
        digest = hashlib.sha256(data).hexdigest()
        self._add(WrittenFile(path, digest, len(data)))
        if digest in self._waiting or (not data and self._has_empty):
            return
        self._has_empty |= not data
        self._waiting[digest] = data
        self._waiting_bytes += len(data)
        if len(self._waiting) >= TOGETHER or self._waiting_bytes >= TOGETHER_BYTES:
            self._store_waiting()

    def link(self, path: str, digest: str, size: int) -> None:
        """Name an object of the store as a file of the export; no bytes move."""
        checked_path(path)
        self._add(WrittenFile(path, digest, size))

    def count(self, records: int = 0, regions: int = 0) -> None:
        """Add to the numbers of records and regions that were written."""
        self.records += records
        self.regions += regions

    def finish(self, version: FrozenVersion, format_name: str) -> str:
        """Put the export's manifest into the store and return its digest.

        Raises:
            errors.Damaged: not every record of the version was written.
        """
        if self.records != version.record_count:
            raise errors.Damaged(
                _("%(written)s records were written, but the version has %(expected)s"),
                written=self.records,
                expected=version.record_count,
            )
        manifest = {
            "format": EXPORT_FORMAT,
            "name": format_name,
            "commit": version.commit_id,
            "records": self.records,
            "regions": self.regions,
        }
        with self.scratch() as draft:
            # A list of a million files is written as it goes, not built.
            draft.write(msgspec.json.encode(manifest)[:-1] + b',"files":[')
            for number, file in enumerate(self.written):
                entry = {"path": file.path, "sha256": file.digest, "size": file.size}
                draft.write((b",\n" if number else b"\n") + msgspec.json.encode(entry))
            draft.write(b"\n]}\n")
            draft.seek(0)
            return self.store.put(draft).digest

    def _store_waiting(self) -> None:
        if self._waiting:
            self.store.put_many(list(self._waiting.values()))
        self._waiting, self._waiting_bytes = {}, 0

    def _add(self, file: WrittenFile) -> None:
        there = self._files.setdefault(file.path, file)
        if there != file:
            raise errors.Damaged(
                _("the path %(path)s stands for two different files"), path=file.path
            )


def checked_path(path: str) -> str:
    """Return a path if it is relative, stays inside and can be written everywhere.

    Raises:
        errors.Invalid: it is not.
    """
    parts = path.split("/")
    if _WRONG.search(path) or len(path) > MAX_PATH or {"", ".", ".."} & set(parts):
        raise errors.Invalid(_("%(path)s cannot be a path in a release"), path=path[:200])
    return path
