"""Measure how much people agree beyond chance: Cohen, Fleiss, Krippendorff.

Pure functions of arrays of category numbers or of tables of counts. NaN stands for what
cannot be told: nothing compared, or only one category ever used by everybody.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
WEIGHTS = ("none", "linear", "quadratic")


def table(first: ArrayLike, second: ArrayLike, categories: int | None = None) -> Numbers:
    """Return how often the first said i and the second j, of category numbers from 0."""
    one, other = np.asarray(first, np.int64), np.asarray(second, np.int64)
    most = int(max(one.max(initial=-1), other.max(initial=-1))) + 1
    size = most if categories is None else categories
    counted = np.bincount(one * size + other, minlength=size * size)
    return counted.reshape(size, size).astype(float)


def observed(counts: ArrayLike) -> float:
    """Return the share of a table of counts that lies on its diagonal."""
    square = np.asarray(counts, float)
    total = square.sum()
    return float(np.trace(square) / total) if total else float("nan")


def cohen(counts: ArrayLike, weights: str = "none") -> float:
    """Return Cohen's κ of a table of counts; weighted by distance of categories if told.

    κ = 1 − Σ w o / Σ w e, with w = 1 off the diagonal (Cohen 1960), |i − j| or (i − j)²
    (Cohen 1968).
    """
    square = np.asarray(counts, float)
    return float(cohens(square[None], weights)[0])


def cohens(tables: Numbers, weights: str = "none") -> Numbers:
    """Return κ of each of many tables of counts: tables × categories × categories."""
    size = tables.shape[-1]
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
    weight = {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}[weights]
    total = tables.sum(axis=(1, 2))
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = (tables * weight).sum(axis=(1, 2)) / total
        expected = np.einsum("ti,ij,tj->t", rows, weight, columns) / total**2
        found: Numbers = 1 - seen / expected
    return found


def fleiss(counts: ArrayLike) -> float:
    """Return Fleiss' κ (1971): subjects × categories, how many raters chose each.

    Raises:
        ValueError: subjects have different numbers of raters, or fewer than two.
    """
    chosen = np.asarray(counts, float)
    raters = chosen.sum(axis=1)
    if not len(chosen) or (raters != raters[0]).any() or raters[0] < 2:
        raise ValueError("every subject needs the same number of raters, at least two")
    each = (chosen * (chosen - 1)).sum(axis=1) / (raters * (raters - 1))
    share = chosen.sum(axis=0) / chosen.sum()
    expected = float((share**2).sum())
    return float((each.mean() - expected) / (1 - expected)) if expected < 1 else float("nan")


def coincidences(values: ArrayLike) -> tuple[NDArray[Any], Numbers]:
    """Return (values that occur, how often they coincide) of raters × units, NaN where missing.

    A unit with m values counts each pair of them 1 / (m − 1); units with one are left out
    (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability).
    """
    said = np.asarray(values, float)
    present = ~np.isnan(said)
    told = present & (present.sum(axis=0) > 1)
    names, place = np.unique(said[told], return_inverse=True)
    counts = np.zeros((said.shape[1], len(names)))
    np.add.at(counts, (np.nonzero(told)[1], place), 1)
    counts = counts[counts.sum(axis=1) > 1]
    weighted = counts / (counts.sum(axis=1, keepdims=True) - 1)
    return names, weighted.T @ counts - np.diag(weighted.sum(axis=0))


def krippendorff(values: ArrayLike, level: str = "nominal") -> float:
    """Return Krippendorff's α of raters × units, NaN where missing; "nominal" or "interval"."""
    names, counted = coincidences(values)
    if not len(names):
        return float("nan")
    return float(alphas(counted[None], names if level == "interval" else None)[0])


def alphas(tables: Numbers, values: ArrayLike | None = None) -> Numbers:
    """Return α of each of many tables of coincidences; with `values`, at the interval level.

    α = 1 − (n − 1) Σ o δ² / Σ n_c n_k δ².
    """
    size = tables.shape[-1]
    if values is None:
        apart = 1 - np.eye(size)
    else:
        places = np.asarray(values, float)
        apart = np.subtract.outer(places, places) ** 2
    totals = tables.sum(axis=2)
    number = totals.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = (tables * apart).sum(axis=(1, 2))
        expected = np.einsum("ti,ij,tj->t", totals, apart, totals) / (number - 1)
        found: Numbers = 1 - seen / expected
    return found
