"""Count how a version's records are distributed, once, in steps that never change.

How large boxes are (their share of the picture), how long texts are (characters), how many
regions a record has; each by split, sizes of boxes by label as well.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from . import labels
from .versions import Record

# Each step goes from its number up to, without, the next; the last has no end.
BOX_SHARES = (0.0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5)
TEXT_LENGTHS = (0, 10, 20, 50, 100, 200, 500, 1000, 5000)
REGIONS = (0, 1, 2, 3, 4, 5, 10, 20, 50)
STEPS: dict[str, tuple[float, ...]] = {
    "boxes": BOX_SHARES,
    "texts": TEXT_LENGTHS,
    "regions": REGIONS,
}
MOST_LABELS = 20
_BOXES = frozenset({"rectanglelabels", "rectangle"})


def count(config: labels.LabelConfig, records: Iterable[Record]) -> dict[str, Any]:
    """Return name → {`steps`, `splits`: split → counts a step}; what there is none of is left out.

    Of boxes also `labels`: label → counts a step, of the most frequent 20 labels.
    """
    splits: dict[str, dict[str, list[int]]] = {name: {} for name in STEPS}
    by_label: dict[str, list[int]] = {}
    text_keys = [each.key for each in config.objects if each.tag in ("Text", "HyperText")]
    for record in records:
        number = sum(1 for region in record.result if region.get("type") != "relation")
        _add(splits["regions"], record.split, REGIONS, number)
        for key in text_keys:
            value = record.data.get(key)
            if isinstance(value, str):
                _add(splits["texts"], record.split, TEXT_LENGTHS, len(value))
        for region in record.result:
            share = _box_share(region)
            if share is None:
                continue
            _add(splits["boxes"], record.split, BOX_SHARES, share)
            for label in region["value"].get(region["type"]) or ():
                _add(by_label, str(label), BOX_SHARES, share)
    found: dict[str, Any] = {
        name: {"steps": list(STEPS[name]), "splits": counts}
        for name, counts in splits.items()
        if counts
    }
    if "boxes" in found:
        most = Counter({label: sum(counts) for label, counts in by_label.items()})
        kept = [label for label, _number in most.most_common(MOST_LABELS)]
        found["boxes"]["labels"] = {label: by_label[label] for label in kept}
    return found


def _add(counts: dict[str, list[int]], name: str, steps: tuple[float, ...], value: float) -> None:
    row = counts.get(name)
    if row is None:
        row = counts[name] = [0] * len(steps)
    row[max(bisect_right(steps, value) - 1, 0)] += 1


def _box_share(region: dict[str, Any]) -> float | None:
    value = region.get("value")
    if region.get("type") not in _BOXES or not isinstance(value, dict):
        return None
    width, height = value.get("width"), value.get("height")
    if not isinstance(width, int | float) or not isinstance(height, int | float):
        return None
    return max(float(width), 0.0) * max(float(height), 0.0) / 10_000
