"""Comparing loses no line, and no text of a guideline becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import guidelines
from jinbiao.server import prose

LINES = st.lists(st.text(alphabet="标注ab *-#`", max_size=6), max_size=40).map("\n".join)
MARKS = ["# ", "- ", "1. ", "**", "`", "![x](task:1)", "<b>", "&lt;", '" onerror=', "\n", "标", " "]
ALLOWED = {"h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "b", "code", "br", "span", "img", "small"}


@given(LINES, LINES)
def test_each_side_of_a_comparison_is_its_text(before: str, after: str) -> None:
    found = guidelines.changes(before, after)
    for text, number, side in (
        (before, "left_number", "left"),
        (after, "right_number", "right"),
    ):
        lines = text.split("\n")
        hidden = sum(int(each.left[0][0]) for each in found if each.kind == "skipped" and each.left)
        shown = [
            (getattr(each, number), "".join(part for part, _differs in getattr(each, side)))
            for each in found
            if getattr(each, number) is not None
        ]
        assert all(lines[place - 1] == told for place, told in shown)
        assert len({place for place, _told in shown}) + hidden == len(lines)


def test_a_change_is_shown_letter_by_letter() -> None:
    (change,) = guidelines.changes("标机构名", "标机构全名")
    assert change.left == [("标机构", False), ("名", False)]
    assert change.right == [("标机构", False), ("全", True), ("名", False)]


class Tags(HTMLParser):
    """Collect the tags and attributes of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, set[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, {name for name, _value in attrs}))


@given(st.lists(st.sampled_from(MARKS) | st.text(max_size=8), max_size=30).map("".join))
def test_only_known_tags_come_out(text: str) -> None:
    shown = str(prose.html(text, lambda _each: "/media/x.png"))
    parser = Tags()
    parser.feed(shown)
    assert {tag for tag, _names in parser.tags} <= ALLOWED
    assert all(names <= {"class", "src", "alt", "loading"} for _tag, names in parser.tags)
    assert not re.search(r"<(?!/?(?:h[3-6]|p|ul|ol|li|b|code|br|span|img|small)\b)", shown)
