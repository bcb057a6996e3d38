"""Write CoNLL-2003: Chinese by character, Latin words whole, entities by their offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from ...datasets import labels
from ...datasets.snapshots import Line
from .reading import Lines

# A run of Latin letters and digits is one token, every other visible character is one.
_TOKEN = re.compile(r"[A-Za-z0-9_À-ɏ]+|\S")


def write(lines: Lines, out: BinaryIO) -> None:
    """Write one block a text; a token stands with its tag B-…, I-… or O."""
    texts = [item for item in lines.config.objects if item.tag in ("Text", "HyperText")]
    key, name = texts[0].key, texts[0].name
    out.write(b"-DOCSTART- -X- O\n")
    for line in lines.tasks():
        text = line.data.get(key)
        if isinstance(text, str):
            for token, tag in tagged(text, _spans(lines, line, name)):
                out.write(f"{token} -X- _ {tag}\n".encode())
            out.write(b"\n")


def tagged(text: str, spans: list[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    """Give (token, tag) of a text whose entities are (start, end, label).

    A token that an entity cuts is cut there. Of entities that overlap the longer one counts.
    """
    tags = ["O"] * len(text)
    for start, end, label in sorted(spans, key=lambda span: (span[1] - span[0], -span[0])):
        for place in range(max(start, 0), min(end, len(text))):
            tags[place] = ("B-" if place == start else "I-") + label
    for found in _TOKEN.finditer(text):
        begin = found.start()
        for place in range(found.start() + 1, found.end() + 1):
            if place == found.end() or _parts(tags[place - 1], tags[place]):
                yield text[begin:place], tags[begin]
                begin = place


def _parts(before: str, here: str) -> bool:
    """Tell whether two characters of one word belong to different entities."""
    return here.startswith("B-") or before[2:] != here[2:]


def _spans(lines: Lines, line: Line, name: str) -> list[tuple[int, int, str]]:
    answer = line.answer
    if answer is None:
        return []
    return [
        (span.start, span.end, span.labels[0])
        for span in labels.text_spans(lines.config, answer.result)
        if span.labels and span.object == name
    ]
