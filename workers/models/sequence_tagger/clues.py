"""Describe each character by what stands around it and by the word that it is in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..characters import Numbers, codes, folded, kinds, mix, stretches
from .words import Dictionary

_BEGIN, _MIDDLE, _END, _SINGLE = 1, 2, 3, 4  # where in its word a character stands


def clues(pieces: Sequence[str], dictionary: Dictionary) -> Numbers:
    """Return the clues of all characters of all pieces in order, shape `(characters, clues)`.

    Equal clues are equal numbers; nothing reaches from one piece into another. Pieces are
    not empty.
    """
    lengths = [dictionary.lengths(piece) for piece in pieces]
    counts = np.array([length for each in lengths for length in each], np.int64)
    begins = np.zeros(len(counts), np.bool_)  # the first word of a piece
    begins[np.cumsum([0] + [len(each) for each in lengths[:-1]])] = True
    found = _around(pieces) + _inside(pieces, counts, begins, dictionary)
    return np.stack([_numbered(number, parts) for number, parts in enumerate(found)], axis=1)


def _around(pieces: Sequence[str]) -> list[tuple[Numbers, ...]]:
    """Return the characters and pairs within two characters on either side, and the kind."""
    padded = folded(codes("\0\0" + "\0\0".join(pieces) + "\0\0"))
    sizes = np.array([len(piece) for piece in pieces])
    at = np.arange(sizes.sum()) + 2 + np.repeat(2 * np.arange(len(sizes)), sizes)
    points = padded.astype(np.uint64)
    near = [points[at + step] for step in (-2, -1, 0, 1, 2)]
    pairs = [(near[place], near[place + 1]) for place in range(4)]
    return [*((one,) for one in near), *pairs, (kinds(padded[at]).astype(np.uint64),)]


def _inside(
    pieces: Sequence[str], counts: NDArray[np.int64], begins: NDArray[np.bool_], known: Dictionary
) -> list[tuple[Numbers, ...]]:
    """Return what is known of the word that each character is in, and of the words beside it."""
    raw = codes("".join(pieces))
    points = folded(raw)
    ends = np.cumsum(counts)
    starts = ends - counts

    def spread(values: NDArray[np.generic]) -> Numbers:
        return np.repeat(values.astype(np.uint64), counts)

    words = stretches(points, starts, ends)
    parts = known.parts_of(stretches(raw, starts, ends)).astype(np.uint64)
    word, part, last = spread(words), spread(parts), spread(points[ends - 1])
    part_before, part_after = spread(_before(parts, begins)), spread(_after(parts, begins))
    left = spread(ends) - np.arange(len(raw), dtype=np.uint64)
    position = _positions(left, spread(counts))
    first_of_piece = np.repeat(begins, counts) & (left == spread(counts))
    return [
        (position,),
        (_before(position, first_of_piece), position, _after(position, first_of_piece)),
        (word,),
        (position, word),
        (spread(_before(words, begins)),),
        (spread(_after(words, begins)),),
        (part,),
        (position, part),
        (part_before,),
        (part_after,),
        (part_before, part),
        (part, part_after),
        (last,),
        (spread(points[starts]),),
        (spread(stretches(points, np.maximum(ends - 2, starts), ends)),),
        (last, left),
        (spread(np.minimum(counts, 5)),),
    ]


def _positions(left: Numbers, size: Numbers) -> Numbers:
    position = np.full(len(left), _MIDDLE, np.uint64)
    position[left == size] = _BEGIN
    position[left == 1] = _END
    position[size == 1] = _SINGLE
    return position


def _before(values: Numbers, begins: NDArray[np.bool_]) -> Numbers:
    """Return for each value the one before it in its piece, 0 for the first."""
    moved = np.zeros_like(values)
    moved[1:] = values[:-1]
    moved[begins] = 0
    return moved


def _after(values: Numbers, begins: NDArray[np.bool_]) -> Numbers:
    """Return for each value the one after it in its piece, 0 for the last."""
    moved = np.zeros_like(values)
    moved[:-1] = values[1:]
    moved[np.append(begins[1:], True)] = 0
    return moved


def _numbered(number: int, parts: tuple[Numbers, ...]) -> Numbers:
    """Return one number for the parts of a clue, another one for the same parts elsewhere."""
    joined: Numbers = np.full(len(parts[0]), number + 1, np.uint64)
    for part in parts:
        joined = mix(joined ^ part)
    return joined
