"""Grow forests of extremely randomised trees and keep them as plain arrays.

Extra-trees: Geurts, Ernst & Wehenkel, Machine Learning 63 (2006). scikit-learn grows them; the
arrays are walked here, so that weights from an object store can never run code.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _

Floats = NDArray[np.float32]

LARGEST = 256 * 1024 * 1024  # bytes of unpacked weights
TREES = 100


@dataclass(frozen=True)
class Forest:
    """All trees end to end: node n goes left where column `split[n]` is at most `limit[n]`.

    `split` is -1 in a leaf, whose answer is `answer[n]`; children always have larger numbers
    than their parent, which is what ends a walk.
    """

    roots: NDArray[np.int32]
    split: NDArray[np.int32]
    limit: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    answer: Floats

    def predict(self, rows: Floats) -> Floats:
        """Return the mean answer of the trees for each row, shape `(rows, answers)`."""
        places = np.broadcast_to(self.roots, (len(rows), len(self.roots))).copy()
        which = np.broadcast_to(np.arange(len(rows))[:, None], places.shape)
        while True:
            column = self.split[places]
            inner = column >= 0
            if not inner.any():
                return np.asarray(self.answer[places].mean(axis=1), np.float32)
            at = places[inner]
            goes_left = rows[which[inner], column[inner]] <= self.limit[at]
            places[inner] = np.where(goes_left, self.left[at], self.right[at])


def grow_classes(rows: Floats, classes: NDArray[np.int64]) -> Forest:
    """Return a forest that answers with one probability a class, in the order of the numbers."""
    # Only who trains needs scikit-learn: half a second and 130 MB of every process else.
    from sklearn.ensemble import ExtraTreesClassifier

    trees = ExtraTreesClassifier(TREES, max_features=0.4, random_state=0)
    trees.fit(rows, classes)
    return _flat(trees.estimators_, shares=True)


def grow_margins(rows: Floats, margins: Floats) -> Forest:
    """Return a forest that answers with the four margins of a box, in pixels."""
    from sklearn.ensemble import ExtraTreesRegressor

    trees = ExtraTreesRegressor(TREES, max_features=0.4, min_samples_leaf=2, random_state=0)
    trees.fit(rows, margins)
    return _flat(trees.estimators_, shares=False)


def _flat(estimators: Sequence[Any], shares: bool) -> Forest:
    """Lay scikit-learn's trees end to end; a classifier's counts become shares."""
    trees = [estimator.tree_ for estimator in estimators]
    starts = np.cumsum([0] + [tree.node_count for tree in trees])
    answers = np.concatenate([tree.value for tree in trees])
    answers = answers[:, 0, :] if shares else answers[:, :, 0]
    if shares:
        answers = answers / answers.sum(axis=1, keepdims=True)

    def children(name: str) -> NDArray[np.int32]:
        moved = [
            getattr(tree, name) + start for tree, start in zip(trees, starts[:-1], strict=True)
        ]
        return np.where(split < 0, 0, np.concatenate(moved)).astype(np.int32)

    split = np.concatenate([tree.feature for tree in trees]).astype(np.int32)
    split[split < 0] = -1
    return Forest(
        roots=starts[:-1].astype(np.int32),
        split=split,
        limit=np.concatenate([tree.threshold for tree in trees]).astype(np.float32),
        left=children("children_left"),
        right=children("children_right"),
        answer=answers.astype(np.float32),
    )


def pack(labels: Sequence[str], classes: Forest, margins: Forest) -> bytes:
    """Return both forests and the labels as an npz without pickle; equal input, equal bytes."""
    arrays: dict[str, NDArray[Any]] = {"labels": np.array(labels, np.str_)}
    for name, forest in (("classes", classes), ("margins", margins)):
        arrays |= {f"{name}_{field}": value for field, value in vars(forest).items()}
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def unpack(weights: bytes, columns: int) -> tuple[list[str], Forest, Forest]:
    """Return what `pack` was given; raises `errors.Damaged` for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(weights)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise errors.Damaged(_("the weights are larger than the model ever writes"))
        with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
            labels = [str(label) for label in arrays["labels"].tolist()]
            classes, margins = (_read(arrays, name, columns) for name in ("classes", "margins"))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise errors.Damaged(_("the weights were not written by this model")) from error
    if classes.answer.shape[1] != len(labels) + 1 or margins.answer.shape[1] != 4:
        raise errors.Damaged(_("the weights were not written by this model"))
    return labels, classes, margins


def _read(arrays: Any, name: str, columns: int) -> Forest:
    """Return one forest whose every walk stays inside the arrays and ends."""
    numbers = {
        field: np.asarray(arrays[f"{name}_{field}"], np.int32)
        for field in ("roots", "split", "left", "right")
    }
    limit, answer = (np.asarray(arrays[f"{name}_{f}"], np.float32) for f in ("limit", "answer"))
    if any(array.ndim != 1 for array in (*numbers.values(), limit)) or answer.ndim != 2:
        raise errors.Damaged(_("the weights were not written by this model"))
    forest = Forest(**numbers, limit=limit, answer=answer)
    count = len(forest.split)
    number = np.arange(count)
    inner = forest.split >= 0
    children = np.stack([forest.left, forest.right])
    sound = (
        len(forest.roots) > 0
        and {len(forest.limit), len(forest.left), len(forest.right), len(forest.answer)} == {count}
        and bool(((forest.roots >= 0) & (forest.roots < count)).all())
        and bool((forest.split < columns).all())
        and bool(((children > number) & (children < count))[:, inner].all())
        and bool(np.isfinite(forest.answer).all())
    )
    if not sound:
        raise errors.Damaged(_("the weights were not written by this model"))
    return forest
