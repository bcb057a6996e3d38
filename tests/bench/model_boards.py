"""Measure the golden-difference model on DeepPCB: few pairs to learn from, and a moved template."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jinbiao.tests.bench import golden_difference as boards
from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import costs
from jinbiao.workers.models.interface import Example, Predictor

LEAST = {10: 0.88, 50: 0.93}  # pairs trained: mAP@0.5
SHIFT = "3 px"
SEEDS, SEEDS_QUICK, PAIRS_QUICK = 3, 1, 40


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield a row for each number of pairs, with the template in place and 3 pixels off."""
    examples = boards.read_examples(samples / "images/deeppcb")
    for pairs, least in LEAST.items():
        found: dict[str, list[tuple[float, float, float]]] = {"": [], SHIFT: []}
        for predictor, others in boards.choices(examples, pairs, SEEDS_QUICK if quick else SEEDS):
            tried = others[:PAIRS_QUICK] if quick else others
            found[""].append(_score(predictor, tried))
            moved = [boards.move_template(each, boards.MOTIONS[SHIFT]) for each in tried]
            found[SHIFT].append(_score(predictor, moved))
        for motion, scores in found.items():
            precisions, speeds, saved = zip(*scores, strict=True)
            mean = float(np.mean(precisions))
            yield Row(
                "DeepPCB" + (f", template {motion} off" if motion else ""),
                "golden_difference",
                f"{pairs} pairs",
                f"mAP@0.5, mean of {len(scores)} (least)",
                f"{mean:.3f} ({min(precisions):.3f})",
                goal=f"≥ {least}",
                reached=mean >= least,
                speed=f"{np.median(speeds):.1f} pairs/CPU s",
                saved=float(np.mean(saved)),
            )


def _score(predictor: Predictor, examples: Sequence[Example]) -> tuple[float, float, float]:
    """Return mAP@0.5, pairs a CPU second, and minutes saved on 100 pairs."""
    began = time.process_time()
    shown = [boards.boxes(predictor, example.item.pictures) for example in examples]
    speed = len(examples) / (time.process_time() - began)
    truth = [boards.true_boxes(example) for example in examples]
    spared = sum(costs.alone(t) - costs.helped(t, s) for t, s in zip(truth, shown, strict=True))
    precision = boards.mean_average_precision(truth, shown)
    return precision, speed, spared / 60 * 100 / len(examples)
