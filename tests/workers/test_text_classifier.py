"""The text classifier helps with few labels and many, says how sure it is, and survives."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.tests.bench import model_texts as bench
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.arrays import pack, unpack
from jinbiao.workers.models.interface import Answer, Choice, Example, Given, Item, Predictor, Target

MODEL = MODELS["text_classifier"]


@pytest.fixture(scope="module")
def headlines(samples: Path) -> list[tuple[str, str]]:
    return bench.read_headlines(samples)


@pytest.fixture(scope="module")
def target(headlines: bench.Texts) -> Target:
    return Target("text", Choice, tuple(sorted({label for _text, label in headlines})))


@pytest.fixture(scope="module")
def weights(headlines: bench.Texts, target: Target) -> bytes:
    training, asked = bench.chosen_by_class(headlines, 5, 0)
    pool = [Item(texts={"text": text}) for text, _label in asked]
    return MODEL.fit([bench.example(*pair) for pair in training], target, pool)


@pytest.fixture(scope="module")
def trained(weights: bytes, target: Target) -> Predictor:
    return MODEL.load(weights, target, Given())


def answers(predictor: Predictor, texts: Sequence[str]) -> list[Answer]:
    return predictor.predict([Item(texts={"text": text}) for text in texts])


def test_five_labels_a_class_prefill_the_surer_half(headlines: bench.Texts) -> None:
    results = [
        bench.ours(*bench.chosen_by_class(headlines, 5, seed)).figures() for seed in range(3)
    ]
    accuracy, _f1, share, accuracy_shown, f1_shown, *_rest = np.mean(results, axis=0)
    assert accuracy >= 0.63
    assert 0.4 <= share <= 0.6
    assert accuracy_shown >= 0.83 and f1_shown >= 0.8


def test_the_unlabelled_pool_is_what_makes_few_labels_enough(
    headlines: bench.Texts, target: Target
) -> None:
    training, asked = bench.chosen_by_class(headlines, 5, 0)
    examples = [bench.example(*pair) for pair in training]
    pool = [Item(texts={"text": text}) for text, _label in asked]

    def right(predictor: Predictor) -> float:
        best = predictor.chances([text for text, _label in asked]).argmax(axis=1)  # type: ignore[attr-defined]
        hits = [target.labels[k] == label for k, (_t, label) in zip(best, asked, strict=True)]
        return sum(hits) / len(hits)

    alone = right(MODEL.load(MODEL.fit(examples, target), target, Given()))
    helped = right(MODEL.load(MODEL.fit(examples, target, pool), target, Given()))
    assert helped >= alone + 0.1


def test_new_texts_are_prefilled_as_often_and_as_well_as_the_pool(headlines: bench.Texts) -> None:
    """A head that has learned from its own guess on a text must not be the one to judge it."""
    training, rest = bench.chosen_by_class(headlines, 20, 0)
    wanted = Target("text", Choice, tuple(sorted({label for _text, label in training})))
    pool, new = rest[::2], rest[1::2]
    items = [Item(texts={"text": text}) for text, _label in pool]
    weights = MODEL.fit([bench.example(*pair) for pair in training], wanted, items)
    predictor = MODEL.load(weights, wanted, Given())
    for texts in (pool, new):
        given = answers(predictor, [text for text, _label in texts])
        shown = [
            (mark.score, mark.label == label)
            for answer, (_text, label) in zip(given, texts, strict=True)
            for mark in answer.marks
        ]
        said, was = np.mean(shown, axis=0)
        assert 0.42 <= len(shown) / len(texts) <= 0.58
        assert was >= 0.83 and abs(said - was) < 0.1


def test_a_thousand_labels_beat_the_plain_baseline_and_the_largest_class(samples: Path) -> None:
    for texts in (bench.read_titles(samples), bench.read_headlines(samples)):
        training, asked = bench.chosen(texts, 1000, 0)
        ours, plain = (bench.WAYS[way](training, asked).figures() for way in bench.WAYS)
        commonest = max(Counter(label for _text, label in asked).values()) / len(asked)
        assert ours[0] >= plain[0] and ours[1] >= plain[1]
        assert ours[0] >= commonest + 0.2
        assert ours[-1] > 0  # minutes saved


def test_scores_are_chances(samples: Path) -> None:
    texts = bench.read_titles(samples)
    training, asked = bench.chosen(texts, 1000, 1)
    wanted = Target("text", Choice, tuple(sorted({label for _text, label in texts})))
    predictor = MODEL.load(
        MODEL.fit([bench.example(*pair) for pair in training], wanted), wanted, Given()
    )
    given = answers(predictor, [text for text, _label in asked])
    shown = [
        (mark.score, mark.label == label)
        for answer, (_text, label) in zip(given, asked, strict=True)
        for mark in answer.marks
    ]
    said, was = np.mean(shown, axis=0)
    assert abs(said - was) < 0.07
    unshown = [answer.score for answer in given if not answer.marks]
    assert unshown and max(unshown) < min(answer.score for answer in given if answer.marks)


def test_several_labels_at_once(headlines: bench.Texts, target: Target) -> None:
    """Two headlines in one text have both labels; half of the texts hold one."""
    order = np.random.default_rng(0).permutation(len(headlines))
    pairs = [headlines[place] for place in order]
    both = [
        Example(Item(texts={"text": f"{one[0]} {two[0]}"}), [*map(Choice, {one[1], two[1]})])
        for one, two in zip(pairs[:700], pairs[700:1400], strict=True)
    ]
    mixed = both + [bench.example(*pair) for pair in pairs[1400:]]
    mixed = [mixed[place] for place in np.random.default_rng(1).permutation(len(mixed))]
    wanted = Target("text", Choice, target.labels, single=False)
    predictor = MODEL.load(MODEL.fit(mixed[:1000], wanted), wanted, Given())
    given = predictor.predict([example.item for example in mixed[1000:]])
    true = [{mark.label for mark in example.marks} for example in mixed[1000:]]
    shown = [{mark.label for mark in answer.marks} for answer in given]
    right = sum(len(t & s) for t, s in zip(true, shown, strict=True))
    assert right / sum(map(len, shown)) >= 0.85  # of all labels one in seven would be right
    assert right / sum(map(len, true)) >= 0.35
    assert any(len(labels) > 1 for labels in shown)


def test_an_example_without_a_choice_says_none_where_several_may_be_given() -> None:
    wanted = Target("text", Choice, ("short", "long"), single=False)
    examples = [Example(Item(texts={"text": "甲乙" * n}), [Choice("long")]) for n in range(5, 15)]
    examples += [Example(Item(texts={"text": "丙丁" * n}), []) for n in range(5, 15)]
    predictor = MODEL.load(MODEL.fit(examples, wanted), wanted, Given())
    first, second = answers(predictor, ["甲乙甲乙", "丙丁丙丁"])
    assert [mark.label for mark in first.marks] == ["long"]
    assert second.marks == [] and second.score is not None and second.score > 0.5


def test_likeness_follows_the_words(trained: Predictor, headlines: bench.Texts) -> None:
    texts = [text for text, _label in headlines[:200]]
    near = answers(trained, texts), answers(trained, [text[:-2] for text in texts])
    one, two = (np.stack([a.features for a in given if a.features is not None]) for given in near)
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    likeness = one @ two.T
    assert float((likeness.argmax(axis=1) == np.arange(len(texts))).mean()) >= 0.9


def test_the_same_examples_give_the_same_bytes_and_a_batch_the_same_answers(
    headlines: bench.Texts, target: Target, weights: bytes, trained: Predictor
) -> None:
    training, asked = bench.chosen_by_class(headlines, 5, 0)
    pool = [Item(texts={"text": text}) for text, _label in asked]
    assert MODEL.fit([bench.example(*pair) for pair in training], target, pool) == weights
    texts = [text for text, _label in asked[:40]]
    together = answers(trained, texts)
    for text, answer in zip(texts, together, strict=True):
        (alone,) = answers(trained, [text])
        assert alone.score == pytest.approx(answer.score, abs=1e-6)
        assert [mark.label for mark in alone.marks] == [mark.label for mark in answer.marks]
    assert answers(trained, []) == []


ODD = {
    "empty": "",
    "spaces": " \n\u3000\t",
    "emoji": "😀👨\u200d👩\u200d👧🇨🇳" * 20,
    "half a surrogate": "股票\ud83d大涨\udc00",
    "zeros": "\x00" * 50,
    "letters": "A" * 100_000,
    "long": "上证指数收盘大涨，券商股领涨。" * 7_000,
    "unknown": "ꙮ﷽\U0010ffff",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_get_an_answer(name: str, trained: Predictor) -> None:
    (answer,) = answers(trained, [ODD[name]])
    assert answer.score is not None and 0 <= answer.score <= 1
    assert answer.features is not None and np.isfinite(answer.features).all()
    assert float(np.linalg.norm(answer.features)) == pytest.approx(1, abs=1e-5)
    assert all(0 <= mark.score <= 1 for mark in answer.marks)
    if name in ("empty", "spaces", "zeros"):
        assert answer.marks == []


def test_naughty_strings_are_learned_and_answered(samples: Path, target: Target) -> None:
    strings = json.loads((next((samples / "hostile").rglob("blns.json"))).read_text("utf-8"))
    examples = [bench.example(text, target.labels[n % 3]) for n, text in enumerate(strings)]
    predictor = MODEL.load(MODEL.fit(examples, target), target, Given())
    assert len(answers(predictor, strings)) == len(strings)


def test_what_cannot_be_told_apart_is_refused(target: Target) -> None:
    one = [bench.example(text, target.labels[0]) for text in ("股市", "大盘", "基金")]
    for examples in ([], one, [Example(Item(texts={}), [Choice(target.labels[0])])]):
        with pytest.raises(errors.Refused):
            MODEL.fit(examples, target)
    with pytest.raises(errors.Refused):
        MODEL.load(None, target, Given())


def test_a_label_without_examples_and_one_that_is_gone_are_never_given(
    headlines: bench.Texts, target: Target, weights: bytes
) -> None:
    texts = [text for text, _label in headlines[:300]]
    wider = Target("text", Choice, (*target.labels, "new"))
    given = {m.label for a in answers(MODEL.load(weights, wider, Given()), texts) for m in a.marks}
    assert given == set(target.labels)
    fewer = Target("text", Choice, target.labels[:4])
    given = {m.label for a in answers(MODEL.load(weights, fewer, Given()), texts) for m in a.marks}
    assert given and given <= set(fewer.labels)
    none = answers(MODEL.load(weights, Target("text", Choice, ("new",)), Given()), texts)
    assert all(answer.marks == [] and answer.score == 0 for answer in none)


def test_an_item_without_the_text_is_refused_by_name(trained: Predictor) -> None:
    with pytest.raises(errors.Invalid, match="text"):
        trained.predict([Item(texts={"title": "股市"})])


def test_other_bytes_are_not_taken_for_weights(weights: bytes, target: Target) -> None:
    place = len(weights) // 2
    flipped = weights[:place] + bytes([weights[place] ^ 1]) + weights[place + 1 :]
    for damaged in (b"", b"PK", weights[:-1], weights + b"x", flipped, b"x" * 1000):
        with pytest.raises(errors.Damaged):
            MODEL.load(damaged, target, Given())


@pytest.mark.parametrize("name", ["numbers", "rarity", "weights", "offsets", "directions", "scale"])
def test_arrays_that_do_not_fit_together_are_not_taken_for_weights(
    name: str, weights: bytes, target: Target
) -> None:
    arrays = unpack(MODEL.name, weights)
    wrong = [arrays[name][:-1], arrays[name].astype(np.complex128), arrays[name].reshape(1, -1)]
    if arrays[name].dtype.kind == "f":
        wrong.append(np.full_like(arrays[name], np.nan))
    for other in wrong:
        with pytest.raises(errors.Damaged):
            MODEL.load(pack(MODEL.name, arrays | {name: other}), target, Given())
    del arrays[name]
    with pytest.raises(errors.Damaged):
        MODEL.load(pack(MODEL.name, arrays), target, Given())


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    assert card["name"] == MODEL.name and card["version"] == MODEL.version
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
    assert len(card["limits"]["zh"]) == len(card["limits"]["en"])
