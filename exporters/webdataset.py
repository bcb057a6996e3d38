"""Write WebDataset shards: each record's media and its JSON beside each other in a TAR.

The files of a record share a name up to the first dot: `<key>.jpg`, `<key>.json`, and
`<key>.cls` where one class was chosen. Names, times and owners are fixed, so the same version
gives the same bytes.
"""

from __future__ import annotations

import io
import itertools
import re
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from ..datasets import labels
from ..datasets.versions import FrozenVersion, Record
from .layout import Layout
from .output import Output

SHARD_BYTES = 256 << 20
SHARD_RECORDS = 100_000
# A file in a TAR has a head of 512 bytes and is filled up to a multiple of them.
_BLOCK = 512


def write(version: FrozenVersion, output: Output, *, shard_bytes: int = SHARD_BYTES) -> None:
    """Write `webdataset/<split>-<number>.tar` of about `shard_bytes` each."""
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
                with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as shard:
                    for count, (record, line) in enumerate(itertools.chain([first], pairs)):
                        size = _size(record, line)
                        if count and (filled + size > shard_bytes or count == SHARD_RECORDS):
                            first = record, line
                            break
                        filled += size
                        for name, length, stream in _members(
                            version, layout, record, line, classes
                        ):
                            with stream:
                                _add(shard, name, length, stream)
                        output.count(1, len(record.result))
                    else:
                        first = None


def _pairs(version: FrozenVersion, split: str) -> Iterator[tuple[Record, str]]:
    decode = msgspec.json.Decoder(Record).decode
    for line in version.lines(split):
        yield decode(line), line


def _members(
    version: FrozenVersion,
    layout: Layout,
    record: Record,
    line: str,
    classes: dict[str, dict[str, int]],
) -> Iterator[tuple[str, int, BinaryIO]]:
    for key in sorted(record.media, key=lambda each: (each != layout.picture_key, each)):
        media = record.media[key]
        extension = media.file.rpartition(".")[2].lower()
        own = key == layout.picture_key or len(record.media) == 1
        # What follows the first dot names the column that readers see.
        name = extension if own else f"{_plain(key)}.{extension}"
        yield f"{record.key}.{name}", media.size, version.open_media(media)
    text = line.encode()
    yield f"{record.key}.json", len(text), io.BytesIO(text)
    for control, numbers in classes.items():
        chosen = [
            choice.labels
            for choice in labels.choices(version.config, record.result)
            if choice.control == control
        ]
        if len(chosen) == 1 and len(chosen[0]) == 1 and chosen[0][0] in numbers:
            digits = str(numbers[chosen[0][0]]).encode()
            name = "cls" if len(classes) == 1 else f"{_plain(control)}.cls"
            yield f"{record.key}.{name}", len(digits), io.BytesIO(digits)


def _class_numbers(config: labels.LabelConfig) -> dict[str, dict[str, int]]:
    """Return control → class → number for each control that chooses classes."""
    return {
        control.name: {label: number for number, label in enumerate(control.labels)}
        for control in config.controls
        if control.tag == "Choices" and not control.per_region
    }


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40] or "media"


def _size(record: Record, line: str) -> int:
    sizes = [len(line) * 3, *(media.size for media in record.media.values())]
    return sum(size + 2 * _BLOCK for size in sizes)


def _add(shard: tarfile.TarFile, name: str, size: int, stream: BinaryIO) -> None:
    head = tarfile.TarInfo(name)
    head.size, head.mode, head.mtime = size, 0o644, 0
    shard.addfile(head, stream)
