"""Hold a project's labelling configuration in a form that needs neither XML nor the SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from ..errors import Damaged, _
from .tags import OWN_CONTROLS, UNSHOWN_TAGS, WORD_TAGS

STORED_FORM = 1
# A Repeater's names hold `{{idx}}` where results hold a number.
_INDEX = re.compile(r"\\\{\\\{\w+\\\}\\\}")
# A key within an address, such as `https://pictures.example/$name`.
KEY_WITHIN = re.compile(r"\$([^\W\d][\w\[\].{}]{0,199})")
# What Label Studio takes for labels that come with the task.
_VARIABLE = re.compile(r"\$[A-Za-z_]+")
Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DataObject:
    """A tag that shows data: `value` is the key in the task's data, empty for fixed words.

    `attributes` are as written; `columns` are the channels of a series.
    """

    name: str
    tag: str
    value: str
    value_type: str | None = None
    attributes: Attributes = ()
    columns: tuple[str, ...] = ()

    @cached_property
    def options(self) -> dict[str, str]:
        """Hold the attributes with lower-case names, as the editor reads them."""
        return {key.lower(): value for key, value in self.attributes}

    @property
    def keys(self) -> list[str]:
        """List the top-level keys of the task's data (`a` of `$a.b[0]`) that it shows."""
        if self.value:
            return [self.key]
        if self.tag in WORD_TAGS:
            return []
        return [_top(path) for path in KEY_WITHIN.findall(self.options.get("value", ""))]

    @property
    def key(self) -> str:
        """Name the first of the keys."""
        return _top(self.value)

    @property
    def parsed(self) -> dict[str, Any]:
        """Give Label Studio's description of an input."""
        written = dict(self.attributes)
        found: dict[str, Any] = {"type": self.tag, "valueType": written.get("valueType")}
        if "value" not in written and "valueList" in written:
            return {**found, "valueList": written["valueList"].lstrip("$")}
        return {**found, "value": written.get("value", self.value).lstrip("$")}


@dataclass(frozen=True)
class Control:
    """A tag that makes labels: `labels` are the values stored in results.

    A label with an `alias` is stored as the alias and shown as its `value`, so
    `<Label value="开路" alias="open"/>` has the label `open` and the title `开路`.
    `labels_attributes` runs beside `labels`. `dynamic` says that more labels come with the
    task. `paths` lead to every label of a tree, `added` to those that people have added.
    """

    name: str
    tag: str
    to_names: tuple[str, ...]
    labels: tuple[str, ...] = ()
    labels_attributes: tuple[Attributes, ...] = ()
    attributes: Attributes = ()
    dynamic: bool = False
    paths: tuple[tuple[str, ...], ...] = ()
    added: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def label_set(self) -> frozenset[str]:
        """Hold the labels for fast look-up."""
        return frozenset((*self.labels, *(label for path in self.added for label in path)))

    @cached_property
    def path_set(self) -> frozenset[tuple[str, ...]]:
        """Hold the paths for fast look-up."""
        return frozenset((*self.paths, *self.added))

    @cached_property
    def options(self) -> dict[str, str]:
        """Hold the attributes with lower-case names, as the editor reads them."""
        return {key.lower(): value for key, value in self.attributes}

    @property
    def per_region(self) -> bool:
        """Say whether the answer belongs to one region."""
        return self.options.get("perregion") == "true"

    @property
    def required(self) -> bool:
        """Say whether the editor asks for an answer before submitting."""
        return self.options.get("required") == "true"

    @property
    def single(self) -> bool:
        """Say whether the editor lets only one choice be taken (its default)."""
        return self.options.get("choice", "single") in ("single", "single-radio")

    @property
    def titles(self) -> dict[str, str]:
        """Map every label to the words the annotator sees."""
        pairs = zip(self.labels, self.labels_attributes, strict=True)
        return {label: dict(attributes).get("value") or label for label, attributes in pairs}


@dataclass(frozen=True)
class LabelConfig:
    """What can be labelled and how; `relations` are the labels a relation may carry.

    `index_flags` are what a Repeater counts with (`{{idx}}`). A draft has nothing at all.
    """

    controls: tuple[Control, ...]
    objects: tuple[DataObject, ...]
    relations: tuple[str, ...] = ()
    index_flags: tuple[str, ...] = ()

    @property
    def unshown_tags(self) -> tuple[str, ...]:
        """List the tags in it that only the paid edition's editor can show."""
        tags = [item.tag for item in self.objects] + [control.tag for control in self.controls]
        return tuple(dict.fromkeys(tag for tag in tags if tag in UNSHOWN_TAGS))

    @cached_property
    def is_dynamic(self) -> bool:
        """Tell whether tasks bring labels of their own."""
        return any(control.dynamic for control in self.controls)

    @cached_property
    def seen_right(self) -> dict[tuple[str, ...], DataObject]:
        """Remember what regions with a type, control and labels label, where that is right."""
        return {}

    @cached_property
    def by_name(self) -> dict[str, Control]:
        """Find a control by its name."""
        return {control.name: control for control in self.controls}

    @cached_property
    def object_by_name(self) -> dict[str, DataObject]:
        """Find an object by its name."""
        return {item.name: item for item in self.objects}

    @cached_property
    def titles(self) -> dict[str, str]:
        """Map every label to the words the annotator sees."""
        return {
            label: title for control in self.controls for label, title in control.titles.items()
        }

    def control(self, name: str) -> Control | None:
        """Find the control of a result, also when a Repeater numbered its name."""
        if found := self.by_name.get(name):
            return found
        return next((c for c in self.controls if _repeats(c.name, name)), None)

    def target(self, control: Control, name: str) -> DataObject | None:
        """Find the object of that name among those the control may label."""
        if name in control.to_names:
            return self.object_by_name.get(name)
        for pattern in control.to_names:
            if _repeats(pattern, name):
                return self.object_by_name.get(pattern)
        return None

    @cached_property
    def labels_on(self) -> dict[str, frozenset[str] | None]:
        """Map each object to all region labels that can lie on it; None: anything can."""
        found: dict[str, frozenset[str] | None] = {}
        for item in self.objects:
            sources = [c for c in self.controls if item.name in c.to_names and "Labels" in c.tag]
            names = frozenset(label for c in sources for label in c.label_set)
            found[item.name] = None if any(c.dynamic for c in sources) else names
        return found

    @cached_property
    def all_labels(self) -> tuple[str, ...]:
        """List every label of every control once, in the order of the configuration."""
        return tuple(dict.fromkeys(label for c in self.controls for label in c.labels))

    @cached_property
    def data_keys(self) -> tuple[str, ...]:
        """List the keys that a task's data must have."""
        return tuple(dict.fromkeys(key for item in self.objects for key in item.keys))

    def with_added(self, added: Mapping[str, Iterable[Iterable[str]]]) -> LabelConfig:
        """Return the configuration with labels that people added: control → paths to them."""
        controls = tuple(
            replace(c, added=tuple(tuple(path) for path in added[c.name])) if c.name in added else c
            for c in self.controls
        )
        return replace(self, controls=controls)

    def to_json(self) -> str:
        """Write the form that is stored with the project."""
        stored = {"form": STORED_FORM, **asdict(self)}
        for control in stored["controls"]:
            # They stand beside the configuration, and outlive it.
            del control["added"]
        return json.dumps(stored, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> LabelConfig:
        """Read what `to_json` wrote; raise Damaged when it is something else."""
        try:
            stored = json.loads(text)
            return cls(
                tuple(_control(item) for item in stored["controls"]),
                tuple(_object(item) for item in stored["objects"]),
                tuple(stored["relations"]),
                tuple(stored.get("index_flags", ())),
            )
        except (ValueError, TypeError, KeyError) as error:
            message = _("the stored labelling configuration cannot be read: %(reason)s")
            raise Damaged(message, reason=str(error)) from error

    def to_parsed(self) -> dict[str, dict[str, Any]]:
        """Give Label Studio's `parsed_label_config`."""
        return {
            control.name: self._parsed(control)
            for control in self.controls
            # Label Studio sees only what is written with a toName.
            if control.tag not in OWN_CONTROLS or "toname" in control.options
        }

    def control_weights(self) -> dict[str, dict[str, Any]]:
        """Give Label Studio's `control_weights`: every control and label counts the same."""
        return {
            name: {
                "overall": 1.0,
                "type": parsed["type"],
                "labels": dict.fromkeys(parsed["labels"], 1.0),
            }
            for name, parsed in self.to_parsed().items()
        }

    def _parsed(self, control: Control) -> dict[str, Any]:
        found = (self.object_by_name.get(name) for name in control.to_names)
        pairs = zip(control.labels, control.labels_attributes, strict=True)
        parsed: dict[str, Any] = {
            "type": control.tag,
            "to_name": list(control.to_names),
            "inputs": [item.parsed for item in found if item and "toname" not in item.options],
            "labels": list(control.labels),
            "labels_attrs": {label: dict(attributes) for label, attributes in pairs},
        }
        flags = {
            flag: ".*" for flag in self.index_flags if any(flag in n for n in control.to_names)
        }
        if flags:
            parsed["regex"] = flags
        if conditionals := _conditionals(control):
            parsed["conditionals"] = conditionals
        if _VARIABLE.fullmatch(control.options.get("value", "")) or control.options.get("apiurl"):
            parsed["dynamic_labels"] = True
        return parsed


def _top(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def _repeats(pattern: str, name: str) -> bool:
    if "{{" not in pattern:
        return False
    return re.fullmatch(_INDEX.sub(r"\\d+", re.escape(pattern)), name) is not None


def _conditionals(control: Control) -> dict[str, str]:
    """Say on which tag, label or choice a per-region control depends, as the SDK does."""
    if control.per_region:
        for kind in ("tag", "label", "choice"):
            attribute = "whentagname" if kind == "tag" else f"when{kind}value"
            if name := control.options.get(attribute):
                return {"type": kind, "name": name}
    return {}


def _pairs(stored: Any) -> Attributes:
    return tuple((key, value) for key, value in stored)


def _object(stored: Mapping[str, Any]) -> DataObject:
    fields = dict(stored)
    fields["attributes"] = _pairs(fields.get("attributes", ()))
    fields["columns"] = tuple(fields.get("columns", ()))
    return DataObject(**fields)


def _control(stored: Mapping[str, Any]) -> Control:
    return Control(
        name=stored["name"],
        tag=stored["tag"],
        to_names=tuple(stored["to_names"]),
        labels=tuple(stored["labels"]),
        labels_attributes=tuple(_pairs(each) for each in stored["labels_attributes"]),
        attributes=_pairs(stored["attributes"]),
        dynamic=stored["dynamic"],
        paths=tuple(tuple(path) for path in stored.get("paths", ())),
    )
