"""Measure the reading of writing: pictures a second, and Chinese text as a person reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from jinbiao.tests.bench.model_rows import Row
from jinbiao.workers.models import MODELS, costs
from jinbiao.workers.models.interface import Given, Item, Picture, Predictor, Target, Words

# The 8 Chinese pictures of the sample, line by line as a person reads them. Of the photograph
# only the lines that are whole; the sample itself comes without text.
CHINESE = {
    "black_font_color_transparent.png": ["我是中国人"],
    "ch_en_num.jpg": [
        *("正品促销", "大桶装更划算", "强力去污符合国标", "-40℃深度防冻不结冰", "直击", "底价"),
        *("日常价￥", "10.0起", "日常价￥", "10.0起", "券后价￥", "5.8起", "惊喜福利不容错过"),
        *("极速发货", "冰点标准", "破损就赔", "假一赔十"),
    ],
    "img_exif_orientation.jpg": ["我是中国人"],
    "return_word_debug.jpg": [
        *("轻运动健身会所", "24H专业健身", "本座3F", "027-88852022", "027-88859022", "TM"),
    ],
    "short.png": ["中国网络空间安全"],
    "test_without_det.jpg": ["在中国作家协会第三届儿童文学"],
    "text_cls.jpg": ["怪我咯"],
    "text_vertical_words.png": [
        *("有評是是非非之士師也", "是非不得問之人要取之", "已取之時不參一人見而"),
    ],
}
NOWHERE = ((-2.0, -2.0), (-1.0, -2.0), (-1.0, -1.0), (-2.0, -1.0))


def rows(samples: Path, quick: bool) -> Iterator[Row]:
    """Yield the speed on all pictures, what is read of the Chinese ones, and number plates."""
    reader = MODELS["ocr"].load(None, Target("image", Words, ()), Given())
    pictures = {file.name: _open(file) for file in sorted((samples / "images/ocr").iterdir())}
    shown = {name: _read(reader, picture) for name, picture in pictures.items()}
    began = time.process_time()
    for _round in range(1 if quick else 3):
        for picture in pictures.values():
            _read(reader, picture)
    spent = (time.process_time() - began) / (1 if quick else 3)
    speed = f"{len(pictures) / spent:.1f} pictures/CPU s"
    empty = [name for name, lines in shown.items() if not lines]
    yield Row(
        f"OCR sample, {len(pictures)} pictures",
        *("ocr", "–", "pictures with text found"),
        f"{len(pictures) - len(empty)} of {len(pictures)} (none in {', '.join(empty)})",
        speed=speed,
    )
    yield _chinese({name: shown[name] for name in CHINESE})
    crops = sorted((samples / "images/plates/rec_crop").iterdir())
    right = sum(_plate(reader, file) for file in crops)
    yield Row("number plates, crops", "ocr", "–", "read as the file is named", f"{right} of 2")


def _chinese(shown: dict[str, list[Words]]) -> Row:
    held = wrong = with_text = 0
    alone = helped = 0.0
    for name, lines in CHINESE.items():
        truth, mistakes = _meet(lines, shown[name])
        held += sum(map(len, lines))
        wrong += mistakes
        with_text += any(_is_chinese(mark.text) for mark in shown[name])
        alone += costs.alone(truth)
        helped += costs.helped(truth, shown[name])
    return Row(
        "OCR sample, 8 Chinese pictures",
        *("ocr", "–", "with Chinese text found; character errors (frames taken as right)"),
        f"{with_text} of 8; {wrong} of {held} ({wrong / held:.1%})",
        saved=(alone - helped) / 60 * 100 / len(CHINESE),
    )


def _meet(lines: Sequence[str], shown: Sequence[Words]) -> tuple[list[Words], int]:
    """Return the true lines with the frames of those that read most alike, and the errors.

    Errors are letters to change, to add and to take away (Levenshtein), without spaces; a line
    that nobody wrote and a line that was not found count with all their letters.
    """
    free = list(shown)
    truth, errors = [], 0
    for line in lines:
        best = min(free, key=lambda mark: distance(mark.text, line), default=None)
        if best is None or distance(best.text, line) >= max(len(line), len(_tight(best.text))):
            truth.append(Words(line, NOWHERE))
            errors += len(line)
            continue
        free.remove(best)
        truth.append(Words(line, best.corners))
        errors += distance(best.text, line)
    return truth, errors + sum(len(_tight(mark.text)) for mark in free)


def distance(one: str, other: str) -> int:
    """Return the least number of letters to change, add or take away; spaces do not count."""
    one, other = _tight(one), _tight(other)
    before = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        row = [place]
        for column, wanted in enumerate(other, 1):
            changed = before[column - 1] + (letter != wanted)
            row.append(min(before[column] + 1, row[-1] + 1, changed))
        before = row
    return before[-1]


def _tight(text: str) -> str:
    """Leave out spaces, and write the sign of the yuan in one way."""
    return "".join(text.split()).replace("¥", "￥")


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def _open(file: Path) -> Picture:
    with Image.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


def _read(reader: Predictor, picture: Picture) -> list[Words]:
    (answer,) = reader.predict([Item(pictures={"image": picture})])
    return [mark for mark in answer.marks if isinstance(mark, Words)]


def _plate(reader: Predictor, file: Path) -> bool:
    text = "".join(mark.text for mark in _read(reader, _open(file)))
    return text.replace("·", "") == file.stem.rsplit("_", 1)[-1]
