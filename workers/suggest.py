"""Find what somebody points at in a picture while they wait: clicks or a box to a mask."""

from __future__ import annotations

import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
from sqlalchemy.orm import Session

from ..datasets import errors, tasks
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.labels import Control, DataObject, LabelConfig
from ..datasets.projects import Project
from ..datasets.tasks import Media, Task
from . import items, marks
from .binding import Binding
from .models import click_to_mask
from .models.interface import Answer, Box, Item, Mask, Picture, Serves, Target

MODEL = "click_to_mask 1"
# Decoded pictures kept by this process: some forty of 2 megapixels.
MOST_BYTES = 256 * 1024 * 1024
MOST_SHAPES = 50  # drawn by somebody to say what they mean
# Controls that take a mask, the best first.
TAGS = ("BrushLabels", "PolygonLabels", "Brush", "Polygon")
_READS = Serves("picture", (Mask,))


@dataclass
class Pictures:
    """Pictures that were decoded lately, by digest; the one unused longest goes first."""

    most_bytes: int = MOST_BYTES
    _kept: OrderedDict[str, Picture] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> Picture | None:
        """Return a picture that is kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: str, picture: Picture) -> None:
        """Keep a picture, unless it alone is more than may be kept."""
        if picture.nbytes > self.most_bytes:
            return
        with self._lock:
            self._kept[key] = picture
            self._kept.move_to_end(key)
            while self.bytes > self.most_bytes:
                self._kept.popitem(last=False)

    @property
    def bytes(self) -> int:
        """Return how many bytes are kept."""
        return sum(picture.nbytes for picture in self._kept.values())


pictures = Pictures()


@dataclass(frozen=True)
class Pointed:
    """What somebody drew: where, on which object, with which label, in percent."""

    object: DataObject
    label: str
    positive: Sequence[tuple[float, float]] = ()
    negative: Sequence[tuple[float, float]] = ()
    boxes: Sequence[tuple[float, float, float, float]] = ()


def suggest(
    installation: Installation,
    project: Project,
    task: Task,
    media: Mapping[str, Media],
    context: Any,
) -> dict[str, Any]:
    """Return a result that outlines what was pointed at, with the label that was chosen.

    `context` is the editor's: `{"result": [smart regions as it writes them]}`. Nothing is kept
    but the decoded picture.

    Raises:
        errors.Invalid: the context has no point or box, or the picture cannot be read.
        errors.Refused: the labelling config has nothing that takes a mask of this label.
    """
    pointed = read_context(project.config, context)
    binding = _binding(project.config, pointed)
    picture = _picture(installation, task, media, binding.target.key)
    found = _masks(picture, pointed)
    score = min((mask.score for mask in found), default=None)
    item = Item(pictures={binding.target.key: picture})
    result = marks.to_result(binding, Answer(found, score), item, f"s{secrets.token_hex(4)}")
    return {"model_version": MODEL, "score": score, "result": result}


def media_of(session: Session, task: Task) -> dict[str, Media]:
    """Return what is stored of a task's values."""
    return tasks.media_of(session, [task])


def read_context(config: LabelConfig, context: Any) -> Pointed:
    """Return what the editor says was drawn with its smart tools.

    Raises:
        errors.Invalid: it is not of the editor's form, or nothing was drawn on a picture.
    """
    drawn = context.get("result") if isinstance(context, dict) else None
    if not isinstance(drawn, list) or not 0 < len(drawn) <= MOST_SHAPES:
        raise errors.Invalid(
            _("must hold from 1 to %(most)s points or boxes"), place="context", most=MOST_SHAPES
        )
    named = {item.name: item for item in config.objects if item.tag == "Image"}
    shown = next((named[name] for each in drawn if (name := _text(each, "to_name")) in named), None)
    if shown is None:
        raise errors.Invalid(_("nothing was drawn on a picture"), place="context")
    own = [each for each in drawn if _text(each, "to_name") == shown.name]
    positive, negative, boxes, label = [], [], [], ""
    for each in own:
        value = each.get("value")
        x, y = _number(value, "x"), _number(value, "y")
        label = _label(value) or label
        if str(each.get("type")).startswith("rectangle"):
            boxes.append((x, y, _number(value, "width"), _number(value, "height")))
        elif each.get("is_positive", True):
            positive.append((x, y))
        else:
            negative.append((x, y))
    return Pointed(shown, label, positive, negative, boxes)


def _masks(picture: Picture, pointed: Pointed) -> list[Mask]:
    # One thread each: several people may be waiting.
    cv2.setNumThreads(1)
    height, width = picture.shape[:2]

    def pixels(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point[0] * width / 100, point[1] * height / 100
        return min(max(x, 0.0), width - 1e-3), min(max(y, 0.0), height - 1e-3)

    found = [
        click_to_mask.mask_from_box(
            picture,
            Box(
                pointed.label,
                x * width / 100,
                y * height / 100,
                wide * width / 100,
                high * height / 100,
            ),
        )
        for x, y, wide, high in pointed.boxes
    ]
    if pointed.positive:
        mask = click_to_mask.mask_from_points(
            picture, [pixels(p) for p in pointed.positive], [pixels(p) for p in pointed.negative]
        )
        found.append(Mask(pointed.label, mask.pixels, mask.score))
    return [mask for mask in found if mask.pixels.any()]


def _binding(config: LabelConfig, pointed: Pointed) -> Binding:
    """Return the control that takes a mask of the label on the picture."""
    for tag in TAGS:
        for control in config.controls:
            if control.tag == tag and _takes(control, pointed):
                target = Target(pointed.object.key, Mask, control.labels, control.titles)
                return Binding(target, control, pointed.object)
    raise errors.Refused(
        _("the labelling config has no brush or polygon for the label “%(label)s”"),
        label=pointed.label[:80],
    )


def _takes(control: Control, pointed: Pointed) -> bool:
    if pointed.object.name not in control.to_names or control.per_region:
        return False
    if not control.tag.endswith("Labels"):
        return not pointed.label
    return not pointed.label or pointed.label in control.label_set or control.dynamic


def _picture(
    installation: Installation, task: Task, media: Mapping[str, Media], key: str
) -> Picture:
    """Return the task's picture, decoded once."""
    value = task.data_values.get(key)
    digest = tasks.media_digest(value)
    name = str(value)
    if digest is not None and digest in media:
        name = media[digest].display_digest or digest
    found = pictures.get(name)
    if found is None:
        found = items.read_item(installation, _READS, key, task, media).pictures[key]
        pictures.keep(name, found)
    return found


def _text(drawn: Any, name: str) -> str:
    value = drawn.get(name) if isinstance(drawn, dict) else None
    return value if isinstance(value, str) else ""


def _number(value: Any, name: str) -> float:
    number = value.get(name) if isinstance(value, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise errors.Invalid(_("must be a number"), place=f"context.result.value.{name}")
    return float(number)


def _label(value: dict[str, Any]) -> str:
    """Return the label that was chosen: the first of the list that is called after the control."""
    for name, given in value.items():
        if name.endswith("labels") and isinstance(given, list) and given:
            return str(given[0])
    return ""
