"""Keep in memory, for a moment, which files are open to everybody and where they lie.

Five thousand small files would otherwise be five thousand times the same questions to the
database. What is kept says nothing by itself: a keeper asks the database again twice a
second, and what was not confirmed within `GOOD_FOR` is not used, so a dataset that is closed
or a record that is withdrawn is gone from here a moment later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa

from ..datasets import catalogue, downloads, errors, tombstones
from ..datasets.catalogue import OpenRelease
from ..datasets.installation import Installation

log = logging.getLogger("jinbiao.server")

Key = tuple[str, str, str]  # organisation, name, revision

GOOD_FOR = 1.5  # seconds after the database was asked
LOOK_EVERY = 0.5
KEPT_FOR = 60.0  # seconds after the last use
MOST_FILES = 200_000  # of all releases held
MOST_WANTED = 64


@dataclass
class _Held:
    release: OpenRelease
    files: dict[str, tuple[str, int]]
    good_until: float
    used_at: float


@dataclass(frozen=True)
class OpenFile:
    """One file that may be sent to whoever asks."""

    release: OpenRelease
    digest: str
    size: int


@dataclass
class Shelf:
    """The releases that are held, kept by a thread of their own."""

    installation: Installation
    _held: dict[Key, _Held] = field(default_factory=dict)
    _wanted: set[Key] = field(default_factory=set)
    _counts: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start the keeper."""
        threading.Thread(target=self._keep, name="open-files", daemon=True).start()

    def find(self, key: Key, path: str) -> OpenFile | None:
        """Return a file if it is known now to be open to everybody; None says nothing."""
        held, at = self._held.get(key), time.monotonic()
        if held is None or held.good_until < at:
            if len(self._wanted) < MOST_WANTED:
                self._wanted.add(key)
                self._wake.set()
            return None
        held.used_at = at
        found = held.files.get(path)
        return None if found is None else OpenFile(held.release, *found)

    def count(self, release: OpenRelease, address: str) -> None:
        """Count a download by somebody without a name; it is written down within a second."""
        with self._lock:
            self._counts[release.dataset_id, release.release_id, address] += 1

    def refresh(self) -> None:
        """Ask the database about what is held and wanted, and write the counts down."""
        at = time.monotonic()
        wanted, self._wanted = self._wanted, set()
        old = {key: held for key, held in self._held.items() if held.used_at > at - KEPT_FOR}
        self._held = self._confirmed(old, wanted - set(old), at) if old or wanted else {}
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if counts:
            self._write(counts)

    def _confirmed(self, old: dict[Key, _Held], new: set[Key], at: float) -> dict[Key, _Held]:
        kept: dict[Key, _Held] = {}
        with self.installation.database.read() as session:
            open_now = catalogue.open_releases(session, [*old, *new])
            gone = tombstones.of_releases(
                session, {release.release_id for release in open_now.values()}
            )
            room = MOST_FILES
            for key, release in open_now.items():
                held = old.get(key)
                if held is not None and held.release == release:
                    files: dict[str, tuple[str, int]] | None = held.files
                else:
                    files = catalogue.file_digests(session, release.release_id, most=room)
                if files is None or len(files) > room:
                    continue
                withheld = gone.get(release.release_id, frozenset())
                if withheld & files.keys():
                    files = {path: files[path] for path in files if path not in withheld}
                room -= len(files)
                used = at if held is None else held.used_at
                kept[key] = _Held(release, files, at + GOOD_FOR, used)
        return kept

    def _write(self, counts: Counter[tuple[int, int, str]]) -> None:
        with self.installation.database.write() as session:
            for (dataset_id, release_id, address), times in counts.items():
                downloads.note(
                    session,
                    dataset_id=dataset_id,
                    release_id=release_id,
                    path="",
                    visitor=None,
                    address=address,
                    client="hub",
                    times=times,
                )

    def _keep(self) -> None:
        while True:
            # Asleep while nobody downloads.
            self._wake.wait(LOOK_EVERY if self._held or self._counts else None)
            self._wake.clear()
            try:
                self.refresh()
            except (sa.exc.SQLAlchemyError, errors.JinbiaoError):
                log.warning("open files could not be looked up", exc_info=True)
                self._held = {}
                time.sleep(LOOK_EVERY)
