"""Send a release to a hub: what is there already stays, the rest goes in commits of its own.

The hub itself is asked what it has, so a killed push goes on where it was, and a push of what
is there changes nothing. The card comes with the last commit: a reader never finds it before
the files that it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import quote

from ..datasets import errors, pushes
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.pushes import Figures, Push
from ..datasets.storage import ObjectStore
from .hub_protocol import MOST_FILES, Entry, Hub
from .outgoing import Remote
from .work import Work

TOGETHER = 4  # files at a time
CARD = "README.md"
# Hubs make these by themselves.
THEIRS = frozenset({".gitattributes"})
# A larger one that is not kept as a large file there is sent again rather than read here.
LARGEST_COMPARED = 64 * 1024**2


def send(
    work: Work,
    remote: Remote,
    push: Push,
    *,
    title: str,
    tag: str,
    private: bool,
    files: Sequence[WrittenFile],
    withheld: frozenset[str],
) -> Figures:
    """Bring the repository to exactly these files, without those withheld, and tag it.

    Raises:
        errors.Refused: it is somebody else's, or has that tag on something else.
    """
    hub = Hub(remote, work.installation.store, push.remote_name)
    wanted = {file.path: file for file in files if file.path not in withheld}
    head, tags = _opened(work, hub, push, private)
    store = work.installation.store
    if tag in tags:
        _check_tag(hub, store, tag, wanted, withheld)
    there = hub.tree(head) if head else {}
    missing = [file for file in wanted.values() if not _same(store, file, there.get(file.path))]
    gone = sorted(set(there) - set(wanted) - THEIRS)
    _show(work, len(wanted) - len(missing), len(wanted))
    commit, is_changed = head, False
    for part in _parts(work, hub, push, missing, gone, len(wanted)):
        summary = f"{title} {tag}" if part.is_last else f"{title} {tag} ({part.number})"
        made = hub.commit(summary, commit, part.small, part.large, part.gone)
        is_changed, commit = True, made or None
        _note(work, push, part.small)
        _show(work, len(wanted) - len(missing) + part.until, len(wanted))
    if commit is None:
        commit = hub.refs()[0]
    if tag not in tags and commit:
        hub.tag(tag, commit)
        is_changed = True
    return Figures(
        files=len(wanted),
        size=sum(file.size for file in wanted.values()),
        withheld=len(files) - len(wanted),
        removed=len(gone),
        address=f"{remote.base}/datasets/{quote(push.remote_name)}/tree/{quote(tag, safe='')}",
        commit=tags.get(tag) or commit,
        tag=tag,
        has_changed=is_changed,
    )


class _Part:
    """One commit: files that travel inside it, large ones that are there, deletions."""

    def __init__(self, number: int, files: Sequence[WrittenFile], until: int) -> None:
        self.number, self.files, self.until = number, files, until
        self.small: list[WrittenFile] = []
        self.large: list[WrittenFile] = []
        self.gone: Sequence[str] = ()
        self.is_last = False


def _opened(work: Work, hub: Hub, push: Push, private: bool) -> tuple[str | None, dict[str, str]]:
    """Return head and tags of the repository, made now if it is not there.

    Raises:
        errors.Refused: it is there and was not made from here.
    """
    is_made = not hub.exists(private) and hub.create(private)
    head, tags = hub.refs()
    with work.installation.database.read() as session:
        is_ours = pushes.is_ours(session, push)
    if not is_ours:
        is_empty = not tags and (head is None or set(hub.tree(head)) <= THEIRS)
        if not (is_made or is_empty):
            raise errors.Refused(
                _("“%(name)s” is there already and was not sent from here: it is left alone"),
                name=hub.repository,
            )
        with work.installation.database.write() as session:
            pushes.claim(session, push.id)
    return head, tags


def _check_tag(
    hub: Hub,
    store: ObjectStore,
    tag: str,
    wanted: Mapping[str, WrittenFile],
    withheld: frozenset[str],
) -> None:
    """Refuse to send a version whose tag stands for something else there."""
    found = hub.tree(tag)
    strange = set(found) - set(wanted) - withheld - THEIRS
    if strange or any(not _same(store, file, found.get(path)) for path, file in wanted.items()):
        raise errors.Refused(_("the tag %(tag)s stands for other files there"), tag=tag)


def _parts(
    work: Work,
    hub: Hub,
    push: Push,
    missing: Sequence[WrittenFile],
    gone: Sequence[str],
    total: int,
) -> Iterator[_Part]:
    """Bring the bytes of large files there, and give one commit after another."""
    card = [file for file in missing if file.path == CARD]
    if card:
        with hub.store.open(card[0].digest) as stream:
            hub.check_card(stream.read().decode("utf-8", "replace"))
    rest = [file for file in missing if file.path != CARD]
    ordered = [*rest, *card]
    starts = range(0, len(ordered), MOST_FILES) if ordered else range(bool(gone))
    for number, start in enumerate(starts, 1):
        files = ordered[start : start + MOST_FILES]
        part = _Part(number, files, start + len(files))
        modes = hub.modes(files) if files else {}
        part.large = [file for file in files if modes[file.path]]
        part.small = [file for file in files if not modes[file.path]]
        _upload(work, hub, push, part.large, total - len(ordered) + start, total)
        part.is_last = start + MOST_FILES >= len(ordered)
        part.gone = gone if part.is_last else ()
        yield part


def _upload(
    work: Work, hub: Hub, push: Push, files: Sequence[WrittenFile], before: int, total: int
) -> None:
    """Send the bytes of large files that are not there, several at a time."""
    actions = hub.wanted(files) if files else {}
    waiting = {file.digest: file for file in files if file.digest in actions}
    with ThreadPoolExecutor(TOGETHER, thread_name_prefix="push") as pool:
        running: dict[Future[None], WrittenFile] = {}
        try:
            done = 0
            for file in [*waiting.values(), None]:
                if file is not None:
                    running[pool.submit(_one, hub, file, actions[file.digest])] = file
                while running and (file is None or len(running) >= TOGETHER):
                    ready, _rest = wait(running, return_when=FIRST_COMPLETED)
                    arrived = [running.pop(each) for each in ready if each.result() is None]
                    _note(work, push, arrived)
                    done += len(arrived)
                    _show(work, before + done, total)
        except BaseException:
            for future in running:
                future.cancel()
            raise


def _one(hub: Hub, file: WrittenFile, actions: Mapping[str, Any]) -> None:
    hub.upload(file, actions)


def _note(work: Work, push: Push, files: Iterable[WrittenFile]) -> None:
    with work.installation.database.write() as session:
        pushes.note(session, push.id, sorted((file.path, file.size) for file in files))


def _show(work: Work, done: int, total: int) -> None:
    with work.installation.database.write() as session:
        work.advance(session, done, total)


def _same(store: ObjectStore, file: WrittenFile, entry: Entry | None) -> bool:
    """Tell whether what is there has the same bytes, by the id that the hub keeps it under."""
    if entry is None:
        return False
    if entry.sha256 is not None:
        return entry.sha256 == file.digest
    if entry.size != file.size or file.size > LARGEST_COMPARED:
        return False
    # Git's id of a file is the SHA-1 of this line and its bytes.
    found = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    if file.size:
        with store.open(file.digest) as stream:
            while chunk := stream.read(1 << 20):
                found.update(chunk)
    return found.hexdigest() == entry.oid
