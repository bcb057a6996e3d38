"""A box or a few clicks become an outline: known figures on real pits, and odd pictures."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.tests.bench.model_surfaces import deepest
from jinbiao.tests.bench.surface_data import boxes, spindles
from jinbiao.workers.models.click_to_mask import mask_from_box, mask_from_points
from jinbiao.workers.models.interface import Box, Mask, Picture

Pits = list[tuple[Picture, Mask, Box]]


@pytest.fixture(scope="module")
def pits(samples: Path) -> Pits:
    """Give every other pit with its box."""
    found = []
    for surface in spindles(samples / "images" / "bsdata")[::2]:
        masks = [mark for mark in surface.example.marks if isinstance(mark, Mask)]
        for mask, box in zip(masks, boxes(masks), strict=True):
            found.append((surface.example.item.pictures["image"], mask, box))
    return found


def shared(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(int((one | other).sum()), 1))


def test_a_box_becomes_a_better_outline_than_its_ellipse(pits: Pits) -> None:
    found, guessed = [], []
    for picture, mask, box in pits:
        found.append(shared(mask_from_box(picture, box).pixels, mask.pixels))
        ellipse = np.zeros(mask.pixels.shape, np.uint8)
        middle = (box.x + box.width / 2, box.y + box.height / 2)
        cv2.ellipse(ellipse, (middle, (box.width, box.height), 0.0), 1, -1)
        guessed.append(shared(ellipse > 0, mask.pixels))
    assert np.mean(found) >= 0.70
    assert np.mean(found) >= np.mean(guessed) + 0.08


def test_a_click_finds_about_half_and_a_second_one_more(pits: Pits) -> None:
    first, second, flooded = [], [], []
    for picture, mask, _box in pits:
        click = deepest(mask)
        found = mask_from_points(picture, [click]).pixels
        first.append(shared(found, mask.pixels))
        over, missed = found & ~mask.pixels, mask.pixels & ~found
        if over.sum() > missed.sum():
            again = mask_from_points(picture, [click], [deepest(Mask("", over))])
        else:
            again = mask_from_points(picture, [click, deepest(Mask("", missed))])
        second.append(shared(again.pixels, mask.pixels))
        pool = np.zeros((picture.shape[0] + 2, picture.shape[1] + 2), np.uint8)
        seed, way = (int(click[0]), int(click[1])), 4 | cv2.FLOODFILL_MASK_ONLY
        cv2.floodFill(np.array(picture), pool, seed, (0,), (10,) * 3, (10,) * 3, way)
        flooded.append(shared(pool[1:-1, 1:-1] > 0, mask.pixels))
    assert np.mean(first) >= 0.5
    assert np.mean(first) >= np.mean(flooded) + 0.2
    assert np.mean(second) >= np.mean(first) + 0.02


def test_points_are_obeyed(pits: Pits) -> None:
    for picture, mask, box in pits[:8]:
        on = deepest(mask)
        off = (box.x + box.width + 3.0, on[1])
        found = mask_from_points(picture, [on], [off]).pixels
        assert found[int(on[1]), int(on[0])]
        assert not found[int(off[1]), int(off[0])]


def test_two_megapixels_are_answered_in_time() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1800, 3), dtype=np.uint8)
    noise[300:900, 400:1400] //= 2
    began = time.process_time()
    mask_from_box(noise, Box("a", 350, 250, 1100, 700))
    assert time.process_time() - began < 0.3
    began = time.process_time()
    mask_from_points(noise, [(900, 600)], [(10, 10)])
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize("shape", ["disc", "corner", "ring"])
@pytest.mark.parametrize("size", [40, 160, 640])
def test_a_plain_shape_in_a_box_is_found_at_any_size(shape: str, size: int) -> None:
    drawn = np.zeros((2 * size, 2 * size), np.uint8)
    if shape == "disc":
        cv2.circle(drawn, (size, size), size // 2, 1, -1)
    elif shape == "ring":
        cv2.circle(drawn, (size, size), size // 2, 1, size // 5)
    else:
        drawn[size // 2 : -size // 2, size // 2 : size // 2 + size // 3] = 1
        drawn[-size // 2 - size // 3 : -size // 2, size // 2 : -size // 2] = 1
    picture = np.where(drawn[:, :, None] > 0, (150, 90, 70), (90, 110, 120)).astype(np.uint8)
    box = boxes([Mask("a", drawn > 0)])[0]
    assert shared(mask_from_box(picture, box).pixels, drawn > 0) >= 0.75


def _picture(shape: tuple[int, ...], kind: str = "uint8") -> Picture:
    top = np.iinfo(kind).max
    return np.random.default_rng(0).integers(0, top, shape, dtype=kind, endpoint=True)


@pytest.mark.parametrize(
    "picture",
    [
        _picture((1, 1)),
        _picture((1, 400, 3)),
        _picture((300, 2)),
        _picture((60, 80, 4)),
        _picture((60, 80, 2)),
        _picture((60, 80), "uint16"),
        _picture((60, 80)) > 128,
        np.zeros((60, 80, 3), np.uint8),
        np.full((60, 80, 1), 255, np.uint8),
    ],
    ids=lambda p: f"{p.shape} {p.dtype}",
)
def test_odd_pictures_give_a_mask_of_their_size(picture: Picture) -> None:
    height, width = picture.shape[:2]
    for mask in (
        mask_from_box(picture, Box("a", -5, -5, width + 50, height + 50)),
        mask_from_box(picture, Box("a", width / 3, height / 3, 0.4, 0.4)),
        mask_from_points(picture, [(width - 1, height - 1)], [(0, 0)]),
    ):
        assert mask.pixels.shape == (height, width) and mask.pixels.dtype == np.bool_
        assert 0 <= mask.score <= 1


def test_deep_and_transparent_pictures_give_the_same_outline(pits: Pits) -> None:
    picture, _mask, box = pits[20]
    plain = mask_from_box(picture, box)
    deep = mask_from_box(picture.astype(np.uint16) * 257, box)
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    assert shared(plain.pixels, deep.pixels) > 0.95
    assert np.array_equal(plain.pixels, mask_from_box(opaque, box).pixels)
    assert plain.label == box.label


def test_what_cannot_be_answered_says_so() -> None:
    picture = _picture((60, 80, 3))
    outside = mask_from_box(picture, Box("a", 500, 500, 20, 20))
    assert not outside.pixels.any() and outside.score == 0
    with pytest.raises(errors.Invalid, match="no point"):
        mask_from_points(picture, [(500, 10)], [])
    with pytest.raises(errors.Invalid, match="no point"):
        mask_from_points(picture, [], [(5, 5)])
    with pytest.raises(errors.Invalid, match="not a picture"):
        mask_from_box(np.zeros((10, 10, 7), np.uint8), Box("a", 0, 0, 5, 5))
    with pytest.raises(errors.Invalid, match="not a picture"):
        mask_from_points(np.zeros((0, 10), np.uint8), [(1, 1)], [])
