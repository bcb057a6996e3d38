"""Look at an example's pictures as training needs them, and remember what was seen.

What differs in a pair does not hang on what people say of it: an estimate, which trains anew
for every fold, and the next training with a few examples more ask for the same again.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..interface import Picture
from .candidates import Comparison, compare, features
from .pictures import Pair, read_pair
from .registration import register

# Pixels by which the template is moved, and then softened (standard deviation), when an example
# is compared again: what registration, interpolation and focus may leave.
VARIANTS = ((0.4, 0.9), (1.0, 0.5), (1.6, 0.0), (1.6, 0.0))
# As many pairs as a training may learn from; the worst of them take a sixth of a megabyte.
REMEMBERED = 400

# Left, top, width and height of a candidate.
Place = tuple[int, int, int, int]
# Of one comparison: where the candidates are, and a row of numbers for each.
Looked = tuple[Sequence[Place], NDArray[np.float32]]

_seen: OrderedDict[bytes, list[Looked]] = OrderedDict()
_turn = threading.Lock()


def looked_at(pictures: Mapping[str, Picture]) -> list[Looked]:
    """Return what a pair's comparisons show; the same pixels give the same, in any order.

    Raises `errors.Invalid` for a missing key or an array that is not a picture.
    """
    pair = read_pair(pictures)
    if pair is None:
        return []
    said = hashlib.sha256(repr(pair.image.shape).encode())
    for picture in (pair.image, pair.template):
        said.update(np.ascontiguousarray(picture).data)
    digest = said.digest()
    with _turn:
        known = _seen.get(digest)
        if known is not None:
            _seen.move_to_end(digest)
            return known
    found: list[Looked] = [
        (
            [(each.x, each.y, each.width, each.height) for each in comparison.candidates],
            features(comparison),
        )
        for comparison in _comparisons(pair, int.from_bytes(digest[:8]))
    ]
    with _turn:
        _seen[digest] = found
        while len(_seen) > REMEMBERED:
            _seen.popitem(last=False)
    return found


def _comparisons(pair: Pair, seed: int) -> Iterator[Comparison]:
    """Compare as a predictor would, then with the template moved: edges that shine through.

    A well aligned pair shows no false candidates to learn from; moved ones show many.
    """
    yield compare(pair)
    template, _known = register(pair)
    height, width = pair.image.shape[:2]
    for variant, (loose, soft) in enumerate(VARIANTS):
        chance = np.random.default_rng([seed, variant])
        turn = chance.uniform(-loose, loose) / (max(height, width) / 2)
        motion = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(turn)), 1.0)
        motion = np.asarray(motion, np.float64)
        motion[:, 2] = motion[:, 2] + chance.uniform(-loose, loose, 2)
        moved = cv2.warpAffine(template, motion, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if soft:
            moved = cv2.GaussianBlur(moved, (0, 0), soft)
        moved = np.asarray(moved, np.uint8).reshape(template.shape)
        yield compare(Pair(pair.image, moved), registered=True)
