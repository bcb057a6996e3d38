"""Which keys do what, who may choose which, and what a config's hotkeys collide with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jinbiao.datasets import errors, hotkeys, labels

EDITOR = Path(__file__).parents[2] / "ui" / "static" / "editor" / "editor-en.js"
CONFIG = """<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">
%s</RectangleLabels></View>"""
USUAL = hotkeys.keys_of("{}")


def said(*inside: str) -> list[str]:
    """Return what is said of a config with these labels."""
    config = labels.parse(CONFIG % "".join(f"<Label {each}/>" for each in inside))
    return [str(each) for each in hotkeys.warnings(config, USUAL)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Shift+Ctrl+Z", "ctrl+shift+z"),
        ("cmd+K", "meta+k"),
        (" option + x ", "alt+x"),
        ("ctrl++", "ctrl+plus"),
    ],
)
def test_a_key_has_one_form(written: str, expected: str) -> None:
    assert hotkeys.normal(written) == expected


def test_a_config_without_conflicts_is_not_spoken_of() -> None:
    assert said('value="车" hotkey="1"', 'value="人" hotkey="2"', 'value="树"') == []


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (('value="车" hotkey="1"', 'value="人" hotkey="1"'), "人 (1): 车 has this key too"),
        (('value="车" hotkey="r"',), "车 (r): the editor takes this key"),
        (('value="车" hotkey="Ctrl+Enter"',), "车 (ctrl+enter): the workbench takes this key"),
        (('value="车" hotkey="车"',), "车 (车): this key cannot be pressed without an input"),
        (('value="车" hotkey="ctrl+space"',), "车 (ctrl+space): this key switches the input"),
        (('value="车" hotkey="ctrl+w"',), "车 (ctrl+w): the browser keeps this key"),
    ],
)
def test_a_hotkey_that_will_not_work_is_said(inside: tuple[str, ...], expected: str) -> None:
    (line,) = said(*inside)
    assert line.startswith(expected)


def test_every_template_has_keys_that_work() -> None:
    for name, template in labels.TEMPLATES.items():
        found = hotkeys.warnings(labels.parse(template.config), USUAL)
        assert found == [], name


def test_only_what_is_not_usual_is_kept_and_read_again() -> None:
    kept = hotkeys.choose({"annotation:skip": "Alt+K", "annotation:undo": "ctrl+z"})
    assert json.loads(kept) == {"annotation:skip": {"key": "alt+k", "active": True}}
    assert hotkeys.keys_of(kept) == {**USUAL, "annotation:skip": "alt+k"}


@pytest.mark.parametrize("key", ["alt+q", "alt+r", "1", "ctrl+w", "shift", "人"])
def test_a_key_that_something_else_has_is_refused(key: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        hotkeys.choose({"annotation:skip": key})
    assert refused.value.problems


@pytest.mark.parametrize("text", ["[]", "{", '{"annotation:skip": 1}', '{"other": {"key": "x"}}'])
def test_what_programs_stored_there_does_no_harm(text: str) -> None:
    assert hotkeys.keys_of(text) == USUAL


def test_the_editor_has_the_keys_that_we_think() -> None:
    if not EDITOR.is_file():
        pytest.skip("the editor is not built")
    script = EDITOR.read_text("utf-8")
    for name, key in hotkeys.EDITOR.items():
        assert re.search(rf'"{name}":{{"key":"{re.escape(key)}"', script), name
