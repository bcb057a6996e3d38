"""Keep objects as files below one folder."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import NotFound, _
from .contract import (
    DIGEST,
    ListedObject,
    ObjectStore,
    StoredObject,
    check_digest,
    check_range,
)
from .disk import (
    make_folder,
    make_folders,
    sync_disk,
    sync_files,
    sync_folder,
    using_folder,
    write_all,
)
from .streams import Incoming, Window

FEW = 32  # objects that are waited for one by one
_SHARD = "[0-9a-f][0-9a-f]"


class FolderStorage(ObjectStore):
    """Keep objects as files `ab/cd/abcd…` below one folder of a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._unfinished = self._root / "unfinished"

    def __repr__(self) -> str:
        return f"FolderStorage({str(self._root)!r})"

    def put(self, stream: BinaryIO, *, limit: int | None = None) -> StoredObject:
        """Store a stream; raise TooLarge above `limit` bytes and leave nothing behind."""
        with using_folder():
            make_folder(self._unfinished)
            # Unbuffered: CHUNK is buffer enough, and a full disk shows up in `write`.
            number, name = tempfile.mkstemp(dir=self._unfinished)
        try:
            with io.FileIO(number, "wb") as file:
                incoming = Incoming(stream, limit)
                for chunk in incoming:
                    with using_folder():
                        write_all(file, chunk)
                with using_folder():
                    os.fsync(file)
            with using_folder():
                # An object that is there already is replaced by the same bytes: that heals
                # a damaged file, and cannot be crossed by a delete as a look before could.
                target = self._file(incoming.digest)
                make_folder(target.parent)
                os.replace(name, target)
                sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
        return StoredObject(incoming.digest, incoming.size)

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store many small objects, in order; when it fails, some may have been stored.

        The disk is waited for once all are written, not once for each: that is what takes
        the time of small files.
        """
        digests = [hashlib.sha256(data).hexdigest() for data in contents]
        drafts: dict[str, str] = {}
        place = f"{self._unfinished}/{uuid.uuid4().hex}"
        try:
            with using_folder():
                make_folder(self._unfinished)
                for digest, data in zip(digests, contents, strict=True):
                    if digest not in drafts:
                        drafts[digest] = f"{place}-{len(drafts)}"
                        with open(drafts[digest], "xb", buffering=0) as file:
                            write_all(file, data)
                at_once = len(drafts) > FEW and sync_disk(self._unfinished)
                if not at_once:
                    sync_files(drafts.values())
                targets = {digest: self._file(digest) for digest in drafts}
                folders = {target.parent for target in targets.values()}
                if at_once:
                    for folder in folders:
                        folder.mkdir(parents=True, exist_ok=True)
                else:
                    make_folders(folders)
                for digest, target in targets.items():
                    os.replace(drafts.pop(digest), target)
                if not at_once or not sync_disk(self._root):
                    for folder in folders:
                        sync_folder(folder)
        except BaseException:
            for name in drafts.values():
                with suppress(OSError):
                    os.unlink(name)
            raise
        sizes = map(len, contents)
        return [StoredObject(*found) for found in zip(digests, sizes, strict=True)]

    def open(self, digest: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """Open a range as a seekable stream; NotFound if missing, empty beyond the end."""
        check_range(start, length)
        with using_folder():
            try:
                number = os.open(self._file(digest), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise NotFound(_("there is no object %(digest)s"), digest=digest) from error
            left = max(0, os.fstat(number).st_size - start)

        def read_at(position: int, amount: int) -> bytes:
            with using_folder():
                return os.pread(number, amount, start + position)

        size = left if length is None else min(left, length)
        return io.BufferedReader(Window(size, read_at, lambda: os.close(number)))

    def size(self, digest: str) -> int | None:
        """Tell the size in bytes, None if there is no such object."""
        with using_folder():
            try:
                return self._file(digest).stat().st_size
            except FileNotFoundError:
                return None

    def delete(self, digest: str) -> None:
        """Delete an object; one that is not there is no error."""
        with using_folder():
            file = self._file(digest)
            with suppress(FileNotFoundError):
                file.unlink()
                sync_folder(file.parent)

    def delete_old(self, digest: str, before: dt.datetime) -> bool:
        """Delete an object unless it was put since; tell whether it is gone now.

        It is moved aside first: whoever puts it meanwhile makes another file, and one that was
        put just before is moved back.
        """
        file = self._file(digest)
        aside = self._unfinished / f"old-{digest}-{os.getpid()}"
        with using_folder():
            make_folder(self._unfinished)
            try:
                os.rename(file, aside)
            except FileNotFoundError:
                return True
            try:
                is_old = aside.stat().st_mtime < before.timestamp()
                if not is_old:
                    with suppress(FileExistsError):
                        os.link(aside, file)
            finally:
                aside.unlink()
            sync_folder(file.parent)
        return is_old

    def listing(self) -> Iterator[ListedObject]:
        """List all objects in ascending order of digests, at constant memory."""
        for digest in self.digests():
            with using_folder(), suppress(FileNotFoundError):
                found = self._file(digest).stat()
                at = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
                yield ListedObject(digest, found.st_size, at)

    def digests(self) -> Iterator[str]:
        """List the digests of all objects in ascending order."""
        with using_folder():
            for shard in sorted(self._root.glob(f"{_SHARD}/{_SHARD}")):
                yield from sorted(name for name in os.listdir(shard) if DIGEST.fullmatch(name))

    def path(self, digest: str) -> Path | None:
        """Give the local file of an object, None if it is missing."""
        file = self._file(digest)
        with using_folder():
            return file if file.is_file() else None

    def link(self, digest: str, *, file_name: str, content_type: str, seconds: int) -> str | None:
        """Give None: a folder has no public address, the server streams instead."""
        check_digest(digest)
        return None

    def check(self) -> None:
        """Raise Unavailable unless a file can be written and made durable now."""
        with using_folder():
            make_folder(self._unfinished)
            with tempfile.TemporaryFile(dir=self._unfinished) as file:
                file.write(b"check")
                file.flush()
                os.fsync(file)

    def sweep_unfinished(self, older_than_seconds: float) -> int:
        """Delete what killed writes left, if not written to for so long; return how many."""
        swept, before = 0, time.time() - older_than_seconds
        with using_folder():
            for file in self._unfinished.glob("*"):
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime <= before:
                        file.unlink()
                        swept += 1
        return swept

    def _file(self, digest: str) -> Path:
        check_digest(digest)
        # Joined as text: a Path for each part takes longer than asking the disk.
        return Path(f"{self._root}/{digest[:2]}/{digest[2:4]}/{digest}")
