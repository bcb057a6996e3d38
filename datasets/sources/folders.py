"""Walk a tree of files, on disk or in an archive, and make items of its media."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from ..errors import Invalid, Problem, _
from ..media import named_kind, page_count
from . import names
from .items import (
    Draft,
    FileMedia,
    Item,
    Opener,
    PageMedia,
    Reject,
    SourceLimits,
    rejected,
    shown,
)
from .tables import is_table
from .words import text_of


@dataclass
class Listing:
    """List one folder: names without their path, sorted; what was refused, with the reason."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    refused: list[tuple[str, Problem]] = field(default_factory=list)
    junk: int = 0


class Tree(Protocol):
    """Give the folders and files below one root; paths are relative, with slashes."""

    def listing(self, folder: str) -> Listing: ...

    def medium(self, path: str) -> Opener | None:
        """Return the medium of a safe relative path, None when it is not there."""


class Folder:
    """Show a folder of the disk as a tree; symbolic links and special files are refused."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def listing(self, folder: str) -> Listing:
        """List one folder, without what operating systems leave behind."""
        found = Listing()
        try:
            scan = os.scandir(self.root / folder)
        except PermissionError:
            found.refused.append(("", Problem("", _("the folder cannot be read"))))
            return found
        with scan as entries:
            for entry in entries:
                if names.is_junk(entry.name):
                    found.junk += 1
                elif entry.is_symlink():
                    found.refused.append((entry.name, Problem("", _("it is a symbolic link"))))
                elif isinstance(safe := names.safe(entry.name.replace("\\", "?")), Problem):
                    found.refused.append((entry.name, safe))
                elif entry.is_dir(follow_symlinks=False):
                    found.folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    found.files.append(entry.name)
                else:
                    problem = Problem("", _("this is not a regular file"))
                    found.refused.append((entry.name, problem))
        found.folders.sort()
        found.files.sort()
        found.refused.sort(key=lambda refused: refused[0])
        return found

    def medium(self, path: str) -> Opener | None:
        """Return a file that is reached through no symbolic link and no hidden folder."""
        place = self.root
        if names.is_junk(path):
            return None
        for part in path.split("/"):
            place = place / part
            if place.is_symlink():
                return None
        return FileMedia(path, place) if place.is_file() else None


class Nowhere:
    """Be the tree around an uploaded list: it has no files beside it."""

    def listing(self, folder: str) -> Listing:
        """List nothing."""
        return Listing()

    def medium(self, path: str) -> Opener | None:
        """Find nothing."""
        return None


def join(folder: str, name: str) -> str:
    """Join a relative folder, '' at the top, and a name."""
    return f"{folder}/{name}" if folder else name


@dataclass(frozen=True)
class Walk:
    """Walk a tree for the media keys of a project: one key, or an image and its template.

    A key of `words` shows what a text says, not the file. With `tables`, these are read
    elsewhere and not counted as files that nobody reads.
    """

    tree: Tree
    keys: tuple[str, ...]
    limits: SourceLimits
    skipped: Counter[str]
    words: frozenset[str] = frozenset()
    tables: bool = False

    def drafts(self, folder: str = "", depth: int = 0) -> Iterator[Draft]:
        """Give the drafts of a folder, then those of its sub-folders."""
        found = self.tree.listing(folder)
        yield from self._refused(folder, found)
        drawn = {name for name in found.files if self._is_drawn(name)}
        media = [name for name in found.files if name in drawn or self._is_medium(name)]
        subfolders = found.folders
        if len(self.keys) == 1:
            for name in media:
                path = join(folder, name)
                if name in drawn:
                    yield from page_drafts(self.keys[0], path, self.tree.medium(path), self.limits)
                else:
                    yield self._item(folder, [path])
        else:
            yield from self._pairs(folder, names.paired(media))
            pair = self._pair_folders(subfolders)
            if pair:
                subfolders = [name for name in subfolders if name not in pair]
                yield from self._sides(folder, pair, depth)
        if depth >= self.limits.depth and subfolders:
            yield rejected(folder, _("folders lie deeper than %(limit)s"), limit=depth)
            return
        for name in subfolders:
            yield from self.drafts(join(folder, name), depth + 1)

    def _refused(self, folder: str, found: Listing) -> Iterator[Draft]:
        if found.junk:
            self.skipped["system files"] += found.junk
        for name, problem in found.refused:
            yield rejected(join(folder, name), problem.message, **problem.values)

    def _is_drawn(self, name: str) -> bool:
        """Tell whether it is a PDF whose pages become pictures."""
        return len(self.keys) == 1 and self.limits.draws_pages and named_kind(name) == "pdf"

    def _is_medium(self, name: str) -> bool:
        kind = named_kind(name)
        if kind in self.limits.kinds and not (len(self.keys) > 1 and kind == "text"):
            return True
        if self.tables and is_table(name):
            return False
        self.skipped["archives inside" if names.is_archive(name) else "other files"] += 1
        return False

    def _pair_folders(self, folders: list[str]) -> tuple[str, str] | None:
        by_name = {name.lower(): name for name in reversed(folders)}
        for image in dict.fromkeys((self.keys[0].lower(), "image", "images")):
            for template in dict.fromkeys((self.keys[1].lower(), "template", "templates")):
                if image in by_name and template in by_name:
                    return by_name[image], by_name[template]
        return None

    def _sides(self, folder: str, sides: tuple[str, str], depth: int) -> Iterator[Draft]:
        """Pair two folders side by side; their own sub-folders are walked as usual."""
        files: list[list[str]] = []
        deeper: list[str] = []
        for side in sides:
            path = join(folder, side)
            found = self.tree.listing(path)
            yield from self._refused(path, found)
            files.append([join(side, name) for name in found.files if self._is_medium(name)])
            deeper += [join(path, name) for name in found.folders]
        yield from self._pairs(folder, names.paired_folders(*files))
        if depth + 1 < self.limits.depth:
            for path in deeper:
                yield from self.drafts(path, depth + 2)

    def _pairs(self, folder: str, pairs: list[tuple[str | None, str | None]]) -> Iterator[Draft]:
        for image, template in pairs:
            if image and template:
                yield self._item(folder, [join(folder, image), join(folder, template)])
            elif image:
                yield rejected(join(folder, image), _("no template found beside it"))
            elif template:
                yield rejected(join(folder, template), _("no image found beside it"))

    def _item(self, folder: str, paths: list[str]) -> Draft:
        openers = [self.tree.medium(path) for path in paths]
        media = {k: o for k, o in zip(self.keys, openers, strict=True) if o is not None}
        if len(media) < len(paths):
            return rejected(paths[0], _("the file cannot be read"))
        name = PurePosixPath(paths[0]).name
        if self.words.issuperset(self.keys):
            return words_draft(self.keys[0], paths[0], openers[0], self.limits, folder)
        data = dict(zip(self.keys, paths, strict=True))
        return lambda number: Item(number, shown(paths[0]), name, data, media, folder)


def tables_of(tree: Tree, depth: int, folder: str = "") -> Iterator[str]:
    """Give the paths of the tables of a tree, of folders down to a depth, in their order."""
    found = tree.listing(folder)
    yield from (join(folder, name) for name in found.files if is_table(name))
    if depth:
        for name in found.folders:
            yield from tables_of(tree, depth - 1, join(folder, name))


def words_draft(
    key: str, path: str, opener: Opener | None, limits: SourceLimits, folder: str = ""
) -> Draft:
    """Return the draft of a task that shows what a text says; the file is read when it is asked."""

    def draft(number: int) -> Item | Reject:
        try:
            if opener is None:
                raise Invalid(_("the file cannot be read"))
            text = text_of(opener, limits)
        except Invalid as problem:
            return rejected(path, problem.message, **problem.values)(number)
        name = PurePosixPath(path).name
        return Item(number, shown(path), name, {key: text}, {}, folder)

    return draft


def page_drafts(
    key: str, path: str, document: Opener | None, limits: SourceLimits
) -> Iterator[Draft]:
    """Give a draft for each page of a PDF, or one reject with the reason why not."""
    try:
        if document is None:
            raise Invalid(_("the file cannot be read"))
        with document.open() as stream:
            count = page_count(stream, limits.media)
    except Invalid as problem:
        yield rejected(path, problem.message, **problem.values)
        return
    stem = PurePosixPath(path).stem
    for number in range(1, count + 1):
        name = f"{stem}-{number:0{len(str(count))}d}.png"
        yield _page(key, path, PageMedia(name, document, number, limits.media), number)


def _page(key: str, path: str, medium: PageMedia, page: int) -> Draft:
    media: dict[str, Opener] = {key: medium}
    place = f"{shown(path)}, page {page}"
    return lambda number: Item(number, place, medium.name, {key: medium.name}, media, path)


def check_keys(keys: tuple[str, ...]) -> None:
    """Refuse configs whose media cannot be told apart by file names."""
    if len(keys) not in (1, 2):
        raise Invalid(
            _("files can fill one or two data keys, not %(count)s; bring a task list"),
            count=len(keys),
        )
