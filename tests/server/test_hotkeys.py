"""Programs choose somebody's keys in Label Studio's form, and learn which field is wrong."""

from __future__ import annotations

import re

import pytest

from jinbiao.tests.datasets.test_hotkeys import EDITOR
from jinbiao.tests.server.world import World

PATCHED = "/api/current-user/hotkeys/"


def test_keys_in_label_studios_form_are_kept_as_they_were_sent(world: World) -> None:
    if EDITOR.is_file():
        script = EDITOR.read_text("utf-8")
        known = dict(re.findall(r'"([a-z]+:[a-z0-9-]+)":\{"key":"([^"]+)"', script))
        assert len(known) > 60
        sent = {name: {"key": key, "active": True} for name, key in known.items()}
        world.good(world.patch("annotator2", PATCHED, {"custom_hotkeys": sent}))
    chosen = {
        "annotation:submit": {"key": "ctrl+s", "active": True, "description": "交"},
        "tool:rect": {"key": "q"},
        "data_manager:focus-next": {"key": "shift+down", "active": False},
    }
    told = world.good(world.patch("annotator2", PATCHED, {"custom_hotkeys": chosen}))
    assert told == {"custom_hotkeys": chosen} == world.get("annotator2", PATCHED).json
    assert 'value="ctrl+s"' in world.get("annotator2", "/account/hotkeys").text
    assert world.good(world.patch("annotator2", PATCHED, {"custom_hotkeys": {}})) == {
        "custom_hotkeys": {}
    }


@pytest.mark.parametrize(
    ("chosen", "place"),
    [
        (None, "custom_hotkeys"),
        ([], "custom_hotkeys"),
        ("ctrl+s", "custom_hotkeys"),
        ({"a": "b"}, "custom_hotkeys.a"),
        ({"": {"key": "x"}}, "custom_hotkeys."),
        ({"annotation:explode": {"key": "x"}}, "custom_hotkeys.annotation:explode"),
        ({"x" * 5000: {"key": "x"}}, "custom_hotkeys." + "x" * 60),
        ({"annotation:skip": "x"}, "custom_hotkeys.annotation:skip"),
        ({"annotation:skip": {}}, "custom_hotkeys.annotation:skip.key"),
        ({"annotation:skip": {"key": 7}}, "custom_hotkeys.annotation:skip.key"),
        ({"annotation:skip": {"key": None}}, "custom_hotkeys.annotation:skip.key"),
        ({"annotation:skip": {"key": "   "}}, "custom_hotkeys.annotation:skip.key"),
        ({"annotation:skip": {"key": "k" * 31}}, "custom_hotkeys.annotation:skip.key"),
        (
            {"annotation:skip": {"key": "k", "active": "yes"}},
            "custom_hotkeys.annotation:skip.active",
        ),
        ({"annotation:skip": {"key": "k", "evil": 1}}, "custom_hotkeys.annotation:skip.evil"),
        # What one has chosen and what one has not must go together as well.
        ({"annotation:skip": {"key": "Ctrl+Enter"}}, "custom_hotkeys.annotation:skip.key"),
        (
            {"annotation:undo": {"key": "alt+k"}, "annotation:redo": {"key": "ALT + K"}},
            "custom_hotkeys.annotation:redo.key",
        ),
        (
            {"tool:rect": {"key": "q"}, "tool:brush": {"key": "Q"}},
            "custom_hotkeys.tool:rect.key",
        ),
    ],
)
def test_keys_that_cannot_be_used_are_refused_by_the_name_of_the_field(
    shared_world: World, chosen: object, place: str
) -> None:
    before = shared_world.get("annotator", PATCHED).json
    answer = shared_world.patch("annotator", PATCHED, {"custom_hotkeys": chosen})
    assert answer.status_code == 400, answer.text
    assert place in (answer.json or {}).get("validation_errors", {}), answer.json
    assert shared_world.get("annotator", PATCHED).json == before


def test_too_many_keys_and_other_fields_are_refused(shared_world: World) -> None:
    many = {f"data_manager:k{number}": {"key": "x"} for number in range(2000)}
    answer = shared_world.patch("annotator", PATCHED, {"custom_hotkeys": many})
    assert answer.status_code in (400, 413) and "20000" in answer.text
    other = {"custom_hotkeys": {}, "role": "platform_admin"}
    assert shared_world.patch("annotator", PATCHED, other).status_code == 400
