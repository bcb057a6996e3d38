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
    for tokens, first, others in pieces(text, spans):
        yield tokens[0], first
        for token in tokens[1:]:
            yield token, others


def pieces(text: str, spans: list[tuple[int, int, str]]) -> Iterator[tuple[list[str], str, str]]:
    """Give the tokens between two borders of entities, the tag of the first and of the others."""
    length = len(text)
    tokens_of = _TOKEN.findall
    ordered = sorted(spans)
    if not apart(ordered, length):
        yield from _painted(text, spans)
        return
    at = 0
    for start, end, label in ordered:
        if at < start and (tokens := tokens_of(text[at:start])):
            yield tokens, "O", "O"
        part, others = text[start:end], "I-" + label
        if tokens := tokens_of(part):
            yield tokens, others if part[0].isspace() else "B-" + label, others
        at = end
    if at < length and (tokens := tokens_of(text[at:])):
        yield tokens, "O", "O"


def apart(ordered: list[tuple[int, int, str]], length: int) -> bool:
    """Tell whether spans in order have a label and characters of the text each, and share none."""
    at = 0
    for start, end, label in ordered:
        if start < at or end <= start or not label:
            return False
        at = end
    return at <= length


def _painted(text: str, spans: list[tuple[int, int, str]]) -> Iterator[tuple[list[str], str, str]]:
    """Do what `pieces` does for spans that lie over each other, or beyond the text."""
    length = len(text)
    tags = ["O"] * length
    ends = {0, length}
    for start, end, label in sorted(spans, key=lambda span: (span[1] - span[0], -span[0])):
        begin, last = max(start, 0), min(end, length)
        if begin < last:
            tags[begin:last] = ["I-" + label] * (last - begin)
            if begin == start:
                tags[begin] = "B-" + label
            ends |= {begin, last}
    cuts = [at for at in sorted(ends) if not 0 < at < length or _parts(tags[at - 1], tags[at])]
    for begin, last in zip(cuts, cuts[1:], strict=False):
        part = text[begin:last]
        if tokens := _TOKEN.findall(part):
            others = tags[last - 1]
            yield tokens, others if part[0].isspace() else tags[begin], others


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
