"""Write WebDataset shards: each record's media and its JSON beside each other in a TAR.

The files of a record share a name up to the first dot: `<key>.jpg`, `<key>.json`, and
`<key>.cls` where one class was chosen. Names, times and owners are fixed, so the same version
gives the same bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.storage import CHUNK
from ..datasets.versions import FrozenVersion
from . import tar_records
from .layout import Layout, Medium
from .output import Output

SHARD_BYTES = 256 << 20
SHARD_RECORDS = 100_000


class _Record(msgspec.Struct, gc=False):
    """A record, or as much of it as a shard needs."""

    key: str
    split: str
    media: dict[str, Medium]
    result: list[msgspec.Raw]


_REGIONS = msgspec.json.Decoder(dict[str, Any])


def write(version: FrozenVersion, output: Output, *, shard_bytes: int = SHARD_BYTES) -> None:
    """Write `webdataset/<split>-<number>.tar` of about `shard_bytes` each.

    Raises:
        errors.Damaged: a medium is not as long as the version says.
    """
    layout = Layout(version.config)
    classes = _class_numbers(version.config)
    for split in version.splits:
        pairs = _pairs(version, split)
        first = next(pairs, None)
        for number in itertools.count():
            if first is None:
                break
            with output.file(f"webdataset/{split}-{number:06d}.tar") as file:
                filled = 0
                for count, (record, line) in enumerate(itertools.chain([first], pairs)):
                    size = _size(record, line)
                    if count and (filled + size > shard_bytes or count == SHARD_RECORDS):
                        first = record, line
                        break
                    filled += size
                    _add(version, layout, record, line, classes, file)
                    output.count(1, len(record.result))
                else:
                    first = None
                tar_records.finish(file)


def _pairs(version: FrozenVersion, split: str) -> Iterator[tuple[_Record, bytes]]:
    decode = msgspec.json.Decoder(_Record).decode
    for lines in version.batches(split):
        yield from zip(map(decode, lines), lines, strict=True)


def _add(
    version: FrozenVersion,
    layout: Layout,
    record: _Record,
    line: bytes,
    classes: dict[str, dict[str, int]],
    file: BinaryIO,
) -> None:
    for key in sorted(record.media, key=lambda each: (each != layout.picture_key, each)):
        media = record.media[key]
        extension = media.file.rpartition(".")[2].lower()
        own = key == layout.picture_key or len(record.media) == 1
        # What follows the first dot names the column that readers see.
        name = extension if own else f"{_plain(key)}.{extension}"
        file.write(tar_records.head(f"{record.key}.{name}", media.size))
        _copy(version, media, file)
        file.write(tar_records.padding(media.size))
    _add_bytes(file, f"{record.key}.json", line)
    if not classes:
        return
    made = labels.choices(version.config, [_REGIONS.decode(region) for region in record.result])
    for control, numbers in classes.items():
        chosen = [choice.labels for choice in made if choice.control == control]
        if len(chosen) == 1 and len(chosen[0]) == 1 and chosen[0][0] in numbers:
            name = "cls" if len(classes) == 1 else f"{_plain(control)}.cls"
            _add_bytes(file, f"{record.key}.{name}", str(numbers[chosen[0][0]]).encode())


def _add_bytes(file: BinaryIO, name: str, data: bytes) -> None:
    file.write(tar_records.head(name, len(data)) + data + tar_records.padding(len(data)))


def _copy(version: FrozenVersion, media: Medium, file: BinaryIO) -> None:
    left = media.size
    with version.store.open(media.sha256) as stream:
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)
    if left:
        raise errors.Damaged(_("%(path)s is not as long as it should be"), path=media.file)


def _class_numbers(config: labels.LabelConfig) -> dict[str, dict[str, int]]:
    """Return control → class → number for each control that chooses classes."""
    return {
        control.name: {label: number for number, label in enumerate(control.labels)}
        for control in config.controls
        if control.tag == "Choices" and not control.per_region
    }


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40] or "media"


def _size(record: _Record, line: bytes) -> int:
    length = len(line) if line.isascii() else len(line.decode())
    sizes = [length * 3, *(media.size for media in record.media.values())]
    return sum(size + 2 * tar_records.BLOCK for size in sizes)
