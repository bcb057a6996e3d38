"""Write the files of one conversion into a ZIP."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import msgspec

from ...datasets.storage import ObjectStore
from .pictures import Picture

# The same content gives the same bytes, whenever it is written.
_TIME = (1980, 1, 1, 0, 0, 0)


class Archive:
    """A ZIP that is written file by file."""

    def __init__(self, out: BinaryIO) -> None:
        """Begin a ZIP."""
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1)

    def text(self, path: str, content: bytes) -> None:
        """Add a small file."""
        self._zip.writestr(_entry(path, zipfile.ZIP_DEFLATED), content)

    def folder(self, path: str) -> None:
        """Add an empty folder, as readers expect it."""
        self._zip.writestr(zipfile.ZipInfo(f"{path}/", _TIME), b"")

    @contextmanager
    def file(self, path: str) -> Iterator[BinaryIO]:
        """Give a writer for a large file."""
        with self._zip.open(_entry(path, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as stream:
            yield cast(BinaryIO, stream)

    def medium(self, path: str, store: ObjectStore, digest: str) -> None:
        """Add a stored medium as it is."""
        entry = _entry(path, zipfile.ZIP_STORED)
        with store.open(digest) as source:
            with self._zip.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)

    def pictures(self, store: ObjectStore, picture: Picture) -> bool:
        """Add a picture below `images/`; False where it is not stored here."""
        if picture.medium is None:
            return False
        self.medium(f"images/{picture.name}", store, picture.medium.digest)
        return True

    def end(self, left_out: list[dict[str, Any]]) -> None:
        """Close the ZIP; what could not be exported is named in it."""
        if left_out:
            self.text("left_out.json", msgspec.json.format(msgspec.json.encode(left_out)))
        self._zip.close()


def _entry(path: str, method: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _TIME)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    return entry
