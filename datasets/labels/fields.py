"""Turn fields of a task's data into the regions of a prediction (`preannotated_from_fields`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .config import Control, LabelConfig
from .geometry import is_number
from .tags import result_types

# The answers that one bare value can give.
_SINGLE = ("choices", "textarea", "datetime", "number", "rating", "taxonomy", "pairwise")
_MEMBER = {"textarea": "text", "pairwise": "selected"}
_LISTED = ("choices", "taxonomy", "textarea")


def regions_from_fields(
    config: LabelConfig, data: Mapping[str, Any], fields: Iterable[str]
) -> list[dict[str, Any]]:
    """Build the regions that the named fields describe, in the order of the fields.

    A field holds a whole result (taken as it is), the `value` of one region, or a bare value
    (`"合格"`, `4`) for the control of the field's name, else for the first that can take it.
    Nothing comes of a field that is absent, or of a bare label whose place is not known.
    """
    found: list[dict[str, Any]] = []
    for field in fields:
        for region in _of_field(config, field, data.get(field)):
            found.append({"id": f"field_{len(found) + 1}", **region})
    return found


def _of_field(config: LabelConfig, field: str, held: Any) -> Iterator[dict[str, Any]]:
    if isinstance(held, Mapping) and isinstance(held.get("result"), list):
        held = held["result"]
    if isinstance(held, list) and held and all(isinstance(each, Mapping) for each in held):
        for each in held:
            yield from _of_object(config, field, each)
    elif isinstance(held, Mapping):
        yield from _of_object(config, field, held)
    elif held is not None and (control := _taker(config, field, held)):
        yield _region(control, _single_value(control, held))


def _of_object(
    config: LabelConfig, field: str, held: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Take a whole region, or wrap its value: under the field's control or one it names."""
    if "type" in held and ("from_name" in held or held["type"] == "relation"):
        yield dict(held)
        return
    named = config.by_name.get(field)
    for control in (named,) if named else config.controls:
        kind = control.tag.lower()
        label = held.get("label", held.get("labels"))
        if _MEMBER.get(kind, kind) in held:
            yield _region(control, dict(held))
            return
        if label is not None and kind.endswith("labels"):
            value = {key: each for key, each in held.items() if key not in ("label", "labels")}
            labels = label if isinstance(label, list) else [label]
            yield _region(control, {**value, kind: labels})
            return


def _taker(config: LabelConfig, field: str, held: Any) -> Control | None:
    named = config.by_name.get(field)
    candidates = (named,) if named else config.controls
    return next((control for control in candidates if _takes(control, held)), None)


def _takes(control: Control, held: Any) -> bool:
    kind = control.tag.lower()
    if kind not in _SINGLE or control.per_region:
        return False
    if kind in ("number", "rating"):
        return is_number(held)
    if not isinstance(held, list):
        held = [held]
    elif kind not in _LISTED:
        return False
    if kind == "taxonomy":
        held = [label for each in held for label in (each if isinstance(each, list) else [each])]
    if not held or not all(isinstance(each, str) for each in held):
        return False
    if kind == "pairwise":
        return held[0] in ("left", "right")
    return kind not in ("choices", "taxonomy") or control.dynamic or set(held) <= control.label_set


def _single_value(control: Control, held: Any) -> dict[str, Any]:
    kind = control.tag.lower()
    if kind in _LISTED and not isinstance(held, list):
        held = [held]
    if kind == "taxonomy" and not any(isinstance(each, list) for each in held):
        held = [held]
    return {_MEMBER.get(kind, kind): held}


def _region(control: Control, value: dict[str, Any]) -> dict[str, Any]:
    kinds = result_types(control.tag)
    return {
        "from_name": control.name,
        "to_name": ",".join(control.to_names) if control.tag == "Pairwise" else control.to_names[0],
        "type": control.tag.lower() if control.tag.lower() in kinds else min(kinds),
        "value": value,
    }
