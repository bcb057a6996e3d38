"""Draw the figures of quality: options of ECharts, as plots.js reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from ..datasets.quality import LEAST_TASKS

MOST = 20  # people or labels in one plot
_BLUES = ["#f2f6fc", "#9fbfe8", "#1657b8"]
_FAINT = "#e3e8ef"


def of(
    report: Mapping[str, Any] | None, known: Mapping[int, str], titles: Mapping[str, str]
) -> dict[str, Any]:
    """Return name → option: labels, people (a matrix), confusion of each control.

    `known` names the people, `titles` the labels that are shown by another word.
    """
    if report is None:
        return {}
    found: dict[str, Any] = {}
    labels = [row for row in report["labels"] if row["value"] is not None][:MOST]
    if labels:
        found["labels"] = _intervals(
            [(titles.get(row["label"], row["label"]), row) for row in reversed(labels)]
        )
    pairs = report["matrix"]
    if len(report["people"]) > 1 and pairs:
        found["people"] = _matrix(pairs, known)
    found["confusion"] = {
        name: _confusion(told["confusion"], titles)
        for name, told in report["controls"].items()
        if told["confusion"] and len(told["confusion"]["labels"]) > 1
    }
    return found


def height(option: Mapping[str, Any]) -> int:
    """Return how many pixels a plot with rows is to be high."""
    return 90 + 26 * len(option["yAxis"]["data"])


def _intervals(rows: list[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    bars = [
        [row["low"], row["high"], place]
        for place, (_name, row) in enumerate(rows)
        if row["low"] is not None
    ]
    return {
        "unit": "percent",
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "value", "min": 0, "max": 1},
        "yAxis": {"type": "category", "data": [_short(name) for name, _row in rows]},
        "series": [
            {"type": "interval", "lying": True, "data": bars},
            {
                "type": "scatter",
                "symbolSize": 9,
                "z": 4,
                "data": [[row["value"], place] for place, (_name, row) in enumerate(rows)],
                "tooltip": {"show": False},
            },
        ],
    }


def _matrix(pairs: list[dict[str, Any]], known: Mapping[int, str]) -> dict[str, Any]:
    common: dict[int, int] = {}
    for pair in pairs:
        for side in ("one", "other"):
            common[pair[side]] = common.get(pair[side], 0) + pair["tasks"]
    chosen = sorted(sorted(common, key=lambda person: -common[person])[:MOST])
    place = {person: number for number, person in enumerate(chosen)}
    cells: list[dict[str, Any]] = []
    for pair in pairs:
        value = pair["agreement"]["value"]
        if pair["one"] not in place or pair["other"] not in place or value is None:
            continue
        one, other = place[pair["one"]], place[pair["other"]]
        few = pair["tasks"] < LEAST_TASKS
        look = {"itemStyle": {"color": _FAINT}, "visualMap": False} if few else {}
        cells += [
            {"value": [one, other, value], **look},
            {"value": [other, one, value], **look},
        ]
    names = [_short(known.get(person, str(person))) for person in chosen]
    return _heat(names, cells)


def _confusion(told: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    names = told["labels"][:MOST]
    if told["labels"][-1] == "" and "" not in names:
        names = [*names, ""]
    rows = [told["labels"].index(name) for name in names]
    cells = []
    for y, row in enumerate(rows):
        # Where both said it, each is the one and the other.
        met = [number * (1 + (place == row)) for place, number in enumerate(told["counts"][row])]
        total = sum(met) or 1
        cells += [
            {"value": [x, y, round(met[column] / total, 4)]}
            for x, column in enumerate(rows)
            if met[column]
        ]
    shown = [_short(titles.get(name, name)) or gettext("(nothing)") for name in names]
    return _heat(shown, cells)


def _heat(names: list[str], cells: list[dict[str, Any]]) -> dict[str, Any]:
    axis = {"type": "category", "data": names, "splitArea": {"show": True}}
    return {
        "unit": "percent",
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8, "containLabel": True},
        "tooltip": {},
        "xAxis": {**axis, "axisLabel": {"rotate": 40 if len(names) > 4 else 0}},
        "yAxis": {**axis, "inverse": True},
        "visualMap": {"min": 0, "max": 1, "show": False, "inRange": {"color": _BLUES}},
        "series": [
            {
                "type": "heatmap",
                "data": cells,
                "label": {"show": len(names) <= 8},
                "itemStyle": {"borderColor": "#fff", "borderWidth": 1},
            }
        ],
    }


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"
