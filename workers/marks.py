"""Write a model's marks as Label Studio's results, and read people's results as marks.

Pixels are those of the upright picture. What a model says beyond the picture is cut at its
edge; what is not a number, or nothing at all, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.labels import LabelConfig
from .binding import Binding
from .models.interface import Answer, Box, Choice, Interval, Item, Mark, Mask, Span, Words
from .models.ocr import in_reading_order

MOST_MARKS = 2000  # that a model may say of one task
SMALLEST_SIDE = 0.01  # pixels; a box narrower than that is none
MOST_POINTS = 400  # of a polygon
Region = dict[str, Any]


def to_result(binding: Binding, answer: Answer, item: Item, prefix: str) -> list[Region]:
    """Return what a model says as a result; ids of regions begin with `prefix`.

    Raises:
        errors.Invalid: a label is not one of the config's, or there are too many marks.
    """
    if len(answer.marks) > MOST_MARKS:
        raise errors.Invalid(
            _("the model gave %(number)s marks; at most %(most)s are taken"),
            number=len(answer.marks),
            most=MOST_MARKS,
        )
    if binding.target.makes is Choice:
        return _chosen(binding, answer.marks, prefix)
    marks = answer.marks
    if binding.target.makes is Words:
        marks = in_reading_order([mark for mark in marks if isinstance(mark, Words)])
    if binding.control.tag == "TextArea":
        return _whole_text(binding, marks, prefix)
    regions: list[Region] = []
    for number, mark in enumerate(marks, 1):
        if isinstance(mark, binding.target.makes):
            regions += _WRITERS[type(mark)](binding, mark, item, f"{prefix}{number}")
    return regions


def from_result(
    binding: Binding, config: LabelConfig, result: Sequence[Mapping[str, Any]]
) -> list[Mark]:
    """Return what people said in the part of the config that the model fills."""
    own = [region for region in result if region.get("to_name") == binding.object.name]
    makes = binding.target.makes
    if makes is Box:
        return [
            Box(_first(box.labels), box.x, box.y, box.width, box.height)
            for box in labels.boxes(config, own)
            if not box.rotation
        ]
    if makes is Mask:
        return [*_painted(binding, own), *_outlined(config, own)]
    if makes is Choice:
        return [
            Choice(label)
            for each in labels.choices(config, own)
            if each.control == binding.control.name
            for label in each.labels
        ]
    if makes is Span:
        return [
            Span(_first(span.labels), span.start, span.end)
            for span in labels.text_spans(config, own)
        ]
    if makes is Interval:
        return _intervals(binding, own)
    return _words(binding, config, own)


def without_labels(answer: Answer, off: Iterable[str]) -> Answer:
    """Return the answer without the marks of labels that are switched off."""
    dropped = set(off)
    if not dropped:
        return answer
    kept = [mark for mark in answer.marks if mark.label not in dropped]
    return Answer(kept, answer.score, answer.features, answer.usage)


def score_of(value: float | None) -> float | None:
    """Return a score that can be stored: from 0 to 1, or None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return round(min(max(float(value), 0.0), 1.0), 4)


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""


def _label(binding: Binding, label: str) -> list[str]:
    """Return the label as a region carries it: none where the model knows no class.

    Raises:
        errors.Invalid: the config does not have it.
    """
    if not label:
        return []
    if label not in binding.control.label_set and not binding.control.dynamic:
        raise errors.Invalid(
            _("the label “%(label)s” of the model is not in the labelling config"),
            label=label[:80],
        )
    return [label]


def _region(binding: Binding, kind: str, value: Region, name: str, score: float) -> Region:
    region: Region = {
        "id": name,
        "from_name": binding.control.name,
        "to_name": binding.object.name,
        "type": kind,
        "origin": "prediction",
        "value": value,
    }
    found = score_of(score)
    return region if found is None else {**region, "score": found}


def _size(binding: Binding, item: Item) -> tuple[int, int]:
    height, width = item.pictures[binding.target.key].shape[:2]
    return width, height


def _in_picture(binding: Binding, region: Region, item: Item) -> Region:
    width, height = _size(binding, item)
    return {**region, "original_width": width, "original_height": height, "image_rotation": 0}


def _box(binding: Binding, mark: Box, item: Item, name: str) -> list[Region]:
    edges = _rectangle(binding, mark.x, mark.y, mark.width, mark.height, item)
    if edges is None:
        return []
    kind = binding.control.tag.lower()
    value: Region = {**edges, "rotation": 0}
    if kind == "rectanglelabels":
        value[kind] = _label(binding, mark.label)
    return [_in_picture(binding, _region(binding, kind, value, name, mark.score), item)]


def _rectangle(
    binding: Binding, x: float, y: float, wide: float, high: float, item: Item
) -> dict[str, float] | None:
    """Return a rectangle in percent, cut at the picture's edge; None where nothing is left."""
    if not all(map(math.isfinite, (x, y, wide, high))):
        return None
    width, height = _size(binding, item)
    left, top = min(max(x, 0.0), width), min(max(y, 0.0), height)
    right, bottom = min(max(x + wide, left), width), min(max(y + high, top), height)
    if right - left < SMALLEST_SIDE or bottom - top < SMALLEST_SIDE:
        return None
    return {
        "x": left * 100 / width,
        "y": top * 100 / height,
        "width": (right - left) * 100 / width,
        "height": (bottom - top) * 100 / height,
    }


def _mask(binding: Binding, mark: Mask, item: Item, name: str) -> list[Region]:
    width, height = _size(binding, item)
    if mark.pixels.shape != (height, width):
        raise errors.Invalid(_("the model's mask is not of the picture's size"))
    if not mark.pixels.any():
        return []
    label = _label(binding, mark.label)
    if binding.control.tag == "BrushLabels":
        value: Region = {
            "format": "rle",
            "rle": labels.packed_mask(mark.pixels),
            "brushlabels": label,
        }
        return [
            _in_picture(binding, _region(binding, "brushlabels", value, name, mark.score), item)
        ]
    kind = binding.control.tag.lower()
    found = []
    for number, points in enumerate(_outlines(mark.pixels)):
        value = {"points": points, "closed": True}
        if kind == "polygonlabels":
            value[kind] = label
        part = name if number == 0 else f"{name}_{number}"
        found.append(_in_picture(binding, _region(binding, kind, value, part, mark.score), item))
    return found


def _outlines(pixels: np.ndarray[Any, Any]) -> list[list[list[float]]]:
    """Return the outer lines of a mask in percent, the longest first."""
    height, width = pixels.shape
    lines, _tree = cv2.findContours(
        pixels.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    found = []
    for line in sorted(lines, key=len, reverse=True):
        tolerance = 0.5
        rough = cv2.approxPolyDP(line, tolerance, True)
        while len(rough) > MOST_POINTS:
            tolerance *= 2
            rough = cv2.approxPolyDP(line, tolerance, True)
        if len(rough) >= 3:
            points = rough.reshape(-1, 2).tolist()
            # The middle of a pixel, which its number does not name.
            found.append([[(x + 0.5) * 100 / width, (y + 0.5) * 100 / height] for x, y in points])
    return found


def _chosen(binding: Binding, marks: Sequence[Mark], prefix: str) -> list[Region]:
    picked = [mark for mark in marks if isinstance(mark, Choice) and mark.label]
    if not picked:
        return []
    if binding.target.single:
        picked = [max(picked, key=lambda mark: score_of(mark.score) or 0.0)]
    names = [label for mark in picked for label in _label(binding, mark.label)]
    value = {"choices": list(dict.fromkeys(names))}
    score = min(score_of(mark.score) or 0.0 for mark in picked)
    return [_region(binding, "choices", value, f"{prefix}1", score)]


def _span(binding: Binding, mark: Span, item: Item, name: str) -> list[Region]:
    text = item.texts[binding.target.key]
    if not 0 <= mark.start < mark.end <= len(text):
        raise errors.Invalid(
            _("the model marked %(start)s to %(end)s of a text of %(length)s characters"),
            start=mark.start,
            end=mark.end,
            length=len(text),
        )
    value = {
        "start": mark.start,
        "end": mark.end,
        "text": text[mark.start : mark.end],
        "labels": _label(binding, mark.label),
    }
    return [_region(binding, "labels", value, name, mark.score)]


def _interval(binding: Binding, mark: Interval, item: Item, name: str) -> list[Region]:
    sound = item.sounds[binding.target.key]
    length = len(sound.samples) / sound.rate
    start, end = max(mark.start, 0.0), min(mark.end, length)
    if not (math.isfinite(start) and math.isfinite(end)) or end <= start:
        return []
    value = {
        "start": round(start, 4),
        "end": round(end, 4),
        "channel": 0,
        "labels": _label(binding, mark.label),
    }
    region = _region(binding, "labels", value, name, mark.score)
    return [{**region, "original_length": round(length, 4)}]


def _line(binding: Binding, mark: Words, item: Item, name: str) -> list[Region]:
    """Return a line of writing as a shape and the text of one id."""
    if binding.text is None or not mark.text.strip() or not mark.corners:
        return []
    across = [x for x, _y in mark.corners]
    down = [y for _x, y in mark.corners]
    edges = _rectangle(
        binding, min(across), min(down), max(across) - min(across), max(down) - min(down), item
    )
    if edges is None:
        return []
    kind = binding.control.tag.lower()
    shape: Region = {**edges, "rotation": 0}
    if kind.startswith("polygon"):
        width, height = _size(binding, item)
        points = [[_share(x, width), _share(y, height)] for x, y in mark.corners]
        shape = {"points": points, "closed": True}
    value = {**shape, kind: _label(binding, mark.label)} if kind.endswith("labels") else shape
    drawn = _in_picture(binding, _region(binding, kind, value, name, mark.score), item)
    said = {**drawn, "from_name": binding.text.name, "type": "textarea"}
    said["value"] = {**shape, "text": [mark.text]}
    return [drawn, said]


def _share(value: float, whole: int) -> float:
    return min(max(value, 0.0), whole) * 100 / whole


def _whole_text(binding: Binding, marks: Sequence[Mark], prefix: str) -> list[Region]:
    lines = [mark for mark in marks if isinstance(mark, Words) and mark.text.strip()]
    if not lines:
        return []
    text = "\n".join(mark.text for mark in lines)
    score = float(np.mean([score_of(mark.score) or 0.0 for mark in lines]))
    return [_region(binding, "textarea", {"text": [text]}, f"{prefix}1", score)]


_WRITERS: dict[type[Mark], Callable[[Binding, Any, Item, str], list[Region]]] = {
    Box: _box,
    Mask: _mask,
    Span: _span,
    Interval: _interval,
    Words: _line,
}


def _painted(binding: Binding, own: Sequence[Mapping[str, Any]]) -> list[Mark]:
    found: list[Mark] = []
    for region in own:
        value = region.get("value") or {}
        wide, high = region.get("original_width"), region.get("original_height")
        if value.get("rle") and isinstance(wide, int) and isinstance(high, int):
            pixels = labels.unpacked_mask(bytes(value["rle"]), wide, high) > 0
            found.append(
                Mask(_first(value.get("brushlabels") or value.get("labels") or ()), pixels)
            )
    return found


def _outlined(config: LabelConfig, own: Sequence[Mapping[str, Any]]) -> list[Mark]:
    found: list[Mark] = []
    for polygon in labels.polygons(config, own):
        pixels = np.zeros((polygon.picture_height, polygon.picture_width), np.uint8)
        points = np.floor(np.array(polygon.points)).astype(np.int32)
        cv2.fillPoly(pixels, [points], (1,))
        found.append(Mask(_first(polygon.labels), pixels > 0))
    return found


def _intervals(binding: Binding, own: Sequence[Mapping[str, Any]]) -> list[Mark]:
    return [
        Interval(_first(region["value"].get("labels") or ()), value["start"], value["end"])
        for region in own
        if region.get("from_name") == binding.control.name
        and "start" in (value := region["value"])
        and "end" in value
    ]


def _words(binding: Binding, config: LabelConfig, own: Sequence[Mapping[str, Any]]) -> list[Mark]:
    if binding.text is None:
        return [
            Words("\n".join(region["value"]["text"]), ())
            for region in own
            if region.get("from_name") == binding.control.name and "text" in region["value"]
        ]
    said = {
        region["id"]: " ".join(region["value"]["text"])
        for region in own
        if region.get("from_name") == binding.text.name and region["value"].get("text")
    }
    found: list[Mark] = []
    for box in labels.boxes(config, own):
        x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
        corners = ((x, y), (right, y), (right, bottom), (x, bottom))
        found.append(Words(said.get(box.region_id, ""), corners, label=_first(box.labels)))
    for polygon in labels.polygons(config, own):
        text = said.get(polygon.region_id, "")
        found.append(Words(text, polygon.points, label=_first(polygon.labels)))
    return found
