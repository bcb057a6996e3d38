"""Iterate what a person brings in, lazily and at constant memory.

A folder, a ZIP archive, one media file, a PDF whose pages become pictures, a table (`.csv`,
`.tsv`, `.xlsx`), lines of text (`.txt`), or a task list (`.json`, `.jsonl`); an archive or a
folder with `tasks.json` or `tasks.jsonl` at its top is that list with its media, and where tasks
have words, the tables in it are read too, with the files that they name. Numbers are the
same in every run over the same input, so that an interrupted run can go on. Nothing is ever
fetched from a network and nothing is unpacked under a name that came from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import Invalid, NotFound, Problem, _
from ..media import named_kind
from . import names
from .archives import Archive
from .folders import (
    Folder,
    Nowhere,
    Tree,
    Walk,
    check_keys,
    join,
    page_drafts,
    tables_of,
    words_draft,
)
from .items import (
    BytesMedia,
    Draft,
    FileMedia,
    Item,
    Opener,
    Reject,
    SourceLimits,
    refused,
    rejected,
    row_of,
    shown,
)
from .lists import TaskList
from .tables import is_table, lines, rows
from .unpacked import Unpacked

__all__ = [
    "BytesMedia",
    "FileMedia",
    "Item",
    "Opener",
    "Reject",
    "SourceLimits",
    "is_table",
    "lines",
    "read",
    "row_of",
    "rows",
]

_LISTS = ("tasks.json", "tasks.jsonl")


def read(
    path: Path,
    *,
    keys: tuple[str, ...],
    limits: SourceLimits,
    start_after: int = 0,
    media_keys: tuple[str, ...] | None = None,
    word_keys: tuple[str, ...] = (),
    skipped: Counter[str] | None = None,
    name: str = "",
    notes: list[Problem] | None = None,
) -> Iterator[Item | Reject]:
    """Give items and rejects, numbered from 1; those up to `start_after` are passed over unread.

    `keys` are the data keys of the label config in order; `media_keys` those of them that name
    media (all, unless told), the others are taken as they are from a task list; `word_keys` those
    that show what a text says, so that a text file is read and not linked. `name` is the file's
    own name when `path` is a temporary one; a list then has no files beside it. `skipped` counts
    what is no medium; `notes` gets what a person should know (encoding, sheet). Raises Invalid or
    TooLarge when the source as a whole cannot be read. Media of an item stay openable after the
    iteration.
    """
    media = frozenset(keys if media_keys is None else media_keys)
    counted: Counter[str] = Counter() if skipped is None else skipped
    told: list[Problem] = [] if notes is None else notes
    words = frozenset(word_keys)
    source = _Source(path, name or path.name, keys, media, words, limits, counted, told)
    for number, draft in enumerate(source.drafts(), 1):
        if number > start_after:
            yield draft(number)


class _Source:
    """Find out what a path is and give its drafts."""

    def __init__(
        self,
        path: Path,
        name: str,
        keys: tuple[str, ...],
        media_keys: frozenset[str],
        word_keys: frozenset[str],
        limits: SourceLimits,
        skipped: Counter[str],
        notes: list[Problem],
    ) -> None:
        self.notes = notes
        self.path, self.name, self.keys, self.limits = path, name, keys, limits
        self.media_keys, self.word_keys, self.skipped = media_keys, word_keys, skipped

    def drafts(self) -> Iterator[Draft]:
        """Give the drafts of the folder, archive, list or single file."""
        if self.path.is_dir():
            return self._tree(Unpacked(self.path, self.limits))
        if not self.path.is_file():
            raise NotFound(_("there is no file %(name)s"), name=shown(self.name))
        suffix = PurePosixPath(self.name.lower()).suffix
        if suffix == ".zip":
            return self._tree(Archive(self.path, self.limits))
        if suffix in (".json", ".jsonl", ".ndjson"):
            opener = FileMedia(self.name, self.path.resolve())
            # A temporary file lies among those of other people: nothing beside it belongs to it.
            beside = Folder(self.path.parent) if self.name == self.path.name else Nowhere()
            return self._list(beside, "", opener, by_line=suffix != ".json")
        if is_table(self.name) or (suffix == ".txt" and self._text_key() is not None):
            return self._table(suffix)
        if names.is_archive(self.name):
            raise Invalid(_("of archives only ZIP is read; pack the files as ZIP"))
        kind = named_kind(self.name)
        if kind == "pdf" and self.limits.draws_pages and len(self.keys) == 1:
            document = FileMedia(self.name, self.path.resolve())
            return page_drafts(self.keys[0], self.name, document, self.limits)
        if kind in self.limits.kinds:
            return self._single()
        raise Invalid(_("%(name)s is no kind of file that is read here"), name=shown(self.name))

    def _text_key(self) -> str | None:
        """Return the first key whose value is words, not a medium."""
        return next((key for key in self.keys if key not in self.media_keys), None)

    def _table(self, suffix: str) -> Iterator[Draft]:
        tasks = TaskList(Nowhere(), "", self.keys, self.media_keys, self.limits)
        with self.path.open("rb") as stream:
            if suffix == ".txt":
                key = self._text_key() or ""
                for number, line in lines(stream):
                    place = f"line {number}"
                    if isinstance(line, Invalid):
                        yield rejected(place, line.message, **line.values)
                    else:
                        yield tasks.draft(place, {key: line})
                return
            yield from self._rows(tasks, stream, self.name, "")

    def _rows(self, tasks: TaskList, stream: BinaryIO, name: str, before: str) -> Iterator[Draft]:
        """Give a draft for each row of a table; `before` stands before its line in the place."""
        for number, row in rows(stream, name, notes=self.notes):
            place = f"{before}line {number}"
            if isinstance(row, Invalid):
                yield refused(place, row)
            else:
                yield tasks.draft(place, dict(row))

    def _single(self) -> Iterator[Draft]:
        check_keys(self.keys)
        if len(self.keys) > 1:
            yield rejected(self.name, _("no template found beside it"))
            return
        key, name = self.keys[0], self.name
        if key in self.word_keys:
            yield words_draft(key, name, FileMedia(name, self.path.resolve()), self.limits)
            return
        media: dict[str, Opener] = {key: FileMedia(name, self.path.resolve())}
        yield lambda number: Item(number, shown(name), name, {key: name}, media)

    def _tree(self, tree: Tree) -> Iterator[Draft]:
        found = _list_in(tree)
        tables = []
        if found is None and self._text_key() is not None:
            # Where a task has words, it may be a row; where it has none, it is a file.
            tables = list(tables_of(tree, self.limits.depth))
        if found is None and (len(self.keys) == 1 or not tables):
            check_keys(self.keys)
            walk = Walk(tree, self.keys, self.limits, self.skipped, self.word_keys, bool(tables))
            yield from walk.drafts()
        else:
            yield from self._refused(tree)
        for path in tables:
            yield from self._table_in(tree, path)
        if found is None:
            return
        folder, _slash, last = found.rpartition("/")
        opener = tree.medium(found)
        if opener is None:
            raise Invalid(_("the file cannot be read"), place=found)
        yield from self._list(tree, folder, opener, by_line=last.lower().endswith("l"))

    def _refused(self, tree: Tree) -> Iterator[Draft]:
        """Tell what is refused at the top of a tree of which a list or table says what is read."""
        top = tree.listing("")
        if top.junk:
            self.skipped["system files"] += top.junk
        for place, problem in top.refused:
            yield rejected(place, problem.message, **problem.values)

    def _table_in(self, tree: Tree, path: str) -> Iterator[Draft]:
        """Read a table of a tree; files that it names lie beside it."""
        folder = path.rpartition("/")[0]
        tasks = TaskList(tree, folder, self.keys, self.media_keys, self.limits)
        try:
            opener = tree.medium(path)
            if opener is None:
                raise Invalid(_("the file cannot be read"))
            with opener.open() as stream:
                yield from self._rows(tasks, stream, path, f"{shown(path)}: ")
        except Invalid as problem:
            # One table that makes no sense costs no other file.
            yield rejected(path, problem.message, **problem.values)

    def _list(self, tree: Tree, folder: str, opener: Opener, by_line: bool) -> Iterator[Draft]:
        tasks = TaskList(tree, folder, self.keys, self.media_keys, self.limits)
        with opener.open() as stream:
            yield from tasks.drafts(stream, by_line)


def _list_in(tree: Tree) -> str | None:
    """Return the task list at the top of a tree, or in the only folder at its top."""
    top = tree.listing("")
    folder = "" if top.files or len(top.folders) != 1 else top.folders[0]
    lists = [name for name in tree.listing(folder).files if name.lower() in _LISTS]
    if len(lists) > 1:
        raise Invalid(_("there are two task lists: %(names)s"), names=", ".join(lists))
    return join(folder, lists[0]) if lists else None
