"""Write the records as they are stored: one JSON object a line, one file a split."""

from __future__ import annotations

import itertools

import msgspec

from ..datasets.versions import FrozenVersion, RecordMedia
from .layout import Layout
from .output import Output

_BATCH = 500


class _Shape(msgspec.Struct):
    """What has to be known of a line: its media, and how many regions it has."""

    split: str
    media: dict[str, RecordMedia]
    result: list[msgspec.Raw]


def write(version: FrozenVersion, output: Output) -> None:
    """Write `records/<split>.jsonl`; a line is that of the version's manifest, to the byte."""
    layout = Layout(version.config)
    decode = msgspec.json.Decoder(_Shape).decode
    for split in version.splits:
        with output.file(f"records/{split}.jsonl") as file:
            lines = version.lines(split)
            while batch := [line.encode() for line in itertools.islice(lines, _BATCH)]:
                file.write(b"\n".join(batch) + b"\n")
                regions = 0
                for line in batch:
                    shape = decode(line)
                    regions += len(shape.result)
                    if shape.media:
                        layout.link(shape, output)
                output.count(len(batch), regions)
