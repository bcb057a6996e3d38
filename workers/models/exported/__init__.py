"""Feed pictures to networks that were exported elsewhere, and read what comes out.

`options` says what a network wants and gives, `preparing` brings a picture into its form,
`heads` reads boxes from its numbers, `masks` draws their shapes, `answers` makes marks of them.
Whoever runs the network, here or at a service, is another's business.
"""

from __future__ import annotations

from .answers import MOST_MARKS, answer, fits
from .options import FORMS, NAMES, Known, Reading, check, reading
from .preparing import Input, Placement, prepare

__all__ = [
    "FORMS",
    "MOST_MARKS",
    "NAMES",
    "Input",
    "Known",
    "Placement",
    "Reading",
    "answer",
    "check",
    "fits",
    "prepare",
    "reading",
]
