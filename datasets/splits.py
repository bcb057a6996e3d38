"""Divide records into train, validation and test: seeded, stratified, groups kept whole."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from . import errors
from .errors import _

SPLITS = ("train", "validation", "test")
DEFAULT_FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}


def check_fractions(fractions: Mapping[str, float]) -> dict[str, float]:
    """Return the fractions in the usual order if they can be used.

    Raises:
        errors.Invalid: an unknown split, a negative share, or a sum that is not 1.
    """
    unknown = set(fractions) - set(SPLITS)
    values = [fractions.get(name, 0.0) for name in SPLITS]
    usable = all(
        isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in values
    )
    if unknown or not usable or abs(sum(values) - 1) > 1e-6:
        raise errors.Invalid(
            _("must be shares of %(splits)s, each 0 to 1, that add up to 1"),
            place="fractions",
            splits=", ".join(SPLITS),
        )
    return {name: float(value) for name, value in zip(SPLITS, values, strict=True)}


def assign(
    seed: int, fractions: Mapping[str, float], groups: Mapping[str, Mapping[str, int]]
) -> dict[str, str]:
    """Give each group a split; the answer depends on the arguments alone.

    `groups` maps a group's name to its label counts (the label "" counts its records).
    Iterative stratification after Sechidis, Tsoumakas and Vlahavas (2011), with whole
    groups as the unit: labels from the rarest to the most common, each group goes to the
    split that still lacks most of that label, among those with room for the group. No split
    with a share stays empty while there are groups enough.
    """
    sizes = {group: groups[group].get("", 1) for group in groups}
    totals: Counter[str] = Counter({"": sum(sizes.values())})
    holders: dict[str, list[str]] = {"": sorted(groups, key=lambda name: _rank(seed, name))}
    for group in holders[""]:
        for label, number in groups[group].items():
            if label and number:
                totals[label] += number
                holders.setdefault(label, []).append(group)
    room = _Room(fractions, totals, len(groups))
    # Rarest label first; the record count "" is the most common and comes last.
    order = sorted(totals, key=lambda label: (label == "", totals[label], label))
    chosen: dict[str, str] = {}
    for label in order:
        # Large groups first: what is left can then even out.
        for group in sorted(holders[label], key=lambda name: -sizes[name]):
            if group not in chosen:
                chosen[group] = room.take(label, sizes[group], groups[group])
    return chosen


class _Room:
    """What each split still lacks, by label, while groups are handed to them."""

    def __init__(self, fractions: Mapping[str, float], totals: Counter[str], groups: int) -> None:
        self._names = [name for name in SPLITS if fractions.get(name, 0) > 0]
        self._lacking = {
            name: {label: fractions[name] * total for label, total in totals.items()}
            for name in self._names
        }
        self._empty = list(self._names)
        self._groups = groups

    def take(self, label: str, size: int, counts: Mapping[str, int]) -> str:
        """Choose the split of one group for the sake of one of its labels."""
        lacking = self._lacking
        # A split has room while taking the group brings it nearer to its share.
        roomy = [name for name in self._names if 2 * lacking[name][""] >= size]
        names = roomy or self._names
        if self._groups <= len(self._empty):
            names = self._empty
        by = label if roomy else ""
        split = max(names, key=lambda name: (lacking[name][by], lacking[name][""]))
        for other, number in counts.items():
            if other and number:
                lacking[split][other] -= number
        lacking[split][""] -= size
        self._groups -= 1
        if split in self._empty:
            self._empty.remove(split)
        return split


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()
