"""Measure the few-shot picture models on real surfaces, beside answers that cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from jinbiao.tests.bench.model_rows import Row
from jinbiao.tests.bench.surface_data import PIT, Surface, boxes, cells, spindles, undamaged
from jinbiao.workers.models import MODELS, colours, costs
from jinbiao.workers.models.click_to_mask import mask_from_box, mask_from_points
from jinbiao.workers.models.interface import (
    Box,
    Choice,
    Example,
    Given,
    Item,
    Mark,
    Mask,
    Picture,
    Target,
)

TRAINED, CELLS = 20, 60
MEETS = 0.3
SEEDS, SEEDS_QUICK, SEEDS_CELLS = 3, 1, 10

Show = Callable[[Picture], list[Mask]]


@dataclass(frozen=True)
class Result:
    """What one choice of training pictures reached on the others."""

    score: float  # box F1
    false: int  # boxes on undamaged pictures
    speed: float
    saved: float  # minutes on 100 pictures


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield pits on spindles, cells with defects, and outlines from boxes and clicks."""
    damaged = spindles(samples / "images/bsdata")
    clean = undamaged(samples / "images/bsdata")
    seeds = SEEDS_QUICK if quick else SEEDS
    yield from _pits("BSData pitting", [*_at_random(damaged, seeds)], clean)
    yield from _pits("BSData pitting, places never seen", [*_by_place(damaged, seeds)], clean)
    yield _cells(cells(samples / "images/elpv"), 2 if quick else SEEDS_CELLS)
    yield from _outlines(damaged)


def _at_random(
    damaged: Sequence[Surface], seeds: int
) -> Iterator[tuple[list[Surface], list[Surface]]]:
    """Yield 20 pictures to learn from and all others; both may show the same pit, days apart."""
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(damaged))
        chosen = [damaged[int(place)] for place in order]
        yield chosen[:TRAINED], chosen[TRAINED:]


def _by_place(
    damaged: Sequence[Surface], seeds: int
) -> Iterator[tuple[list[Surface], list[Surface]]]:
    """Yield 20 pictures of half the places on the spindle, and all pictures of the others."""
    places = sorted({surface.place for surface in damaged})
    for seed in range(seeds):
        chance = np.random.default_rng(seed)
        known = set(chance.permutation(places)[: len(places) // 2].tolist())
        there = [surface for surface in damaged if surface.place in known]
        order = chance.permutation(len(there))[:TRAINED]
        others = [surface for surface in damaged if surface.place not in known]
        yield [there[int(place)] for place in order], others


def _pits(
    data: str,
    choices: Sequence[tuple[list[Surface], list[Surface]]],
    clean: Sequence[Surface],
) -> Iterator[Row]:
    results: dict[str, list[Result]] = {"nothing (all-zero)": [], "threshold": []}
    results["few_shot_brush"] = []
    for learned, others in choices:
        examples = [surface.example for surface in learned]
        for name, show in (
            ("nothing (all-zero)", lambda picture: []),
            ("threshold", _threshold(examples)),
            ("few_shot_brush", _brush(examples)),
        ):
            results[name].append(_result(show, others, clean))
    means = {name: float(np.mean([r.score for r in each])) for name, each in results.items()}
    for name, each in results.items():
        scores = [result.score for result in each]
        ours = name == "few_shot_brush"
        false = np.mean([result.false for result in each])
        yield Row(
            data,
            name,
            f"{TRAINED} pictures",
            f"box F1 at IoU {MEETS}, mean of {len(each)} (least); false boxes on "
            f"{len(clean)} undamaged",
            f"{means[name]:.3f} ({min(scores):.3f}); {false:.1f}",
            goal="better than both" if ours else "",
            reached=means[name] > max(means["threshold"], 0) if ours else None,
            speed=f"{np.median([r.speed for r in each]):.1f} pictures/CPU s" if means[name] else "",
            saved=float(np.mean([result.saved for result in each])),
        )


def _brush(examples: Sequence[Example]) -> Show:
    model, target = MODELS["few_shot_brush"], Target("image", Mask, (PIT,))
    predictor = model.load(model.fit(examples, target), target, Given())

    def show(picture: Picture) -> list[Mask]:
        (answer,) = predictor.predict([Item(pictures={"image": picture})])
        return [mark for mark in answer.marks if isinstance(mark, Mask)]

    return show


def _threshold(examples: Sequence[Example]) -> Show:
    """Take what is darker, or brighter, than its surroundings: by so much, so large, and so many
    of these as do best on the pictures to learn from."""
    truth = [boxes(example.marks) for example in examples]
    best = (-1.0, (1, 0, 0, 0))
    for sign, amount, least in product((1, -1), (8, 12, 16, 24, 32, 48), (30, 100, 300, 1000)):
        spots = [_spots(e.item.pictures["image"], sign, amount, least)[1] for e in examples]
        for most in (1, 3, 100):
            score = _f1(truth, [[box for _place, box in found[:most]] for found in spots])
            best = max(best, (score, (sign, amount, least, most)), key=lambda tried: tried[0])
    sign, amount, least, most = best[1]

    def show(picture: Picture) -> list[Mask]:
        numbers, found = _spots(picture, sign, amount, least)
        return [Mask(PIT, numbers == place) for place, _box in found[:most]]

    return show


def _spots(
    picture: Picture, sign: int, amount: int, least: int
) -> tuple[np.ndarray, list[tuple[int, Box]]]:
    """Return what differs from the mean of 101 × 101 pixels: a number a pixel, and the boxes of
    these numbers, what differs most first."""
    grey = cv2.cvtColor(colours.rgb(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    differs = sign * (cv2.blur(grey, (101, 101)) - cv2.GaussianBlur(grey, (0, 0), 1.5))
    count, numbers, sizes, _middles = cv2.connectedComponentsWithStats(
        (differs > amount).astype(np.uint8)
    )
    areas = sizes[:, cv2.CC_STAT_AREA]
    strength = np.bincount(numbers.reshape(-1), differs.reshape(-1), count) / areas
    kept = sorted((p for p in range(1, count) if areas[p] >= least), key=lambda p: -strength[p])
    return numbers, [(place, Box(PIT, *map(float, sizes[place, :4]))) for place in kept]


def _result(show: Show, others: Sequence[Surface], clean: Sequence[Surface]) -> Result:
    surfaces = [*others, *clean]
    began = time.process_time()
    shown = [show(surface.example.item.pictures["image"]) for surface in surfaces]
    speed = len(surfaces) / max(time.process_time() - began, 1e-6)
    truth = [_masks(surface.example.marks) for surface in surfaces]
    spared = sum(costs.alone(t) - costs.helped(t, s) for t, s in zip(truth, shown, strict=True))
    false = sum(len(each) for each in shown[len(others) :])
    score = _f1([boxes(each) for each in truth], [boxes(each) for each in shown])
    return Result(score, false, speed, spared / 60 * 100 / len(surfaces))


def _f1(truth: Sequence[list[Box]], shown: Sequence[list[Box]]) -> float:
    """Return the F1 of boxes, each true one met by at most one, the surest first."""
    met = held = 0
    for real, found in zip(truth, shown, strict=True):
        free = list(real)
        held += len(real) + len(found)
        for box in sorted(found, key=lambda each: -each.score):
            best = max(free, key=lambda other: costs.overlap(box, other), default=None)
            if best is not None and costs.overlap(box, best) >= MEETS:
                free.remove(best)
                met += 1
    return 2 * met / held if held else 0.0


def _cells(examples: Sequence[Example], seeds: int) -> Row:
    model, target = MODELS["image_classes"], Target("image", Choice, ("none", "defect"))
    areas, speeds, spared = [], [], []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(examples))
        chosen = [examples[int(place)] for place in order]
        predictor = model.load(model.fit(chosen[:CELLS], target), target, Given())
        others = chosen[CELLS:]
        began = time.process_time()
        answers = predictor.predict([example.item for example in others])
        speeds.append(len(others) / (time.process_time() - began))
        shown = [_choices(answer.marks) for answer in answers]
        chances = [m[0].score if m[0].label == "defect" else 1 - m[0].score for m in shown]
        broken = [_choices(example.marks)[0].label == "defect" for example in others]
        areas.append(_area(np.array(chances), np.array(broken)))
        spared += [
            costs.alone(example.marks) - costs.helped(example.marks, marks)
            for example, marks in zip(others, shown, strict=True)
        ]
    return Row(
        "elpv cells, defect where its probability is ≥ 0.5",
        "image_classes",
        f"{CELLS} cells",
        f"AUROC defect / none, mean of {seeds} (least); 0.5 is chance",
        f"{np.mean(areas):.3f} ({min(areas):.3f})",
        speed=f"{np.median(speeds):.0f} pictures/CPU s",
        saved=float(np.mean(spared)) / 60 * 100,
    )


def _area(chances: np.ndarray, truth: np.ndarray) -> float:
    """Return how often a defect is held for likelier than a sound cell; ties count half."""
    apart = chances[truth][:, None] - chances[~truth][None]
    return float((apart > 0).mean() + (apart == 0).mean() / 2)


def _outlines(damaged: Sequence[Surface]) -> Iterator[Row]:
    pits = [
        (surface.example.item.pictures["image"], mask)
        for surface in damaged
        for mask in _masks(surface.example.marks)
        if mask.pixels.sum() > 30
    ]
    ways: dict[str, Callable[[Picture, Mask], Mask]] = {
        "a box becomes an outline": lambda picture, mask: mask_from_box(picture, boxes([mask])[0]),
        "a click becomes an outline": lambda picture, mask: mask_from_points(
            picture, [deepest(mask)]
        ),
        "its box as it is": lambda picture, mask: _filled(boxes([mask])[0], mask),
    }
    for name, way in ways.items():
        began = time.process_time()
        overlaps = [costs.overlap(way(picture, mask), mask) for picture, mask in pits]
        spent = (time.process_time() - began) / len(pits)
        yield Row(
            f"BSData, {len(pits)} pits",
            f"click_to_mask: {name}",
            "–",
            "mean IoU (median)",
            f"{np.mean(overlaps):.3f} ({np.median(overlaps):.3f})",
            speed=f"{spent * 1000:.0f} CPU ms",
        )


def deepest(mask: Mask) -> tuple[float, float]:
    """Return where a person would click: the point farthest from every edge."""
    solid = np.pad(mask.pixels, 1).astype(np.uint8)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(column), float(row)


def _filled(box: Box, mask: Mask) -> Mask:
    pixels = np.zeros_like(mask.pixels)
    left, top = int(box.x), int(box.y)
    pixels[top : top + int(box.height), left : left + int(box.width)] = True
    return Mask(mask.label, pixels)


def _masks(marks: Sequence[Mark]) -> list[Mask]:
    return [mark for mark in marks if isinstance(mark, Mask)]


def _choices(marks: Sequence[Mark]) -> list[Choice]:
    return [mark for mark in marks if isinstance(mark, Choice)]
