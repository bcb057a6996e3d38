"""Use a local disk so that what was written is still there after a power cut."""

from __future__ import annotations

import ctypes
import io
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Unavailable, _

_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


@contextmanager
def using_folder() -> Iterator[None]:
    """Turn what the disk says (full, not there, not allowed) into Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            _("the storage folder cannot be used: %(reason)s"), reason=error.strerror
        ) from error


def write_all(file: io.FileIO, chunk: bytes) -> None:
    """Write a whole chunk to an unbuffered file."""
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, so that they are still there after a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def make_folders(folders: Collection[Path]) -> None:
    """Create several folders as `make_folder` does, waiting for each parent once."""
    missing = [folder for folder in folders if not folder.is_dir()]
    parents = {folder.parent for folder in missing}
    if not missing:
        return
    make_folders(parents)
    for folder in missing:
        folder.mkdir(exist_ok=True)
    for parent in parents:
        sync_folder(parent)


def sync_disk(folder: Path) -> bool:
    """Wait until everything that was written to the file system of a folder is on the disk.

    One wait for thousands of files and their names. False where the system cannot do that
    (it is Linux's `syncfs`): then each file must be waited for.
    """
    if _SYNCFS is None:
        return False
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _SYNCFS(number) != 0:
            reason = ctypes.get_errno()
            raise OSError(reason, os.strerror(reason))
    finally:
        os.close(number)
    return True


def sync_files(names: Iterable[str]) -> None:
    """Wait until files that are written and closed are on the disk."""
    for name in names:
        number = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
