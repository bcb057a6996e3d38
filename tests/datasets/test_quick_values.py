"""The fast parser takes only what the careful one takes, and gives the same values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.sources import quick, values

DEPTH = 8
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["\\u0000", '":', '" :', "\U0001f600", "\x7f", "1234567890123456789"])
)
NAMES = st.sampled_from(["a", "b", "c:", 'd"', "prototype", "__proto__", "数"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STYLES = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


@given(VALUES, STYLES, st.booleans(), st.data())
def test_what_is_taken_is_what_the_careful_parser_gives(
    value: Any, style: tuple[str, str], ascii_only: bool, data: st.DataObject
) -> None:
    text = json.dumps(value, separators=style, ensure_ascii=ascii_only)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(['"a":1,', "0", "}", "\\", ":"])) + text[at:]
    try:
        found = quick.value(text, DEPTH)
    except quick.Doubtful:
        return
    wanted, end, problem = values.Parser(DEPTH).value(text)
    assert (end, problem) == (len(text), None)
    assert repr(found) == repr(wanted)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"a":2}',
        '{"a":{"b":1, "b":2}}',
        '{"__proto__":1}',
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":18446744073709551615}',
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        "[" * 9 + "]" * 9,
        '{"a":1} 2',
        "",
    ],
)
def test_what_is_doubtful_is_left_to_the_careful_parser(text: str) -> None:
    with pytest.raises(quick.Doubtful):
        quick.value(text, DEPTH)


@pytest.mark.parametrize("style", [(",", ":"), (", ", ": ")])
def test_usual_tasks_are_taken(style: tuple[str, str]) -> None:
    task = {"data": {"text": "文本 a:b", "n": 1.5}, "predictions": [{"result": [], "score": 0.5}]}
    assert quick.value(json.dumps(task, separators=style, ensure_ascii=False), DEPTH) == task
