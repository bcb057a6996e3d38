"""Offer recipes that are ready to begin with, for the usual kinds of raw material."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import errors
from ..errors import _
from .operators import OPERATORS


@dataclass(frozen=True)
class Ready:
    """A recipe to begin with; `title` and `about` are templates for `_()`."""

    name: str
    title: str
    about: str
    steps: tuple[Mapping[str, Any], ...]


def _steps(*told: str | tuple[str, Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"operator": each} if isinstance(each, str) else {"operator": each[0], "options": each[1]}
        for each in told
    )


READY: tuple[Ready, ...] = (
    Ready(
        "chinese_corpus",
        _("Chinese corpus"),
        _(
            "Web pages and articles for a corpus: markup and page furniture go, characters are "
            "put into one form, what is no good Chinese text or was there before is left out."
        ),
        _steps(
            "text.repair_encoding",
            "text.strip_html",
            "text.strip_boilerplate",
            "text.normalise_width",
            "text.convert_script",
            "text.filter_language",
            ("text.filter_length", {"least": 20}),
            "text.filter_repetition",
            "text.filter_quality",
            "text.exact_duplicates",
            "text.near_duplicates",
        ),
    ),
    Ready(
        "scanned_text",
        _("Scanned text"),
        _(
            "Text that was read from scans: broken characters are repaired, running heads go, "
            "pages that could not be read are left out, the rest is split into sentences."
        ),
        _steps(
            "text.repair_encoding",
            "text.normalise_width",
            "text.strip_boilerplate",
            ("text.filter_quality", {"least_letters": 0.4, "most_symbols": 0.2}),
            ("text.filter_length", {"least": 5}),
            ("text.exact_duplicates", {"loosely": True}),
            "text.split_sentences",
        ),
    ),
    Ready(
        "industrial_pictures",
        _("Industrial pictures"),
        _(
            "Pictures of a production line: those that cannot be read, are blurred or badly lit "
            "are left out, the rest is set upright, freed of places and camera data, and kept once."
        ),
        _steps(
            "image.decode",
            "image.upright",
            "image.metadata",
            "image.size",
            "image.blur",
            "image.exposure",
            "image.near_duplicates",
        ),
    ),
    Ready(
        "speech",
        _("Speech"),
        _(
            "Recordings of people: clipped and silent ones and those without speech are left out, "
            "silence at the ends goes, the rest gets one sample rate."
        ),
        _steps(
            "audio.decode",
            "audio.clipping",
            "audio.silence",
            "audio.speech",
            "audio.trim",
            "audio.resample",
        ),
    ),
    Ready(
        "tables",
        _("Sensor data and tables"),
        _(
            "Tables: repeated rows go, dates and units get one form, and the result is scored "
            "by the indicators of GB/T 36344."
        ),
        _steps("table.tidy", "table.quality"),
    ),
)


def offered() -> list[Ready]:
    """List the ready-made recipes whose operators this program has."""
    return [each for each in READY if all(step["operator"] in OPERATORS for step in each.steps)]


def find(name: str) -> Ready:
    """Return a ready-made recipe by its name.

    Raises:
        errors.NotFound: there is none of that name.
    """
    for each in offered():
        if each.name == name:
            return each
    raise errors.NotFound(_("there is no such thing here"))
