"""Draw what is in a release: options of ECharts, as plots.js reads them, and their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from ..datasets.splits import SPLITS

MOST = 20  # labels of one plot


@dataclass(frozen=True)
class Plot:
    """A plot with its title and the table behind it: a head, and rows of a name and numbers."""

    title: str
    option: dict[str, Any]
    height: int
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[int]]]


def of(
    statistics: Mapping[str, Any], figures: Mapping[str, Any], titles: Mapping[str, str]
) -> list[Plot]:
    """Return the plots of a release: labels by split, and what was counted at publishing."""
    found = []
    labels = _labels(statistics, titles)
    if labels is not None:
        found.append(labels)
    told = (
        ("boxes", gettext("Size of boxes, as a share of the picture"), _share),
        ("texts", gettext("Length of texts, in characters"), str),
        ("regions", gettext("Regions of a record"), str),
    )
    for name, title, written in told:
        counted = figures.get(name)
        if counted:
            steps = _steps(counted["steps"], written)
            found.append(_columns(title, steps, _by_split(counted["splits"])))
            if counted.get("labels"):
                rows = {titles.get(k, k): v for k, v in counted["labels"].items()}
                title = gettext("Size of boxes by label")
                found.append(_columns(title, steps, rows))
    return found


def _labels(statistics: Mapping[str, Any], titles: Mapping[str, str]) -> Plot | None:
    totals: dict[str, int] = statistics.get("labels") or {}
    most = sorted(totals, key=lambda label: (-totals[label], label))[:MOST]
    if not most:
        return None
    by_split = statistics.get("labels_by_split") or {}
    splits = [name for name in SPLITS if by_split.get(name)]
    names = [titles.get(label, label) for label in most]
    series = {_split(name): [by_split[name].get(k, 0) for k in most] for name in splits}
    option = {
        "grid": {"left": 8, "right": 32, "top": 32, "bottom": 8, "containLabel": True},
        "legend": {"top": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {"type": "category", "inverse": True, "data": [_short(name) for name in names]},
        "series": [
            {"type": "bar", "stack": "all", "name": name, "data": numbers}
            for name, numbers in series.items()
        ],
    }
    rows = [(name, [series[k][place] for k in series]) for place, name in enumerate(names)]
    title = gettext("Labels by split")
    return Plot(title, option, 80 + 28 * len(most), list(series), rows)


def _columns(title: str, steps: list[str], series: Mapping[str, Sequence[int]]) -> Plot:
    option = {
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "type": "scroll"},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": steps, "axisLabel": {"rotate": 30}},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {"type": "bar", "stack": "all", "name": _short(name), "data": list(numbers)}
            for name, numbers in series.items()
        ],
    }
    names = list(series)
    rows = [(step, [series[k][place] for k in names]) for place, step in enumerate(steps)]
    return Plot(title, option, 280, names, rows)


def _by_split(counted: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    return {_split(name): counted[name] for name in SPLITS if name in counted}


def _split(name: str) -> str:
    words = {
        "train": gettext("Training"),
        "validation": gettext("Validation"),
        "test": gettext("Test"),
    }
    return words.get(name, name)


def _steps(steps: Sequence[float], written: Any) -> list[str]:
    """Name each step by where it begins and where the next one does."""
    names = []
    for place, start in enumerate(steps):
        if place + 1 == len(steps):
            names.append(f"≥ {written(start)}")
        elif written is str and steps[place + 1] == start + 1:
            names.append(written(start))
        elif written is str:
            names.append(f"{start:g}–{steps[place + 1] - 1:g}")
        else:
            names.append(f"{written(start)}–{written(steps[place + 1])}")
    return names


def _share(value: float) -> str:
    return f"{value * 100:g} %"


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"
