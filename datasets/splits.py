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
    usable = all(isinstance(v, int | float) and 0 <= v <= 1 for v in values)
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
    split that still lacks most of that label.
    """
    names = [name for name in SPLITS if fractions.get(name, 0) > 0]
    totals: Counter[str] = Counter()
    holders: dict[str, list[str]] = {}
    for group in sorted(groups, key=lambda name: _rank(seed, name)):
        for label, number in groups[group].items():
            totals[label] += number
            holders.setdefault(label, []).append(group)
    lacking = {
        name: {label: fractions[name] * total for label, total in totals.items()} for name in names
    }
    # Rarest label first; the record count "" is the most common and comes last.
    order = sorted(totals, key=lambda label: (label == "", totals[label], label))
    chosen: dict[str, str] = {}
    for label in order:
        # Large groups first: what is left can then even out.
        for group in sorted(holders[label], key=lambda name: -groups[name].get("", 1)):
            if group in chosen:
                continue
            split = max(names, key=lambda name: (lacking[name][label], lacking[name].get("", 0.0)))
            chosen[group] = split
            for other, number in groups[group].items():
                lacking[split][other] -= number
    return chosen


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()
