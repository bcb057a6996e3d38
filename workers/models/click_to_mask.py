"""Find the outline of a thing from one box or a few clicks, untrained, while a person waits.

What lies near the clicks (or in the middle of the box) and what lies around it are told apart by
colour, softened along edges, and looked at again with what was found: an expectation-maximisation
like GrabCut's (Rother et al. 2004), with one Gaussian a side in place of colour mixtures and a
guided filter (He et al. 2010) in place of a cut, so that it needs milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from . import colours
from .interface import Box, Mask, Picture

Floats = NDArray[np.float32]
Point = tuple[float, float]

SIDE = 96  # pixels a side in which the thing and its surroundings are told apart
# How much the place counts in each round. A box says where the thing ends, so its colour may
# soon speak louder; after a click the place is all that keeps the thing from running out.
FROM_BOX, FROM_POINTS = (1.0, 0.5, 0.25, 0.25), (1.0, 1.0, 1.0, 1.0)
BELIEF = 4.5  # log-odds a radius by which the place speaks for or against a pixel
LOUDEST = 4.0  # log-odds that colour alone may speak
EDGE = 1e-3  # variance of brightness (0 to 1) above which an edge is kept by the guided filter
SMALLEST, GROWTH, LARGEST = 6.0, 1.5, 0.45  # radii tried around clicks; the last of the short side
MOST_POINTS = 64
MODESTY = 0.12  # contrast that a size must gain to be worth being e times as large


@dataclass(frozen=True)
class _Window:
    """A part of the picture, once as it is and once small enough to think about."""

    left: int
    top: int
    full: colours.Colours
    small: Floats  # (h, w, 3): L*a*b*, 0 to 1

    @property
    def scale(self) -> tuple[float, float]:
        """Small pixels a pixel, across and down."""
        height, width = self.full.shape[:2]
        return self.small.shape[1] / width, self.small.shape[0] / height

    def places(self) -> tuple[Floats, Floats]:
        """Return x and y, in pixels of the picture, of the middle of each small pixel."""
        down, across = np.mgrid[: self.small.shape[0], : self.small.shape[1]].astype(np.float32)
        wide, high = self.scale
        return self.left + (across + 0.5) / wide, self.top + (down + 0.5) / high


def mask_from_box(picture: Picture, box: Box) -> Mask:
    """Return the thing that the box holds, with the box's label; `score` is how plain it is.

    A box that does not meet the picture gives a mask without pixels and the score 0.
    Raises errors.Invalid for an array that is not a picture.
    """
    colours.check(picture, "image")
    height, width = picture.shape[:2]
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, width), min(box.y + box.height, height)
    if not (right - left > 0 and bottom - top > 0):
        return Mask(box.label, np.zeros((height, width), np.bool_), 0.0)
    room = max(6.0, 0.3 * (right - left)), max(6.0, 0.3 * (bottom - top))
    window = _window(picture, (left - room[0], top - room[1], right + room[0], bottom + room[1]))
    x, y = window.places()
    far_x = np.abs(x - (left + right) / 2) / max((right - left) / 2, 0.5)
    far_y = np.abs(y - (top + bottom) / 2) / max((bottom - top) / 2, 0.5)
    inside = (far_x <= 1) & (far_y <= 1)
    place = BELIEF * (0.95 - np.hypot(far_x, far_y))
    chances, factor, offset = _tell_apart(window, place.astype(np.float32), inside, FROM_BOX)
    found = _enlarge(window, factor, offset) > 0.5
    pixels = np.zeros((height, width), np.bool_)
    pixels[_inside(window)] = found
    kept = np.zeros_like(pixels)
    frame = np.s_[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
    kept[frame] = _largest(pixels[frame])
    if not kept.any():  # nothing stands out: the box's own ellipse is the best guess
        middle = ((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5)
        size = (right - left, bottom - top)
        drawn = np.zeros((height, width), np.uint8)
        cv2.ellipse(drawn, (middle, size, 0.0), 1, -1)
        return Mask(box.label, drawn > 0, 0.1)
    return Mask(box.label, kept, _plainness(chances))


def mask_from_points(
    picture: Picture, positive: Sequence[Point], negative: Sequence[Point] = ()
) -> Mask:
    """Return the thing that the points of `positive` lie on and those of `negative` do not.

    Points are `(x, y)` in pixels, the first 64 of each kind count. Several sizes are tried; the
    one with the plainest outline is taken. Raises errors.Invalid where no positive point lies
    on the picture.
    """
    colours.check(picture, "image")
    height, width = picture.shape[:2]
    on, off = (_on_picture(points, width, height) for points in (positive, negative))
    if not len(on):
        raise errors.Invalid(_("no point lies on the picture"), place="points")
    best: tuple[float, float, _Window, Floats, Floats] | None = None
    radius, largest = _sizes(on, off, LARGEST * min(height, width))
    while best is None or radius <= largest:
        window, chances, factor, offset = _around(picture, on, off, radius)
        plain = _contrast(window, _touched(window, chances > 0.5, on)) - MODESTY * np.log(radius)
        if best is None or plain > best[0]:
            best = plain, _plainness(chances), window, factor, offset
        radius *= GROWTH
    _plain, score, window, factor, offset = best
    pixels = np.zeros((height, width), np.bool_)
    pixels[_inside(window)] = _touched_full(window, _enlarge(window, factor, offset) > 0.5, on)
    for x, y in on:
        pixels[int(y), int(x)] = True
    for x, y in off:
        pixels[int(y), int(x)] = False
    return Mask("", pixels, score)


def _on_picture(points: Sequence[Point], width: int, height: int) -> Floats:
    kept = [(x, y) for x, y in points if 0 <= x < width and 0 <= y < height]
    return np.array(kept[:MOST_POINTS], np.float32).reshape(-1, 2)


def _sizes(on: Floats, off: Floats, largest: float) -> tuple[float, float]:
    """Return the least and the largest radius to try: points of one thing touch one another,
    and a thing seldom reaches far beyond a point that is not part of it."""
    apart = np.hypot(*(on[:, None] - on[None]).transpose(2, 0, 1))
    apart[np.diag_indices(len(on))] = np.inf
    near = float(apart.min(axis=1).max()) if len(on) > 1 else 0.0
    least = max(SMALLEST, 0.6 * near)
    if len(off):
        away = float(np.hypot(*(on[:, None] - off[None]).transpose(2, 0, 1)).min())
        largest = min(largest, 1.5 * away)
    return least, largest


def _around(
    picture: Picture, on: Floats, off: Floats, radius: float
) -> tuple[_Window, Floats, Floats, Floats]:
    """Tell apart what lies within a radius of the points from what lies around."""
    reach = 1.5 * radius + 6
    low, high = on.min(axis=0) - reach, on.max(axis=0) + reach
    window = _window(picture, (low[0], low[1], high[0], high[1]))
    x, y = window.places()
    near = np.min([np.hypot(x - px, y - py) for px, py in on], axis=0) / radius
    place = BELIEF * (0.95 - near)
    for px, py in off:
        away = np.hypot(x - px, y - py) / radius
        place = place - 3 * BELIEF * np.exp(-((away / 0.35) ** 2))
    return window, *_tell_apart(window, place.astype(np.float32), near <= 1.2, FROM_POINTS)


def _window(picture: Picture, edges: tuple[float, float, float, float]) -> _Window:
    """Cut a part out of the picture; the edges are left, top, right, bottom."""
    height, width = picture.shape[:2]
    left, top = max(int(edges[0]), 0), max(int(edges[1]), 0)
    right, bottom = min(int(np.ceil(edges[2])), width), min(int(np.ceil(edges[3])), height)
    full = colours.rgb(picture[top:bottom, left:right], colours.white(picture))
    small = full
    scale = min(SIDE / max(full.shape[:2]), 4.0)
    size = (max(round(full.shape[1] * scale), 4), max(round(full.shape[0] * scale), 4))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(full, size, interpolation=way), np.uint8)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    return _Window(left, top, full, lab.astype(np.float32) / np.float32(255))


def _inside(window: _Window) -> tuple[slice, slice]:
    height, width = window.full.shape[:2]
    return np.s_[window.top : window.top + height, window.left : window.left + width]


def _tell_apart(
    window: _Window, place: Floats, inside: NDArray[np.bool_], rounds: Sequence[float]
) -> tuple[Floats, Floats, Floats]:
    """Return each small pixel's chance to be the thing, and the guided filter's coefficients.

    `place` is the log-odds of a pixel by where it lies, outside of `inside` it is settled.
    """
    seen = window.small.reshape(-1, 3)
    seen = (seen - seen.mean(axis=0)) / (seen.std(axis=0) + 1e-4)
    brightness = window.small[:, :, 0]
    chances = np.where(inside, _chance(place), np.float32(0))
    factor = offset = np.zeros_like(place)
    for weight in rounds:
        colour = _colour_odds(seen, chances.reshape(-1), rounds is FROM_POINTS)
        odds = np.clip(colour, -LOUDEST, LOUDEST).reshape(place.shape) + weight * place
        factor, offset = _guide(brightness, np.where(inside, _chance(odds), np.float32(0)))
        chances = np.where(inside, np.clip(factor * brightness + offset, 0, 1), np.float32(0))
    return chances, factor, offset


def _chance(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float32)


def _colour_odds(seen: Floats, chances: Floats, one_spread: bool) -> Floats:
    """Return the log-odds of each row under a Gaussian for the thing and one for the rest.

    With one spread for both this is Fisher's linear discriminant, else a quadratic one.
    """
    means, spreads = [], []
    for weights in (chances, 1 - chances):
        total = float(weights.sum()) + 1e-6
        mean = (weights @ seen) / total
        apart = seen - mean
        means.append(mean)
        spreads.append((apart * weights[:, None]).T @ apart / total + 0.05 * np.eye(3))
    if one_spread:
        # The squares cancel out: what is left is linear in the colour.
        inverse = np.linalg.inv((spreads[0] + spreads[1]) / 2)
        way, middle = inverse @ (means[0] - means[1]), (means[0] + means[1]) / 2
        return np.asarray(seen @ way.astype(np.float32) - np.float32(middle @ way), np.float32)
    odds = np.zeros(len(seen))
    for sign, mean, spread in zip((1, -1), means, spreads, strict=True):
        apart = seen - mean
        distance = ((apart @ np.linalg.inv(spread)) * apart).sum(axis=1)
        odds -= sign * (distance + np.linalg.slogdet(spread)[1]) / 2
    return odds.astype(np.float32)


def _guide(brightness: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """Return the guided filter's factor and offset, windows of 9 pixels."""

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, (9, 9)), np.float32)

    light, chance = mean(brightness), mean(chances)
    varies = mean(brightness * brightness) - light * light
    together = mean(brightness * chances) - light * chance
    factor = np.asarray(together / (varies + EDGE), np.float32)
    return mean(factor), mean(np.asarray(chance - factor * light, np.float32))


def _enlarge(window: _Window, factor: Floats, offset: Floats) -> Floats:
    """Return the chances at full size, edges taken from the full picture."""
    height, width = window.full.shape[:2]
    brightness = cv2.cvtColor(window.full, cv2.COLOR_RGB2LAB)[:, :, 0].astype(np.float32) / 255
    larger = [cv2.resize(each, (width, height)) for each in (factor, offset)]
    return np.asarray(larger[0] * brightness + larger[1], np.float32)


def _plainness(chances: Floats) -> float:
    """Return the mean chance of what was taken, 0 where nothing was."""
    taken = chances[chances > 0.5]
    return float(taken.mean()) if taken.size else 0.0


def _largest(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest connected part."""
    count, numbers, sizes, _middles = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    if count <= 2:
        return found
    return np.asarray(numbers == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA])), np.bool_)


def _touched(window: _Window, found: NDArray[np.bool_], on: Floats) -> NDArray[np.bool_]:
    """Keep the connected parts that a point lies on, at the small size."""
    wide, high = window.scale
    return _parts_at(found, (on - (window.left, window.top)) * (wide, high))


def _touched_full(window: _Window, found: NDArray[np.bool_], on: Floats) -> NDArray[np.bool_]:
    return _parts_at(found, on - (window.left, window.top))


def _parts_at(found: NDArray[np.bool_], points: NDArray[np.floating]) -> NDArray[np.bool_]:
    _count, numbers = cv2.connectedComponents(found.astype(np.uint8))
    height, width = found.shape
    hit = {
        int(numbers[min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)])
        for x, y in points
    } - {0}
    return np.isin(numbers, sorted(hit)) if hit else np.zeros_like(found)


def _contrast(window: _Window, found: NDArray[np.bool_]) -> float:
    """Return how far the rim inside differs from the rim outside: Fisher's criterion, the root.

    The rims are two small pixels wide; 0 where there is none.
    """
    solid, cross = found.astype(np.uint8), np.ones((3, 3), np.uint8)
    inner = (solid - cv2.erode(solid, cross, iterations=2)) > 0
    outer = (cv2.dilate(solid, cross, iterations=2) - solid) > 0
    if inner.sum() < 4 or outer.sum() < 4:
        return 0.0
    soft = cv2.GaussianBlur(window.small, (0, 0), 0.8)
    one, other = soft[inner], soft[outer]
    apart = (one.mean(axis=0) - other.mean(axis=0)) ** 2
    return float(np.sqrt((apart / (one.var(axis=0) + other.var(axis=0) + 6e-5)).sum()))
