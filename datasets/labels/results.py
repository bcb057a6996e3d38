"""Check Label Studio's result list against a project's configuration.

Pure and fast: no XML, no SDK. A result is a list of regions
`{id, from_name, to_name, type, value, original_width, original_height, …}` and relations
`{type: "relation", from_id, to_id, direction, labels}`. Not checked, since the editor
itself leaves them open: `required`, and how many labels one region carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import Problem, _
from . import geometry, masks, spans, tracks
from .answers import ANSWERS, unknown_items, unknown_labels
from .config import Control, DataObject, LabelConfig
from .plain import plainly_right
from .tags import result_types
from .taskdata import TaskData, with_task_labels

MAX_REGIONS = 20_000
MAX_RESULT_BYTES = 20 * 1024 * 1024
MAX_ID = 200
# Enough to act on; a client that sends garbage does not get it all back.
MAX_PROBLEMS = 1000

_SHAPES: dict[str, geometry.Check] = {
    "rectangle": geometry.rectangle,
    "ellipse": geometry.ellipse,
    "polygon": geometry.polygon,
    "keypoint": geometry.keypoint,
    "vector": geometry.vector,
    "ocr": geometry.rectangle,
    "brush": masks.brush,
    "magicwand": masks.brush,
    "bitmask": masks.bitmask,
    "videorectangle": tracks.video_rectangle,
    "videovector": tracks.video_vector,
}
_DENSE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
# A NUL that JSON wrote, not a backslash that somebody typed.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# How plain `Labels` on a picture tell their shape: the first member that is there.
_SHAPE_MEMBERS = (
    ("points", "polygon"),
    ("radiusX", "ellipse"),
    ("rle", "brush"),
    ("touches", "brush"),
    ("imageDataURL", "bitmask"),
    ("vertices", "vector"),
    ("height", "rectangle"),
    ("x", "keypoint"),
)


def check_result(
    config: LabelConfig, result: object, *, data: Mapping[str, Any] | None = None
) -> list[Problem]:
    """List everything wrong with a result; an empty list means that it can be stored.

    With the task's `data`, spans must also end inside the text, series and talks, ranked
    items must be there, and labels that come with the task are known.
    """
    if not isinstance(result, list):
        return [Problem("result", _("must be a list of regions"))]
    if len(result) > MAX_REGIONS:
        message = _("has %(count)s regions; at most %(limit)s are allowed")
        return [Problem("result", message, {"count": len(result), "limit": MAX_REGIONS})]
    if plainly_right(config, result, data, region_problems):
        return []
    return carefully_checked(config, result, data)


def carefully_checked(
    config: LabelConfig, result: list[Any], data: Mapping[str, Any] | None
) -> list[Problem]:
    """List everything wrong with the regions of a result, whatever they are."""
    finite, problem = _storable(result)
    if problem:
        return [problem]
    shown = None if data is None else TaskData(data)
    if data is not None:
        config = with_task_labels(config, data)
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    ids: set[str] = set()
    for index, region in enumerate(result):
        place = f"result[{index}]"
        if not isinstance(region, dict):
            problems.append(Problem(place, _("must be an object")))
        elif region.get("type") != "relation":
            problems += _identity(region, place, seen, ids)
            problems += region_problems(config, region, place, shown)
        if len(problems) >= MAX_PROBLEMS:
            return problems[:MAX_PROBLEMS]
    for index, region in enumerate(result):
        if isinstance(region, dict) and region.get("type") == "relation":
            problems += _relation(config, region, f"result[{index}]", ids)
    if not finite and not problems:
        problems.append(Problem("result", _("has a number that is not finite")))
    return problems[:MAX_PROBLEMS]


def _storable(result: list[Any]) -> tuple[bool, Problem | None]:
    """Refuse what the database could not take; say also whether all numbers are finite."""
    finite = True
    try:
        try:
            text = _DENSE.encode(result)
        except ValueError:
            finite, text = False, json.dumps(result, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        return finite, Problem("result", _("the text has characters that are not Unicode"))
    except (TypeError, ValueError, RecursionError) as error:
        return finite, Problem("result", _("is not JSON: %(reason)s"), {"reason": str(error)})
    if size > MAX_RESULT_BYTES:
        message = _("has %(size)s bytes; at most %(limit)s are allowed")
        values = {"size": size, "limit": MAX_RESULT_BYTES}
        return finite, Problem("result", message, values)
    if "\\u0000" in text and _NUL.search(text):
        return finite, Problem("result", _("the text has a NUL character"))
    return finite, None


def _identity(
    region: dict[str, Any], place: str, seen: set[tuple[str, str]], ids: set[str]
) -> Iterator[Problem]:
    """Check the id; answers about a region share its id but come from another control."""
    region_id = region.get("id")
    if not isinstance(region_id, str) or not 0 < len(region_id) <= MAX_ID:
        message = _("must be text of 1 to %(limit)s characters")
        yield Problem(f"{place}.id", message, {"limit": MAX_ID})
        return
    ids.add(region_id)
    key = (region_id, str(region.get("from_name")))
    if key in seen:
        yield Problem(f"{place}.id", _("the id %(id)s is used twice"), {"id": region_id})
    seen.add(key)


def region_problems(
    config: LabelConfig, region: dict[str, Any], place: str, data: TaskData | None
) -> Iterator[Problem]:
    """List what is wrong with one region; `place` is how problems name it."""
    name, to_name, kind = region.get("from_name"), region.get("to_name"), region.get("type")
    control = config.control(name) if isinstance(name, str) else None
    if control is None:
        message = _("the configuration has no control %(name)s")
        yield Problem(f"{place}.from_name", message, {"name": str(name)[:200]})
        return
    target = _target(config, control, to_name)
    if target is None:
        message = _("%(control)s does not label %(name)s")
        values = {"control": control.name, "name": str(to_name)[:200]}
        yield Problem(f"{place}.to_name", message, values)
    if not isinstance(kind, str) or kind not in _types(config, control):
        message = _("%(control)s does not make regions of the type %(type)s")
        values = {"control": control.name, "type": str(kind)[:200]}
        yield Problem(f"{place}.type", message, values)
        return
    yield from _surroundings(region, place)
    value = region.get("value")
    if not isinstance(value, dict):
        yield Problem(f"{place}.value", _("must be an object"))
    elif kind in ANSWERS:
        yield from ANSWERS[kind](control, value, f"{place}.value")
        if kind == "ranker" and target is not None and data is not None:
            yield from unknown_items(value, f"{place}.value", data.items(target))
    else:
        yield from _labels(config, control, target, region, f"{place}.value")
        if target is not None:
            yield from _geometry(kind, target, region, place, data)


def _target(config: LabelConfig, control: Control, to_name: object) -> DataObject | None:
    if not isinstance(to_name, str):
        return None
    # The editor names both objects, the SDK the control itself.
    if control.tag == "Pairwise" and to_name in (",".join(control.to_names), control.name):
        return config.object_by_name.get(control.to_names[0])
    return config.target(control, to_name)


def _types(config: LabelConfig, control: Control) -> frozenset[str]:
    """Say which types fit; plain Labels may be merged with a shape beside them."""
    types = result_types(control.tag)
    if control.tag != "Labels":
        return types
    shapes = [c for c in config.controls if set(c.to_names) & set(control.to_names)]
    return types | {f"{c.tag.lower()}labels" for c in shapes if c.tag.lower() in _SHAPES}


def _surroundings(region: dict[str, Any], place: str) -> Iterator[Problem]:
    """Check the members beside the value; a model may leave the picture's size out."""
    for name in ("original_width", "original_height"):
        size = region.get(name)
        if size is not None and (type(size) is not int or not 0 < size <= geometry.MAX_SIDE):
            message = _("must be a whole number from 1 to %(limit)s")
            yield Problem(f"{place}.{name}", message, {"limit": geometry.MAX_SIDE})
    for name in ("image_rotation", "score"):
        number = region.get(name)
        if number is not None and not geometry.is_number(number):
            yield Problem(f"{place}.{name}", _("must be a finite number"))
    item = region.get("item_index")
    if item is not None and (type(item) is not int or item < 0):
        yield Problem(f"{place}.item_index", _("must be a whole number, at least 0"))
    meta = region.get("meta")
    if meta is not None and not isinstance(meta, dict):
        yield Problem(f"{place}.meta", _("must be an object"))


def _labels(
    config: LabelConfig,
    control: Control,
    target: DataObject | None,
    region: dict[str, Any],
    place: str,
) -> Iterator[Problem]:
    """Check the labels of a region; a bare shape has them only when merged, as on video."""
    kind: str = region["type"]
    member = kind if kind in region["value"] else "labels"
    labels = region["value"].get(member)
    if not kind.endswith("labels"):
        known = config.labels_on.get(target.name) if target is not None else None
        if isinstance(labels, list) and known is not None:
            merged = Control(control.name, control.tag, control.to_names, tuple(known))
            yield from unknown_labels(merged, labels, f"{place}.labels")
    elif not isinstance(labels, list):
        yield Problem(f"{place}.{kind}", _("must be a list of labels"))
    elif not labels and control.options.get("allowempty") != "true":
        yield Problem(f"{place}.{kind}", _("the region has no label"))
    else:
        yield from unknown_labels(control, labels, f"{place}.{member}")


def _geometry(
    kind: str,
    target: DataObject,
    region: dict[str, Any],
    place: str,
    data: TaskData | None,
) -> Iterator[Problem]:
    value: dict[str, Any] = region["value"]
    place = f"{place}.value"
    shape = kind.removesuffix("labels")
    if target.tag == "Image" and shape == "":
        shape = next((name for member, name in _SHAPE_MEMBERS if member in value), "")
        if not shape:
            yield Problem(place, _("the region has no shape"))
    if check := _SHAPES.get(shape):
        yield from check(value, region, place)
    elif kind == "timelinelabels" or (target.tag == "Video" and "ranges" in value):
        yield from tracks.ranges(value, place)
    elif check_span := _SPANS.get(target.tag):
        yield from check_span(value, place, target, data)


def _sound(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    return spans.interval(value, place, 0)


def _film(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    return spans.interval(value, place)


def _series(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    extent = data.extent(target) if data is not None else None
    return spans.series_interval(value, place, extent)


def _words(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    text = data.text(target) if data is not None else None
    return spans.text_span(value, place, text)


def _markup(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    return spans.hypertext_span(value, place)


def _talk(value: Any, place: str, target: DataObject, data: TaskData | None) -> Iterator[Problem]:
    texts = data.paragraphs(target) if data is not None else None
    return spans.paragraph_span(value, place, texts)


_SPANS = {
    "Audio": _sound,
    "AudioPlus": _sound,
    "HyperText": _markup,
    "Paragraphs": _talk,
    "Text": _words,
    "TimeSeries": _series,
    "Video": _film,
}


def _relation(
    config: LabelConfig, region: dict[str, Any], place: str, ids: set[str]
) -> Iterator[Problem]:
    for name in ("from_id", "to_id"):
        end = region.get(name)
        if not isinstance(end, str) or end not in ids:
            message = _("there is no region %(id)s")
            yield Problem(f"{place}.{name}", message, {"id": str(end)[:200]})
    if region.get("direction", "right") not in ("left", "right", "bi"):
        yield Problem(f"{place}.direction", _("must be left, right or bi"))
    labels = region.get("labels")
    if labels is not None and not isinstance(labels, list):
        yield Problem(f"{place}.labels", _("must be a list of labels"))
    elif labels and config.relations:
        for index, label in enumerate(labels):
            if label not in config.relations:
                message = _("the label %(label)s is not one of the relations")
                yield Problem(f"{place}.labels[{index}]", message, {"label": str(label)[:200]})
