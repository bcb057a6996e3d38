"""Show a folder of the disk with its ZIP archives as folders: what was chosen together is read."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from ..errors import JinbiaoError, Problem
from .archives import Archive
from .folders import Folder, Listing, join
from .items import Opener, SourceLimits

# Archives that are kept open: each holds a file and its list of entries.
MOST_OPEN = 4


class Unpacked:
    """A folder whose archives are folders under their own names; archives in those stay closed."""

    def __init__(self, root: Path, limits: SourceLimits) -> None:
        """Prepare; nothing is opened yet."""
        self.root = root
        self._folder, self._limits = Folder(root), limits
        self._open: OrderedDict[str, Archive] = OrderedDict()

    def listing(self, folder: str) -> Listing:
        """List one folder, of the disk or inside an archive."""
        packed, inside = self._parted(folder)
        if packed:
            return self._archive(packed).listing(inside)
        found = self._folder.listing(folder)
        for name in [each for each in found.files if _is_zip(each)]:
            found.files.remove(name)
            try:
                self._archive(join(folder, name))
            except JinbiaoError as problem:
                found.refused.append((name, Problem("", problem.message, problem.values)))
            else:
                found.folders.append(name)
        found.folders.sort()
        return found

    def medium(self, path: str) -> Opener | None:
        """Return a file of the disk or an entry of an archive, None where it is not there."""
        packed, inside = self._parted(path)
        if not packed or not inside:
            return self._folder.medium(path)
        try:
            return self._archive(packed).medium(inside)
        except JinbiaoError:
            # Its listing says why.
            return None

    def _parted(self, path: str) -> tuple[str, str]:
        """Return the archive that a path leads into, '' if none, and the path inside it."""
        parts = path.split("/")
        for count, part in enumerate(parts, 1):
            packed = "/".join(parts[:count])
            if _is_zip(part) and self._folder.medium(packed) is not None:
                return packed, "/".join(parts[count:])
        return "", path

    def _archive(self, path: str) -> Archive:
        found = self._open.pop(path, None) or Archive(self.root / path, self._limits)
        self._open[path] = found
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        return found


def _is_zip(name: str) -> bool:
    return os.path.splitext(name.lower())[1] == ".zip"
