"""No text of a table is run by a spreadsheet, numbers stay, and what is guarded can be freed."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import sources
from jinbiao.datasets.dashboards import Column, Panel, Said, to_csv
from jinbiao.datasets.spreadsheet_cells import are_guarded, freed, guarded
from jinbiao.tests.datasets.cleaning_records import applied, record

FORMULAS = (
    *("=1+1", '=HYPERLINK("http://evil.invalid","点")', "=cmd|' /C calc'!A0", "@SUM(1)", "+1+2"),
    *("-2+3", "+cmd|' /C calc'!A0", "\t=1+1", "\r=1", "\n=1", "＝1+1", "－1", "＠SUM(1)", "＋A1"),
    *(" =1", "\u3000=1", "\ufeff=1", "'=1", "-A1", "-5-3", "--1", "-1/A1", "+5!A1", "- 第一点"),
)
NUMBERS = (
    *("-5", "+8613800138000", "-1,234.50", "-.5", "+5.", "-1e-5", "-3.5%", "-25℃", "-5 km/h"),
    *("+3dB", "-10元", "0", "007", "1e5"),
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert freed(guarded(text)) == text


@pytest.mark.parametrize("cell", [*NUMBERS, "文字", "a=b", "", "'quoted'", -5, -2.5, None, True])
def test_what_is_harmless_stays(cell: Any) -> None:
    assert guarded(cell) is cell


@given(st.text(st.sampled_from("'=+-@＝ \t\n1aA.,e%/(!|\u3000津"), max_size=8))
def test_guarding_can_be_undone_and_holds(text: str) -> None:
    made = guarded(text)
    assert freed(made) == text
    assert made[:1] not in tuple("=@\t\n＝") and (made[:1] not in "+-" or made == text)


def test_only_a_table_that_was_exported_here_is_freed() -> None:
    assert are_guarded(["id", "'=text", "annotator", "annotation_id"])
    assert not are_guarded(["id", "=text", "annotator", "annotation_id"])
    assert not are_guarded(["id", "text"])
    ours = b'"text","annotator","annotation_id"\r\n"\'=1+1","2",3\r\n'
    theirs = b"text,annotator\r\n'=1+1,2\r\n"
    for content, wanted in ((ours, "=1+1"), (theirs, "'=1+1")):
        [(_number, row)] = sources.rows(io.BytesIO(content), "a.csv")
        assert isinstance(row, dict) and row["text"] == wanted


def test_a_table_written_anew_holds_no_formula() -> None:
    content = '编号,=值,量\n1,@SUM(1),-5℃\n-2,\'=1,-6℃\n3,"a\n=b","+1,5"\n'.encode()
    [found] = applied("table.tidy", [record(content, "table", name="a.csv")], units=False)
    assert found.content and found.facts
    rows = list(csv.reader(io.StringIO(found.content.decode())))
    assert rows == [
        ["编号", "'=值", "量"],
        ["1", "'@SUM(1)", "-5℃"],
        ["-2", "'=1", "-6℃"],
        ["3", "a\n=b", "'+1,5"],
    ]
    assert found.facts["tidied"]["formulas"] == 3
    [again] = applied("table.tidy", [record(found.content, "table", name="a.csv")], units=False)
    assert again.content is None and not again.reason
    [raw] = applied("table.tidy", [record(content, "table", name="a.csv")], formulas=False)
    assert raw.content and b",@SUM(1)," in raw.content


def test_a_panel_guards_its_headers_too() -> None:
    panel = Panel("a", "", Said(""), [Column("x", "=TITLE()"), Column("y", "n")], [])
    assert to_csv(panel, str, lambda said: "").startswith("'=TITLE(),n")
