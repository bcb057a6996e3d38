"""Unite the exports of a version into the tree that is published."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from ..datasets.versions import FrozenVersion

CARD = "README.md"
MANIFEST = "manifest.jsonl"
CHECKSUMS, SM3 = "checksums.sha256", "checksums.sm3"
MODELS = "lineage/models.json"


def tree(
    version: FrozenVersion,
    exports: Iterable[tuple[str, Sequence[WrittenFile]]],
    card: bytes,
    store: ObjectStore,
    models: Sequence[Mapping[str, Any]] = (),
) -> list[WrittenFile]:
    """Return the files of a release by path: all exports, the card, the manifest, the models.

    `models` are the cards of the models whose pre-labels people began from.

    Raises:
        errors.Damaged: one path stands for two different files.
    """
    own = [
        kept(store, CARD, card),
        WrittenFile(MANIFEST, version.manifest_digest, version.manifest_size),
    ]
    if models:
        told = json.dumps(list(models), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        own.append(kept(store, MODELS, told.encode()))
    return united(itertools.chain(own, *(written for _name, written in exports)))


def checksums(store: ObjectStore, files: Iterable[WrittenFile]) -> WrittenFile:
    """Return the list of all files with their SHA-256, as `sha256sum --check` reads it."""
    lines = (f"{file.digest}  {file.path}\n" for file in files if file.path != CHECKSUMS)
    return kept(store, CHECKSUMS, "".join(lines).encode())


def sm3_checksums(
    store: ObjectStore, files: Iterable[WrittenFile], sums: Mapping[str, str]
) -> WrittenFile:
    """Return the list of files with their SM3, as `cksum -a sm3 --check` reads it.

    `sums` maps SHA-256 to SM3. The lists of checksums themselves are not in it.
    """
    own = (CHECKSUMS, SM3)
    lines = (f"{sums[file.digest]}  {file.path}\n" for file in files if file.path not in own)
    return kept(store, SM3, "".join(lines).encode())


def kept(store: ObjectStore, path: str, content: bytes) -> WrittenFile:
    """Put bytes into the store as a file of a release."""
    stored = store.put_bytes(content)
    return WrittenFile(path, stored.digest, stored.size)


def united(files: Iterable[WrittenFile]) -> list[WrittenFile]:
    """Return each file once, by path.

    Raises:
        errors.Damaged: one path stands for two different files.
    """
    found: dict[str, WrittenFile] = {}
    for file in files:
        if found.setdefault(file.path, file) != file:
            raise errors.Damaged(
                _("the path %(path)s stands for two different files"), path=file.path
            )
    return [found[path] for path in sorted(found)]
