"""Find pictures that are nearly the same, by a hash of what they look like or by features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from . import colours
from .interface import Picture

Floats = NDArray[np.float32]

SIDE, KEPT = 32, 8  # the picture that is transformed, and the coarse waves that are kept of it
BITS = 64
BLOCK = 1024  # rows compared at a time: 4 MB of similarities
WIDTH = 128  # numbers of an embedding


def perceptual_hash(picture: Picture) -> int:
    """Return 64 bits that hardly change with size, light or compression (pHash).

    The coarsest 8 × 8 cosines of the brightness at 32 × 32, each above their median or not
    (Zauner, 2010). Raises errors.Invalid for an array that is not a picture.
    """
    colours.check(picture, "image")
    grey = cv2.cvtColor(colours.rgb(picture), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = np.asarray(cv2.dct(small), np.float32)[:KEPT, :KEPT].reshape(-1)
    bits = waves > np.median(waves[1:])  # the first is the mean brightness
    return int("".join("1" if bit else "0" for bit in bits), 2)


def distance(one: int, other: int) -> int:
    """Return in how many bits two hashes differ, 0 to 64."""
    return (one ^ other).bit_count()


def near_hashes(hashes: Sequence[int], most: int = 6) -> Iterator[tuple[int, int]]:
    """Yield each pair of places whose hashes differ in at most `most` bits, in order.

    Cut into one band more than bits may differ, two such hashes agree in at least one band:
    only those are compared.
    """
    edges = np.linspace(0, BITS, most + 2).astype(int).tolist()
    bands = list(zip(edges, edges[1:], strict=False))
    held: list[dict[int, list[int]]] = [{} for _band in bands]
    for place, value in enumerate(hashes):
        met: set[int] = set()
        for (first, last), seen in zip(bands, held, strict=True):
            part = (value >> first) & ((1 << (last - first)) - 1)
            met.update(seen.setdefault(part, []))
            seen[part].append(place)
        for other in sorted(met):
            if distance(hashes[other], value) <= most:
                yield other, place


def near_duplicates(features: Floats, threshold: float) -> Iterator[tuple[int, int]]:
    """Yield each pair of rows whose cosine is at least `threshold`, the lower place first.

    Rows need not be unit vectors; one of zeros is like nothing. Compares block by block: all
    pairs are looked at, but never more than a million similarities are in memory.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    for first in range(0, len(features), BLOCK):
        upper = slice(first, first + BLOCK)
        one = features[upper] / np.maximum(lengths[upper], 1e-12)
        for second in range(first, len(features), BLOCK):
            lower = slice(second, second + BLOCK)
            other = features[lower] / np.maximum(lengths[lower], 1e-12)
            rows, columns = np.nonzero(one @ other.T >= threshold)
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                if first + row < second + column:
                    yield first + row, second + column


def embedded(rows: Floats) -> Floats:
    """Return unit vectors of 128 numbers whose cosines are about those of the rows.

    A random projection onto signs (Achlioptas, 2003), always the same for rows of one width. A
    cosine is off by about 0.09, and by less the closer the rows are.
    """
    signs = np.random.default_rng(128).integers(0, 2, (rows.shape[1], WIDTH)) * 2 - 1
    flat = rows @ signs.astype(np.float32)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12))
