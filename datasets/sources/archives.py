"""Read a ZIP archive in place: nothing is unpacked under a name that came with it.

Format: PKWARE APPNOTE 6.3.10. The central directory is counted before it is parsed, sizes are
checked before anything is inflated, and archives inside the archive stay closed.
"""

from __future__ import annotations

import errno
import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from ..errors import Invalid, Problem, TooLarge, _
from . import names
from .folders import Listing
from .items import Opener, SourceLimits, shown

_IN_MEMORY = 8 * 1024**2
_BLOCK = 1 << 20
_END, _CENTRAL, _END64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x06\x06"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError)


class ZipMedia:
    """Open one entry of an archive as a temporary copy, at most 8 MB of it in memory."""

    def __init__(self, name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        self.name = name
        self._archive = archive
        self._entry = entry

    def open(self) -> BinaryIO:
        """Return a seekable stream; raise Invalid when the entry is damaged."""
        copy = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))
        try:
            with self._archive.open(self._entry) as packed:
                left = self._entry.file_size
                while left > 0 and (block := packed.read(min(_BLOCK, left))):
                    copy.write(block)
                    left -= len(block)
                if left or packed.read(1):
                    raise zipfile.BadZipFile("size")
        except (*_BROKEN, RuntimeError, ValueError, OverflowError) as error:
            copy.close()
            raise Invalid(_("the entry is damaged"), place=shown(self.name)) from error
        except OSError as error:
            copy.close()
            if error.errno != errno.EINVAL:  # an offset before the file: the archive's fault
                raise
            raise Invalid(_("the entry is damaged"), place=shown(self.name)) from error
        copy.seek(0)
        return copy


class Archive:
    """Show a ZIP archive as a tree of its safe entries; the others are listed at the top."""

    def __init__(self, path: Path, limits: SourceLimits) -> None:
        self._limits = limits
        _count_entries(path, limits)
        try:
            # Closed when the last medium that needs it is gone (ZipFile closes itself).
            self._zip = zipfile.ZipFile(path)
        except (*_BROKEN, ValueError, OverflowError) as error:
            raise Invalid(_("the ZIP archive is cut off or damaged")) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise Invalid(_("the ZIP archive is cut off or damaged")) from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._listings: dict[str, Listing] = {"": Listing()}
        self._sort_out()

    def listing(self, folder: str) -> Listing:
        """List one folder of the archive."""
        return self._listings[folder]

    def medium(self, path: str) -> Opener | None:
        """Return one safe entry."""
        entry = self._entries.get(path)
        return ZipMedia(path, self._zip, entry) if entry else None

    def _sort_out(self) -> None:
        entries = self._zip.infolist()
        if sum(entry.file_size for entry in entries) > self._limits.archive_bytes:
            raise TooLarge(
                _("the archive would unpack to more than %(limit)s GB"),
                limit=round(self._limits.archive_bytes / 1024**3, 3),
            )
        seen: set[str] = set()
        links: set[str] = set()
        for entry in entries:
            raw = _name(entry)
            if names.is_junk(raw.replace("\\", "/")):
                self._listings[""].junk += 1
                continue
            name = self._judge(entry, raw, seen, links)
            if isinstance(name, Problem):
                self._listings[""].refused.append((raw, name))
            elif name:
                self._entries[name] = entry
                folder, _slash, last = name.rpartition("/")
                self._folder(folder).files.append(last)
        for listing in self._listings.values():
            listing.files.sort()
            listing.folders.sort()

    def _judge(
        self, entry: zipfile.ZipInfo, raw: str, seen: set[str], links: set[str]
    ) -> str | Problem:
        """Return the safe name of a file, '' for a folder, or the reason to refuse it."""
        name = names.safe(raw)
        if isinstance(name, Problem):
            return name
        if entry.flag_bits & 1:
            raise Invalid(_("the archive is encrypted; bring it without a password"))
        parents = name.split("/")
        if stat.S_ISLNK(entry.external_attr >> 16):
            links.add(name)
            return Problem("", _("it is a symbolic link"))
        if any("/".join(parents[:end]) in links for end in range(1, len(parents))):
            return Problem("", _("it lies behind a symbolic link"))
        if len(parents) > self._limits.depth:
            return Problem(
                "", _("folders lie deeper than %(limit)s"), {"limit": self._limits.depth}
            )
        if raw.endswith(("/", "\\")):
            return ""
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            return Problem("", _("an earlier entry has the same name"))
        seen.add(key)
        return self._size_problem(entry) or name

    def _size_problem(self, entry: zipfile.ZipInfo) -> Problem | None:
        limits = self._limits
        if entry.compress_type not in _METHODS:
            return Problem("", _("it is packed in a way that is not read here; use plain ZIP"))
        if entry.file_size > limits.file_bytes:
            limit = round(limits.file_bytes / 1024**2, 3)
            return Problem("", _("it is larger than %(limit)s MB"), {"limit": limit})
        packed = max(entry.compress_size, 1)
        if entry.file_size > limits.ratio_from and entry.file_size > limits.ratio * packed:
            values = {"limit": limits.ratio}
            return Problem("", _("it unpacks to more than %(limit)s times its size"), values)
        return None

    def _folder(self, path: str) -> Listing:
        found = self._listings.get(path)
        if found is None:
            found = self._listings[path] = Listing()
            parent, _slash, last = path.rpartition("/")
            self._folder(parent).folders.append(last)
        return found


def _name(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x800:
        return entry.orig_filename
    return names.decode(entry.orig_filename.encode("cp437"))


def _count_entries(path: Path, limits: SourceLimits) -> None:
    """Count the central directory before it is parsed; raise Invalid when there is none."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        start = max(0, size - 65_557 - 76)
        stream.seek(start)
        tail = stream.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) < at + 22:
            raise Invalid(_("the ZIP archive is cut off or damaged"))
        count, length = struct.unpack_from("<H I", tail, at + 10)
        end64 = tail.rfind(_END64, 0, at)
        if (count == 0xFFFF or length == 0xFFFFFFFF) and end64 >= 0 and at - end64 >= 56:
            (length,) = struct.unpack_from("<Q", tail, end64 + 40)
            at = end64
        limit = limits.entries
        if length > size or length > limit * 256 + 65_536:
            raise TooLarge(_("the archive has more than %(limit)s entries"), limit=limit)
        stream.seek(max(0, start + at - length))
        if stream.read(length).count(_CENTRAL) > limit:
            raise TooLarge(_("the archive has more than %(limit)s entries"), limit=limit)
