"""Make a corpus of Chinese documents by a seed, with duplicates and look-alikes that are known.

Words of common characters follow one another by Zipf's law. Planted: near duplicates (up to 5 %
of the characters substituted, inserted or deleted, in a fifth of them a sentence moved), exact
duplicates, look-alikes that fill the same template (40 to 65 % of the page) with their own text,
and every kind of dirt that a recipe for texts takes out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LENGTH = 335  # characters: about 1 KB in UTF-8
_FUNCTION = "的了是在和有不人这为上个到中以就对要我他也们会着与及其之于而或被把从"
_ENDS = "。。。。！？；"
# Shares of the corpus; the rest are documents of their own.
NEAR, EXACT, LOOK_ALIKE, SHORT, DIGITS, REPEATING = 0.10, 0.02, 0.15, 0.02, 0.02, 0.02
MOST_EDITED = 0.05
DIRTY = 0.25


@dataclass(frozen=True)
class Document:
    """One document: of a duplicate, `source` is the place of what it was made from.

    `kind` is own, near, exact, look_alike, short, digits or repeating.
    """

    text: str
    kind: str
    source: int | None = None


class Corpus:
    """So many documents of a seed, always the same ones in the same order."""

    def __init__(self, number: int, seed: int = 1, dirty: float = DIRTY) -> None:
        """Prepare the words; nothing is written yet. `dirty` is how many get dirt."""
        self.number, self._dirty = number, dirty
        self._random = random.Random(seed)
        self._dice = np.random.default_rng(seed)
        self._letters = _common_letters()
        self._words = [self._word() for _place in range(20_000)]
        weights = 1 / np.arange(1, len(self._words) + 1) ** 0.8
        self._chances = np.cumsum(weights / weights.sum())
        self._drawn: list[int] = []
        self._templates = [
            self._prose(int(LENGTH * self._random.uniform(0.4, 0.65)))
            for _each in range(max(2, number // 1000))
        ]

    def __iter__(self) -> Iterator[Document]:
        """Give the documents; a duplicate comes some way after its source."""
        # What later ones may be made from: recent ones, so that memory stays small.
        known: list[tuple[int, str]] = []
        chance = self._random
        for place in range(self.number):
            kind = self._kind() if len(known) > 20 else "own"
            if kind in ("near", "exact"):
                # Taken out: each source has one duplicate, so every pair is counted once.
                source, text = known.pop(chance.randrange(len(known)))
                changed = edited(text, chance, self._letters) if kind == "near" else text
                yield Document(self._soiled(changed), kind, source)
                continue
            text = self._made(kind)
            if kind in ("own", "look_alike"):
                known.append((place, text))
                if len(known) > 5_000:
                    known.pop(0)
                yield Document(self._soiled(text), kind)
            else:
                yield Document(text, kind)

    def _kind(self) -> str:
        value = self._random.random()
        for kind, share in (
            ("near", NEAR),
            ("exact", EXACT),
            ("look_alike", LOOK_ALIKE),
            ("short", SHORT),
            ("digits", DIGITS),
            ("repeating", REPEATING),
        ):
            if value < share:
                return kind
            value -= share
        return "own"

    def _made(self, kind: str) -> str:
        if kind == "look_alike":
            template = self._random.choice(self._templates)
            own, middle = self._prose(LENGTH - len(template)), len(template) // 2
            return template[:middle] + own + template[middle:]
        if kind == "short":
            return self._prose(3)[:6]
        if kind == "digits":
            return " ".join(str(self._random.randrange(10**9)) for _each in range(40))
        if kind == "repeating":
            return "\n".join([self._prose(20)] * 12)
        return self._prose(LENGTH)

    def _prose(self, length: int) -> str:
        pieces: list[str] = []
        written = 0
        while written < length:
            for _word in range(self._random.randint(6, 16)):
                word = self._words[self._next()]
                pieces.append(word)
                written += len(word)
                if self._random.random() < 0.4:
                    pieces.append(self._random.choice(_FUNCTION))
                    written += 1
            pieces.append(self._random.choice(_ENDS))
        return "".join(pieces)

    def _word(self) -> str:
        return "".join(self._random.choices(self._letters, k=self._random.choice((1, 2, 2, 2, 3))))

    def _next(self) -> int:
        """Return the place of the next word."""
        if not self._drawn:
            chosen = np.searchsorted(self._chances, self._dice.random(100_000))
            self._drawn = np.minimum(chosen, len(self._words) - 1).tolist()
        return self._drawn.pop()

    def _soiled(self, text: str) -> str:
        """Add dirt to some, each of one kind, that a recipe takes out again."""
        if self._random.random() >= self._dirty:
            return text
        kind = self._random.randrange(5)
        if kind == 0:
            menu = "<nav><a href='/'>首页</a></nav>"
            return f"<html><body>{menu}<p>{text}</p><script>var a = 1;</script></body></html>"
        if kind == 1:
            return text.encode().decode("latin-1")
        if kind == 2:
            return "\ufeff" + text.replace("。", "。\u200b")
        if kind == 3:
            return "首页 > 新闻 > 正文\n" + text + "\n责任编辑：王某\n版权所有 某某网"
        return text.replace("。", "。\u3000")


def edited(text: str, chance: random.Random, letters: str) -> str:
    """Return a text of which up to MOST_EDITED of the characters differ, one sentence moved."""
    changed = list(text)
    number = max(1, int(chance.uniform(0.005, MOST_EDITED) * len(text)))
    for _edit in range(number):
        place = chance.randrange(len(changed))
        kind = chance.randrange(3)
        if kind == 0:
            changed[place] = chance.choice(letters)
        elif kind == 1:
            changed.insert(place, chance.choice(letters))
        else:
            del changed[place]
    if chance.random() < 0.2:
        sentences = "".join(changed).replace("。", "。\n").split("\n")
        sentences.append(sentences.pop(chance.randrange(len(sentences))))
        return "".join(sentences)
    return "".join(changed)


def _common_letters() -> str:
    """Return the characters of GB 2312 level 1."""
    pairs = (bytes((lead, trail)) for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF))
    return "".join(pair.decode("gb2312", "ignore") for pair in pairs)
