"""Open what was brought as a tree of files, and find pictures in it by the names labels use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import Invalid, NotFound, Problem, _
from ..media import named_kind
from ..sources import SourceLimits, names
from ..sources.archives import Archive
from ..sources.folders import Listing, Tree, join
from ..sources.items import FileMedia, Opener, shown
from ..sources.unpacked import Unpacked

LONGEST_DOCUMENT = 64 * 1024**2  # bytes of a label file that is read as a whole


class Alone:
    """Show one file as a tree."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = PurePosixPath(name.replace("\\", "/")).name
        self._path = path

    def listing(self, folder: str) -> Listing:
        """List the one file."""
        return Listing(files=[self.name])

    def medium(self, path: str) -> Opener | None:
        """Return the one file."""
        return FileMedia(self.name, self._path.resolve()) if path == self.name else None


class Files:
    """Know all files of a tree: what they are called, and which are pictures or films."""

    def __init__(self, tree: Tree, limits: SourceLimits) -> None:
        self.tree, self.limits = tree, limits
        self.paths: list[str] = []
        self.refused: list[tuple[str, Problem]] = []
        self.junk = 0
        self._collect("", 0)
        self._there = set(self.paths)
        self._ends: dict[str, list[str]] = {}
        self._stems: dict[str, list[str]] = {}
        for path in self.paths:
            if named_kind(path) in ("image", "video"):
                last = PurePosixPath(path)
                self._ends.setdefault(last.name.casefold(), []).append(path)
                self._stems.setdefault(last.stem.casefold(), []).append(path)

    def _collect(self, folder: str, depth: int) -> None:
        found = self.tree.listing(folder)
        self.junk += found.junk
        self.refused += [(join(folder, name), problem) for name, problem in found.refused]
        self.paths += [join(folder, name) for name in found.files]
        if len(self.paths) > self.limits.entries:
            raise Invalid(_("there are more than %(limit)s files"), limit=self.limits.entries)
        for name in found.folders:
            if depth < self.limits.depth:
                self._collect(join(folder, name), depth + 1)
            else:
                problem = Problem(
                    "", _("folders lie deeper than %(limit)s"), {"limit": self.limits.depth}
                )
                self.refused.append((join(folder, name), problem))

    def media(self, kind: str = "image") -> list[str]:
        """List the pictures, or the films."""
        return [path for path in self.paths if named_kind(path) == kind]

    def ending(self, *ends: str) -> list[str]:
        """List the files whose lower-case path ends so."""
        return [path for path in self.paths if path.lower().endswith(ends)]

    def find(self, wanted: str, near: str = "") -> str | Problem:
        """Return the path of the medium that a label file near by names; else why not.

        Tried are: the path from the label file's folder and each folder above it, then its
        end, then its name alone where only one file has it (also without an extension).
        """
        safe = names.safe(wanted)
        if isinstance(safe, Problem):
            return safe
        for folder in _above(near):
            for middle in ("", "images", "JPEGImages"):
                path = join(join(folder, middle), safe)
                if path in self._there:
                    return path
        last = PurePosixPath(safe)
        found = self._ends.get(last.name.casefold(), [])
        if not found and named_kind(safe) is None:
            # A name without an extension, which may itself have a dot.
            found = self._stems.get(last.name.casefold(), [])
        if not found:
            return Problem("", _("the picture %(name)s is not there"), {"name": shown(wanted)})
        best = _closest(found, safe, near)
        if best is None:
            message = _("several files are called %(name)s")
            return Problem("", message, {"name": last.name})
        return best

    def opener(self, path: str) -> Opener:
        """Return a file of the tree."""
        found = self.tree.medium(path)
        if found is None:
            raise Invalid(_("the file cannot be read"), place=shown(path))
        return found

    def document(self, path: str) -> bytes:
        """Return the bytes of a label file that is small enough to be read as a whole."""
        with self.opener(path).open() as stream:
            content = stream.read(LONGEST_DOCUMENT + 1)
        if len(content) > LONGEST_DOCUMENT:
            limit = LONGEST_DOCUMENT // 1024**2
            raise Invalid(_("it is larger than %(limit)s MB"), limit=limit)
        return content

    def text(self, path: str) -> str:
        """Return a label file as text: UTF-8 with or without its mark, else GB 18030."""
        content = self.document(path)
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
        raise Invalid(_("the text is neither UTF-8 nor GB18030"))


def opened(path: Path, name: str, limits: SourceLimits) -> Files:
    """Open a folder, a ZIP archive or one file; raise Invalid or TooLarge when it is unsafe."""
    if path.is_dir():
        return Files(Unpacked(path, limits), limits)
    if not path.is_file():
        raise NotFound(_("there is no file %(name)s"), name=shown(name))
    if name.lower().endswith(".zip"):
        return Files(Archive(path, limits), limits)
    return Files(Alone(path, name), limits)


def _above(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _closest(found: list[str], wanted: str, near: str) -> str | None:
    """Return the one whose path has most in common with the wanted one and where it was named."""
    if len(found) == 1:
        return found[0]
    hints = {part.casefold() for part in (*near.split("/"), *wanted.split("/")[:-1]) if part}
    stem = PurePosixPath(near).stem.casefold()
    marks = [
        sum(part.casefold() in hints for part in path.split("/")[:-1])
        + (stem != "" and stem in path.casefold())
        for path in found
    ]
    best = max(marks)
    chosen = [path for path, mark in zip(found, marks, strict=True) if mark == best]
    return chosen[0] if len(chosen) == 1 else None
