"""Put what a feed brings where it goes: into a library as assets, or into a project as tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy.orm import Session

from ...datasets import collection, errors, holdings, labelled, libraries, media, sources
from ...datasets.collection import Prepared
from ...datasets.errors import Problem, _
from ...datasets.feeds import Feed, references
from ...datasets.feeds.references import Referred
from ...datasets.installation import Installation
from ...datasets.libraries import AssetDraft, Library, PreparedAsset
from ...datasets.people import User
from ...datasets.projects import Project
from .sparing import SparingStore

REMEMBERED_MEDIA = 20_000
LONGEST_PLACE = 500  # characters
LONGEST_ETAG = 200  # characters that are remembered
Ready = PreparedAsset | Prepared
_Found = TypeVar("_Found", AssetDraft, sources.Item)


@dataclass(frozen=True)
class Origin:
    """Where a thing comes from: its key there, and what the place's list says of it.

    `etag` and `digest` are of the object as a whole, where it is one that can be read again.
    """

    key: str
    about: dict[str, str]
    etag: str | None = None
    digest: str | None = None

    @property
    def can_be_referred_to(self) -> bool:
        """Tell whether exactly this form of the object can be asked for later."""
        return bool(self.digest and self.etag and len(self.etag) <= LONGEST_ETAG)


# Gives the origin of the things of a file, by their numbers in it.
Origins = Callable[[int], Origin]


class Destination(Protocol):
    """Where things go."""

    def things(
        self,
        path: Path,
        name: str,
        base: int,
        start_after: int,
        origin: Origins,
        *,
        rows: bool = False,
    ) -> Iterator[Ready | sources.Reject]:
        """Take a file apart and prepare what is in it, numbered on from `base`.

        Those up to `start_after` are passed over. `rows`: the file is lines that were made here.
        """

    def write(
        self, session: Session, job_id: str, batch: list[Any], rejects: Sequence[sources.Reject]
    ) -> int:
        """Write a batch in this transaction; return how many things are new."""

    def withdraw(self, session: Session, keys: Sequence[str]) -> int:
        """Withdraw what came under these keys; return how many things."""


@dataclass
class LibraryDestination:
    """A library: things become assets, and can be withdrawn.

    Of a feed that refers, an object that is an asset as a whole is not stored: where it is
    read is written down in its stead. What is made of it, or taken out of it, is stored.
    """

    installation: Installation
    actor: User
    library: Library
    feed: Feed
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Objects that are referred to, by their keys: those whose things are not written yet.
    _spared: dict[str, Origin] = field(default_factory=dict)
    _current: str = ""

    def things(
        self,
        path: Path,
        name: str,
        base: int,
        start_after: int,
        origin: Origins,
        *,
        rows: bool = False,
    ) -> Iterator[Ready | sources.Reject]:
        """Give the assets of a file."""
        settings = self.installation.settings
        drafts = libraries.expand(
            path,
            library=self.library,
            limits=libraries.source_limits(settings),
            name=name,
            start_after=start_after,
        )
        limits = collection.media_limits(settings)

        def ready(draft: AssetDraft, told: Origin) -> Ready | sources.Reject:
            return self._ready(_placed(draft, base, told), told, limits)

        return _made_ready(drafts, base, origin, ready)

    def _ready(
        self, draft: AssetDraft, told: Origin, limits: media.MediaLimits
    ) -> PreparedAsset | sources.Reject:
        store = self.installation.store
        if self.feed.is_by_reference and told.can_be_referred_to:
            self._spared[told.key], self._current = told, told.key
            # What is known of other bytes says that they are stored: not so of these.
            return libraries.prepare(SparingStore(store, str(told.digest)), draft, limits, {})
        _bound(self._known)
        return libraries.prepare(store, draft, limits, self._known)

    def write(
        self, session: Session, job_id: str, batch: list[Any], rejects: Sequence[sources.Reject]
    ) -> int:
        """Write assets; what is only referred to takes nothing of the quota."""
        referred = {each.source_key: each for each in batch if self._is_spared(each)}
        size = sum(each.size for each in batch if not self._is_spared(each))
        made = libraries.write(
            session, self.actor, self.library, job_id, batch, rejects, feed_id=self.feed.id
        )
        # After the library's row, which withdrawing locks as well: one order for all.
        settings = self.installation.settings
        holdings.take(session, settings, self.library.organisation_id, size)
        if referred:
            self._refer(session, list(referred.values()))
        # The object that is being taken apart may not have come to its end.
        self._spared = {k: told for k, told in self._spared.items() if k == self._current}
        return len(made)

    def _is_spared(self, each: PreparedAsset) -> bool:
        told = self._spared.get(each.source_key or "")
        return told is not None and each.media is not None and each.digest == told.digest

    def _refer(self, session: Session, batch: Sequence[PreparedAsset]) -> None:
        rows = []
        for each in batch:
            told = self._spared[each.source_key or ""]
            rows.append(Referred(told.key, str(told.etag), each.digest, each.size))
        references.refer(session, self.feed.id, rows)

    def withdraw(self, session: Session, keys: Sequence[str]) -> int:
        """Withdraw assets; nothing is referred to for them any more."""
        if self.feed.is_by_reference:
            references.withdraw(session, self.feed.id, keys)
        return libraries.withdraw(session, self.library, self.feed.id, keys)


@dataclass
class ProjectDestination:
    """A project: things become tasks, which stay."""

    installation: Installation
    actor: User
    project: Project
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def things(
        self,
        path: Path,
        name: str,
        base: int,
        start_after: int,
        origin: Origins,
        *,
        rows: bool = False,
    ) -> Iterator[Ready | sources.Reject]:
        """Give the tasks of a file, whose rows are checked against the config."""
        settings, project = self.installation.settings, self.project
        limits, store = collection.media_limits(settings), self.installation.store
        items = labelled.read(
            path,
            project=project,
            limits=collection.source_limits(settings, project),
            media_limits=limits,
            # Rows are data as they are; a file is read with the labels that are in it.
            format="tasks" if rows else "auto",
            start_after=start_after,
            name=name,
        )

        def ready(item: sources.Item, told: Origin) -> Ready | sources.Reject:
            place = _place(told.key, item.place)
            numbered = replace(item, number=base + item.number, place=place)
            _bound(self._known)
            return collection.prepare(store, project, numbered, limits, self._known)

        return _made_ready(items, base, origin, ready)

    def write(
        self, session: Session, job_id: str, batch: list[Any], rejects: Sequence[sources.Reject]
    ) -> int:
        """Write tasks."""
        size = collection.media_size(batch)
        settings = self.installation.settings
        holdings.take(session, settings, self.project.organisation_id, size)
        made = collection.write(session, self.actor, self.project, job_id, batch, rejects)
        return len(made)

    def withdraw(self, session: Session, keys: Sequence[str]) -> int:
        """Do nothing: tasks that were made stay."""
        return 0


def _made_ready(
    found: Iterable[_Found | sources.Reject],
    base: int,
    origin: Origins,
    ready: Callable[[_Found, Origin], Ready | sources.Reject],
) -> Iterator[Ready | sources.Reject]:
    for each in found:
        told = origin(each.number)
        if isinstance(each, sources.Reject):
            yield _rejected(each, base, told)
        else:
            yield ready(each, told)


def _bound(known: dict[str, dict[str, Any]]) -> None:
    if len(known) > REMEMBERED_MEDIA:
        known.clear()


def reject_of(number: int, key: str, problem: errors.JinbiaoError) -> sources.Reject:
    """Return the line of the reject file for an object that could not be brought."""
    first = problem.problems[0] if problem.problems else None
    reason = first or Problem(problem.place, problem.message, problem.values)
    return sources.Reject(number, sources.items.shown(key), reason)


def nothing_in_it() -> errors.Invalid:
    """Return what is said of a file that holds nothing for here."""
    return errors.Invalid(_("there is nothing in it that can be brought here"))


def _placed(draft: AssetDraft, base: int, told: Origin) -> AssetDraft:
    facts = {**draft.facts, "source": told.about} if told.about else draft.facts
    return replace(
        draft,
        number=base + draft.number,
        place=_place(told.key, draft.place),
        facts=facts,
        source_key=told.key,
    )


def _rejected(reject: sources.Reject, base: int, told: Origin) -> sources.Reject:
    place = _place(told.key, reject.place)
    return sources.Reject(base + reject.number, place, reject.reason, row=reject.row)


def _place(key: str, inside: str) -> str:
    """Return the key, and the place inside it where that says more."""
    whole = key if not inside or key.endswith(inside) else f"{key}: {inside}"
    return sources.items.shown(whole[-LONGEST_PLACE:])
