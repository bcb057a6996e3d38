"""Judge names that came from outside: safe or not, junk or not, which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ..errors import Problem, _

_JUNK = {"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", "$recycle.bin", "icon\r"}
_ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".cab", ".iso"}
_DRIVE = re.compile(r"[A-Za-z]:")
_LONGEST = 1000
_MARKS = (("_test", "_image", "_img"), ("_temp", "_template", "_golden", "_ref"))


def is_junk(name: str) -> bool:
    """Tell whether a path has a part that operating systems and editors leave behind."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    return any(part.lower() in _JUNK or part.startswith((".", "~$")) for part in parts)


def is_archive(name: str) -> bool:
    """Tell whether a name is that of an archive; archives inside a source stay closed."""
    return PurePosixPath(name.lower()).suffix in _ARCHIVES


def safe(name: str) -> str | Problem:
    """Return a relative path with plain slashes, or the reason why the name is refused."""
    path = name.replace("\\", "/")
    if not path.strip("/ ") or len(path) > _LONGEST:
        return Problem("", _("the name is empty or too long"))
    if any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in path):
        return Problem("", _("the name holds control or broken characters"))
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or (parts and _DRIVE.match(parts[0])):
        return Problem("", _("the name is an absolute path"))
    if ".." in parts or not parts:
        return Problem("", _("the name leads out of its folder"))
    return "/".join(parts)


def decode(raw: bytes) -> str:
    """Decode an archive name written without the UTF-8 flag: UTF-8, then GB 18030, then CP437."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp437")


def role(name: str) -> tuple[str, int] | None:
    """Split `<stem>_test.jpg` into (stem, 0) and `<stem>_temp.jpg` into (stem, 1)."""
    stem = PurePosixPath(name).stem
    for number, marks in enumerate(_MARKS):
        for mark in marks:
            if stem.lower().endswith(mark) and len(stem) > len(mark):
                return stem[: -len(mark)], number
    return None


def paired(files: Iterable[str]) -> list[tuple[str | None, str | None]]:
    """Pair the file names of one folder by stem, in order; None stands for the missing one.

    A second file for the same place of a pair is a pair of its own, so nothing is lost.
    """
    found: dict[str, list[str | None]] = {}
    extra: list[tuple[str | None, str | None]] = []
    for name in files:
        stem, number = role(name) or (PurePosixPath(name).stem, 0)
        pair = found.setdefault(stem.casefold(), [None, None])
        if pair[number] is None:
            pair[number] = name
        else:
            extra.append((name, None) if number == 0 else (None, name))
    return [(pair[0], pair[1]) for pair in found.values()] + extra


def paired_folders(
    images: Iterable[str], templates: Iterable[str]
) -> list[tuple[str | None, str | None]]:
    """Pair two folders by equal file names, the extension left aside; images first, in order."""
    found: dict[str, list[str | None]] = {}
    extra: list[tuple[str | None, str | None]] = []
    for number, files in enumerate((images, templates)):
        for name in files:
            pair = found.setdefault(PurePosixPath(name).stem.casefold(), [None, None])
            if pair[number] is None:
                pair[number] = name
            else:
                extra.append((name, None) if number == 0 else (None, name))
    return [(pair[0], pair[1]) for pair in found.values()] + extra
