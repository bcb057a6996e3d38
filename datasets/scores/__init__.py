"""Score releases: MQA, udata's nine, the indicators of TC609, each with its reasons.

`measuring` goes through the records of a version once, when it is published; what it finds is
published with it (`PATH`). The scores are pure functions of that and of what is said of the
dataset, so they follow at once when somebody says more.
"""

from __future__ import annotations

from .criteria import Criterion, Score
from .described import Described, Download
from .indicators import EDITION, INDICATORS, Indicator, Judged, judge, weights
from .measuring import PATH, Measured, measure
from .metadata import mqa
from .portal import udata

__all__ = [
    "Criterion",
    "Described",
    "Download",
    "EDITION",
    "INDICATORS",
    "Indicator",
    "Judged",
    "Measured",
    "PATH",
    "Score",
    "judge",
    "measure",
    "mqa",
    "udata",
    "weights",
]
