"""Learn linear heads: logistic regression with a ridge, the same rows give the same numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TOLERANCE = 1e-4
LONGEST = 200  # iterations


def heads(
    rows: Floats, answers: Floats, weights: Floats, ridge: float, exclusive: bool = False
) -> tuple[Floats, Floats]:
    """Return factors `(columns, heads)` and offsets `(heads,)` of logistic regressions.

    `answers` and `weights` are `(rows, heads)`, answers 0 or 1; a weight of 0 leaves a row out of
    a head. With `exclusive` it is one multinomial regression: the answers of a row sum to 1 and
    the first column of weights counts. The loss is the weighted mean of the cross-entropy plus
    `ridge / 2` times the squared factors; rows should be standardised.
    """
    from scipy.optimize import minimize

    columns, count = rows.shape[1], answers.shape[1]
    shares = weights / np.maximum(weights.sum(axis=0, keepdims=True), 1e-12)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        table = flat.reshape(columns + 1, count)
        odds = rows @ table[:-1].astype(np.float32) + table[-1].astype(np.float32)
        odds = odds.astype(np.float64)
        if exclusive:
            odds -= odds.max(axis=1, keepdims=True)
            chances = np.exp(odds)
            totals = chances.sum(axis=1, keepdims=True)
            chances /= totals
            given = (answers * odds).sum(axis=1, keepdims=True)
            cost = float((shares[:, :1] * (np.log(totals) - given)).sum())
            slope = shares[:, :1] * (chances - answers)
        else:
            chances = 1 / (1 + np.exp(-np.clip(odds, -60, 60)))
            cost = float((shares * (np.logaddexp(0, odds) - answers * odds)).sum())
            slope = shares * (chances - answers)
        down = rows.T @ slope.astype(np.float32)
        cost += ridge / 2 * float((table[:-1] ** 2).sum())
        slopes = np.vstack([down + ridge * table[:-1], slope.sum(axis=0)[None]])
        return cost, slopes.reshape(-1).astype(np.float64)

    start = np.zeros((columns + 1) * count)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": LONGEST, "ftol": TOLERANCE**2}
    )
    table = found.x.reshape(columns + 1, count).astype(np.float32)
    return table[:-1], table[-1]


def chance(odds: Floats) -> Floats:
    """Return the probability of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float32)


def shares(odds: Floats) -> Floats:
    """Return the probabilities of one of several, by rows."""
    raised = np.exp(odds - odds.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
