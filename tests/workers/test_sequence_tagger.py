"""The sequence tagger finds names that it has not seen, in code points, at any length."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from jinbiao.datasets import errors
from jinbiao.tests.bench import model_entities as bench
from jinbiao.workers.models import MODELS
from jinbiao.workers.models.arrays import pack, unpack
from jinbiao.workers.models.interface import Answer, Example, Given, Item, Predictor, Span, Target

MODEL = MODELS["sequence_tagger"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def messages(samples: Path) -> list[Example]:
    examples = bench.read_messages(samples / "text" / "weibo_ner" / "weiboNER_2nd_conll.train")
    return [examples[place] for place in np.random.default_rng(0).permutation(len(examples))]


@pytest.fixture(scope="module")
def target(messages: list[Example]) -> Target:
    return bench.target(messages)


@pytest.fixture(scope="module")
def weights(messages: list[Example], target: Target) -> bytes:
    return MODEL.fit(messages[:500], target)


@pytest.fixture(scope="module")
def trained(weights: bytes, target: Target) -> Predictor:
    return MODEL.load(weights, target, Given())


def spans(answer: Answer) -> list[Span]:
    return [mark for mark in answer.marks if isinstance(mark, Span)]


def answers(predictor: Predictor, texts: Sequence[str]) -> list[Answer]:
    return predictor.predict([Item(texts={"text": text}) for text in texts])


def text_of(example: Example) -> str:
    return example.item.texts["text"]


def gazetteer(examples: Sequence[Example], asked: Sequence[Example]) -> list[list[Span]]:
    """Mark every stretch that was marked before, as what it was."""
    known = {text_of(e)[m.start : m.end]: m.label for e in examples for m in spans_of(e)}
    pattern = re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True))))
    return [
        [Span(known[hit[0]], *hit.span()) for hit in pattern.finditer(text_of(example))]
        for example in asked
    ]


def spans_of(example: Example) -> list[Span]:
    return [mark for mark in example.marks if isinstance(mark, Span)]


def test_five_hundred_messages_beat_dictionaries_and_save_time(
    messages: list[Example], trained: Predictor
) -> None:
    asked = messages[500:]
    shown = [spans(answer) for answer in trained.predict([e.item for e in asked])]
    score, precision, _recall = bench.quality(asked, shown)
    assert score >= 0.5 and precision >= 0.6
    tags = bench.PartsOfSpeech(messages[:300])
    few = asked[:400]
    score_of_tags = bench.quality(few, [tags.spans(text_of(e)) for e in few])[0]
    assert score >= 1.8 * score_of_tags
    assert score >= 1.2 * bench.quality(asked, gazetteer(messages[:500], asked))[0]
    assert bench.saved(asked, shown) >= 3


def test_names_that_nobody_marked_before_are_found(
    messages: list[Example], trained: Predictor
) -> None:
    known = {text_of(e)[m.start : m.end] for e in messages[:500] for m in spans_of(e)}
    found = 0
    asked = messages[500:]
    given = trained.predict([example.item for example in asked])
    for example, answer in zip(asked, given, strict=True):
        true = {(m.start, m.end, m.label) for m in spans_of(example)}
        for span in spans(answer):
            new = text_of(example)[span.start : span.end] not in known
            found += new and (span.start, span.end, span.label) in true
    assert found >= 50


def test_scores_are_chances_and_the_surest_comes_first(
    messages: list[Example], trained: Predictor
) -> None:
    pairs = []
    asked = messages[500:]
    given = trained.predict([example.item for example in asked])
    for example, answer in zip(asked, given, strict=True):
        true = {(m.start, m.end, m.label) for m in spans_of(example)}
        scores = [span.score for span in spans(answer)]
        assert scores == sorted(scores, reverse=True)
        assert answer.score is not None and 0 <= answer.score <= 1
        pairs += [(s.score, (s.start, s.end, s.label) in true) for s in spans(answer)]
    score, right = np.array(pairs).T
    assert (score >= 0).all() and (score <= 1).all()
    assert abs(score.mean() - right.mean()) < 0.1
    sure = score > 0.9
    assert right[sure].mean() > 0.8 > 0.6 > right[score < 0.5].mean()


def test_doubtful_texts_are_those_with_mistakes(
    messages: list[Example], trained: Predictor
) -> None:
    given = trained.predict([example.item for example in messages[500:]])
    wrong = [
        {(s.start, s.end, s.label) for s in spans(answer)}
        != {(m.start, m.end, m.label) for m in spans_of(example)}
        for example, answer in zip(messages[500:], given, strict=True)
    ]
    order = np.argsort([answer.score for answer in given])
    half = len(order) // 2
    assert np.mean(np.array(wrong)[order[:half]]) > 1.5 * np.mean(np.array(wrong)[order[half:]])


def test_the_same_examples_give_the_same_bytes_and_a_batch_the_same_answers(
    messages: list[Example], target: Target, trained: Predictor
) -> None:
    few = messages[:60]
    assert MODEL.fit(few, target) == MODEL.fit(iter(few), target)
    texts = [text_of(example) for example in messages[500:540]]
    for text, answer in zip(texts, answers(trained, texts), strict=True):
        (alone,) = answers(trained, [text])
        assert [(s.start, s.end, s.label) for s in spans(alone)] == [
            (s.start, s.end, s.label) for s in spans(answer)
        ]
        assert alone.score == pytest.approx(answer.score, abs=1e-6)
    assert answers(trained, []) == []


def test_of_spans_over_one_another_the_longest_is_learned(
    messages: list[Example], target: Target
) -> None:
    few = messages[:60]
    nested = []
    for example in few:
        inner = [Span(m.label, m.start, m.end - 1) for m in spans_of(example)]
        inner = [span for span in inner if span.start < span.end]
        nested.append(Example(example.item, [*inner, *example.marks]))
    assert MODEL.fit(nested, target) == MODEL.fit(few, target)


def test_marks_never_lie_over_one_another_and_stay_in_the_text(
    messages: list[Example], trained: Predictor
) -> None:
    for example in messages[500:800]:
        (answer,) = trained.predict([example.item])
        covered = [place for span in spans(answer) for place in range(span.start, span.end)]
        assert len(covered) == len(set(covered))
        assert all(0 <= place < len(text_of(example)) for place in covered)


def test_offsets_count_code_points_after_emoji(messages: list[Example], trained: Predictor) -> None:
    """A line of emoji before a message moves its spans by as many code points, no more."""
    line = "😀👨\u200d👩\u200d👧\n"
    texts = [text_of(example) for example in messages[500:700]]
    plain = answers(trained, texts)
    moved = answers(trained, [line + text for text in texts])
    before = {(n, s.start + len(line), s.label) for n, a in enumerate(plain) for s in spans(a)}
    after = {(n, s.start, s.label) for n, a in enumerate(moved) for s in spans(a)}
    assert len(before & after) >= 0.9 * len(before | after)


def test_a_hundred_thousand_characters_take_linear_time_and_lose_nothing(
    messages: list[Example], trained: Predictor
) -> None:
    joined = "。\n".join(text_of(example) for example in messages[500:])
    whole = (joined + "\n") * 3
    took = []
    for text in (whole[:25_000], whole[:100_000]):
        began = time.process_time()
        (answer,) = answers(trained, [text])
        took.append(time.process_time() - began)
    assert took[1] < 10 * took[0]
    starts = np.cumsum([0] + [len(text_of(e)) + 2 for e in messages[500:1000]])
    given = trained.predict([example.item for example in messages[500:1000]])
    alone = {
        (int(start) + span.start, span.label)
        for start, one in zip(starts[:-1], given, strict=True)
        for span in spans(one)
    }
    within = {(s.start, s.label) for s in spans(answer) if s.start < starts[-1]}
    assert len(alone & within) >= 0.85 * len(alone | within)


ODD = {
    "empty": "",
    "spaces": " \n\u3000\t",
    "one character": "张",
    "emoji": "😀👨\u200d👩\u200d👧🇨🇳" * 20,
    "half a surrogate": "张三\ud83d在北京\udc00",
    "zeros": "\x00" * 500,
    "no pause": "a" * 100_000,
    "one word of nobody": "龘" * 100_000,
    "never a sentence": "的" * 100_000,
    "only ends": "。" * 100_000,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_get_an_answer_in_time(name: str, trained: Predictor) -> None:
    began = time.process_time()
    (answer,) = answers(trained, [ODD[name]])
    assert time.process_time() - began < 20
    assert answer.score is not None and 0 <= answer.score <= 1
    for span in spans(answer):
        assert 0 <= span.start < span.end <= len(ODD[name])
        assert 0 <= span.score <= 1


def test_naughty_strings_are_learned_and_answered(samples: Path) -> None:
    strings = json.loads((next((samples / "hostile").rglob("blns.json"))).read_text("utf-8"))
    examples = [
        Example(Item(texts={"text": text}), [Span("odd", 0, len(text))] if len(text) % 2 else [])
        for text in strings
    ]
    wanted = Target("text", Span, ("odd",))
    predictor = MODEL.load(MODEL.fit(examples, wanted), wanted, Given())
    assert len(answers(predictor, strings)) == len(strings)


def test_one_label_only_and_spans_of_one_character() -> None:
    wanted = Target("text", Span, ("unit", "never"))
    sizes = [3, 5, 8, 12, 20, 25, 30, 40, 60, 75]
    examples = [
        Example(
            Item(texts={"text": f"长{n}米宽"}), [Span("unit", 1 + len(str(n)), 2 + len(str(n)))]
        )
        for n in sizes
    ]
    predictor = MODEL.load(MODEL.fit(examples, wanted), wanted, Given())
    (answer,) = answers(predictor, ["长33米宽"])
    assert [(s.label, s.start, s.end) for s in spans(answer)] == [("unit", 3, 4)]


def test_a_label_without_examples_and_one_that_is_gone_are_never_given(
    messages: list[Example], target: Target, weights: bytes
) -> None:
    items = [example.item for example in messages[500:800]]

    def given(labels: tuple[str, ...]) -> set[str]:
        predictor = MODEL.load(weights, Target("text", Span, labels), Given())
        return {span.label for answer in predictor.predict(items) for span in spans(answer)}

    assert "new" not in given((*target.labels, "new"))
    assert given(("PER.NAM", "PER.NOM")) == {"PER.NAM", "PER.NOM"}
    assert given(("new",)) == set()


def test_without_spans_there_is_nothing_to_learn(target: Target) -> None:
    outside = Example(Item(texts={"text": "张三"}), [Span("PER.NAM", 1, 9), Span("other", 0, 1)])
    for examples in ([], [outside], [Example(Item(), [Span("PER.NAM", 0, 1)])]):
        with pytest.raises(errors.Refused):
            MODEL.fit(examples, target)
    with pytest.raises(errors.Refused):
        MODEL.load(None, target, Given())


def test_an_item_without_the_text_is_refused_by_name(trained: Predictor) -> None:
    with pytest.raises(errors.Invalid, match="text"):
        trained.predict([Item(texts={"title": "张三"})])


def test_other_bytes_are_not_taken_for_weights(weights: bytes, target: Target) -> None:
    place = len(weights) // 2
    flipped = weights[:place] + bytes([weights[place] ^ 1]) + weights[place + 1 :]
    for damaged in (b"", b"lCRF", weights[:-1], weights + b"x", flipped, b"x" * 1000):
        with pytest.raises(errors.Damaged):
            MODEL.load(damaged, target, Given())


@pytest.mark.parametrize("name", ["states", "after", "clues", "starts", "columns", "weights"])
def test_arrays_that_do_not_fit_together_are_not_taken_for_weights(
    name: str, weights: bytes, target: Target
) -> None:
    arrays = unpack(MODEL.name, weights)
    wrong = [arrays[name][:-1], arrays[name][::-1], arrays[name].astype(np.complex128)]
    if arrays[name].dtype.kind == "f":
        wrong[1] = np.full_like(arrays[name], np.inf)
    if name == "columns":
        wrong[1] = arrays[name] + np.int32(1000)
    for other in wrong:
        with pytest.raises(errors.Damaged):
            MODEL.load(pack(MODEL.name, arrays | {name: other}), target, Given())
    del arrays[name]
    with pytest.raises(errors.Damaged):
        MODEL.load(pack(MODEL.name, arrays), target, Given())


def test_nothing_is_said_and_nothing_left_behind(tmp_path: Path) -> None:
    """jieba by itself writes to the standard error and leaves a file among the temporary ones."""
    program = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('jinbiao', '__init__.py',"
        f" submodule_search_locations=['{ROOT}']); m = u.module_from_spec(s);"
        " sys.modules['jinbiao'] = m; s.loader.exec_module(m);"
        " from jinbiao.workers.models.sequence_tagger.words import dictionary;"
        " print(dictionary().lengths('我们在北京'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")},
        capture_output=True,
        text=True,
    )
    assert done.stderr == "" and done.stdout == "[2, 1, 2]\n"
    assert [path.name for path in tmp_path.iterdir()] in ([], ["compiled"])


def test_the_card_speaks_both_languages() -> None:
    card = MODEL.card()
    assert card["name"] == MODEL.name and card["version"] == MODEL.version
    for part in ("title", "what", "for", "limits", "data"):
        assert card[part]["zh"] and card[part]["en"]
    assert len(card["limits"]["zh"]) == len(card["limits"]["en"])
