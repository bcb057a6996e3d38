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
CHECKSUMS = "checksums.sha256"
MODELS = "lineage/models.json"


def tree(
    version: FrozenVersion,
    exports: Iterable[tuple[str, Sequence[WrittenFile]]],
    card: bytes,
    store: ObjectStore,
    models: Sequence[Mapping[str, Any]] = (),
) -> list[WrittenFile]:
    """Return the files of a release by path: all exports, the card, manifest and checksums.

    `models` are the cards of the models whose pre-labels people began from.

    Raises:
        errors.Damaged: one path stands for two different files.
    """
    readme = store.put_bytes(card)
    own = [
        WrittenFile(CARD, readme.digest, readme.size),
        WrittenFile(MANIFEST, version.manifest_digest, version.manifest_size),
    ]
    if models:
        told = json.dumps(list(models), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        kept = store.put_bytes(told.encode())
        own.append(WrittenFile(MODELS, kept.digest, kept.size))
    files = united(itertools.chain(own, *(written for _name, written in exports)))
    lines = (f"{file.digest}  {file.path}\n" for file in files if file.path != CHECKSUMS)
    sums = store.put_bytes("".join(lines).encode())
    return united([*files, WrittenFile(CHECKSUMS, sums.digest, sums.size)])


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
