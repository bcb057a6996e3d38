"""Say what a whole picture shows, learned from a few pictures of each class.

A linear head on what a packaged network sees: mean and spread of its channels. How strongly it
may put its answers (ridge, temperature) is learned on pictures that it had not seen, so that of
the answers given with 80 % about 80 % are right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from . import alike, arrays, colours, linear, packaged
from .backbone import PACKAGE, Backbone, backbone, pooled
from .fixed import WithoutOptions
from .interface import Answer, Choice, Example, Given, Item, Picture, Predictor, Serves, Target

Floats = NDArray[np.float32]

AREA = 224 * 224  # pixels that are looked at
STAGES = slice(1, None)  # the finest map says little of a whole picture
FOLDS = 5
RIDGES = (0.03, 0.1, 0.3, 1.0)
TEMPERATURES = tuple(float(t) for t in np.geomspace(0.5, 8, 25))
LOUDEST = 5.0  # standard deviations beyond which a number says no more
CHOSEN = 0.5  # chance from which a class is chosen where several may be
LEAST_EXAMPLES = 10


class ImageClasses(WithoutOptions):
    """Pre-label the class of a picture, learned from about ten pictures of each."""

    name = "image_classes"
    serves = Serves("picture", (Choice,))
    queue = "cpu"
    least_examples = LEAST_EXAMPLES

    @property
    def version(self) -> str:
        """Our version with that of the package that holds the network."""
        return packaged.versioned("1", PACKAGE)

    def fit(
        self, examples: Iterable[Example], target: Target, unlabelled: Iterable[Item] = ()
    ) -> bytes:
        """Learn from people's choices, a picture in memory at a time.

        Where one choice excludes the others an example without one teaches nothing; where it
        does not, it says that no class is there. Raises errors.Refused where the examples do not
        show a difference: fewer than two kinds of answer.
        """
        network = backbone()
        rows, answers = [], []
        for example in examples:
            chosen = {m.label for m in example.marks if isinstance(m, Choice)}
            known = [float(label in chosen) for label in target.labels]
            if target.single and sum(known) != 1:
                continue
            rows.append(_seen(colours.read(example.item, target.key), network))
            answers.append(known)
        told = np.array(answers, np.float32).reshape(-1, len(target.labels))
        if len(np.unique(told, axis=0)) < 2:
            raise errors.Refused(_("the examples must show at least two different answers"))
        table = np.array(rows, np.float32)
        middle, spread = table.mean(axis=0), table.std(axis=0) + np.float32(1e-6)
        seen = _held(table, middle, spread)
        ridge, temperature = _tuned(seen, told, target.single)
        factors, offsets = _heads(seen, told, ridge, target.single)
        return arrays.pack(
            self.name,
            {
                "labels": np.array(target.labels),
                "single": np.array([target.single]),
                "network": np.array([network.digest]),
                "middle": middle,
                "spread": spread,
                "factors": factors / np.float32(temperature),
                "offsets": offsets / np.float32(temperature),
            },
        )

    def load(self, weights: bytes | None, target: Target, given: Given) -> Predictor:
        """Return a predictor; labels that the project does not have any more are left out.

        Raises errors.Refused without weights, errors.Damaged for bytes that `fit` did not give,
        errors.Unavailable for those that were learned with another version of the network.
        """
        if weights is None:
            raise errors.Refused(_("this model needs to be trained first"))
        return _unpacked(weights, target, backbone())

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return {"name": self.name, "version": self.version, **CARD}


@dataclass(frozen=True)
class Classes:
    """Say what pictures show."""

    target: Target
    network: Backbone
    labels: list[str]
    single: bool
    middle: Floats
    spread: Floats
    factors: Floats
    offsets: Floats

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the likeliest class of each picture, or every class that is likely.

        `score` is the chance of the class, or of the least certain decision; `features` are
        comparable among answers of the same weights.
        """
        if not items:
            return []
        table = [_seen(colours.read(item, self.target.key), self.network) for item in items]
        seen = _held(np.array(table, np.float32), self.middle, self.spread)
        vectors = alike.embedded(seen)
        if not self.labels:
            return [Answer([], features=vector) for vector in vectors]
        odds = seen @ self.factors + self.offsets
        chances = linear.shares(odds) if self.single else linear.chance(odds)
        return [self._answer(each, vectors[place]) for place, each in enumerate(chances)]

    def _answer(self, chances: Floats, features: Floats) -> Answer:
        order = np.argsort(-chances, kind="stable")
        if self.single:
            order = order[:1]
            sure = float(chances[order[0]])
        else:
            sure = float(np.maximum(chances, 1 - chances).min())
            order = order[chances[order] >= CHOSEN]
        marks = [Choice(self.labels[place], float(chances[place])) for place in order]
        return Answer(marks, score=sure, features=features)


def _seen(picture: Picture, network: Backbone) -> Floats:
    """Return what the network sees of a picture, small and in its own proportions."""
    full = colours.rgb(picture)
    height, width = full.shape[:2]
    scale = (AREA / (height * width)) ** 0.5
    size = (min(max(round(width * scale), 64), 784), min(max(round(height * scale), 64), 784))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(full, size, interpolation=way), np.uint8)
    return pooled(network.maps(small)[STAGES])


def _held(rows: Floats, middle: Floats, spread: Floats) -> Floats:
    return np.asarray(np.clip((rows - middle) / spread, -LOUDEST, LOUDEST), np.float32)


def _heads(seen: Floats, told: Floats, ridge: float, single: bool) -> tuple[Floats, Floats]:
    """Learn; a class without an example is never chosen."""
    even = np.ones_like(told)
    factors, offsets = linear.heads(seen, told, even, ridge, exclusive=single)
    absent = told.sum(axis=0) == 0
    factors[:, absent], offsets[absent] = 0, -30
    return factors, offsets


def _tuned(seen: Floats, told: Floats, single: bool) -> tuple[float, float]:
    """Return the ridge and the temperature with the least surprise on pictures not learned from.

    Temperature: Guo and others, ICML 2017.
    """
    folds = np.random.default_rng(0).permutation(len(told)) % min(FOLDS, len(told))
    best = (np.inf, RIDGES[-1], 1.0)
    for ridge in RIDGES:
        odds = np.zeros_like(told)
        for fold in range(int(folds.max()) + 1):
            others, held = folds != fold, folds == fold
            factors, offsets = _heads(seen[others], told[others], ridge, single)
            # A class that only the held picture shows would surprise without end.
            odds[held] = seen[held] @ factors + np.maximum(offsets, -6)
        for temperature in TEMPERATURES:
            surprise = _surprise(odds / np.float32(temperature), told, single)
            if surprise < best[0] - 1e-9:
                best = (surprise, ridge, temperature)
    return best[1], best[2]


def _surprise(odds: Floats, told: Floats, single: bool) -> float:
    """Return the mean cross-entropy of answers."""
    if single:
        return float(-np.log(np.maximum((linear.shares(odds) * told).sum(axis=1), 1e-9)).mean())
    chances = np.clip(linear.chance(odds), 1e-9, 1 - 1e-7)
    return float(-(told * np.log(chances) + (1 - told) * np.log(1 - chances)).mean())


def _unpacked(weights: bytes, target: Target, network: Backbone) -> Classes:
    held = arrays.unpack(ImageClasses.name, weights)
    columns = 2 * sum(network.channels[STAGES])
    try:
        labels = [str(label) for label in held["labels"]]
        shapes = {
            "middle": (columns,),
            "spread": (columns,),
            "factors": (columns, len(labels)),
            "offsets": (len(labels),),
            "single": (1,),
            "network": (1,),
        }
        if any(held[name].shape != shape for name, shape in shapes.items()):
            raise arrays.damaged()
        if str(held["network"][0]) != network.digest:
            raise errors.Unavailable(_("the weights were learned with another picture network"))
        parts = [held[name].astype(np.float32) for name in [*shapes][:4]]
        kept = [place for place, label in enumerate(labels) if label in target.labels]
        middle, spread, factors, offsets = parts
        return Classes(
            target,
            network,
            [labels[place] for place in kept],
            bool(held["single"][0]),
            *(middle, spread, factors[:, kept], offsets[kept]),
        )
    except (KeyError, ValueError, TypeError) as wrong:
        raise arrays.damaged() from wrong


CARD: dict[str, Any] = {
    "title": {"zh": "少样本图像分类", "en": "Few-shot image classes"},
    "what": {
        "zh": "用随软件附带的文字检测网络的主干提取整幅图的特征，"
        "再用线性分类头根据人工标注判断类别，并用交叉验证校准置信度。",
        "en": "Describes the whole picture by the backbone of a packaged text-detection network; "
        "a linear head learned from people's choices gives the class, its score calibrated by "
        "cross-validation.",
    },
    "for": {
        "zh": "每类约十幅以上的整图分类：有无缺陷、缺陷类别、产品类别、分拣；"
        "其特征还可用于安排标注顺序和查找近似重复的图像。结果须由人工确认。",
        "en": "Classes of whole pictures from about ten each: defect or none, which defect, which "
        "product, triage. Its features also order the queue and find near duplicates. People "
        "confirm every answer.",
    },
    "limits": {
        "zh": [
            "看的是约 5 万像素的缩略图：只占画面很小一部分的缺陷看不见，应改用少样本画笔。",
            "只认识样本中出现过的类别；没有见过的东西也会被归入其中一类。",
            "更换相机、光照或工艺后应重新训练。",
            "特征向量只能在同一次训练所得的结果之间比较。",
        ],
        "en": [
            "It looks at about 50,000 pixels: a defect that fills only a small part of the picture "
            "is invisible to it; use the few-shot brush.",
            "It knows only classes that the examples hold, and takes anything else for one of "
            "them.",
            "Train again after a change of camera, light or process.",
            "Features are comparable only among answers of the same training.",
        ],
    },
    "data": {
        "zh": "主干网络来自 rapidocr 软件包中的 PP-OCRv6 文字检测模型（飞桨，Apache-2.0）；"
        "分类头只从本项目内的人工标注学得。",
        "en": "The backbone is that of the PP-OCRv6 text detector in the package rapidocr "
        "(PaddlePaddle, Apache-2.0); the head is learned only from people's choices in the "
        "project.",
    },
    "licence": "Apache-2.0",
}
