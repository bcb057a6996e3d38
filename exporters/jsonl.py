"""Write the records as they are stored: one JSON object a line, one file a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

import msgspec

from ..datasets.versions import FrozenVersion
from . import divided
from .divided import Part
from .layout import Layout, Medium
from .output import Output


class _Shape(msgspec.Struct, gc=False):
    """What has to be known of a line: its media, and how many regions it has."""

    split: str
    media: dict[str, Medium]
    result: list[msgspec.Raw]


def write(version: FrozenVersion, output: Output) -> None:
    """Write `records/<split>.jsonl`; a line is that of the version's manifest, to the byte."""
    divided.write(version, Lines(version), output)


class Lines:
    """Divide the lines of a version among the files of its splits."""

    is_costly: ClassVar[bool] = False

    def __init__(self, version: FrozenVersion) -> None:
        """Prepare to write a version."""
        self._splits, self._layout = version.splits, Layout(version.config)
        self._decode = msgspec.json.Decoder(_Shape).decode

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return the lines of each split."""
        shapes = list(map(self._decode, lines))
        texts = {}
        for split in self._splits:
            rows = zip(lines, shapes, strict=True)
            if own := [line for line, shape in rows if shape.split == split]:
                texts[split] = b"\n".join(own) + b"\n"
        regions = sum([len(shape.result) for shape in shapes])
        return Part(len(lines), regions, texts, self._layout.links(shapes))

    def united(self, output: Output) -> AbstractContextManager[Callable[[Part], None]]:
        """Open a file for each split."""
        return divided.files(output, {split: f"records/{split}.jsonl" for split in self._splits})
