"""Find the places where an image leaves its template, and measure each of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .pictures import Bytes, Pair, match_light
from .registration import register

REACH = 7  # pixels within which pieces of the same sign are one defect
MOST = 150  # candidates a picture; a pair that differs in more places does not belong together
LEAST = 6  # pixels a candidate must cover
CONTRAST = 0.12  # share of the template's own contrast that counts as a difference
AROUND = 12  # pixels of surroundings that the features look at
COLUMNS = 45  # numbers that describe a candidate
NOISE = 5.0  # standard deviations of the pair's noise that count as a difference


@dataclass(frozen=True)
class Candidate:
    """A group of differing pixels: its tight box in the picture and its mask within the box."""

    x: int
    y: int
    mask: Bytes
    seeds: int
    sign: int
    strength: float

    @property
    def width(self) -> int:
        """Return the columns of the tight box."""
        return self.mask.shape[1]

    @property
    def height(self) -> int:
        """Return the rows of the tight box."""
        return self.mask.shape[0]


@dataclass(frozen=True)
class Comparison:
    """A registered pair in one light, with what differs: largest first."""

    image: Bytes
    template: Bytes
    raw: Bytes
    contrast: float
    candidates: list[Candidate]


def compare(pair: Pair, registered: bool = False) -> Comparison:
    """Register, match the light, and group the pixels that no template pixel nearby explains.

    `registered` says that the template lies where it should: it is then taken as it is.
    """
    template, known = (pair.template, None) if registered else register(pair)
    image = match_light(pair.image, template)
    contrast = _contrast(template)
    distance = _strongest(cv2.absdiff(image, template))
    noise = 1.4826 * float(np.median(distance[::4, ::4]))
    limit = max(CONTRAST * contrast, NOISE * noise, 8.0)
    cross = np.ones((3, 3), np.uint8)
    bright = _strongest(cv2.subtract(image, _three(cv2.dilate(template, cross))))
    dark = _strongest(cv2.subtract(_three(cv2.erode(template, cross)), image))
    raw = _above(distance, limit)
    if known is not None:
        inside = _strongest(known)
        bright = np.asarray(cv2.bitwise_and(bright, inside), np.uint8)
        dark = np.asarray(cv2.bitwise_and(dark, inside), np.uint8)
        raw = np.asarray(cv2.bitwise_and(raw, inside), np.uint8)
    found = []
    for sign, own, other in ((1, bright, dark), (-1, dark, bright)):
        seeds = cv2.bitwise_and(_above(own, limit), cv2.compare(own, other, cv2.CMP_GE))
        seeds = cv2.morphologyEx(seeds, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        found += _group(np.asarray(seeds, np.uint8), raw, distance, sign, contrast)
    found.sort(key=lambda c: (-c.seeds, c.y, c.x, c.sign))
    return Comparison(image, template, raw, contrast, found[:MOST])


def _three(picture: object) -> Bytes:
    """Give a picture its channel axis back, which OpenCV drops when it is one."""
    array = np.asarray(picture, np.uint8)
    return array if array.ndim == 3 else array[:, :, None]


def _strongest(picture: object) -> Bytes:
    """Return the largest of the channels."""
    array = _three(picture)
    if array.shape[2] == 1:
        return array[:, :, 0]
    first, *others = cv2.split(array)
    for other in others:
        first = cv2.max(first, other)
    return np.asarray(first, np.uint8)


def _above(picture: Bytes, limit: float) -> Bytes:
    return np.asarray(cv2.threshold(picture, limit, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _contrast(template: Bytes) -> float:
    """Return the widest range between the 1st and 99th percentile of a channel."""
    few = template[::4, ::4].reshape(-1, template.shape[2])
    low, high = np.percentile(few, (1, 99), axis=0)
    return max(float((high - low).max()), 1.0)


def _group(
    seeds: Bytes, raw: Bytes, distance: Bytes, sign: int, contrast: float
) -> list[Candidate]:
    """Join seeds within `REACH` and give each group the raw difference beside its seeds."""
    if not seeds.any():
        return []
    joined = cv2.dilate(seeds, np.ones((REACH, REACH), np.uint8))
    count, numbers, stats, _centres = cv2.connectedComponentsWithStats(joined, connectivity=8)
    grown = cv2.bitwise_and(cv2.dilate(seeds, np.ones((5, 5), np.uint8)), raw)
    grown = cv2.bitwise_or(grown, seeds)
    found = []
    for number in range(1, count):
        left, top, width, height, _area = (int(v) for v in stats[number])
        window = np.s_[top : top + height, left : left + width]
        own = numbers[window] == number
        inside = own & (seeds[window] > 0)
        covered = int(np.count_nonzero(inside))
        if covered < LEAST:
            continue
        mask = np.asarray((own & (grown[window] > 0)) * 255, np.uint8)
        x, y, w, h = cv2.boundingRect(mask)
        strength = float(distance[window][inside].mean()) / contrast
        tight = np.ascontiguousarray(mask[y : y + h, x : x + w])
        found.append(Candidate(left + x, top + y, tight, covered, sign, strength))
    return found


def features(found: Comparison) -> NDArray[np.float32]:
    """Return one row of numbers a candidate; the columns mean the same for every picture."""
    rows = [_row(found, candidate) for candidate in found.candidates]
    return np.array(rows, np.float32).reshape(len(rows), COLUMNS)


def _row(found: Comparison, candidate: Candidate) -> list[float]:
    """Describe shape, colours, and what the candidate touches in the template."""
    height, width = found.image.shape[:2]
    top, left = max(0, candidate.y - AROUND), max(0, candidate.x - AROUND)
    bottom = min(height, candidate.y + candidate.height + AROUND)
    right = min(width, candidate.x + candidate.width + AROUND)
    window = np.s_[top:bottom, left:right]
    mask = np.zeros((bottom - top, right - left), np.uint8)
    y, x = candidate.y - top, candidate.x - left
    mask[y : y + candidate.height, x : x + candidate.width] = candidate.mask
    image, template = found.image[window], found.template[window]
    covered = mask > 0
    now = np.median(image[covered], axis=0)
    before = np.median(template[covered], axis=0)
    row = _shape(candidate, mask)
    row += [float(candidate.sign), candidate.strength]
    row += _colours(now, before, found.contrast)
    row.append(float(np.count_nonzero(found.raw[window])) / mask.size)
    row.append(float(len(found.candidates)))
    like_now, in_image = (_nearer(picture, now, before) for picture in (template, image))
    return row + _contacts(mask, like_now) + _pieces(like_now, in_image)


def _shape(candidate: Candidate, mask: Bytes) -> list[float]:
    area = float(np.count_nonzero(candidate.mask))
    longer, shorter = sorted((candidate.width, candidate.height), reverse=True)
    moments = cv2.moments(candidate.mask, binaryImage=True)
    spread = (moments["mu20"] + moments["mu02"]) / 2 / area
    lean = np.hypot(moments["mu20"] - moments["mu02"], 2 * moments["mu11"]) / 2 / area
    major, minor = np.sqrt(spread + lean), np.sqrt(max(spread - lean, 0.0))
    thick = float(cv2.distanceTransform(mask, cv2.DIST_L2, 3).max())
    fill = area / (candidate.width * candidate.height)
    return [
        float(np.log(area)),
        float(np.log(candidate.seeds)),
        candidate.seeds / area,
        float(longer),
        float(shorter),
        fill,
        float(major),
        float(minor),
        float(minor / max(major, 1e-3)),
        thick,
    ]


def _colours(now: NDArray[np.float64], before: NDArray[np.float64], contrast: float) -> list[float]:
    """Return the change and the level before, a channel; grey counts as three equal channels."""
    now, before = np.broadcast_to(now, 3), np.broadcast_to(before, 3)
    return [float(v) for v in (now - before) / contrast] + [float(v) for v in before / contrast]


def _nearer(picture: Bytes, now: NDArray[np.float64], before: NDArray[np.float64]) -> Bytes:
    """Mark the pixels whose colour lies nearer to the defect's than to what it replaced."""
    axis = (now - before).astype(np.float32)
    middle = float(((now + before) / 2) @ axis)
    return np.asarray((picture @ axis > middle), np.uint8)


def _contacts(mask: Bytes, like_now: Bytes) -> list[float]:
    """Count, in rings around the candidate, the separate stretches of either material.

    A bridge touches two stretches of what it is made of, a spur one, a lonely spot none; the
    same numbers with the materials swapped tell a break from a bite and from a hole.
    """
    row: list[float] = []
    outer = mask
    for radius in (2, 4, 7):
        inner = outer
        outer = np.asarray(cv2.dilate(mask, _disc(radius)), np.uint8)
        ring = (outer > 0) & (inner == 0)
        total = max(1, int(np.count_nonzero(ring)))
        same = np.asarray(ring & (like_now > 0), np.uint8)
        rest = np.asarray(ring & (like_now == 0), np.uint8)
        row += [float(np.count_nonzero(same)) / total]
        for part in (same, rest):
            sizes = _sizes(part)
            row += [float(np.count_nonzero(sizes >= 4)), float(sizes[:2].sum() / total)]
            row += [float(sizes[1]) / total if len(sizes) > 1 else 0.0]
    return row


def _disc(radius: int) -> NDArray[np.uint8]:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _sizes(part: Bytes) -> NDArray[np.int64]:
    """Return the pixels of each connected piece, largest first."""
    count, _numbers, stats, _centres = cv2.connectedComponentsWithStats(part, connectivity=8)
    return np.sort(stats[1:count, cv2.CC_STAT_AREA].astype(np.int64))[::-1]


def _pieces(like_now: Bytes, in_image: Bytes) -> list[float]:
    """Compare how many pieces either material falls into, before and after."""
    counts = []
    for part in (like_now, in_image, 1 - like_now, 1 - in_image):
        counts.append(float(np.count_nonzero(_sizes(np.asarray(part, np.uint8)) >= 12)))
    return [counts[0], counts[1] - counts[0], counts[2], counts[3] - counts[2]]
