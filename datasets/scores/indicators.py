"""Judge a release by the seventeen indicators of TC609-5-2025-04, in three dimensions.

X = what is satisfied / all × 100; each dimension must reach 90. Weights inside a dimension
are not public, so they are equal unless the operator says otherwise. What cannot be told is
said to be unknown and counts as nothing, so that nobody gains by not looking.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import errors
from ..errors import _
from ..quality import Figure
from ..quality.intervals import wilson
from .criteria import Criterion, Score
from .described import Described
from .measuring import Count, Measured

EDITION = "TC609-5-2025-04"
PASS = 90.0
LARGEST_WEIGHT = 100.0


@dataclass(frozen=True)
class Indicator:
    """One indicator: its code, the dimension that it belongs to, its title (a message)."""

    code: str
    dimension: str
    title: str


DOCUMENTATION = _("documentation")
DATA_QUALITY = _("data quality")
MODEL_APPLICATION = _("model application")
DIMENSIONS = (DOCUMENTATION, DATA_QUALITY, MODEL_APPLICATION)
INDICATORS = (
    Indicator("0101", DOCUMENTATION, _("basic information is complete")),
    Indicator("0102", DOCUMENTATION, _("content is described")),
    Indicator("0103", DOCUMENTATION, _("making is described")),
    Indicator("0104", DOCUMENTATION, _("use is described")),
    Indicator("0201", DATA_QUALITY, _("format")),
    Indicator("0202", DATA_QUALITY, _("safety")),
    Indicator("0203", DATA_QUALITY, _("labels follow the rules")),
    Indicator("0204", DATA_QUALITY, _("nothing needed is missing")),
    Indicator("0205", DATA_QUALITY, _("origin can be traced")),
    Indicator("0206", DATA_QUALITY, _("contents agree with each other")),
    Indicator("0207", DATA_QUALITY, _("media are of their type")),
    Indicator("0208", DATA_QUALITY, _("content is clean")),
    Indicator("0301", MODEL_APPLICATION, _("diversity")),
    Indicator("0302", MODEL_APPLICATION, _("scale")),
    Indicator("0303", MODEL_APPLICATION, _("timeliness")),
    Indicator("0304", MODEL_APPLICATION, _("labels are right")),
    Indicator("0305", MODEL_APPLICATION, _("use for models")),
)
_CODES = frozenset(each.code for each in INDICATORS)
_COUNTED = _("%(count)s of the %(of)s")
_UNKNOWN = _("not known")
# Counts of the records by indicator, and what raises each.
_BY_RECORD = {
    "0201": ("formatted", ""),
    "0203": ("compliant", _("correct the labels that do not follow the labelling config")),
    "0204": ("complete", _("fill in the data that the labelling config names")),
    "0205": ("traceable", ""),
    "0207": ("typed", _("give media the ending of what they are")),
    "0208": ("clean", _("remove doubles, empty texts and what conversions left behind")),
}


@dataclass(frozen=True)
class Judged:
    """One dimension: its score out of 100, and whether it passes."""

    dimension: str
    score: Score

    @property
    def value(self) -> float:
        """Return the score, 0 to 100."""
        return self.score.share * 100

    @property
    def passes(self) -> bool:
        """Tell whether it reaches 90."""
        return self.value >= PASS

    @property
    def unknown(self) -> int:
        """Count the indicators about which nothing can be told."""
        return sum(each.points is None for each in self.score.criteria)


def weights(text: str) -> dict[str, float]:
    """Read weights such as `0201=2,0304=3`; what is not named weighs 1.

    Raises:
        errors.Invalid: there is no such indicator, or a weight is not from 0 to 100.
    """
    found = dict.fromkeys((each.code for each in INDICATORS), 1.0)
    for part in filter(None, (part.strip() for part in text.split(","))):
        code, _equals, number = part.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if code not in _CODES or not 0 <= weight <= LARGEST_WEIGHT:
            raise errors.Invalid(
                _("“%(part)s” must be the code of an indicator and a weight from 0 to 100"),
                place="JINBIAO_INDICATOR_WEIGHTS",
                part=part[:40],
            )
        found[code] = weight
    for dimension in DIMENSIONS:
        if not sum(found[each.code] for each in INDICATORS if each.dimension == dimension):
            raise errors.Invalid(
                _("at least one indicator of each dimension must weigh something"),
                place="JINBIAO_INDICATOR_WEIGHTS",
            )
    return found


def judge(
    described: Described,
    measured: Measured | None,
    covered: Mapping[str, list[str]] | None,
    weighing: Mapping[str, float],
) -> list[Judged]:
    """Judge a release in three dimensions.

    `measured` is what was counted in its records, `covered` the topics of its datasheet that
    are told by code; None where the release is from before there were any.
    """
    told = {
        **_documentation(covered),
        **_records(measured),
        **_application(described, measured),
    }
    return [
        Judged(
            dimension,
            Score(
                EDITION,
                EDITION,
                tuple(
                    _criterion(each, told.get(each.code), weighing[each.code])
                    for each in INDICATORS
                    if each.dimension == dimension
                ),
            ),
        )
        for dimension in DIMENSIONS
    ]


@dataclass(frozen=True)
class _Told:
    value: float | None
    reason: str = _UNKNOWN
    values: Mapping[str, Any] | None = None
    advice: str = ""


def _criterion(indicator: Indicator, told: _Told | None, weight: float) -> Criterion:
    told = told or _Told(None)
    points = None if told.value is None else told.value * weight
    return Criterion(
        indicator.code,
        indicator.title,
        points,
        weight,
        told.reason,
        told.values or {},
        told.advice,
    )


def _documentation(covered: Mapping[str, list[str]] | None) -> dict[str, _Told]:
    advice = _("answer the open questions of the datasheet")
    if covered is None:
        return {code: _Told(None, advice=advice) for code in ("0101", "0102", "0103", "0104")}
    return {
        code: _Told(len(topics) / 5, _COUNTED, {"count": len(topics), "of": 5}, advice)
        for code, topics in covered.items()
    }


def _records(measured: Measured | None) -> dict[str, _Told]:
    nothing = _Told(None, advice=_("publish the version once more: its records were not counted"))
    found = {
        "0202": _Told(None, advice=_("nobody has searched the content for what is unlawful")),
        "0206": _Told(None, advice=_("nobody has compared contents that belong together")),
    }
    for code, (name, advice) in _BY_RECORD.items():
        found[code] = nothing if measured is None else _share(getattr(measured, name), advice)
    return found


def _share(count: Count, advice: str) -> _Told:
    if not count.of:
        return _Told(None, advice=advice)
    return _Told(count.count / count.of, _COUNTED, {"count": count.count, "of": count.of}, advice)


def _application(described: Described, measured: Measured | None) -> dict[str, _Told]:
    sheet = described.dataset.sheet_values
    target = str(sheet.get("target_records") or "")
    wanted = int(target) if target.isdecimal() and int(target) else None
    found = {
        "0302": _Told(None, advice=_("say in the datasheet how many records are needed"))
        if wanted is None
        else _Told(
            min(1.0, described.release.records / wanted),
            _COUNTED,
            {"count": described.release.records, "of": wanted},
            _("label more"),
        ),
        "0305": _Told(None, advice=_("have a model trained on it and scored on a benchmark")),
    }
    if measured is not None:
        found["0301"] = _share(measured.labels, _("add records of the labels that do not occur"))
        found["0303"] = _timely(described, measured)
        found["0304"] = _right(wilson(measured.accepted.count, measured.accepted.of))
    return found


def _timely(described: Described, measured: Measured) -> _Told:
    """Tell whether all days that records say lie within the period that the dataset covers."""
    dataset = described.dataset
    advice = _("say the period covered, and let records say their original_time")
    if not measured.dated or dataset.covers_from is None or dataset.covers_to is None:
        return _Told(None, advice=advice)
    try:
        first = dt.date.fromisoformat(measured.first_day or "")
        last = dt.date.fromisoformat(measured.last_day or "")
    except ValueError:
        return _Told(None, advice=advice)
    if dataset.covers_from <= first and last <= dataset.covers_to:
        counted = {"count": measured.dated, "of": measured.records}
        return _Told(measured.dated / measured.records, _COUNTED, counted, advice)
    return _Told(0.0, _("records lie outside the period covered"), {}, advice)


def _right(share: Figure) -> _Told:
    """Take the lower end of the interval: few reviews prove little."""
    advice = _("have more of the work reviewed, and correct what reviewers change")
    if share.value is None or share.low is None:
        return _Told(None, advice=advice)
    values = {"value": f"{share.value:.1%}", "low": f"{share.low:.1%}", "number": share.number}
    return _Told(
        share.low,
        _("%(value)s accepted unchanged (n = %(number)s, Wilson); the lower end %(low)s counts"),
        values,
        advice,
    )
