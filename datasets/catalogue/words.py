"""Index the words of published datasets, Chinese ones by their characters, and find by them.

A Chinese text is kept as pairs of neighbouring characters (and single ones where it is
short), any other as whole words. So whatever is looked for is found, however the text was
cut into words; only what is asked is cut, by jieba.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..db import Base, Id
from ..segmentation import load_cutter

LONGEST = 40  # characters of a token
MOST_INDEXED = 4_000  # characters of a description
MOST_ASKED = 24  # tokens of one question
# What a word counts for where it stands.
TITLE, KEYWORD, NAME, OWNER, DESCRIPTION = 8, 6, 5, 4, 1

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_PIECES = re.compile(rf"[{_HAN}]+|(?:(?![{_HAN}_])\w)+")
_IS_HAN = re.compile(rf"[{_HAN}]")
_PARTICLES = frozenset("的了和与及在是之等或")
_LOADING = threading.Lock()
_loaded = cache(load_cutter)

# Compared by their bytes in both databases, whatever the locale.
Token = sa.String(LONGEST).with_variant(sa.String(LONGEST, collation="C"), "postgresql")


class DatasetWord(Base):
    """One token of a published dataset; a facet's value is one as well, of weight 0."""

    __tablename__ = "dataset_words"
    __table_args__ = (
        sa.Index("ix_dataset_words_dataset_id", "dataset_id"),
        {"sqlite_with_rowid": False},
    )

    token: Mapped[str] = mapped_column(Token, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("datasets.id"), primary_key=True, autoincrement=False
    )
    # Part of the key, so that the index alone answers.
    weight: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


@dataclass(frozen=True)
class Asked:
    """What a question looks for: tokens that all must occur, and longer words among them."""

    tokens: tuple[str, ...]
    phrases: tuple[str, ...]

    @property
    def is_hopeless(self) -> bool:
        """Tell whether nothing in it can be looked for."""
        return not self.tokens


def plain(text: str) -> str:
    """Return a text as it is compared: one width, lower case, no NUL."""
    return unicodedata.normalize("NFKC", text).replace("\0", " ").lower()


def weighed(fields: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return token → weight of texts that count so much each; the sum of where it stands."""
    found: dict[str, int] = {}
    for text, weight in fields:
        singles = weight > DESCRIPTION
        for token in set(_tokens(plain(text)[:MOST_INDEXED], singles=singles)):
            found[token] = found.get(token, 0) + weight
    return found


def _tokens(text: str, *, singles: bool) -> Iterable[str]:
    for piece in _PIECES.findall(text):
        if _IS_HAN.match(piece):
            yield from _pairs(piece)
            if singles or len(piece) == 1:
                yield from piece
        else:
            yield piece[:LONGEST]


def _pairs(run: str) -> Iterable[str]:
    return (run[place : place + 2] for place in range(len(run) - 1))


def asked(words: str) -> Asked:
    """Return what a question looks for; Chinese is cut into words, all of which must occur."""
    tokens: dict[str, None] = {}
    phrases: dict[str, None] = {}
    for piece in _PIECES.findall(plain(words)[:200]):
        if not _IS_HAN.match(piece):
            tokens[piece[:LONGEST]] = None
            continue
        for word in _cut(piece):
            if len(word) == 1:
                tokens[word] = None
                continue
            tokens |= dict.fromkeys(_pairs(word))
            if len(word) > 2:
                phrases[word] = None
    return Asked(tuple(tokens)[:MOST_ASKED], tuple(phrases)[:10])


def _cut(run: str) -> list[str]:
    """Cut a run of Chinese into words; a single character belongs to the word before it.

    Particles say nothing.
    """
    if len(run) <= 2:
        return [run]
    words: list[str] = []
    for word in map(str, _cutter().cut(run)):
        if word in _PARTICLES:
            continue
        if len(word) == 1 and words and run.startswith(words[-1] + word, run.find(words[-1])):
            words[-1] += word
        else:
            words.append(word)
    return words or [run]


def _cutter() -> Any:
    with _LOADING:
        return _loaded()
