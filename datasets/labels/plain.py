"""Recognise at a glance results that are plainly right: boxes, spans of text, choices.

What is not recognised is not wrong: `check_result` then looks at it with care. Imports bring
results by the hundred thousand, and nearly all of them are of these kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from ..errors import Problem
from .config import DataObject, LabelConfig
from .geometry import MAX_SIDE, TOLERANCE
from .taskdata import look_up

MOST_BYTES = 1 << 20  # of a result
MOST_SEEN = 10_000  # controls with labels that a configuration remembers
LONGEST_ID = 200
# Lists what is wrong with one region, without the task's data.
RegionCheck = Callable[[LabelConfig, dict[str, Any], str, None], Iterator[Problem]]


class _Region(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    id: str
    from_name: str
    to_name: str
    origin: str = ""
    score: float | None = None
    original_width: int = 1
    original_height: int = 1
    image_rotation: float | None = None


class _SpanValue(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    start: int
    end: int
    labels: list[str]
    text: str = ""


class _Span(_Region, kw_only=True, tag="labels"):
    value: _SpanValue


class _ChoiceValue(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    choices: list[str]


class _Choice(_Region, kw_only=True, tag="choices"):
    value: _ChoiceValue


class _BoxValue(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    x: float
    y: float
    width: float
    height: float
    rectanglelabels: list[str]
    rotation: float | None = None


class _Box(_Region, kw_only=True, tag="rectanglelabels"):
    value: _BoxValue


_RESULT = list[_Span | _Choice | _Box]


def plainly_right(
    config: LabelConfig, result: list[Any], data: Mapping[str, Any] | None, check: RegionCheck
) -> bool:
    """Tell whether a result is right beyond doubt, so that nothing of it needs a closer look."""
    if config.is_dynamic:
        return False
    try:
        text = msgspec.json.encode(result)
        if len(text) > MOST_BYTES or b"\\u0000" in text:
            return False
        regions = msgspec.convert(result, _RESULT)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError, OverflowError):
        return False
    if len({(region.id, region.from_name) for region in regions}) < len(regions):
        return False
    for place, region in enumerate(regions):
        if not (0 < len(region.id) <= LONGEST_ID and _surrounded(region)):
            return False
        target = _target(config, region, result[place], check)
        if target is None or not _lies_well(region, target, data):
            return False
    return True


def _surrounded(region: _Region) -> bool:
    sides = 0 < region.original_width <= MAX_SIDE and 0 < region.original_height <= MAX_SIDE
    numbers = (region.score or 0.0) - (region.score or 0.0) == 0.0  # neither is infinite
    turned = region.image_rotation or 0.0
    return sides and numbers and turned - turned == 0.0


def _target(
    config: LabelConfig, region: _Span | _Choice | _Box, told: dict[str, Any], check: RegionCheck
) -> DataObject | None:
    """Return what a region labels if its control may give it these labels, else None.

    That is looked up with care once for each combination.
    """
    value = region.value
    if isinstance(value, _SpanValue):
        key = ("labels", region.from_name, region.to_name, *value.labels)
    elif isinstance(value, _ChoiceValue):
        key = ("choices", region.from_name, region.to_name, *value.choices)
    else:
        key = ("rectanglelabels", region.from_name, region.to_name, *value.rectanglelabels)
    found = config.seen_right.get(key)
    if found is None:
        control = config.control(region.from_name)
        found = None if control is None else config.target(control, region.to_name)
        if found is None or next(check(config, told, "", None), None) is not None:
            return None
        if len(config.seen_right) >= MOST_SEEN:
            config.seen_right.clear()
        config.seen_right[key] = found
    return found


def _lies_well(
    region: _Span | _Choice | _Box, target: DataObject, data: Mapping[str, Any] | None
) -> bool:
    value = region.value
    if isinstance(value, _SpanValue):
        if target.tag != "Text" or not 0 <= value.start < value.end:
            return False
        if data is None or target.value_type == "url":
            return True
        text = look_up(data, target.value)
        return not isinstance(text, str) or value.end <= len(text)
    if isinstance(value, _BoxValue):
        if target.tag != "Image" or value.rotation:
            return False
        across = value.x >= -TOLERANCE and value.x + value.width <= 100 + TOLERANCE
        down = value.y >= -TOLERANCE and value.y + value.height <= 100 + TOLERANCE
        return across and down and value.width > 0 and value.height > 0
    return True
