"""Take apart what a person brings into a library: files, folders, archives, rows, pages.

Numbers are the same in every run over the same input, so that an interrupted run can go on.
Nothing is fetched and nothing is unpacked under a name that came from outside. A file that
cannot be read is a reject; the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import Invalid, NotFound, Problem, TooLarge, _
from ..media import named_kind, page_count
from ..sources import FileMedia, Item, Opener, Reject, SourceLimits, is_table, lines, names, rows
from ..sources.archives import Archive
from ..sources.folders import Nowhere, Tree, join
from ..sources.items import PageMedia, refused, shown
from ..sources.lists import TaskList
from ..sources.unpacked import Unpacked
from .drafts import AssetDraft, of_row, text_column
from .rows import MIXED, AssetKind, Library

# What a source gives: called with the number it has, so that skipped ones cost nothing.
_Draft = Callable[[int], AssetDraft | Reject]

_ROW_LISTS = (".json", ".jsonl", ".ndjson")
_PARQUET = ".parquet"
_LONGEST_DOCUMENT = 480  # characters of its name in that of a page
_MEDIA = {"image": AssetKind.IMAGE, "audio": AssetKind.AUDIO, "video": AssetKind.VIDEO}


def expand(
    path: Path,
    *,
    library: Library,
    limits: SourceLimits,
    name: str = "",
    start_after: int = 0,
    skipped: Counter[str] | None = None,
    each_line: bool = False,
) -> Iterator[AssetDraft | Reject]:
    """Give drafts and rejects, numbered from 1; those up to `start_after` are passed over unread.

    `name` is the file's own name when `path` is a temporary one; it may hold the folders that
    it lay in. A text file is one text, or with `each_line` a text a line. `skipped` counts what
    the library does not hold. Openers stay usable after the iteration.

    Raises:
        errors.NotFound: there is nothing at the path.
        errors.Invalid, errors.TooLarge: the source as a whole cannot be read.
    """
    counted: Counter[str] = Counter() if skipped is None else skipped
    expansion = _Expansion(library, limits, each_line, counted)
    for number, draft in enumerate(expansion.drafts(path, name or path.name), 1):
        if number > start_after:
            yield draft(number)


@dataclass(frozen=True)
class _Expansion:
    """Find out what each file is and give its drafts."""

    library: Library
    limits: SourceLimits
    each_line: bool
    skipped: Counter[str]

    def drafts(self, path: Path, name: str) -> Iterator[_Draft]:
        """Give the drafts of a folder, an archive or a single file."""
        if path.is_dir():
            return self._tree(Unpacked(path, self.limits), "", 0)
        if not path.is_file():
            raise NotFound(_("there is no file %(name)s"), name=shown(name))
        if name.lower().endswith(".zip"):
            return self._tree(Archive(path, self.limits), "", 0)
        if names.is_archive(name):
            raise Invalid(_("of archives only ZIP is read; pack the files as ZIP"))
        found = self._file(FileMedia(name, path.resolve()), name)
        if found is None:
            message = _("%(name)s is no kind of file that this library holds")
            raise Invalid(message, name=shown(name))
        return found

    def _tree(self, tree: Tree, folder: str, depth: int) -> Iterator[_Draft]:
        listing = tree.listing(folder)
        if listing.junk:
            self.skipped["system files"] += listing.junk
        for name, problem in listing.refused:
            yield _rejected(join(folder, name), problem)
        for name in listing.files:
            place = join(folder, name)
            opener = tree.medium(place)
            if opener is None:
                yield _rejected(place, Problem("", _("the file cannot be read")))
                continue
            found = self._file(opener, place)
            if found is None:
                self.skipped["archives inside" if names.is_archive(name) else "other files"] += 1
            else:
                yield from found
        if depth >= self.limits.depth and listing.folders:
            message = _("folders lie deeper than %(limit)s")
            yield _rejected(folder, Problem("", message, {"limit": depth}))
            return
        for name in listing.folders:
            yield from self._tree(tree, join(folder, name), depth + 1)

    def _takes(self, kind: AssetKind) -> bool:
        return self.library.kind in (MIXED, kind)

    def _file(self, opener: Opener, place: str) -> Iterator[_Draft] | None:
        """Give the drafts of one file by its name; None when the library does not hold such."""
        suffix = PurePosixPath(place.lower()).suffix
        takes_text = self._takes(AssetKind.TEXT)
        if suffix in _ROW_LISTS:
            by_line = suffix != ".json"
            return (
                self._guarded(place, self._listed(opener, place, by_line)) if takes_text else None
            )
        if suffix == _PARQUET:
            return self._whole(opener, place, AssetKind.TABLE)
        if is_table(place):
            return self._table(opener, place)
        kind = named_kind(place)
        if kind == "text":
            if not takes_text:
                return None
            if self.each_line:
                return self._guarded(place, self._lines(opener, place))
            return self._whole(opener, place, AssetKind.TEXT)
        if kind == "pdf":
            return self._document(opener, place)
        return self._whole(opener, place, _MEDIA[kind]) if kind in _MEDIA else None

    def _whole(self, opener: Opener, place: str, kind: AssetKind) -> Iterator[_Draft] | None:
        if not self._takes(kind):
            return None
        name = shown(place)
        return iter(
            [lambda number: AssetDraft(number, name, kind, name, opener=opener, source_key=place)]
        )

    def _document(self, opener: Opener, place: str) -> Iterator[_Draft] | None:
        """Give a PDF whole, then its pages as pictures; to a library of pictures these only.

        One with too many pages is still kept whole; one that cannot be opened is a reject.
        """
        keeps = self._takes(AssetKind.DOCUMENT)
        if not keeps and not self._takes(AssetKind.IMAGE):
            return None
        return self._paged(opener, place, keeps)

    def _paged(self, opener: Opener, place: str, keeps: bool) -> Iterator[_Draft]:
        count, refused = 0, None
        try:
            with opener.open() as stream:
                count = page_count(stream, self.limits.media)
        except Invalid as problem:
            refused = problem
        if keeps and (refused is None or isinstance(refused, TooLarge)):
            yield _document_draft(opener, place, count)
        if refused is not None:
            yield _rejected(place, _as_problem(refused))
        for number in range(1, count + 1):
            yield _page_draft(PageMedia(f"{number}.png", opener, number, self.limits.media), place)

    def _table(self, opener: Opener, place: str) -> Iterator[_Draft] | None:
        """Give a table whole to a library of tables, its rows to others that hold texts.

        Where nobody has said which column is the text and none is likely to be, a library
        that holds anything takes it whole as well.
        """
        if self.library.kind == AssetKind.TABLE:
            return self._whole(opener, place, AssetKind.TABLE)
        if not self._takes(AssetKind.TEXT):
            return None
        if self.library.kind == MIXED and self.library.text_key is None:
            try:
                if not self._has_text(opener, place):
                    return self._whole(opener, place, AssetKind.TABLE)
            except Invalid as problem:
                return iter([_rejected(place, _as_problem(problem))])
        return self._guarded(place, self._rows(opener, place))

    def _has_text(self, opener: Opener, place: str) -> bool:
        with opener.open() as stream:
            for _line, row in rows(stream, place):
                if not isinstance(row, Invalid):
                    return text_column(self.library, row) is not None
        return True

    def _rows(self, opener: Opener, place: str) -> Iterator[_Draft]:
        with opener.open() as stream:
            for line, row in rows(stream, place):
                where = _where(place, line)
                if isinstance(row, Invalid):
                    yield refused(where, row)
                else:
                    yield self._row(where, _called(place, line), row)

    def _listed(self, opener: Opener, place: str, by_line: bool) -> Iterator[_Draft]:
        listed = TaskList(Nowhere(), "", (), frozenset(), self.limits)
        with opener.open() as stream:
            for draft in listed.drafts(stream, by_line):
                yield self._item(place, draft)

    def _lines(self, opener: Opener, place: str) -> Iterator[_Draft]:
        with opener.open() as stream:
            for line, text in lines(stream):
                where = _where(place, line)
                if isinstance(text, Invalid):
                    yield _rejected(where, _as_problem(text))
                else:
                    yield _line_draft(where, _called(place, line), text)

    def _row(self, where: str, name: str, row: dict[str, str]) -> _Draft:
        return lambda number: of_row(self.library, number, where, row, name=name)

    def _item(self, place: str, draft: Callable[[int], Item | Reject]) -> _Draft:
        def made(number: int) -> AssetDraft | Reject:
            item = draft(number)
            where = f"{shown(place)}: {item.place}"
            if isinstance(item, Reject):
                return replace(item, place=where)
            name = _called(place, item.place.rpartition(" ")[2])
            return of_row(self.library, number, where, item.data, name=name)

        return made

    def _guarded(self, place: str, found: Iterator[_Draft]) -> Iterator[_Draft]:
        """Give what is good of a file, and at its first unreadable place a reject."""
        try:
            yield from found
        except Invalid as problem:
            yield _rejected(place, _as_problem(problem))


def _line_draft(where: str, name: str, text: str) -> _Draft:
    return lambda number: AssetDraft(
        number, where, AssetKind.TEXT, name, text=text, source_key=where, origin=text
    )


def _document_draft(opener: Opener, place: str, pages: int) -> _Draft:
    name, facts = shown(place), {"pages": pages} if pages else {}
    return lambda number: AssetDraft(
        number, name, AssetKind.DOCUMENT, name, opener=opener, facts=facts, source_key=place
    )


def _page_draft(page: PageMedia, place: str) -> _Draft:
    """Name a page by its document, under whose key a feed finds it again."""
    document = shown(place)
    name = f"{document[-_LONGEST_DOCUMENT:]} · {page.number}"
    return lambda number: AssetDraft(
        number,
        f"{document}: page {page.number}",
        AssetKind.IMAGE,
        name,
        opener=page,
        facts={"document": document, "page": page.number},
        source_key=place,
    )


def _called(place: str, line: int | str) -> str:
    """Name a row in no language: the file and its number."""
    return f"{shown(place)}:{line}"


def _where(place: str, line: int) -> str:
    return f"{shown(place)}: line {line}"


def _rejected(place: str, problem: Problem) -> _Draft:
    where = shown(place)
    return lambda number: Reject(number, where, problem)


def _as_problem(problem: Invalid) -> Problem:
    values: dict[str, Any] = dict(problem.values)
    return Problem(problem.place, problem.message, values)
