"""Give each question about a whole record a Parquet column: classes, numbers, dates, words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ..datasets import labels
from ..datasets.versions import Record
from .features import Column, Feature, Read, class_label, sequence, value
from .survey import Survey, chosen

# Tag → type of the answer, member of its value, what the column holds.
_PLAIN: dict[str, tuple[str, str, type]] = {
    "Rating": ("rating", "rating", int),
    "Number": ("number", "number", float),
    "DateTime": ("datetime", "datetime", str),
    "Pairwise": ("pairwise", "selected", str),
}
_ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string()}


def answer_columns(config: labels.LabelConfig, survey: Survey) -> list[Column]:
    """List the columns of the questions, in the order of the config.

    Choices and trees are classes (of a tree, paths joined by `/`), a list of them where a record
    has several; ratings and numbers are numbers; dates and words are text. What has no answer
    is null, or an empty list. Questions that repeat with a list in the data stand in `record`.
    """
    found = []
    for control in config.controls:
        if control.per_region or "{{" in control.name:
            continue
        if control.tag in ("Choices", "Taxonomy"):
            found.append(_classes(config, control, survey))
        elif control.tag in _PLAIN:
            found.append(_plain(control))
        elif control.tag == "TextArea":
            kind = sequence(value(str))
            found.append(Column(control.name, pa.list_(pa.string()), kind, _words(control.name)))
    return found


def _classes(config: labels.LabelConfig, control: labels.Control, survey: Survey) -> Column:
    seen = survey.chosen.get(control.name, set())
    if control.tag == "Choices":
        known = tuple(dict.fromkeys((*control.labels, *sorted(control.label_set))))
        one = control.single and survey.most_chosen[control.name] <= 1
    else:
        known = tuple(dict.fromkeys("/".join(path) for path in (*control.paths, *control.added)))
        one = survey.most_chosen[control.name] <= 1
    names = [*known, *sorted(seen.difference(known))]
    index = {name: number for number, name in enumerate(names)}
    feature, kind = class_label(names), pa.int64()
    if not one:
        feature, kind = sequence(feature), pa.list_(kind)
    return Column(control.name, kind, feature, _chosen(config, control, index, one))


def _chosen(
    config: labels.LabelConfig, control: labels.Control, index: dict[str, int], one: bool
) -> Read:
    def read(record: Record) -> Any:
        made = [
            index[label]
            for choice in chosen(config, record)
            if choice.control == control.name and choice.region_id is None
            for label in choice.labels
        ]
        return (made[0] if made else None) if one else made

    return read


def _plain(control: labels.Control) -> Column:
    answer, member, kind = _PLAIN[control.tag]

    def read(record: Record) -> Any:
        for region in _answers(record, control.name, answer):
            return kind(region["value"][member])
        return None

    feature: Feature = value(kind)
    return Column(control.name, _ARROW[kind], feature, read)


def _words(name: str) -> Read:
    def read(record: Record) -> list[str]:
        found: list[str] = []
        for region in _answers(record, name, "textarea"):
            text = region["value"]["text"]
            found += [text] if isinstance(text, str) else text
        return found

    return read


def _answers(record: Record, name: str, answer: str) -> Iterator[dict[str, Any]]:
    return (
        region
        for region in record.result
        if region.get("from_name") == name and region.get("type") == answer
    )
