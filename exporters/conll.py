"""Write CoNLL columns for sequence labelling: Chinese by character, Latin words whole."""

from __future__ import annotations

import msgspec

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.versions import FrozenVersion, Record
from .converters.conll import tagged
from .layout import Layout
from .output import Output


def write(version: FrozenVersion, output: Output) -> None:
    """Write `conll/<split>.conll`: a token and its tag B-…, I-… or O on each line.

    An empty line ends a record. Where spans overlap the longer one counts; the others stand
    in `conll/overlapping.jsonl`, so that nothing is lost unseen.

    Raises:
        errors.Refused: the project labels no spans of text.
    """
    texts = [item for item in version.config.objects if item.tag in ("Text", "HyperText")]
    drawn = {name for control in version.config.controls for name in _targets(control)}
    target = next((item for item in texts if item.name in drawn), None)
    if target is None:
        raise errors.Refused(_("CoNLL holds labelled spans of text; this project has none"))
    layout = Layout(version.config)
    with output.file("conll/overlapping.jsonl") as beside:
        for split in version.splits:
            with output.file(f"conll/{split}.conll") as file:
                for record in version.records(split):
                    spans = _spans(version.config, record, target.name)
                    text = record.data.get(target.key)
                    if isinstance(text, str):
                        for token, tag in tagged(text, spans):
                            file.write(f"{token}\t{tag}\n".encode())
                        file.write(b"\n")
                    for span in _hidden(spans):
                        told = dict(zip(("start", "end", "label"), span, strict=True))
                        beside.write(msgspec.json.encode({"key": record.key, **told}) + b"\n")
                    layout.link(record, output)
                    output.count(1, len(spans))


def _targets(control: labels.Control) -> tuple[str, ...]:
    spans = control.tag in ("Labels", "HyperTextLabels")
    return tuple(control.to_names) if spans else ()


def _spans(config: labels.LabelConfig, record: Record, name: str) -> list[tuple[int, int, str]]:
    return [
        (span.start, span.end, span.labels[0])
        for span in labels.text_spans(config, record.result)
        if span.labels and span.object == name
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
