"""What people did with a prediction: kept, moved, given another label, deleted, drawn."""

from __future__ import annotations

from typing import Any

from jinbiao.datasets import benefit, labels
from jinbiao.tests import factories
from jinbiao.tests.factories import tone

BOXES = labels.parse(factories.BOX_CONFIG)
LINES = labels.parse(labels.TEMPLATES["text_entities"].config)


def boxes(*names: str) -> list[dict[str, Any]]:
    return [
        {**factories.box(name, x=1 + number)[0], "id": f"box_{number}"}
        for number, name in enumerate(names)
    ]


def test_each_thing_that_a_person_does_counts_once() -> None:
    """Kept, moved, given another label, deleted, drawn."""
    shown = boxes("scratch", "scratch", "scratch", "dent")
    answer = [dict(region) for region in boxes("scratch", "scratch", "dent", "dent")][:3]
    answer[1] = {**answer[1], "value": {**answer[1]["value"], "x": answer[1]["value"]["x"] + 5}}
    answer.append({**factories.box("dent", x=4, y=5)[0], "id": "mine"})
    edits = benefit.compare(BOXES, shown, answer)
    assert (edits.shown, edits.kept, edits.moved) == (4, 1, 1)
    assert (edits.relabelled, edits.removed, edits.added) == (1, 1, 1)
    assert (edits.number, edits.accepted) == (4, 2)
    assert edits.labels == {"scratch": [3, 2], "dent": [1, 0]}


def test_ids_may_change_and_numbers_may_be_rounded() -> None:
    """An editor that gives regions ids of its own has changed nothing."""
    shown = boxes("scratch", "dent")
    answer = [
        {**region, "id": f"new_{number}", "value": {**region["value"], "rotation": 0}}
        for number, region in enumerate(reversed(shown))
    ]
    answer[0]["value"]["x"] += 0.001
    edits = benefit.compare(BOXES, shown, answer)
    assert (edits.kept, edits.number) == (2, 0)
    assert benefit.compare(BOXES, [], []).number == 0


def test_spans_choices_and_texts_are_compared_in_their_own_way() -> None:
    """A span is kept when its ends are; a choice is right or not; letters are counted."""

    def span(start: int, end: int, label: str = "ORG") -> dict[str, Any]:
        value = {"start": start, "end": end, "labels": [label]}
        names = {"from_name": "label", "to_name": "text", "type": "labels"}
        return {"id": f"s{start}", **names, "value": value}

    edits = benefit.compare(LINES, [span(0, 4), span(6, 9)], [span(0, 4), span(6, 8)])
    assert (edits.kept, edits.moved) == (1, 1)
    choices = labels.parse(factories.TEXT_CONFIG)
    wrong = benefit.compare(choices, tone("good"), tone("bad"))
    assert (wrong.shown, wrong.relabelled, wrong.number) == (1, 1, 1)
    assert wrong.labels == {"good": [1, 0]}
    assert benefit.compare(choices, tone(), tone()).kept == 1
    assert benefit.compare(choices, tone(), []).removed == 1
    written = labels.parse(
        '<View><Text name="text" value="$text"/><TextArea name="t" toName="text"/></View>'
    )

    def text(words: str) -> list[dict[str, Any]]:
        names = {"from_name": "t", "to_name": "text", "type": "textarea"}
        return [{"id": "t1", **names, "value": {"text": [words]}}]

    changed = benefit.compare(written, text("天律大学"), text("天津大学"))
    assert (changed.number, changed.characters) == (1, 1)
