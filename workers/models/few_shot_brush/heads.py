"""Tell each place of a picture how likely each label is there: one linear head a label."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .. import linear
from . import looking
from .looking import FILTERS, Seen

Floats = NDArray[np.float32]

RIDGE = 0.1
LOUDEST = 2.0  # standard deviations beyond which a filter says no more


@dataclass(frozen=True)
class Heads:
    """What the heads learned; `middle` and `spread` are of the columns, before they count."""

    middle: Floats  # (columns,)
    spread: Floats  # (columns,)
    factors: Floats  # (columns, labels)
    offsets: Floats  # (labels,)

    def odds(self, seen: Seen) -> Floats:
        """Return log-odds `(labels, rows, columns)` on the grid.

        Linear in the maps of the network, so these are weighed before they are enlarged.
        """
        count = len(self.offsets)
        high, wide = seen.grid
        odds = np.broadcast_to(self.offsets[:, None, None], (count, high, wide)).copy()
        for column, values in enumerate(looking.filters(seen)):
            heard = _held((values - self.middle[column]) / self.spread[column])
            odds += self.factors[column][:, None, None] * heard
        first = FILTERS
        for each in seen.maps:
            part = slice(first, first + len(each))
            weights = self.factors[part] / self.spread[part, None]
            flat = weights.T @ each.reshape(len(each), -1)
            flat -= (weights.T @ self.middle[part])[:, None]
            for label in range(count):
                small = flat[label].reshape(each.shape[1:])
                odds[label] += cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)
            first += len(each)
        return odds.astype(np.float32)


def learn(rows: Floats, known: Floats) -> Heads:
    """Return heads for `rows` `(places, columns)` of which `known` `(places, labels)` says 1 where
    the label is, 0 where not, NaN where nobody knows.

    In each head both answers weigh the same. A label without a row of its own is never there.
    """
    middle, spread = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-6)
    seen = (rows - middle) / spread
    seen[:, :FILTERS] = _held(seen[:, :FILTERS])
    yes, no = (known == 1).astype(np.float32), (known == 0).astype(np.float32)
    weights = yes / np.maximum(yes.sum(axis=0), 1) + no / np.maximum(no.sum(axis=0), 1)
    factors, offsets = linear.heads(seen, yes, weights, RIDGE)
    absent = yes.sum(axis=0) == 0
    factors[:, absent], offsets[absent] = 0, -30
    return Heads(middle, spread, factors, offsets)


def _held(values: Floats) -> Floats:
    """Bend values beyond the loudest, so that a glare cannot outvote all else."""
    return np.asarray(LOUDEST * np.tanh(values / LOUDEST), np.float32)
