"""Texts seen as arrays are counted and hashed as one would do it letter by letter."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.cleaning.operators import OPERATORS, Record, characters, duplicates
from jinbiao.datasets.cleaning.operators.characters import Script, scripts
from jinbiao.datasets.cleaning.operators.filters import repeated_grams

# Of several planes, alone and in runs, with halves of characters and nothing at all.
TEXTS = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(), max_size=30),
        st.text(alphabet="一二三。 a1", max_size=60),
        st.text(alphabet="a😀𠀀\ud800\n", max_size=12),
    ),
    max_size=12,
)
BLOCKS = st.integers(min_value=1, max_value=40)
MOST = 2**64 - 1


def mixed(value: int) -> int:
    """Return the finaliser of SplitMix64 (Steele, Lea and Flood 2014) of a 64-bit value."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MOST
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MOST
    return value ^ (value >> 31)


def hashed(run: str, length: int) -> int:
    """Return the hash of a run, three letters at a time, as if 0s stood after it."""
    codes = [ord(letter) for letter in run] + [0] * (length - len(run))
    found = 0
    for begin in range(0, length, 3):
        packed = sum(code << 21 * place for place, code in enumerate(codes[begin : begin + 3]))
        found = mixed((found ^ packed) + 0x9E3779B97F4A7C15 * (begin + 1) & MOST)
    return found


def runs(text: str, length: int) -> list[str]:
    """Return the runs of a text; a shorter one is one by itself."""
    whole = [text[start : start + length] for start in range(len(text) - length + 1)]
    return whole or ([text] if text else [])


@given(TEXTS, BLOCKS)
def test_letters_are_counted_as_one_by_one(texts: list[str], block: int) -> None:
    table = scripts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "BLOCK", block)
        found = characters.characters(texts).counts()
    assert found.shape == (len(texts), len(Script))
    for text, counts in zip(texts, found.tolist(), strict=True):
        letters = Counter(int(table[min(ord(letter), len(table) - 1)]) for letter in text)
        assert counts == [letters[script] for script in Script]


@given(TEXTS, BLOCKS, st.integers(min_value=1, max_value=11))
def test_runs_are_hashed_as_one_by_one(texts: list[str], block: int, length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "BLOCK", block)
        hashes, owners = characters.characters(texts).grams(length)
        shares = repeated_grams(characters.characters(texts), length)
    wanted = [
        (hashed(run, length), n) for n, text in enumerate(texts) for run in runs(text, length)
    ]
    assert list(zip(hashes.tolist(), owners.tolist(), strict=True)) == wanted
    for text, share in zip(texts, shares.tolist(), strict=True):
        counts = Counter(runs(text, length))
        again = sum(number for number in counts.values() if number > 1)
        assert share == again / max(counts.total(), 1)


@given(TEXTS, BLOCKS)
def test_signatures_hold_the_set_of_runs_whatever_the_blocks(texts: list[str], block: int) -> None:
    records = [Record(number, "text", text=text) for number, text in enumerate(texts)]
    at_once = duplicates.minhash(records, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "BLOCK", block)
        patch.setattr(duplicates, "BLOCK", block)
        assert duplicates.minhash(records, {}) == at_once
    for text, signature in zip(texts, at_once, strict=True):
        values = np.frombuffer(signature[4 * duplicates.BANDS :], "<u4").tolist()
        assert values == sorted({hashed(run, 3) >> 32 for run in runs(text, 3)})


LETTERS = "字a１Ａａ＃，\u3000\u00a0㎏ﬁ豈ｱﾞ😀"


@given(st.text(alphabet=st.one_of(st.sampled_from(LETTERS), st.characters()), max_size=60))
def test_the_form_of_a_letter_does_not_depend_on_its_neighbours(text: str) -> None:
    operator = OPERATORS["text.normalise_width"]
    assert operator.apply is not None
    options = {option.name: option.kind == "flag" for option in operator.options}
    options["katakana"] = False
    records = [Record(number, "text", text=each) for number, each in enumerate([text, *text])]
    whole, *each = (
        record.text if outcome.text is None else outcome.text
        for record, outcome in zip(records, operator.apply(records, options), strict=True)
    )
    assert whole == "".join(filter(None, each))


def test_a_long_text_among_short_ones_is_counted() -> None:
    rng = random.Random(3)
    long = "".join(rng.choices("一二三。 a1", k=3 * characters.BLOCK + 5))
    found = characters.characters(["一", long, "", "a。"]).counts()
    assert found[1, Script.HAN] == sum(long.count(letter) for letter in "一二三")
    assert found[[0, 2, 3], Script.HAN].tolist() == [1, 0, 0]
