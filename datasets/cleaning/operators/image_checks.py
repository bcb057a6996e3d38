"""Leave out pictures that cannot be decoded, or are too small, blurred, dark, bright or flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ... import media
from ...errors import Invalid, TooLarge, _
from ...media import pictures
from .contract import Operator, Option, Outcome, Record

Grey = NDArray[np.uint8]
Look = Callable[[Record, Mapping[str, Any]], Outcome]

SIDE = 512  # pixels of the longer side at which sharpness and light are measured
DARK, BRIGHT = 20, 235  # grey values up to which a pixel is dark, from which it is bright
UNREADABLE = "unreadable"
READABLE = {UNREADABLE: _("the picture cannot be decoded")}


def each(look: Look) -> Callable[[Sequence[Record], Mapping[str, Any]], list[Outcome]]:
    """Return what looks at a batch record by record; a picture that cannot be read is left out."""

    def apply(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
        return [_looked(record, options) for record in records]

    def _looked(record: Record, options: Mapping[str, Any]) -> Outcome:
        try:
            return look(record, options)
        except Invalid as fault:
            return Outcome(reason=UNREADABLE, facts={"fault": str(fault)[:200]})

    return apply


def grey(record: Record, longest: int | None = SIDE) -> Grey:
    """Return a picture upright in grey, at most `longest` pixels long; raise Invalid.

    What is transparent is shown on white paper.
    """
    if record.open is None:
        raise Invalid(_("the file is not a picture"))
    with record.open() as stream:
        picture = pictures.upright(stream, longest=longest)
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return np.asarray(picture.convert("L"), np.uint8)


def sharpness(picture: Grey) -> float:
    """Return the variance of the Laplacian of a grey picture brought to a longer side of 512.

    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000: low
    where there are no edges. Smaller pictures are measured as they are.
    """
    height, width = picture.shape
    if max(height, width) > SIDE:
        scale = SIDE / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return float(cv2.Laplacian(picture, cv2.CV_32F).var())


def _decode(record: Record, options: Mapping[str, Any]) -> Outcome:
    limits = media.MediaLimits(megapixels=options["megapixels"], frames=options["frames"])
    assert record.open is not None
    try:
        with record.open() as stream:
            facts = media.inspect(stream, record.name, limits=limits)
    except TooLarge as fault:
        return Outcome(reason="too_large", facts={"fault": str(fault)[:200]})
    if facts.kind != "image":
        return Outcome(reason=UNREADABLE, facts={"fault": f"the content is {facts.content_type}"})
    told: dict[str, Any] = {
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "content_type": facts.content_type,
    }
    if facts.warnings:
        told["warnings"] = facts.warnings[:5]
    return Outcome(facts=told)


def _size(record: Record, options: Mapping[str, Any]) -> Outcome:
    assert record.open is not None
    with record.open() as stream:
        width, height = pictures.upright_size(stream)
    facts = {"width": width, "height": height}
    shorter, longer = sorted((width, height))
    if shorter < options["least_side"]:
        return Outcome(reason="too_small", facts=facts)
    if width * height > options["most_megapixels"] * 1_000_000:
        return Outcome(reason="too_large", facts=facts)
    if longer > options["most_ratio"] * shorter:
        return Outcome(reason="too_long", facts=facts)
    return Outcome(facts=facts)


def _blur(record: Record, options: Mapping[str, Any]) -> Outcome:
    value = round(sharpness(grey(record)), 2)
    reason = "blurred" if value < options["least"] else ""
    return Outcome(reason=reason, facts={"sharpness": value})


def _exposure(record: Record, options: Mapping[str, Any]) -> Outcome:
    seen = grey(record)
    dark, bright = float((seen <= DARK).mean()), float((seen >= BRIGHT).mean())
    spread = float(seen.std())
    facts = {
        "brightness": round(float(seen.mean()), 1),
        "contrast": round(spread, 1),
        "dark_share": round(dark, 4),
        "bright_share": round(bright, 4),
    }
    reason = ""
    if spread < options["least_contrast"]:
        reason = "flat"
    elif dark > options["most_dark"]:
        reason = "too_dark"
    elif bright > options["most_bright"]:
        reason = "too_bright"
    return Outcome(reason=reason, facts=facts)


CHECKS = (
    Operator(
        "image.decode",
        1,
        "image",
        _("Pictures: decode completely"),
        "drop",
        each(_decode),
        (
            Option("megapixels", "whole", 100, _("at most so many megapixels"), 1, 100),
            Option("frames", "whole", 10_000, _("at most so many pages or frames"), 1, 10_000),
        ),
        {**READABLE, "too_large": _("the picture passes a limit")},
    ),
    Operator(
        "image.size",
        1,
        "image",
        _("Pictures: size and proportions"),
        "drop",
        each(_size),
        (
            Option("least_side", "whole", 64, _("shorter side at least, pixels"), 1, 100_000),
            Option("most_megapixels", "number", 100.0, _("at most so many megapixels"), 0.01, 100),
            Option("most_ratio", "number", 20.0, _("longer by shorter side at most"), 1, 100_000),
        ),
        {
            **READABLE,
            "too_small": _("the picture is too small"),
            "too_large": _("the picture is too large"),
            "too_long": _("the picture is too long for its height or width"),
        },
    ),
    Operator(
        "image.blur",
        1,
        "image",
        _("Pictures: leave out blurred ones"),
        "drop",
        each(_blur),
        (
            Option(
                "least",
                "number",
                5.0,
                _("sharpness at least (variance of the Laplacian at 512 pixels)"),
                0,
                100_000,
            ),
        ),
        {**READABLE, "blurred": _("the picture is blurred")},
    ),
    Operator(
        "image.exposure",
        1,
        "image",
        _("Pictures: leave out dark, bright and flat ones"),
        "drop",
        each(_exposure),
        (
            Option("most_dark", "number", 0.9, _("share of dark pixels at most"), 0, 1),
            Option("most_bright", "number", 0.98, _("share of bright pixels at most"), 0, 1),
            Option("least_contrast", "number", 4.0, _("spread of grey values at least"), 0, 128),
        ),
        {
            **READABLE,
            "too_dark": _("the picture is too dark"),
            "too_bright": _("the picture is too bright"),
            "flat": _("the picture is nearly of one tone"),
        },
    ),
)
