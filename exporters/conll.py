"""Write CoNLL columns for sequence labelling: Chinese by character, Latin words whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import msgspec

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.versions import FrozenVersion
from . import divided
from .converters.conll import apart, pieces
from .divided import Part
from .layout import Layout, Medium
from .output import Output

Span = tuple[int, int, str]
MANY = 2**63  # no text is longer
_BESIDE = "overlapping "  # and a split: what a part holds of what overlaps


class _Record(msgspec.Struct, gc=False):
    """A record, or as much of it as a block needs."""

    key: str
    split: str
    media: dict[str, Medium]
    data: dict[str, Any]


class _Value(msgspec.Struct, gc=False):
    start: int
    end: int
    labels: list[str]
    globalOffsets: None = None  # of spans in HTML


class _Region(msgspec.Struct, gc=False, tag_field="type", tag="labels"):
    to_name: str
    value: _Value


class _Plain(msgspec.Struct, gc=False):
    """A record that has nothing but labelled spans of plain text."""

    result: list[_Region]


class _Regions(msgspec.Struct):
    result: list[dict[str, Any]]


def write(version: FrozenVersion, output: Output) -> None:
    """Write `conll/<split>.conll`: a token and its tag B-…, I-… or O on each line.

    An empty line ends a record. Where spans overlap the longer one counts; the others stand
    in `conll/overlapping.jsonl`, so that nothing is lost unseen.

    Raises:
        errors.Refused: the project labels no spans of text.
    """
    divided.write(version, Tagged(version), output)


def labelled_text(config: labels.LabelConfig) -> labels.DataObject:
    """Return the text whose spans are labelled.

    Raises:
        errors.Refused: the project labels no spans of text.
    """
    texts = [item for item in config.objects if item.tag in ("Text", "HyperText")]
    drawn = {name for control in config.controls for name in _targets(control)}
    target = next((item for item in texts if item.name in drawn), None)
    if target is None:
        raise errors.Refused(_("CoNLL holds labelled spans of text; this project has none"))
    return target


class Tagged:
    """Divide the tagged texts of a version among the files of its splits."""

    is_costly: ClassVar[bool] = True

    def __init__(self, version: FrozenVersion) -> None:
        """Look for the text whose spans are labelled.

        Raises:
            errors.Refused: the project labels no spans of text.
        """
        target = labelled_text(version.config)
        self._key, self._splits = target.key, version.splits
        self._layout = Layout(version.config)
        self._decode = msgspec.json.Decoder(_Record).decode
        self._spans_of = _Spans(version.config, target.name).of

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return the blocks of each split, and the spans that overlap others."""
        written: dict[str, list[str]] = {split: [] for split in self._splits}
        beside: dict[str, list[bytes]] = {split: [] for split in self._splits}
        records = list(map(self._decode, lines))
        found = list(map(self._spans_of, lines))
        for record, spans in zip(records, found, strict=True):
            text = record.data.get(self._key)
            if isinstance(text, str):
                written[record.split] += _block(text, spans)
            for span in () if apart(sorted(spans), MANY) else _hidden(spans):
                told = dict(zip(("start", "end", "label"), span, strict=True))
                beside[record.split].append(
                    msgspec.json.encode({"key": record.key, **told}) + b"\n"
                )
        texts = {split: "".join(blocks).encode() for split, blocks in written.items()}
        texts |= {_BESIDE + split: b"".join(rows) for split, rows in beside.items() if rows}
        links = self._layout.links(records)
        return Part(len(lines), sum(map(len, found)), texts, links)

    @contextmanager
    def united(self, output: Output) -> Iterator[Callable[[Part], None]]:
        """Open a file for each split; what overlaps follows split by split in one file."""
        paths = {split: f"conll/{split}.conll" for split in self._splits}
        with ExitStack() as stack:
            whole = stack.enter_context(output.file("conll/overlapping.jsonl"))
            beside = {_BESIDE + s: stack.enter_context(output.scratch()) for s in self._splits}
            put_blocks = stack.enter_context(divided.files(output, paths, beside))
            yield put_blocks
            for rows in beside.values():
                rows.seek(0)
                shutil.copyfileobj(rows, whole)


def _block(text: str, spans: list[Span]) -> Iterator[str]:
    """Give a text's lines, and the empty one behind them."""
    for tokens, first, others in pieces(text, spans):
        if first != others:
            yield f"{tokens[0]}\t{first}\n"
            tokens = tokens[1:]
        if tokens:
            end = f"\t{others}\n"
            yield end.join(tokens) + end
    yield "\n"


def _targets(control: labels.Control) -> tuple[str, ...]:
    spans = control.tag in ("Labels", "HyperTextLabels")
    return tuple(control.to_names) if spans else ()


class _Spans:
    """Read the labelled spans of one text of a record."""

    def __init__(self, config: labels.LabelConfig, name: str) -> None:
        self._config, self._name = config, name
        self._decode = msgspec.json.Decoder(_Plain).decode
        self._decode_any = msgspec.json.Decoder(_Regions).decode

    def of(self, line: bytes) -> list[Span]:
        """Return (start, end, label) of each."""
        try:
            regions = self._decode(line).result
        except msgspec.ValidationError:
            found = labels.text_spans(self._config, self._decode_any(line).result)
            return [
                (s.start, s.end, s.labels[0]) for s in found if s.labels and s.object == self._name
            ]
        return [
            (region.value.start, region.value.end, region.value.labels[0])
            for region in regions
            if region.to_name == self._name and region.value.labels
        ]


def _hidden(spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the spans that a longer one, or one of the same length before, lies over."""
    shown: list[tuple[int, int, str]] = []
    hidden = []
    for span in sorted(spans, key=lambda each: (each[0] - each[1], each[0])):
        if any(span[0] < other[1] and other[0] < span[1] for other in shown):
            hidden.append(span)
        else:
            shown.append(span)
    return sorted(hidden)
