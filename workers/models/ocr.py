"""Read the writing in a picture, Chinese and Latin, with the packaged weights of PP-OCRv6.

`rapidocr` finds lines, turns those that stand on their head, and reads them. We bring the picture
to a size at which it does so well: it would itself enlarge a small crop of one line to several
megapixels, and shrink a long one away.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from . import colours, packaged
from .colours import Colours
from .fixed import NeverTrained, WithoutOptions
from .interface import Answer, Given, Item, Picture, Serves, Target, Words

LONGEST = 2000  # pixels of the longer side: what is larger is made smaller
SHORT, ENLARGED = 320, 4.0  # shorter side to which small pictures are enlarged; at most so much
LOW, SURROUND = 300, 0.15  # a picture lower than this gets so much around it, as a share
SLIMMEST = 8  # longer side by shorter side; slimmer pictures are widened with what is at the edge
STEP = 32  # pixels in which the network counts
BELIEVED = 0.5  # lines that are read with less certainty are left out
# What the wheel holds. Without paths rapidocr would fetch models that are not there.
FILES = {
    "Det": "models/PP-OCRv6_det_small.onnx",
    "Cls": "models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "models/PP-OCRv6_rec_small.onnx",
}


class Ocr(WithoutOptions, NeverTrained):
    """Frame and read lines of writing."""

    name = "ocr"
    version = packaged.versioned("1", "rapidocr")
    serves = Serves("picture", (Words,))
    queue = "cpu"

    def load(self, weights: bytes | None, target: Target, given: Given) -> Reader:
        """Return a predictor; raise errors.Unavailable where the weights are not installed."""
        if weights is not None:
            raise errors.Damaged(
                _("the model %(model)s has no weights of its own"), model=self.name
            )
        return Reader(target)

    def card(self) -> dict[str, Any]:
        """Describe the model for people."""
        return CARD


class Reader:
    """The three networks in memory; each runs on so many threads."""

    def __init__(self, target: Target, threads: int = 1) -> None:
        settings: dict[str, Any] = {
            f"{part}.model_path": str(packaged.file_of("rapidocr", path, "rapidocr"))
            for part, path in FILES.items()
        }
        from rapidocr import RapidOCR

        settings |= {
            "Global.log_level": "critical",
            "Global.text_score": BELIEVED,
            "Global.use_preprocess_img": False,
            "Global.use_vertical_padding": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": SLIMMEST * LONGEST,
            "Rec.rec_batch_num": 1,  # lines of unlike length would be padded to the longest
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
        self._engine: Any = RapidOCR(params=settings)
        self._key = target.key
        self._label = target.labels[0] if len(target.labels) == 1 else ""

    def predict(self, items: Sequence[Item]) -> list[Answer]:
        """Return the lines of each picture, the surest first; the answer's score is their mean."""
        return [self._answer(colours.read(item, self._key)) for item in items]

    def _answer(self, picture: Picture) -> Answer:
        sheet = lay_out(picture)
        found = self._engine(sheet.pixels, use_det=True, use_cls=True, use_rec=True)
        if not found.txts:
            return Answer([])
        marks = []
        for text, corners, score in zip(found.txts, found.boxes, found.scores, strict=True):
            placed = sheet.back(corners)
            if _says_something(text) and _area(placed) >= 1:
                certain = float(min(max(score, 0.0), 1.0))
                marks.append(Words(text.strip(), placed, certain, self._label))
        marks.sort(key=lambda mark: -mark.score)
        return Answer(marks, float(np.mean([mark.score for mark in marks])) if marks else None)


@dataclass(frozen=True)
class Sheet:
    """A picture as the network gets it: blue, green, red; resized, with an edge around it."""

    pixels: Colours
    height: int
    width: int
    left: int
    top: int
    across: float
    down: float

    def back(self, corners: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
        """Return corners in pixels of the picture, none outside."""
        placed = (corners.astype(np.float64) - (self.left, self.top)) / (self.across, self.down)
        inside = np.clip(placed, 0, (self.width, self.height)).tolist()
        return tuple((x, y) for x, y in inside)


def lay_out(picture: Picture) -> Sheet:
    """Return the picture in a size and shape that the network can read.

    At most LONGEST pixels long before the edge is added, so that memory stays below 1 GB.
    """
    seen = colours.rgb(_on_paper(picture))[:, :, ::-1]
    height, width = seen.shape[:2]
    shorter, longer = sorted((height, width))
    scale = LONGEST / longer
    if scale > 1:
        scale = max(1.0, min(SHORT / shorter, scale, ENLARGED))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = seen if scale == 1 else cv2.resize(seen, size, interpolation=way)
    edge = round(SURROUND * min(size)) if min(size) < LOW else 0
    left, right = _edges(size[0], max(edge, (size[1] // SLIMMEST - size[0] + 1) // 2))
    top, bottom = _edges(size[1], max(edge, (size[0] // SLIMMEST - size[1] + 1) // 2))
    pixels = cv2.copyMakeBorder(resized, top, bottom, left, right, cv2.BORDER_REPLICATE)
    across, down = size[0] / width, size[1] / height
    return Sheet(np.asarray(pixels, np.uint8), height, width, left, top, across, down)


def _edges(side: int, least: int) -> tuple[int, int]:
    """Return what is added before and after a side, so that it counts in whole steps."""
    whole = -(-(side + 2 * least) // STEP) * STEP - side
    return whole // 2, whole - whole // 2


def _on_paper(picture: Picture) -> Picture:
    """Lay a transparent picture on white, or on black where what it shows is light."""
    if picture.ndim == 2 or picture.shape[2] in (1, 3):
        return picture
    top = colours.white(picture)
    alpha = picture[:, :, -1:].astype(np.float32) / top
    shown = picture[:, :, :-1].astype(np.float32)
    weight = float(alpha.sum())
    light = float((shown.mean(axis=2, keepdims=True) * alpha).sum()) > weight * top / 2
    paper = 0.0 if light else float(top)
    laid: Picture = ((shown * alpha + paper * (1 - alpha)) * (255 / top) + 0.5).astype(np.uint8)
    return laid


def in_reading_order(lines: Sequence[Words]) -> list[Words]:
    """Return lines as people read them: rows from the top, each from the left; where most are
    columns, from the right. Lines of which some have no corners stay as they are.
    """
    if not all(line.corners for line in lines):
        return list(lines)
    placed = [(line, cv2.boundingRect(np.array(line.corners, np.float32))) for line in lines]
    columns = [height > 1.5 * width for _line, (_x, _y, width, height) in placed]
    if sum(columns) * 2 > len(columns):
        placed.sort(key=lambda one: -one[1][0] - one[1][2])
        return [line for line, _frame in placed]
    rows: list[list[tuple[Words, Sequence[int]]]] = []
    for line, frame in sorted(placed, key=lambda one: one[1][1] + one[1][3] / 2):
        _x, top, _width, height = rows[-1][-1][1] if rows else (0, 0, 0, 0)
        # A row goes on while the middle of the next line lies beside the last one.
        if rows and frame[1] + frame[3] / 2 < top + 0.75 * height:
            rows[-1].append((line, frame))
        else:
            rows.append([(line, frame)])
    return [line for row in rows for line, _frame in sorted(row, key=lambda one: one[1][0])]


def _says_something(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)


def _area(corners: tuple[tuple[float, float], ...]) -> float:
    return float(cv2.contourArea(np.array(corners, np.float32)))


CARD: dict[str, Any] = {
    "title": {"zh": "文字识别（OCR）", "en": "Reading writing (OCR)"},
    "what": {
        "zh": "用随软件包安装的 PP-OCRv6 网络（RapidOCR）框出图中的每行文字、"
        "扶正倒置的行，并识别成文本。",
        "en": "Frames each line of writing in a picture, turns lines that stand on their head, and "
        "reads them, with the networks of PP-OCRv6 that come with the package RapidOCR.",
    },
    "for": {
        "zh": "铭牌、标签、单据、屏幕和文档照片：先框行、填文本，由人工核对修改。"
        "能识别简体、繁体中文，英文、数字和日文。",
        "en": "Name plates, labels, forms, screens, photographs of documents: it frames lines and "
        "fills in their text, and people correct it. It reads simplified and traditional Chinese, "
        "English, digits and Japanese.",
    },
    "limits": {
        "zh": [
            "不识别韩文、阿拉伯文、西里尔文、希腊文、泰文、印度各文字，会给出错字或漏掉。",
            "长边超过 2000 像素的图先缩小，缩小后不足约 10 像素高的字会识别错；大幅面图请先裁切。",
            "手写、艺术字、点阵喷码、反光和强烈透视下错误较多；整行倾斜可以，弯曲不行。",
            "竖排文字只识别单列较长的行；一张图最多 1000 行；可信度低于 0.5 的行不给出。",
            "不判断行的类别：项目只有一个标签时用它，有多个时留空由人工选择。",
        ],
        "en": [
            "It does not read Korean, Arabic, Cyrillic, Greek, Thai or Indian scripts: it misses "
            "them or writes something wrong.",
            "Pictures longer than 2000 pixels are made smaller first; letters less than about 10 "
            "pixels high are then misread. Cut large sheets beforehand.",
            "Handwriting, ornamental letters, dot-matrix prints, glare and strong perspective "
            "bring more errors. A line may slope but not bend.",
            "Of vertical writing it reads long columns only; at most 1000 lines a picture; lines "
            "that are less than 0.5 certain are left out.",
            "It knows no classes of lines: a project's only label is given, of several people "
            "choose one.",
        ],
    },
    "data": {
        "zh": "权重取自 rapidocr 软件包，由 PaddleOCR 发布的 PP-OCRv6 small 转换而来；"
        "不会用本项目的数据训练，运行时不下载任何文件。",
        "en": "Weights from the package rapidocr, converted from PP-OCRv6 small as PaddleOCR "
        "released it. Nothing is learned from the project and nothing is fetched while it runs.",
    },
    "licence": "Apache-2.0 (Baidu, PaddleOCR; RapidOCR)",
}
