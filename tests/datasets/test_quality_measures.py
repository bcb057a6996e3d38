"""Measures of agreement: known answers of the papers that brought them, and what must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets.agreement.places import Box, Outline
from jinbiao.datasets.quality import kappa, matched, transcripts

nan = float("nan")
# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section C: four observers.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
    [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
]
# Fleiss 1971: the example of ten subjects and fourteen raters of the method's usual exposition.
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_alpha_of_krippendorffs_own_example() -> None:
    assert kappa.krippendorff(KRIPPENDORFF) == pytest.approx(0.743, abs=5e-4)
    assert kappa.krippendorff(KRIPPENDORFF, "interval") == pytest.approx(0.849, abs=5e-4)


def test_kappa_of_ten_subjects_and_fourteen_raters() -> None:
    assert kappa.fleiss(FLEISS) == pytest.approx(0.210, abs=5e-4)
    with pytest.raises(ValueError, match="same number"):
        kappa.fleiss([[1, 1], [2, 1]])


def test_cohens_kappa_of_known_tables() -> None:
    assert kappa.cohen([[20, 5], [10, 15]]) == pytest.approx(0.4)
    # Cohen 1960 and 1968: his proportions of two raters and three diagnoses, of 200.
    cohen = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    assert kappa.observed(cohen) == pytest.approx(0.70)
    assert kappa.cohen(cohen) == pytest.approx(0.492, abs=5e-4)
    # Weighted by hand: 1 - sum(w o) / sum(w e).
    rows, columns, total = cohen.sum(1), cohen.sum(0), cohen.sum()
    for name, power in (("linear", 1), ("quadratic", 2)):
        weight = np.abs(np.subtract.outer(range(3), range(3))) ** power
        expected = (weight * np.outer(rows, columns)).sum() / total
        assert kappa.cohen(cohen, name) == pytest.approx(1 - (weight * cohen).sum() / expected)


def test_two_passes_of_weibo_agree_as_their_readme_says(samples: Path) -> None:
    first, second = _passes(samples / "text" / "weibo_ner")
    names = {name: number for number, name in enumerate(sorted({*first, *second}))}
    counts = kappa.table([names[name] for name in first], [names[name] for name in second])
    assert counts.sum() == 73_719
    assert kappa.observed(counts) == pytest.approx(0.97367, abs=5e-6)
    assert kappa.cohen(counts) == pytest.approx(0.771506, abs=5e-7)


def _passes(folder: Path) -> tuple[list[str], list[str]]:
    """Return the tags of both passes, of the messages that have as many characters in both."""
    paths = [
        next(path for path in sorted(folder.iterdir()) if path.name.startswith(stem))
        for stem in ("weiboNER.", "weiboNER_2nd")
    ]
    passes = []
    for path in paths:
        text = path.read_text("utf-8", errors="surrogateescape")
        blocks = [block.split("\n") for block in text.strip("\n").split("\n\n") if block.strip()]
        passes.append([[line.split("\t")[-1].strip() for line in block] for block in blocks])
    pairs = [both for both in zip(*passes, strict=True) if len(both[0]) == len(both[1])]
    return [t for one, _ in pairs for t in one], [t for _, two in pairs for t in two]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
def test_measures_of_two_complete_raters_fit_together(pairs: list[tuple[int, int]]) -> None:
    one, other = (list(side) for side in zip(*pairs, strict=True))
    counts = kappa.table(one, other, 4)
    found = kappa.cohen(counts)
    assert kappa.cohen(counts.T) == pytest.approx(found, nan_ok=True)
    assert np.isnan(found) or found <= 1 + 1e-12
    alpha, number = kappa.krippendorff([one, other]), 2 * len(pairs)
    # Scott's pi, corrected for small numbers, is alpha of two raters.
    shares = np.bincount([*one, *other], minlength=4) / number
    expected = float((shares**2).sum())
    if expected < 1:
        pi = (kappa.observed(counts) - expected) / (1 - expected)
        assert alpha == pytest.approx(pi + (1 - pi) / number)
    else:
        assert np.isnan(alpha)


def test_boxes_are_matched_as_worked_out_by_hand() -> None:
    first = matched.Marks.of([1, 1, 2], [0, 0, 1], [[0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 4, 4]])
    second = matched.Marks.of([1, 1, 2], [0, 1, 1], [[0, 0, 10, 8], [20, 20, 30, 30], [0, 0, 4, 4]])
    found = matched.match(first, second)
    assert found.first.tolist() == [0, 2] and found.mean_overlap == pytest.approx(0.9)
    assert matched.f1(first, second).value == pytest.approx(2 * 2 / 6)
    assert matched.exact_f1(first, second).value == pytest.approx(2 / 6)
    every = matched.match(first, second, same_label=False)
    assert every.first.tolist() == [0, 1, 2] == every.second.tolist()
    by_label = matched.f1_by_label(first, second, 2)
    assert [each.value for each in by_label] == pytest.approx([2 / 3, 2 / 3])


def test_spans_count_exactly_or_by_their_overlap() -> None:
    first = matched.Marks.of([1, 1, 1], [0, 0, 1], [[0, 4], [10, 14], [20, 22]])
    second = matched.Marks.of([1, 1, 1], [0, 0, 0], [[0, 4], [11, 14], [20, 22]])
    assert matched.exact_f1(first, second).value == pytest.approx(1 / 3)
    assert matched.f1(first, second).value == pytest.approx(2 / 3)
    nobody = matched.Marks.of([], [], np.empty((0, 2)))
    assert np.isnan(matched.f1(nobody, nobody).value)
    assert matched.f1(first, nobody).value == 0


def test_turned_boxes_and_masks_are_matched_by_what_they_cover() -> None:
    square = Outline(((0, 0), (40, 0), (40, 40), (0, 40)))
    found = matched.match_shapes(
        [square], [Outline(((80, 80), (90, 80), (90, 90))), Box(0, 0, 40, 30)]
    )
    assert found.second.tolist() == [1] and found.mean_overlap == pytest.approx(0.75, abs=0.01)
    one, other = np.zeros((4, 4)), np.zeros((4, 4))
    one[:2], other[:3] = 1, 1
    assert matched.mask_overlap(one, other) == pytest.approx(2 / 3)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_matching_in_bulk_is_matching_task_by_task(seed: int) -> None:
    chance = np.random.default_rng(seed)

    def drawn() -> matched.Marks:
        number = int(chance.integers(1, 25))
        corner = chance.uniform(0, 6, (number, 2))
        ends = np.hstack([corner, corner + chance.uniform(1, 5, (number, 2))])
        return matched.Marks.of(chance.integers(0, 3, number), chance.integers(0, 2, number), ends)

    first, second = drawn(), drawn()
    found = matched.match(first, second, 0.2)
    assert len(set(found.first.tolist())) == len(found.first) == len(set(found.second.tolist()))
    slow = 0
    for task in range(3):
        for label in range(2):
            sides = [
                [
                    Box(*row)
                    for row in each.ends[(each.task == task) & (each.label == label)].tolist()
                ]
                for each in (first, second)
            ]
            slow += len(matched.match_shapes(sides[0], sides[1], 0.2).first)
    assert slow == len(found.first)


def test_transcripts_are_told_apart_in_words_and_characters() -> None:
    assert transcripts.word_errors("the cat sat", "the cat sat down").value == pytest.approx(1 / 4)
    assert transcripts.character_errors("今天天气好", "今天 天气很好").value == pytest.approx(1 / 6)
    assert transcripts.words("用Flask写 API 吧") == ["用", "Flask", "写", "API", "吧"]
    rates = [transcripts.ErrorRate(1, 4), transcripts.ErrorRate(1, 6)]
    assert transcripts.together(rates).value == pytest.approx(0.2)
    assert np.isnan(transcripts.word_errors("x", "").value)
