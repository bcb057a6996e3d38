"""Write lists of tasks: whole ones, and short ones with one object an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from ...datasets.labels import LabelConfig
from ...datasets.snapshots import Answer, Line
from .reading import Lines


def write(lines: Lines, out: BinaryIO) -> None:
    """Write Label Studio's own JSON: the tasks as they can be imported again."""
    before = b"["
    for task in lines.texts():
        out.write(before + task)
        before = b",\n"
    out.write(b"[]" if before == b"[" else b"]")


def write_short(lines: Lines, out: BinaryIO) -> None:
    """Write JSON-MIN: one object an annotation."""
    encode = msgspec.json.Encoder().encode
    before = b"["
    for row in short_rows(lines):
        out.write(before + encode(row))
        before = b",\n"
    out.write(b"[]" if before == b"[" else b"]")


def short_rows(lines: Lines) -> Iterator[dict[str, Any]]:
    """Give one flat object an annotation: data, what each control says, who and when."""
    for line in lines.tasks():
        for answer in line.answers:
            yield _short(lines.config, line, answer)


def _short(config: LabelConfig, line: Line, answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {**line.data, "id": line.id}
    said: dict[str, list[Any]] = {}
    for region in answer.result:
        name = region.get("from_name")
        if isinstance(name, str) and isinstance(region.get("value"), dict):
            said.setdefault(name, []).append(_value(config, region))
    row.update({name: _plain(config, name, values) for name, values in said.items()})
    row.update(
        annotator=answer.completed_by,
        annotation_id=answer.id,
        created_at=answer.created_at,
        updated_at=answer.updated_at,
        lead_time=answer.lead_time,
    )
    return row


def _value(config: LabelConfig, region: dict[str, Any]) -> Any:
    value = dict(region["value"])
    for name in ("original_width", "original_height", "original_length"):
        if region.get(name) is not None:
            value[name] = region[name]
    tag = _tag(config, region["from_name"])
    for kind, member in (("Choices", "choices"), ("TextArea", "text")):
        words = value.get(member)
        if tag == kind and isinstance(words, list) and len(words) == 1:
            return words[0]
    return value


def _plain(config: LabelConfig, name: str, values: list[Any]) -> Any:
    """Return the only answer of a control that asks one question by itself, not in a list."""
    if len(values) == 1 and _tag(config, name) in ("Choices", "TextArea"):
        return values[0]
    return values


def _tag(config: LabelConfig, name: str) -> str:
    control = config.control(name)
    return "" if control is None else control.tag
