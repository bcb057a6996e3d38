"""Errors that were planted in real data stand at the head of the list."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jinbiao.datasets import suspicions
from jinbiao.tests.bench.model_entities import read_messages
from jinbiao.tests.bench.model_texts import read_headlines
from jinbiao.tests.bench.surface_data import cells, kinds_of_cells
from jinbiao.workers import suspect, suspect_pictures
from jinbiao.workers.models.interface import Choice, Example, Span


def test_wrong_sections_of_headlines_come_first(samples: Path) -> None:
    chance = np.random.default_rng(5)
    headlines = read_headlines(samples)
    labels = sorted({label for _text, label in headlines})
    given = [labels.index(label) for _text, label in headlines]
    planted = set(chance.choice(len(given), len(given) // 20, replace=False).tolist())
    for place in planted:
        given[place] = (given[place] + int(chance.integers(1, len(labels)))) % len(labels)
    chances = suspect.chances_of_texts([text for text, _label in headlines], given, labels)
    found = [doubt.answer for doubt in suspicions.of_choices(given, chances, labels)]
    first = found[: len(planted)]
    precision = len(planted & set(first)) / len(first)
    recall = len(planted & set(found)) / len(planted)
    print(f"headlines: {len(planted)} planted, {len(found)} found, {precision:.3f} {recall:.3f}")
    assert precision >= 0.5
    assert recall >= 0.75


def test_wrong_names_in_messages_come_first(samples: Path) -> None:
    chance = np.random.default_rng(5)
    file = samples / "text" / "weibo_ner" / "weiboNER_2nd_conll.train"
    examples = [each for each in read_messages(file) if each.item.texts["text"]]
    spans = {
        place: [mark for mark in each.marks if isinstance(mark, Span)]
        for place, each in enumerate(examples)
    }
    labels = ["", *sorted({mark.label for marks in spans.values() for mark in marks})]
    everything = [(place, mark) for place, marks in spans.items() for mark in marks]
    wrong = [everything[n] for n in chance.choice(len(everything), 60, replace=False)]
    given, planted = [], set()
    for place, each in enumerate(examples):
        row = [0] * len(each.item.texts["text"])
        for mark in spans[place]:
            told = labels.index(mark.label)
            if (place, mark) in wrong:
                told = 1 + told % (len(labels) - 1)
                planted.add((place, mark.start))
            row[mark.start : mark.end] = [told] * len(row[mark.start : mark.end])
        given.append(row)
    texts = [each.item.texts["text"] for each in examples]
    chances = suspect.chances_of_characters(texts, given, len(labels))
    found = suspicions.of_characters(given, chances, labels)

    def hit(row: tuple[int, int, int, suspicions.Doubt]) -> set[tuple[int, int]]:
        return {
            (place, mark.start)
            for place, mark in wrong
            if place == row[0] and mark.start < row[2] and mark.end > row[1]
        }

    marked = [row for row in found if row[3].label]
    first = marked[: len(planted)]
    precision = sum(bool(hit(row)) for row in first) / len(first)
    recall = len(set().union(*(hit(row) for row in found))) / len(planted)
    print(f"names: {len(planted)} planted, {len(found)} found, {precision:.3f} {recall:.3f}")
    assert precision >= 0.2
    assert recall >= 0.6


def test_wrong_boxes_on_boards_come_first(samples: Path) -> None:
    """The boxes are DeepPCB's; what a detector would see is drawn from them, with faults."""
    chance = np.random.default_rng(5)
    files = sorted((samples / "images").rglob("*.txt"))
    boards = [rows for file in files if (rows := _boxes(file))]
    assert len(boards) >= 5
    planted: set[tuple[int, int | None]] = set()
    given, said = [], []
    for place, rows in enumerate(boards):
        said.append([_seen(chance, row) for row in rows if chance.random() < 0.92])
        boxes, classes = [list(row[:4]) for row in rows], [row[4] for row in rows]
        kept = list(range(len(rows)))
        for region in range(len(rows)):
            lot = chance.random()
            if lot < 0.06:
                classes[region] = (classes[region] + 1) % 6
                planted.add((place, region))
            elif lot < 0.1:
                boxes[region] = [side + 60 for side in boxes[region]]
                planted.add((place, region))
        given.append((np.array([boxes[n] for n in kept], float), [classes[n] for n in kept]))
    names = [str(number) for number in range(6)]
    found = suspicions.of_boxes(given, said, names)
    regions = [(doubt.answer, doubt.region) for doubt in found if doubt.region is not None]
    first = regions[: len(planted)]
    precision = len(planted & set(first)) / len(first)
    recall = len(planted & set(regions)) / len(planted)
    print(f"boxes: {len(planted)} planted, {len(regions)} found, {precision:.3f} {recall:.3f}")
    assert precision >= 0.6
    assert recall >= 0.5


def _boxes(file: Path) -> list[tuple[int, int, int, int, int]]:
    """Return the boxes and classes of a board's list, none where the file is something else."""
    rows = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = line.replace(",", " ").split()
        if len(parts) != 5 or not all(part.isdigit() for part in parts):
            return []
        x1, y1, x2, y2, kind = (int(part) for part in parts)
        if not 1 <= kind <= 6:
            return []
        rows.append((x1, y1, x2, y2, kind - 1))
    return rows


def _seen(
    chance: np.random.Generator, row: tuple[int, int, int, int, int]
) -> tuple[int, tuple[float, float, float, float], float]:
    corners = [side + float(chance.normal(0, 2)) for side in row[:4]]
    kind = row[4] if chance.random() < 0.95 else int(chance.integers(6))
    return kind, (corners[0], corners[1], corners[2], corners[3]), float(chance.uniform(0.6, 1))


def planted_and_found(examples: list[Example], seed: int) -> tuple[set[int], list[int]]:
    """Give a tenth of the pictures another class; return which, and what is suspected."""
    chance = np.random.default_rng(seed)
    known = [mark.label for each in examples for mark in each.marks if isinstance(mark, Choice)]
    labels = sorted(set(known))
    given = [labels.index(label) for label in known]
    planted = set(chance.choice(len(given), len(given) // 10, replace=False).tolist())
    for place in planted:
        given[place] = (given[place] + int(chance.integers(1, len(labels)))) % len(labels)
    rows = np.stack([suspect_pictures.seen(each.item.pictures["image"]) for each in examples])
    chances = suspect_pictures.chances(rows, given, len(labels))
    assert np.allclose(chances.sum(axis=1), 1)
    if not suspect_pictures.tells_apart(chances, given):
        return planted, []
    return planted, [doubt.answer for doubt in suspicions.of_choices(given, chances, labels)]


def test_wrong_kinds_of_cells_come_first_and_small_defects_are_not_guessed(samples: Path) -> None:
    """Five seeds each; docs/quality.md has these figures and those of other pictures."""
    folder = samples / "images" / "elpv"
    hits, first, planted_ones, all_found = 0, 0, 0, 0
    for seed in range(5):
        planted, found = planted_and_found(kinds_of_cells(folder), seed)
        planted_ones, all_found = planted_ones + len(planted), all_found + len(found)
        hits += len(planted & set(found))
        first += len(planted & set(found[: len(planted)]))
    print(f"cells: {planted_ones} planted, {all_found} found, {hits} hits, {first} at the head")
    assert hits / all_found >= 0.7 and hits / planted_ones >= 0.8
    assert first / planted_ones >= 0.8
    # Whether a cell is broken shows in a small part of it: no list is better than a wrong one.
    assert [planted_and_found(cells(folder), seed)[1] for seed in range(3)] == [[], [], []]


def test_a_class_of_one_picture_and_a_single_class_do_no_harm() -> None:
    rows = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    alone = suspect_pictures.chances(rows, [0] * 11 + [1], 2)
    assert np.isfinite(alone).all() and np.allclose(alone.sum(axis=1), 1)
    assert not suspect_pictures.tells_apart(alone, [0] * 11 + [1])
    same = suspect_pictures.chances(rows, [0] * 12, 1)
    assert np.allclose(same, 1) and not suspect_pictures.tells_apart(same, [0] * 12)
