"""Give jobs a folder for files in the making, and sweep those of killed workers."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.feeds import ReferringStore
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


@contextmanager
def fetched(installation: Installation, digest: str) -> Iterator[Path]:
    """Give a stored object as a file of this host; one from afar goes with the block."""
    local = installation.store.path(digest)
    if local is not None:
        yield local
        return
    with folder(installation.settings) as place:
        target = place / "object"
        with installation.store.open(digest) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, 1024 * 1024)
        yield target


@contextmanager
def gathered(installation: Installation, files: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """Give a folder of stored objects, (relative path, digest) each, that goes with the block.

    A path that is there already gets a number, so that nothing is lost.
    """
    with folder(installation.settings) as place:
        for name, digest in files:
            local = installation.store.path(digest)
            try:
                target = _free(place, name)
                if local is None:
                    raise OSError(errno.EXDEV, "from afar")
                os.link(local, target)
            except OSError as problem:
                if problem.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise _unusable(installation.settings, problem) from problem
                with installation.store.open(digest) as stream, target.open("wb") as out:
                    shutil.copyfileobj(stream, out, 1024 * 1024)
        yield place


def _free(place: Path, name: str) -> Path:
    """Return the path of that name, or one beside it where there is something already."""
    path = place / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        # A file has the name of its folder.
        path = place / name.replace("/", "_")
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return found


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
    store = installation.store
    own = store.own if isinstance(store, ReferringStore) else store
    if isinstance(own, FolderStorage):
        swept += own.sweep_unfinished(UNFINISHED_SECONDS)
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
