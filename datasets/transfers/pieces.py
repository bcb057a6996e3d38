"""Keep the bytes of uploads on this disk, so that what was acknowledged is never lost.

A file under the home holds what has come. Only what the table says was received counts: what a
killed process wrote beyond is overwritten. Writers of one upload exclude each other by a lock
that the kernel takes back from a process that dies.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .. import errors
from ..errors import _
from ..settings import Settings
from ..storage import disk

_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Busy(errors.Refused):
    """Another request writes this upload at the moment."""


def folder(settings: Settings) -> Path:
    """Return where the bytes of uploads lie."""
    return settings.home / "transfers"


def path(settings: Settings, key: str) -> Path:
    """Return the file of an upload."""
    return folder(settings) / key


def check_space(settings: Settings, length: int) -> None:
    """Raise errors.Unavailable where the disk would be left with too little room."""
    place = folder(settings)
    with disk.using_folder():
        disk.make_folder(place)
        free = shutil.disk_usage(place).free
    if free - length < settings.transfer_free_bytes:
        raise errors.Unavailable(_("there is too little room on the disk for this upload"))


@contextmanager
def locked(settings: Settings, key: str) -> Iterator[BinaryIO]:
    """Open the file of an upload for this request alone.

    Raises:
        Busy: another request has it.
        errors.Unavailable: the disk cannot be used.
    """
    place = path(settings, key)
    with disk.using_folder():
        disk.make_folder(place.parent)
        is_new = not place.exists()
        number = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise Busy(_("another request sends this upload at the moment")) from problem
        if is_new:
            with disk.using_folder():
                disk.sync_folder(place.parent)
        yield file


def check_held(file: BinaryIO, received: int) -> None:
    """Raise errors.Unavailable where this host lacks bytes that were received.

    They lie with another host then; gaps would be read as zeros.
    """
    if os.fstat(file.fileno()).st_size < received:
        raise errors.Unavailable(_("the bytes of this upload are on another host"))


def write(file: BinaryIO, offset: int, piece: bytes) -> None:
    """Put a piece at its place and wait until it is on the disk.

    Raises:
        errors.Unavailable: the disk is full or away.
    """
    with disk.using_folder():
        os.lseek(file.fileno(), offset, os.SEEK_SET)
        left = memoryview(piece)
        while left:
            left = left[os.write(file.fileno(), left) :]
        os.fsync(file.fileno())


def untouched(settings: Settings, before: float) -> Iterator[str]:
    """Give the keys of the files here that nobody has written to since `before` (a Unix time)."""
    place = folder(settings)
    if not place.is_dir():
        return
    with os.scandir(place) as found:
        for each in found:
            if not _KEY.fullmatch(each.name):
                continue
            with suppress(FileNotFoundError):
                if each.is_file(follow_symlinks=False) and each.stat().st_mtime < before:
                    yield each.name


def forget(settings: Settings, key: str) -> None:
    """Delete the file of an upload; one that is not there is no error."""
    path(settings, key).unlink(missing_ok=True)
