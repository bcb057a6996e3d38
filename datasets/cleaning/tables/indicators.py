"""List the indicators of GB/T 36344-2018, and score what can be computed of a table alone.

X = A / B; of 数据重复率 and 脏数据出现率 less is better, so 1 − X is scored. An indicator that
needs what the table does not say (a standard, a reference, a due date) has no value and does not
count; a dimension is the mean of its indicators, the score that of the dimensions, in percent.
The standard leaves weights to its user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import _

EDITION = "GB/T 36344-2018"


@dataclass(frozen=True)
class Indicator:
    """One indicator: code, dimension, title, whether less is better, what A and B are here.

    `missing` says why it cannot be computed, where it never can.
    """

    code: str
    dimension: str
    title: str
    basis: str = ""
    inverse: bool = False
    missing: str = ""


DIMENSIONS: Mapping[str, str] = {
    "conformity": _("conformity"),
    "completeness": _("completeness"),
    "accuracy": _("accuracy"),
    "consistency": _("consistency"),
    "timeliness": _("timeliness of the data"),
    "accessibility": _("accessibility"),
}
_NO_STANDARD = _("needs a data standard that the table is held against")
INDICATORS: tuple[Indicator, ...] = (
    Indicator("data_standard", "conformity", _("data standard"), missing=_NO_STANDARD),
    Indicator(
        "data_model",
        "conformity",
        _("data model"),
        _("rows with as many cells as the header, of all rows"),
    ),
    Indicator(
        "metadata",
        "conformity",
        _("metadata"),
        _("columns whose name says something, of all columns"),
    ),
    Indicator(
        "business_rules",
        "conformity",
        _("business rules"),
        missing=_("needs the rules of the business"),
    ),
    Indicator(
        "authoritative_reference_data",
        "conformity",
        _("authoritative reference data"),
        missing=_("needs reference data"),
    ),
    Indicator(
        "security_norms",
        "conformity",
        _("security norms"),
        missing=_("is told by the scan for personal information"),
    ),
    Indicator(
        "data_element_completeness",
        "completeness",
        _("completeness of data elements"),
        _("required cells that are filled, of all required cells"),
    ),
    Indicator(
        "data_record_completeness",
        "completeness",
        _("completeness of records"),
        _("rows whose required cells are all filled, of all rows"),
    ),
    Indicator(
        "content_correctness",
        "accuracy",
        _("correctness of content"),
        _("numbers within the ranges that were given, of all numbers of those columns"),
    ),
    Indicator(
        "format_compliance",
        "accuracy",
        _("compliance of formats"),
        _("cells of the column's type, dates by ISO 8601, of all filled cells"),
    ),
    Indicator(
        "duplication_rate",
        "accuracy",
        _("rate of duplicates"),
        _("rows that are there before, of all rows"),
        inverse=True,
    ),
    Indicator(
        "uniqueness",
        "accuracy",
        _("uniqueness"),
        _("different values of the key columns, of all their filled cells"),
    ),
    Indicator(
        "dirty_data_rate",
        "accuracy",
        _("rate of dirty data"),
        _("cells with control characters, broken text or errors of a sheet, of all filled cells"),
        inverse=True,
    ),
    Indicator(
        "same_data_consistency",
        "consistency",
        _("consistency of the same data"),
        _("cells in the unit that most of their column have, of all cells with a unit"),
    ),
    Indicator(
        "related_data_consistency",
        "consistency",
        _("consistency of related data"),
        missing=_("needs the relations between columns or tables"),
    ),
    Indicator(
        "period_correctness",
        "timeliness",
        _("correctness of periods"),
        _("dates that exist, from 1900 until today, of all dates"),
    ),
    Indicator(
        "point_timeliness",
        "timeliness",
        _("timeliness at a point"),
        missing=_("needs the date on which the data were due"),
    ),
    Indicator(
        "chronology",
        "timeliness",
        _("chronological order"),
        _("rows not earlier than the row before, by the first date column, of all such pairs"),
    ),
    Indicator(
        "accessible",
        "accessibility",
        _("accessible"),
        _("rows that can be read, of all rows"),
    ),
    Indicator(
        "available",
        "accessibility",
        _("available"),
        missing=_("needs the life time of the data"),
    ),
)

BY_CODE: Mapping[str, Indicator] = {indicator.code: indicator for indicator in INDICATORS}

Counted = Mapping[str, tuple[int, int]]


def judged(counted: Counted) -> dict[str, Any]:
    """Return indicators, dimensions and score for (A, B) by code; B = 0 is not computed.

    Values are shares from 0 to 1, the score is from 0 to 100 or None where nothing could be
    computed; `computed` says how many of the indicators count.
    """
    shown = []
    by_dimension: dict[str, list[float]] = {}
    for indicator in INDICATORS:
        part, whole = counted.get(indicator.code, (0, 0))
        value = part / whole if whole else None
        if value is not None:
            good = 1 - value if indicator.inverse else value
            by_dimension.setdefault(indicator.dimension, []).append(good)
        shown.append(
            {
                "code": indicator.code,
                "value": None if value is None else round(value, 6),
                "part": part,
                "whole": whole,
            }
        )
    dimensions = {name: sum(all_) / len(all_) for name, all_ in by_dimension.items()}
    score = 100 * sum(dimensions.values()) / len(dimensions) if dimensions else None
    return {
        "edition": EDITION,
        "score": None if score is None else round(score, 2),
        "computed": sum(len(all_) for all_ in by_dimension.values()),
        "dimensions": {name: round(100 * value, 2) for name, value in dimensions.items()},
        "indicators": shown,
    }
