"""Find pictures that show the same: copies made smaller, compressed again, or slightly cut.

A picture is named by 64 bits (the signs of its lowest frequencies: a discrete cosine transform
of 32 × 32 grey values, C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions", 2010), so that candidates are found quickly, and by the 32 × 32 values themselves.
The hash alone takes every picture of a fixed camera for the same; where the largest difference of
any place counts as well, a defect in one corner keeps two pictures apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import Invalid, _
from .contract import Operator, Option, Record
from .image_checks import Grey, grey

SIDE = 32  # of the small picture
LOW = 8  # frequencies each way
BANDS, BAND_BITS = 4, 16
FLATTEST = 2.0  # standard deviation of grey values below which nothing can be compared
STEP = 24.0  # steps of a kept value to one standard deviation
FARTHEST = 11  # bits: four bands, in one of which at most two differ
TOGETHER = 1 << 20  # candidate pairs that are looked at in one go

Bits = NDArray[np.uint64]
Small = NDArray[np.int8]


def perceptual_hash(picture: Grey) -> int:
    """Return 64 bits: which of the 8 × 8 lowest frequencies lie above their median."""
    small = _small(picture)
    low = np.asarray(cv2.dct(small), np.float32)[:LOW, :LOW].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _small(picture: Grey) -> NDArray[np.float32]:
    size = (SIDE, SIDE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def signature(records: Sequence[Record], options: Mapping[str, Any]) -> list[bytes | None]:
    """Return for each picture its 8 bytes of hash and 1,024 of small picture.

    None for one that cannot be decoded; nothing (b"") for one of a single tone, which is never
    a duplicate, since all of them look the same.
    """
    return [_signed(record) for record in records]


def _signed(record: Record) -> bytes | None:
    try:
        seen = grey(record, 256)
    except Invalid:
        return None
    small = _small(seen)
    spread = float(small.std())
    if spread < FLATTEST:
        return b""
    values = np.clip((small - small.mean()) * (STEP / spread), -127, 127).round().astype(np.int8)
    return perceptual_hash(seen).to_bytes(8, "big") + bytes(values.tobytes())


def groups(
    ids: Sequence[int], signatures: Sequence[bytes | None], options: Mapping[str, Any]
) -> dict[int, int]:
    """Return the later id of each near duplicate → the first kept one that it is alike.

    Every pair within `distance` bits is compared, found by bands: where two hashes differ in at
    most 11 bits, one of four bands of 16 differs in at most two. A duplicate of a duplicate is
    one only where it is itself alike what was kept.
    """
    # What is the same to the byte is settled first, so that copies cost nothing.
    numbers: dict[bytes, int] = {}
    firsts: list[int] = []
    members: list[tuple[int, int]] = []
    for place, each in enumerate(_in_order(signatures)):
        if each:
            if numbers.setdefault(each, len(firsts)) == len(firsts):
                firsts.append(place)
            members.append((place, numbers[each]))
    rows = np.empty((len(firsts), 8 + SIDE * SIDE), np.uint8)
    for number, each in enumerate(numbers):
        rows[number] = np.frombuffer(each, np.uint8)
    bits = rows[:, :8].copy().view(">u8").astype(np.uint64).ravel()
    kept = _kept(_pairs(bits, rows[:, 8:].view(np.int8), options), len(bits)).tolist()
    keepers = ((place, firsts[kept[number]]) for place, number in members)
    return {ids[place]: ids[keeper] for place, keeper in keepers if place != keeper}


def _in_order(signatures: Sequence[bytes | None]) -> Iterator[bytes | None]:
    """Yield all, read many at a time: they may lie on a disk."""
    for start in range(0, len(signatures), 4096):
        yield from signatures[start : start + 4096]


def _kept(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return for each picture the first kept one that it is alike, itself where none is."""
    kept = np.arange(count)
    if len(pairs):
        pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
    for earlier, later in pairs.tolist():
        if kept[later] == later and kept[earlier] == earlier:
            kept[later] = earlier
    return kept


def _pairs(bits: Bits, small: Small, options: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return (earlier, later) of all that are alike, each pair once."""
    found: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
    for left, right in _candidates(bits, int(options["distance"])):
        alike = _alike(small, left, right, options)
        found.append(np.column_stack([left[alike], right[alike]]))
    pairs = np.concatenate(found)
    return np.unique(pairs, axis=0)


def _candidates(bits: Bits, distance: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (earlier, later) whose hashes differ in at most so many bits; pairs may come twice."""
    flips = [
        sum(1 << bit for bit in some)
        for number in range(distance // BANDS + 1)
        for some in combinations(range(BAND_BITS), number)
    ]
    for band in range(BANDS):
        keys = ((bits >> np.uint64(BAND_BITS * band)) & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(keys, kind="stable")
        starts = np.searchsorted(keys[order], np.arange((1 << BAND_BITS) + 1))
        for flip in flips:
            wanted = keys ^ flip
            begin, counts = starts[wanted], starts[wanted + 1] - starts[wanted]
            for some in _portions(counts):
                left = np.repeat(some, counts[some])
                shift = np.cumsum(counts[some]) - counts[some]
                inside = np.arange(len(left)) - np.repeat(shift, counts[some])
                right = order[np.repeat(begin[some], counts[some]) + inside]
                near = (left < right) & (np.bitwise_count(bits[left] ^ bits[right]) <= distance)
                if near.any():
                    yield left[near], right[near]


def _portions(counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Divide those that have candidates so that memory stays bounded."""
    some = np.flatnonzero(counts)
    if not len(some):
        return
    part = np.cumsum(counts[some]) // TOGETHER
    yield from np.split(some, np.flatnonzero(np.diff(part)) + 1)


def _alike(
    small: Small,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    options: Mapping[str, Any],
) -> NDArray[np.bool_]:
    """Tell which pairs are alike: everywhere (copies), or on the whole (alike)."""
    answer = np.zeros(len(left), np.bool_)
    for start in range(0, len(left), 1 << 14):
        part = slice(start, start + (1 << 14))
        one = small[left[part]].astype(np.int16)
        other = small[right[part]].astype(np.int16)
        if options["level"] == "copies":
            answer[part] = np.abs(one - other).max(axis=1) <= options["difference"] * STEP
        else:
            product = (one.astype(np.float32) * other).sum(axis=1)
            size = np.sqrt((one.astype(np.float32) ** 2).sum(axis=1))
            size *= np.sqrt((other.astype(np.float32) ** 2).sum(axis=1))
            answer[part] = product >= options["correlation"] * np.maximum(size, 1)
    return answer


DUPLICATES = (
    Operator(
        "image.near_duplicates",
        1,
        "image",
        _("Pictures: near duplicates (perceptual hash)"),
        "compare",
        None,
        (
            Option(
                "level",
                "choice",
                "copies",
                _("copies of one file (also smaller or compressed again), or pictures alike"),
                choices=("copies", "alike"),
            ),
            Option("distance", "whole", 8, _("hashes differ in at most so many bits"), 0, FARTHEST),
            Option(
                "difference",
                "number",
                0.4,
                _("of copies: largest difference of any place, in standard deviations"),
                0,
                5,
            ),
            Option("correlation", "number", 0.93, _("of pictures alike: correlation"), 0, 1),
        ),
        {"duplicate": _("a near duplicate of another picture")},
        signature,
        groups,
    ),
)
