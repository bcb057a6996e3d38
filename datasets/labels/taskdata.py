"""Find in a task's data what a configuration shows, and the labels that come with the task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .config import Control, DataObject, LabelConfig
from .geometry import is_number

Data = Mapping[str, Any]
_STEP = re.compile(r"[^.\[\]]+")


def look_up(data: Data, path: str) -> Any:
    """Return what lies at `a`, `a.b` or `a[0].b`; None where nothing does."""
    if path in data:
        return data[path]
    found: Any = data
    for step in _STEP.findall(path):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


class TaskData:
    """A task's data, with what was once worked out of it for a check of many regions."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self._paragraphs: dict[str, list[str] | None] = {}
        self._items: dict[str, frozenset[str] | None] = {}

    def text(self, target: DataObject) -> str | None:
        """Return the text that is labelled, unless it lies behind an address."""
        found = look_up(self.data, target.value)
        return found if isinstance(found, str) and target.value_type != "url" else None

    def paragraphs(self, target: DataObject) -> list[str] | None:
        """Return the text of every paragraph, as long as browsers count it (UTF-16)."""
        if target.name not in self._paragraphs:
            self._paragraphs[target.name] = _paragraphs(target, self.data)
        return self._paragraphs[target.name]

    def items(self, target: DataObject) -> frozenset[str] | None:
        """Return the ids of the items of a list."""
        if target.name not in self._items:
            self._items[target.name] = _items(target, self.data)
        return self._items[target.name]

    def extent(self, target: DataObject) -> tuple[float, float] | None:
        """Return the first and last moment of a series whose numbers are in the task."""
        return _extent(target, self.data)


def _paragraphs(target: DataObject, data: Data) -> list[str] | None:
    found = look_up(data, target.value)
    if not isinstance(found, list):
        return None
    key = target.options.get("textkey") or "text"
    texts = [str(item.get(key) or "") if isinstance(item, Mapping) else "" for item in found]
    return [words + " " * sum(ord(c) > 0xFFFF for c in words) for words in texts]


def _extent(target: DataObject, data: Data) -> tuple[float, float] | None:
    series, column = look_up(data, target.value), target.options.get("timecolumn")
    if not isinstance(series, Mapping) or target.options.get("timeformat"):
        return None
    name = column or next(iter(target.columns), "")
    moments = series.get(name) or series.get(name.lower())
    if not isinstance(moments, list) or not moments:
        return None
    if not column:
        return 0, len(moments) - 1
    first, last = moments[0], moments[-1]
    return (first, last) if is_number(first) and is_number(last) and first <= last else None


def _items(target: DataObject, data: Data) -> frozenset[str] | None:
    found = look_up(data, target.value)
    if not isinstance(found, list):
        return None
    return frozenset(str(item.get("id")) for item in found if isinstance(item, Mapping))


def with_task_labels(config: LabelConfig, data: Data) -> LabelConfig:
    """Return the configuration with the labels that the task brings."""
    if not config.is_dynamic:
        return config
    return replace(config, controls=tuple(_resolved(c, data) for c in config.controls))


def _resolved(control: Control, data: Data) -> Control:
    if not control.dynamic or control.options.get("apiurl"):
        return control
    source = control.options.get("value", "")
    labels, paths = list(control.labels), list(control.paths)
    if source.startswith("$"):
        offered = look_up(data, source[1:])
        if not isinstance(offered, list):
            return control
        found = list(_tree(offered, ()))
        labels += [path[-1] for path in found]
        # Without a tree, a label beside another is a path of its own.
        paths += found if paths or control.tag == "Taxonomy" or _is_deep(found) else ()
    for label in control.labels:
        if label.startswith("$") and isinstance(words := look_up(data, label[1:]), str):
            labels.append(words)
    unique = tuple(dict.fromkeys(labels))
    return replace(
        control,
        labels=unique,
        labels_attributes=((),) * len(unique),
        paths=tuple(paths),
        dynamic=False,
    )


def _is_deep(paths: list[tuple[str, ...]]) -> bool:
    return any(len(path) > 1 for path in paths)


def _tree(offered: list[Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    waiting = [(item, above) for item in reversed(offered)]
    while waiting:
        item, above = waiting.pop()
        if isinstance(item, Mapping):
            label = item.get("alias") or item.get("value")
            path = (*above, str(label))
            if label is not None:
                yield path
            if isinstance(children := item.get("children"), list):
                waiting += [(child, path) for child in reversed(children)]
        elif isinstance(item, str):
            yield (*above, item)
