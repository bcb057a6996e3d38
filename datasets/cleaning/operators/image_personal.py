"""Declare the operator that finds and covers personal information in pictures.

What it does needs networks, which only workers have: `workers/model_operators.py` puts it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import personal_information
from ...errors import Unavailable, _
from .contract import Operator, Option, Outcome, Record
from .image_checks import READABLE

NAME = "image.personal_information"


def _missing(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    """Refuse: a picture that nobody looked at must not pass for one that holds nothing."""
    raise Unavailable(_("pictures are looked at by workers only"))


PERSONAL = (
    Operator(
        NAME,
        1,
        "image",
        _("Pictures: find and cover faces, licence plates and written personal information"),
        "change",
        _missing,
        (
            Option(
                "kinds",
                "choices",
                tuple(personal_information.KINDS),
                _("what is looked for"),
                choices=tuple(personal_information.KINDS),
            ),
            Option(
                "action",
                "choice",
                "fill",
                _("what is done: only reported, blurred, mosaic, or filled with black"),
                choices=("report", "blur", "mosaic", "fill"),
            ),
            Option("margin", "number", 0.1, _("added on each side, as a share"), 0, 1),
            Option("least", "number", 0.5, _("certainty at least"), 0, 1),
        ),
        READABLE,
    ),
)
