"""Say what an exported network wants and gives: form, classes, size, colours, thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....datasets import errors
from ....datasets.errors import _
from ..interface import Box, Choice, MarkKind, Mask, Target

FORMS: dict[str, tuple[MarkKind, ...]] = {
    "yolo": (Box,),
    "yolo-segmentation": (Mask, Box),
    "classifier": (Choice,),
}
CHANNELS = ("RGB", "BGR")
RESIZINGS = ("letterbox", "crop", "stretch")
NAMES = tuple("used form labels size confidence overlap mean std scale channels resize".split())
# What a form sends of a field that nobody filled in.
EMPTY: tuple[Any, ...] = (None, "", [], {})
MOST_CLASSES = 10_000
LONGEST_NAME = 200  # characters
SMALLEST, LARGEST = 16, 4096  # pixels of an input's side

# What classifiers are mostly trained with: of the ImageNet pictures, from 0 to 1.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Known:
    """What is known of a network before anybody says more; `names` are its classes.

    `fixed` is the input's (height, width) where the network takes no other, `usual` where it
    takes others as well. `plain` says that pixels from 0 to 1 are all that it wants.
    """

    form: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    fixed: tuple[int, int] | None = None
    usual: tuple[int, int] | None = None
    plain: bool = False


@dataclass(frozen=True)
class Reading:
    """How pictures go in and numbers are read; `labels` is class number → label of the project;
    `classes` is how many the network knows, where that is known. A pixel's value becomes
    `(value · scale - mean) / std`.
    """

    form: str
    labels: Mapping[int, str]
    classes: int | None
    size: tuple[int, int]
    confidence: float
    overlap: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float
    channels: str
    resize: str


def check(options: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """Return the options that were given, and under `used` what `reading` takes of them.

    So another file brings its own classes and size, unless somebody chose others.

    Raises:
        errors.Invalid: one is not usable, or is needed and not given; names it.
    """
    form = _choice(options, "form", tuple(FORMS), known.form)
    labels, classes = _labels(options, known.names)
    classifies = form == "classifier"
    # Who trained to boxes only divided by 255; so did the same tools for their classifiers.
    plain = known.plain or not classifies
    std = _numbers(options, "std", (1.0,) * 3 if plain else IMAGENET_STD)
    if not all(std):
        raise errors.Invalid(_("must not be zero"), place="options.std")
    used = {
        "form": form,
        "labels": {str(number): name for number, name in sorted(labels.items())},
        "classes": classes,
        "size": list(_size(options.get("size"), known, classifies)),
        "confidence": _number(options, "confidence", 0.5 if classifies else 0.25, 0, 1),
        "overlap": _number(options, "overlap", 0.45, 0, 1),
        "mean": _numbers(options, "mean", (0.0,) * 3 if plain else IMAGENET_MEAN),
        "std": std,
        "scale": _number(options, "scale", 1 / 255, 0, 1e6),
        "channels": _choice(options, "channels", CHANNELS, "RGB"),
        "resize": _choice(options, "resize", RESIZINGS, "crop" if classifies else "letterbox"),
    }
    given = {name: options[name] for name in NAMES if options.get(name) not in EMPTY}
    return {**given, "used": used}


def reading(options: Mapping[str, Any], target: Target) -> Reading:
    """Return how to use a network for a project, from checked options.

    Raises:
        errors.Refused: it gives other marks than the project wants, or none of its classes is a
            label of the project.
    """
    options = options["used"]
    form = str(options["form"])
    if target.makes not in FORMS[form]:
        raise errors.Refused(
            _("a model of the form “%(form)s” does not make what the project labels"), form=form
        )
    known = {int(number): str(name) for number, name in options["labels"].items()}
    labels = matched(known, target)
    if target.labels and not labels:
        raise errors.Refused(
            _("none of the model's classes is a label of the project: %(classes)s"),
            classes=", ".join(list(known.values())[:20]),
        )
    height, width = options["size"]
    return Reading(
        form=form,
        labels=labels or known,
        classes=options["classes"],
        size=(int(height), int(width)),
        confidence=float(options["confidence"]),
        overlap=float(options["overlap"]),
        mean=tuple(map(float, options["mean"])),
        std=tuple(map(float, options["std"])),
        scale=float(options["scale"]),
        channels=str(options["channels"]),
        resize=str(options["resize"]),
    )


def matched(known: Mapping[int, str], target: Target) -> dict[int, str]:
    """Return class number → label of the project, for those classes that are one.

    A class is a label by its name, or by the words that people see, capitals or not.
    """
    exact = set(target.labels)
    loose = {title.strip().casefold(): label for label, title in target.titles.items()}
    loose |= {label.strip().casefold(): label for label in target.labels}
    found = {
        number: name if name in exact else loose.get(name.strip().casefold(), "")
        for number, name in known.items()
    }
    return {number: label for number, label in found.items() if label in exact}


def _labels(
    options: Mapping[str, Any], names: Mapping[int, str]
) -> tuple[dict[int, str], int | None]:
    """Return class number → label, and how many classes there are where that is known.

    Labels are a list in the order of classes, or a map by number or name that may leave some out.
    """
    place = "options.labels"
    given = options.get("labels")
    classes = len(names) or None
    pairs: dict[int, Any]
    if given in EMPTY:
        if not names:
            raise errors.Invalid(
                _("the model does not name its classes: list them in their order"), place=place
            )
        pairs = dict(names)
    elif isinstance(given, Mapping):
        numbers = {name: number for number, name in names.items()}
        pairs = {_class(str(key).strip(), numbers): value for key, value in given.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str):
        pairs = dict(enumerate(given))
        classes = len(pairs)
    else:
        raise errors.Invalid(
            _("must be a list of labels, or a map from class to label"), place=place
        )
    if len(pairs) > MOST_CLASSES:
        raise errors.Invalid(_("has more than %(most)s classes"), place=place, most=MOST_CLASSES)
    for name in pairs.values():
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise errors.Invalid(
                _("a label is a text of 1 to %(most)s characters"), place=place, most=LONGEST_NAME
            )
    return pairs, classes


def _class(key: str, numbers: Mapping[str, int]) -> int:
    # Numbers first: so checked options stay what they are when they are checked again.
    if key.isascii() and key.isdigit() and len(key) < 6:
        return int(key)
    if key in numbers:
        return numbers[key]
    raise errors.Invalid(
        _("the model has no class “%(name)s”"), place="options.labels", name=key[:LONGEST_NAME]
    )


def _size(given: Any, known: Known, classifies: bool) -> tuple[int, int]:
    place = "options.size"
    if given in EMPTY:
        return known.fixed or known.usual or ((224, 224) if classifies else (640, 640))
    sides = [given, given] if isinstance(given, int) else given
    usable = isinstance(sides, Sequence) and len(sides) == 2
    if not usable or not all(
        isinstance(side, int) and not isinstance(side, bool) and SMALLEST <= side <= LARGEST
        for side in sides
    ):
        raise errors.Invalid(
            _("must be a number of pixels from %(least)s to %(most)s, or [height, width]"),
            place=place,
            least=SMALLEST,
            most=LARGEST,
        )
    height, width = sides
    if known.fixed is not None and known.fixed != (height, width):
        raise errors.Invalid(
            _("the model takes pictures of %(height)s × %(width)s pixels only"),
            place=place,
            height=known.fixed[0],
            width=known.fixed[1],
        )
    return height, width


def _choice(options: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = options.get(name) or default
    if value not in allowed:
        raise errors.Invalid(
            _("must be one of %(names)s"), place=f"options.{name}", names=", ".join(allowed)
        )
    return str(value)


def _number(
    options: Mapping[str, Any], name: str, default: float, least: float, most: float
) -> float:
    value = options.get(name)
    if value is None or value == "":
        return default
    if not _is_number(value) or not least <= value <= most:
        raise errors.Invalid(
            _("must be a number from %(least)s to %(most)s"),
            place=f"options.{name}",
            least=f"{least:g}",
            most=f"{most:g}",
        )
    return float(value)


def _numbers(options: Mapping[str, Any], name: str, default: tuple[float, ...]) -> list[float]:
    value = options.get(name)
    if value is None or value in EMPTY:
        return list(default)
    listed = value if isinstance(value, Sequence) else [value]
    usable = len(listed) in (1, 3) and all(_is_number(one) for one in listed)
    if not usable or isinstance(value, str):
        raise errors.Invalid(
            _("must be one number, or one for each of three channels"), place=f"options.{name}"
        )
    return [float(one) for one in listed] * (1 if len(listed) == 3 else 3)


def _is_number(value: Any) -> bool:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return usable and abs(value) < 1e9 and math.isfinite(value)
