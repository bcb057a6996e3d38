"""Give jobs a folder for files in the making, and sweep those of killed workers."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.settings import Settings
from ..datasets.storage import FolderStorage

# An object that has not grown for so long was being written by a killed process.
UNFINISHED_SECONDS = 600.0


@contextmanager
def folder(settings: Settings) -> Iterator[Path]:
    """Give a new folder under the home that goes with the block; its name tells whose it is.

    Raises:
        errors.Unavailable: the disk is full or not there.
    """
    prefix = f"{socket.gethostname()}_{os.getpid()}_"
    try:
        place = _place(settings)
        made = tempfile.TemporaryDirectory(dir=place, prefix=prefix, ignore_cleanup_errors=True)
    except OSError as problem:
        raise _unusable(settings, problem) from problem
    with made as name:
        yield Path(name)


def unnamed(settings: Settings) -> BinaryIO:
    """Return a temporary file under the home that is gone when it is closed.

    Raises:
        errors.Unavailable: the disk is full or not there.
    """
    try:
        file = tempfile.TemporaryFile(dir=_place(settings), buffering=1 << 18)
    except OSError as problem:
        raise _unusable(settings, problem) from problem
    return cast(BinaryIO, file)


def _place(settings: Settings) -> Path:
    place = settings.home / "spool"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _unusable(settings: Settings, problem: OSError) -> errors.Unavailable:
    return errors.Unavailable(
        _("JINBIAO_HOME %(path)s cannot be used: %(reason)s"),
        path=str(settings.home),
        reason=problem.strerror or str(problem),
    )


def sweep(installation: Installation) -> int:
    """Delete what killed processes of this host left; return how many files and folders.

    For the start of a process: a folder with its own number is from one before it.
    """
    swept = _sweep_folders(installation.settings)
    if isinstance(installation.store, FolderStorage):
        swept += installation.store.sweep_unfinished(UNFINISHED_SECONDS)
    return swept


def _sweep_folders(settings: Settings) -> int:
    swept = 0
    prefix = f"{socket.gethostname()}_"
    for path in (settings.home / "spool").glob(f"{prefix}*_*"):
        number = path.name.removeprefix(prefix).partition("_")[0]
        if number.isdigit() and not _is_alive(int(number)):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
