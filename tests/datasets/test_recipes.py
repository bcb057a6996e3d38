"""Recipes: the same steps have the same digest, and whatever is wrong is named with its place."""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import errors
from jinbiao.datasets.cleaning import Recipe, RecipeVersion, marking, ready, recipe_files, recipes
from jinbiao.datasets.cleaning.operators import OPERATORS, Option
from jinbiao.datasets.cleaning.steps import MOST_STEPS


def value_of(option: Option) -> st.SearchStrategy[Any]:
    """Draw a value that an option takes."""
    least = option.least if option.least is not None else -1000
    most = option.most if option.most is not None else 1000
    if option.kind == "whole":
        return st.integers(int(least), int(most))
    if option.kind == "number":
        return st.floats(least, most)
    if option.kind == "flag":
        return st.booleans()
    if option.kind == "choice":
        return st.sampled_from(option.choices)
    if option.kind == "choices":
        return st.lists(st.sampled_from(option.choices), unique=True)
    return st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), max_size=5)


@st.composite
def recipes_of(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw steps with some of their options said."""
    names = draw(st.lists(st.sampled_from(sorted(OPERATORS)), min_size=1, max_size=6))
    steps = []
    for name in names:
        options = {
            option.name: draw(value_of(option))
            for option in OPERATORS[name].options
            if draw(st.booleans())
        }
        steps.append({"operator": name, "options": options})
    return steps


@given(recipes_of(), st.randoms())
def test_the_same_steps_have_the_same_digest_however_they_were_said(
    steps: list[dict[str, Any]], chance: random.Random
) -> None:
    checked = recipes.checked_steps(steps)
    assert recipes.checked_steps(checked) == checked
    for step in checked:
        assert set(step["options"]) == {each.name for each in OPERATORS[step["operator"]].options}
    shuffled = []
    for step in checked:
        options = list(step["options"].items())
        chance.shuffle(options)
        fields = [("options", dict(options)), ("operator", step["operator"])]
        chance.shuffle(fields)
        shuffled.append(dict(fields))
    again = recipes.checked_steps(shuffled)
    assert recipes.digest(again) == recipes.digest(checked)
    assert recipes.canonical(again) == recipes.canonical(checked)


@given(recipes_of())
def test_a_file_says_what_the_version_is(steps: list[dict[str, Any]]) -> None:
    checked = recipes.checked_steps(steps)
    recipe = Recipe(name="清洗", description="说明", organisation_id=1, created_by=1)
    version = RecipeVersion(
        number=3,
        note="改: 长度",
        steps=recipes.canonical(checked),
        digest=recipes.digest(checked),
    )
    for form in recipe_files.FORMATS:
        read = recipe_files.read(recipe_files.written(recipe, version, form))
        assert read == recipe_files.RecipeFile("清洗", "说明", "改: 长度", checked)


def test_known_digest() -> None:
    steps = recipes.checked_steps([{"operator": "text.exact_duplicates"}])
    text = recipes.canonical(steps)
    assert text == (
        '[{"operator":"text.exact_duplicates","options":{"loosely":false},"version":1}]'
    )
    # printf '…' | sha256sum
    known = "6a87032771ec2d66f39c39f5148f530108b8539961f2b029b5b6bd7efde292ac"
    assert recipes.digest(steps) == known


@pytest.mark.parametrize(
    ("steps", "place", "said"),
    [
        ([], "steps", "at least one step"),
        ("text.filter_length", "steps", "at least one step"),
        ([{"operator": "text.filter_length"}] * (MOST_STEPS + 1), "steps", "40"),
        ([3], "steps[0]", "an object"),
        ([{"operator": "text.invent"}], "steps[0].operator", "text.invent"),
        ([{"operator": "text.filter_length", "version": 99}], "steps[0].version", "version 1"),
        ([{"operator": "text.filter_length", "when": 1}], "steps[0].when", "not known"),
        (
            [{"operator": "text.filter_length", "options": {"least": -1}}],
            "steps[0].options.least",
            "from 0 to",
        ),
        (
            [{"operator": "text.filter_length", "options": {"least": 1.5}}],
            "steps[0].options.least",
            "whole number",
        ),
        (
            [{"operator": "text.filter_length", "options": {"shortest": 1}}],
            "steps[0].options.shortest",
            "least, most",
        ),
        (
            [{"operator": "text.convert_script", "options": {"direction": "x"}}],
            "steps[0].options.direction",
            "t2s",
        ),
        (
            [{"operator": "text.filter_words", "options": {"words": ["\ud800"]}}],
            "steps[0].options.words",
            "texts",
        ),
        (
            [{"operator": "text.filter_repetition", "options": {"most_lines": float("nan")}}],
            "steps[0].options.most_lines",
            "from 0 to 1",
        ),
        (
            [{"operator": "text.filter_length", "options": {"most": 10**400}}],
            "steps[0].options.most",
            "whole number",
        ),
    ],
)
def test_what_is_wrong_is_named(steps: Any, place: str, said: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        recipes.checked_steps(steps)
    problem = caught.value
    found = {each.place: str(each) for each in problem.problems} or {problem.place: str(problem)}
    assert said in found[place]


def test_every_fault_is_told_at_once() -> None:
    steps = [{"operator": "no.such"}, {"operator": "text.filter_length", "options": {"most": 0}}]
    with pytest.raises(errors.Invalid) as caught:
        recipes.checked_steps(steps)
    assert [each.place for each in caught.value.problems] == [
        "steps[0].operator",
        "steps[1].options.most",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"[1, 2]", "holds no object"),
        (b"steps: [{operator: text.strip_html}]\nowner: me", "not known"),
        (b"a: &a [1]\nsteps: *a", "aliases"),
        (b"steps: !!python/object/apply:os.system ['true']", "neither YAML nor JSON"),
        (b"[" * 5000, "is not a recipe"),
        (b"{" + b'"a":[' * 5000, "neither YAML nor JSON"),
        (b"x" * (recipe_files.MOST_BYTES + 1), "more than"),
        (b"name: 3\nsteps: [{operator: text.strip_html}]", "must be a text"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        recipe_files.read(content)
    told = [str(caught.value), *(str(each) for each in caught.value.problems)]
    assert any(said in line for line in told), told


def test_a_file_whose_steps_were_changed_says_so() -> None:
    steps = recipes.checked_steps([{"operator": "text.strip_html"}])
    told = {"jinbiao": "recipe", "name": "x", "digest": "sha256:" + "0" * 64, "steps": steps}
    with pytest.raises(errors.Invalid, match="somebody changed them"):
        recipe_files.read(yaml.safe_dump(told).encode())


def test_changes_tell_step_by_step() -> None:
    before = recipes.checked_steps(
        [{"operator": "text.strip_html"}, {"operator": "text.filter_length"}]
    )
    after = recipes.checked_steps(
        [
            {"operator": "text.repair_encoding"},
            {"operator": "text.filter_length", "options": {"least": 3}},
        ]
    )
    found = recipes.changes(before, after)
    assert [(each.kind, dict(each.options)) for each in found] == [
        ("removed", {}),
        ("added", {}),
        ("changed", {"least": (10, 3)}),
    ]
    assert {each.kind for each in recipes.changes(after, after)} == {"equal"}


def test_ready_made_recipes_can_be_used() -> None:
    assert ready.READY
    assert ready.offered() == list(ready.READY)
    for each in ready.READY:
        assert recipes.checked_steps(each.steps)


@given(st.text(max_size=60), st.text(max_size=60))
def test_marked_sides_are_the_texts(before: str, after: str) -> None:
    found = marking.marked(before, after)
    assert before[: found.skipped] == after[: found.skipped]
    assert "".join(text for text, _differs in found.left) == before[found.skipped :]
    assert "".join(text for text, _differs in found.right) == after[found.skipped :]
    assert "".join(text for text, differs in found.left if not differs) == "".join(
        text for text, differs in found.right if not differs
    )


def test_a_late_difference_of_long_texts_is_shown() -> None:
    before = "天津市" * 5000
    after = before[:9000] + "改" + before[9001:]
    found = marking.marked(before, after)
    assert found.is_cut and found.skipped == 9000 - marking.BEFORE_DIFFERENCE
    assert ("改", True) in found.right
