"""Collect the files of one export: written ones go to the store, media are linked."""

from __future__ import annotations

import hashlib
import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from ..datasets.versions import FrozenVersion
from .file_list import FileList

EXPORT_FORMAT = "jinbiao-export/1"
MAX_PATH = 500  # characters, as the tables hold them
TOGETHER, TOGETHER_BYTES = 1000, 8 << 20  # small files that go to the store at once
_ENTRIES = 1000  # of the manifest, written at once
_WRONG = re.compile(r"[\x00-\x1f\x7f\\]")


_ENCODER = msgspec.json.Encoder()


class _Entry(msgspec.Struct, gc=False):
    path: str
    sha256: str
    size: int


class Output:
    """Take the files of one export at constant memory and count what is in them."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """Write to a store; unfinished files lie in `folder` (None: the system's own)."""
        self.store = store
        self.records = 0
        self.regions = 0
        self._folder = folder
        self._files = FileList(folder)
        # Digest → bytes of small files that are not in the store yet.
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0
        self._has_empty = False

    @property
    def written(self) -> list[WrittenFile]:
        """List the files so far, by path; all of them are in the store then."""
        return list(self.each_written())

    def each_written(self) -> Iterator[WrittenFile]:
        """Give the files so far, by path, at constant memory; all are in the store then."""
        self._store_waiting()
        yield from self._files

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
        self._files.add([path], [stored.digest], [stored.size])

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
        self.write_many([path], [data])

    def write_many(self, paths: Sequence[str], contents: Sequence[bytes]) -> None:
        """Write small files whose bytes are in memory already; the store gets many at once."""
        _check_paths(paths)
        digests = [hashlib.sha256(data).hexdigest() for data in contents]
        self._files.add(paths, digests, list(map(len, contents)))
        for digest, data in zip(digests, contents, strict=True):
            if digest in self._waiting or (not data and self._has_empty):
                continue
            self._has_empty |= not data
            self._waiting[digest] = data
            self._waiting_bytes += len(data)
            if len(self._waiting) >= TOGETHER or self._waiting_bytes >= TOGETHER_BYTES:
                self._store_waiting()

    def link(self, path: str, digest: str, size: int) -> None:
        """Name an object of the store as a file of the export; no bytes move."""
        self.link_many([path], [digest], [size])

    def link_many(self, paths: Sequence[str], digests: Sequence[str], sizes: Sequence[int]) -> None:
        """Name objects of the store as files of the export; no bytes move."""
        _check_paths(paths)
        self._files.add(paths, digests, sizes)

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
            self._store_waiting()
            rows, before = self._files.rows(), b"\n"
            while entries := [_Entry(*row) for row in itertools.islice(rows, _ENTRIES)]:
                # A line's end stands between entries only: in texts it is escaped.
                listed = _ENCODER.encode_lines(entries)[:-1].replace(b"\n", b",\n")
                draft.write(before + listed)
                before = b",\n"
            draft.write(b"\n]}\n")
            draft.seek(0)
            return self.store.put(draft).digest

    def _store_waiting(self) -> None:
        if self._waiting:
            self.store.put_many(list(self._waiting.values()))
        self._waiting, self._waiting_bytes = {}, 0


def checked_path(path: str) -> str:
    """Return a path if it is relative, stays inside and can be written everywhere.

    Raises:
        errors.Invalid: it is not.
    """
    parts = path.split("/")
    if _WRONG.search(path) or len(path) > MAX_PATH or {"", ".", ".."} & set(parts):
        raise errors.Invalid(_("%(path)s cannot be a path in a release"), path=path[:200])
    return path


def _check_paths(paths: Sequence[str]) -> None:
    """Do what `checked_path` does, for many at once as a rule."""
    joined = f"/{'/'.join(paths)}/"
    usual = joined.isprintable() and "\\" not in joined
    usual = usual and "//" not in joined and "/./" not in joined and "/../" not in joined
    if not usual or max(map(len, paths), default=0) > MAX_PATH:
        for path in paths:
            checked_path(path)
