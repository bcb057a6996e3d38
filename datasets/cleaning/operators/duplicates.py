"""Find texts that are there already: the very same, and nearly the same by MinHash-LSH.

Near duplicates: a text is the set of its runs of three characters (Chinese has no words to
split at). One-permutation MinHash (Li, Owen and Zhang 2012) with optimal densification
(Shrivastava 2017) in 25 bands of 5 finds candidates, 0.99 of the pairs that share 0.7 of their
runs; every candidate is then held against the other by its whole set, so that a template which
many texts share makes none of them a duplicate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import _
from .characters import BLOCK, Whole, Words, characters, mix
from .contract import Operator, Option, Record

BANDS, ROWS = 25, 5
BINS = BANDS * ROWS
GRAM = 3
_HEAD = BANDS * 4  # bytes
_CHUNK = 20_000  # signatures looked at together
_PAIRS = 1_000  # candidates verified together
_SAMPLE = 96  # hashes that tell most unlike pairs apart
_REMEMBERED = 2_000_000  # pairs that were found unlike
# In a crowd that shares one band each is held against so many before it, and the first ones;
# true duplicates meet in smaller bands as well.
_NEIGHBOURS = 8
_ROUNDS = 64
_EMPTY = np.uint32(0xFFFFFFFF)

Signatures = Sequence[bytes]


# The very same.

_UNSEEN = re.compile(r"[\W_]+")


def _digests(records: Sequence[Record], options: Mapping[str, Any]) -> list[bytes]:
    loosely = options["loosely"]
    found = []
    for record in records:
        text = record.text or ""
        if loosely:
            # A text of nothing but signs is compared as it is.
            text = _UNSEEN.sub("", text).lower() or text
        content = text.encode("utf-8", "surrogatepass")
        found.append(hashlib.blake2b(content, digest_size=16).digest())
    return found


def _same(
    ids: Sequence[int], signatures: Signatures, _options: Mapping[str, Any]
) -> dict[int, int]:
    """Return which record is the same as which first one."""
    if not len(ids):
        return {}
    pieces = [
        np.frombuffer(b"".join(signatures[start : start + _CHUNK]), dtype="<u8")
        for start in range(0, len(ids), _CHUNK)
    ]
    keys = np.concatenate(pieces).reshape(-1, 2)
    order = np.lexsort((np.arange(len(keys)), keys[:, 0], keys[:, 1]))
    ordered = keys[order]
    begins = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    first = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
    return {
        ids[place]: ids[kept]
        for place, kept in zip(order[~begins].tolist(), first[~begins].tolist(), strict=True)
    }


# Nearly the same.


def minhash(records: Sequence[Record], _options: Mapping[str, Any]) -> list[bytes]:
    """Return each text's 25 band keys, then its set of runs: sorted 32-bit hashes.

    All little-endian uint32; nothing for an empty text.
    """
    texts = [record.text or "" for record in records]
    hashes, owners = characters(texts).grams(GRAM)
    # One sort for the batch gives each text its set in order; the upper bits are its bin, so
    # that the first hash of a bin is its minimum.
    keys = owners.astype(np.uint64)
    keys <<= np.uint64(32)
    hashes >>= np.uint64(32)
    keys |= hashes
    keys.sort()
    fresh = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    keys = keys[fresh]
    values = keys.astype(np.uint32)
    bands = _bands(keys, len(texts))
    ends = np.searchsorted(keys, np.arange(len(texts) + 1, dtype=np.uint64) << np.uint64(32))
    heads, tails = bands.astype("<u4").tobytes(), values.astype("<u4").tobytes()
    return [
        heads[place * _HEAD : (place + 1) * _HEAD] + tails[4 * start : 4 * end]
        if end > start
        else b""
        for place, (start, end) in enumerate(
            zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        )
    ]


def _bands(hashes: Words, number: int) -> NDArray[np.uint32]:
    """Return the band keys of each text, of sorted hashes with their text above: (texts, BANDS)."""
    table = np.full(number * BINS, _EMPTY, dtype=np.uint32)
    last = np.uint64(number * BINS)
    for start in range(0, len(hashes), BLOCK):
        some = hashes[start : start + BLOCK]
        values = some & np.uint64(0xFFFFFFFF)
        places = (some >> np.uint64(32)) * np.uint64(BINS)
        places += (values * np.uint64(BINS)) >> np.uint64(32)
        begins = np.ones(len(places), dtype=bool)
        begins[0] = places[0] != last
        np.not_equal(places[1:], places[:-1], out=begins[1:])
        table[places[begins].astype(np.int64)] = values[begins]
        last = places[-1]
    filled = _densified(table.reshape(number, BINS)).astype(np.uint64)
    keys: Words = np.zeros((number, BANDS), dtype=np.uint64)
    for row in range(ROWS):
        keys = mix(keys ^ (filled[:, row::ROWS] + np.uint64(row << 32)))
    return (keys >> np.uint64(32)).astype(np.uint32)


def _densified(table: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Fill every empty bin from a full one of the same text, found by hashes that all share."""
    filled = table.copy()
    rows, bins = np.nonzero(table == _EMPTY)
    for turn in range(1, _ROUNDS):
        if not len(rows):
            return filled
        keys = mix(bins.astype(np.uint64) + np.uint64(turn << 20))
        donors = (keys % np.uint64(BINS)).astype(np.int64)
        found = table[rows, donors]
        filled[rows, bins] = found
        empty = found == _EMPTY
        rows, bins = rows[empty], bins[empty]
    # Texts of very few runs: the least of all of them.
    filled[rows, bins] = table[rows].min(axis=1) if len(rows) else 0
    return filled


def near(ids: Sequence[int], signatures: Signatures, options: Mapping[str, Any]) -> dict[int, int]:
    """Return which record is nearly the same as which earlier one that is kept.

    Of each group the first is kept; every other one shares at least `similarity` of its runs
    (Jaccard), or `containment` of the smaller one's, with one of the group.
    """
    heads = _heads(signatures)
    number = len(heads)
    if number < 2:
        return {}
    parents = np.arange(number, dtype=np.int64)
    unlike = np.zeros(0, dtype=np.int64)
    for pairs in _candidates(heads):
        joined = _root(parents, pairs // number) == _root(parents, pairs % number)
        pairs = pairs[~joined & ~np.isin(pairs, unlike, assume_unique=True)]
        alike = np.zeros(len(pairs), dtype=bool)
        for start in range(0, len(pairs), _PAIRS):
            some = pairs[start : start + _PAIRS]
            alike[start : start + _PAIRS] = _alike(
                signatures, some // number, some % number, options
            )
        _join(parents, pairs[alike] // number, pairs[alike] % number)
        # Pairs that a template brings together meet in many bands.
        unlike = np.concatenate([unlike, pairs[~alike]])[-_REMEMBERED:]
    roots = _root(parents, np.arange(number))
    others = np.flatnonzero(roots != np.arange(number))
    return {ids[place]: ids[roots[place]] for place in others.tolist()}


def _heads(signatures: Signatures) -> NDArray[np.uint32]:
    heads = np.zeros((len(signatures), BANDS), dtype=np.uint32)
    for start in range(0, len(signatures), _CHUNK):
        some = signatures[start : start + _CHUNK]
        full = [place for place, each in enumerate(some) if each]
        joined = b"".join(some[place][:_HEAD] for place in full)
        heads[[start + place for place in full]] = np.frombuffer(joined, "<u4").reshape(-1, BANDS)
        # An empty text is no duplicate of another: each gets keys of its own.
        empty = np.setdiff1d(np.arange(len(some)), full) + start
        heads[empty] = empty[:, None]
    return heads


def _candidates(heads: NDArray[np.uint32]) -> Iterator[Whole]:
    """Give the pairs that share a band, a band at a time: earlier × number + later, each once."""
    number = len(heads)
    for band in range(heads.shape[1]):
        keys = heads[:, band]
        # Stable, so that within a key the earlier record stands first.
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        found = []
        for distance in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(ordered[distance:] == ordered[:-distance])
            found.append(order[same] * number + order[same + distance])
        begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        first = np.flatnonzero(begins)[np.cumsum(begins) - 1]
        far = np.flatnonzero(np.arange(number) - first > _NEIGHBOURS)
        found.append(order[first[far]] * number + order[far])
        yield np.unique(np.concatenate(found))


def _alike(
    signatures: Signatures, earlier: Whole, later: Whole, options: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """Hold the sets of each pair against each other."""
    places = np.stack([earlier, later], axis=1).ravel()
    # Those that many share something with are in many pairs.
    once = {place: signatures[place][_HEAD:] for place in np.unique(places).tolist()}
    sets = [once[place] for place in places.tolist()]
    alike = np.zeros(len(earlier), dtype=bool)
    likely = _likely(sets, options)
    chosen = [each for place in likely.tolist() for each in sets[2 * place : 2 * place + 2]]
    shared, sizes, _values, _owners = _shared(chosen)
    alike[likely] = shared >= options["similarity"] * (sizes.sum(axis=1) - shared)
    if options["containment"] < 1:
        alike[likely] |= shared >= options["containment"] * sizes.min(axis=1)
    return alike


def _likely(sets: Sequence[bytes], options: Mapping[str, Any]) -> Whole:
    """Return the pairs that a part of their sets does not tell apart already.

    Up to the lower one of what ends the first _SAMPLE hashes of each, both are known whole: a
    fair sample of what they have in common. A pair that is four standard deviations below the
    limit there is not held against each other as a whole.
    """
    number = len(sets) // 2
    if options["containment"] < 1:
        return np.arange(number)
    shared, sizes, values, owners = _shared([each[: 4 * _SAMPLE] for each in sets])
    lasts = values[np.cumsum(sizes.ravel()) - 1].reshape(-1, 2)
    # The hashes of a set that is there as a whole are known beyond its last one.
    lasts = np.where(sizes < _SAMPLE, _EMPTY, lasts).min(axis=1)
    known = np.bincount(owners[values <= lasts[owners]], minlength=number)
    unions = np.maximum(known - shared, 1)
    least = options["similarity"]
    margin = 4 * np.sqrt(least * (1 - least) / unions)
    return np.flatnonzero(shared >= (least - margin) * unions)


def _shared(sets: Sequence[bytes]) -> tuple[Whole, Whole, NDArray[np.uint32], Whole]:
    """Return how many hashes each pair of sets shares, and their sizes: (pairs, 2).

    Then all the hashes, and the pair that each belongs to.
    """
    number = len(sets)
    sizes = np.array(list(map(len, sets)), dtype=np.int64) // 4
    values = np.frombuffer(b"".join(sets), dtype="<u4")
    pairs = sizes.reshape(-1, 2)
    owners = np.repeat(np.arange(number // 2, dtype=np.int64), pairs.sum(axis=1))
    keys = np.sort((owners.astype(np.uint64) << np.uint64(32)) | values)
    twice = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
    return np.bincount(twice.astype(np.int64), minlength=number // 2), pairs, values, owners


def _root(parents: Whole, places: Whole) -> Whole:
    """Return the first record of the group of each."""
    found = parents[places]
    while True:
        above = parents[found]
        if (above == found).all():
            return found
        found = above


def _join(parents: Whole, earlier: Whole, later: Whole) -> None:
    """Make one group of each pair's, under its earlier record."""
    for one, other in zip(earlier.tolist(), later.tolist(), strict=True):
        low, high = sorted((_climb(parents, one), _climb(parents, other)))
        parents[high] = low


def _climb(parents: Whole, place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place


EXACT_DUPLICATES = Operator(
    name="text.exact_duplicates",
    version=1,
    kind="text",
    title=_("Exact duplicates"),
    does="compare",
    signature=_digests,
    groups=_same,
    options=(
        Option(
            "loosely", "flag", False, _("Spaces, punctuation and capital letters do not matter")
        ),
    ),
    reasons={"duplicate": _("the same as an earlier one")},
)

NEAR_DUPLICATES = Operator(
    name="text.near_duplicates",
    version=1,
    kind="text",
    title=_("Near duplicates"),
    does="compare",
    signature=minhash,
    groups=near,
    options=(
        Option(
            "similarity",
            "number",
            0.65,
            _("Least share of three-character runs in common"),
            least=0.5,
            most=1,
        ),
        Option(
            "containment",
            "number",
            1.0,
            _("Or this share of the shorter one's in the other; 1: not looked at"),
            least=0.5,
            most=1,
        ),
    ),
    reasons={"near_duplicate": _("nearly the same as an earlier one")},
)

TEXT_DUPLICATES = (EXACT_DUPLICATES, NEAR_DUPLICATES)
