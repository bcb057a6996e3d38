"""Judging tables: known counts for every indicator of GB/T 36344, in every form of table."""

from __future__ import annotations

import csv
import datetime as dt
import io
import resource
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets.cleaning.tables import INDICATORS, Asked, profile
from jinbiao.datasets.cleaning.tables.repeated import Repeated
from jinbiao.datasets.cleaning.tables.units import UNITS, converted, named
from jinbiao.datasets.errors import Invalid
from jinbiao.tests.datasets.cleaning_records import applied, record

TODAY = dt.date(2026, 11, 20)
TABLE = """编号,长度(mm),温度,日期,备注
1,10.5,25℃,2024-01-01,好
2,11,77℉,2024-01-02,
3,12.25,26℃,2024/1/3,锟斤拷
3,1e3,27℃,2024-02-30,好
3,1e3,27℃,2024-02-30,好
5,abc,28℃,2024-01-05,NA
"""
# A and B of each indicator, counted by hand.
EXPECTED = {
    "data_model": (6, 6),
    "metadata": (5, 5),
    "data_element_completeness": (28, 30),
    "data_record_completeness": (4, 6),
    "content_correctness": (3, 5),
    "format_compliance": (26, 28),
    "duplication_rate": (1, 6),
    "uniqueness": (4, 6),
    "dirty_data_rate": (1, 28),
    "same_data_consistency": (5, 6),
    "period_correctness": (4, 6),
    "chronology": (3, 4),
    "accessible": (6, 6),
}


def judge(content: bytes, name: str = "a.csv", **asked: Any) -> dict[str, Any]:
    return profile(io.BytesIO(content), name, asked=Asked(**asked), today=TODAY)


def as_workbook(text: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in csv.reader(io.StringIO(text)):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_parquet(text: str) -> bytes:
    names, *rows = csv.reader(io.StringIO(text))
    columns = [list(column) for column in zip(*rows, strict=True)]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, columns, strict=True))), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (TABLE.encode(), "a.csv"),
        (TABLE.encode("gb18030"), "a.csv"),
        (TABLE.encode("utf-16"), "a.csv"),
        (TABLE.replace(",", "\t").encode("utf-8-sig"), "a.tsv"),
        (as_workbook(TABLE), "a.xlsx"),
        (as_parquet(TABLE), "a.parquet"),
    ],
    ids=["utf-8", "gb18030", "utf-16", "tsv", "xlsx", "parquet"],
)
def test_every_indicator_counts_what_it_says(content: bytes, name: str) -> None:
    told = judge(content, name, ranges={"长度(mm)": (0, 100)})
    counted = {i["code"]: (i["part"], i["whole"]) for i in told["indicators"] if i["whole"]}
    assert counted == EXPECTED
    assert told["computed"] == len(EXPECTED) and told["edition"] == "GB/T 36344-2018"
    # A dimension is the mean of its indicators, the score that of the dimensions.
    accuracy = 3 / 5 + 26 / 28 + (1 - 1 / 6) + 4 / 6 + (1 - 1 / 28)
    assert told["dimensions"]["accuracy"] == pytest.approx(100 * accuracy / 5, abs=0.01)
    assert told["score"] == pytest.approx(sum(told["dimensions"].values()) / 6, abs=0.01)
    columns = {column["name"]: column for column in told["columns"]}
    types = [column["type"] for column in told["columns"]]
    assert types == ["integer", "decimal", "quantity", "date", "text"]
    assert columns["温度"]["units"] == {"℃": 5, "℉": 1}
    assert columns["长度(mm)"]["outside"] == 2 and columns["长度(mm)"]["named_unit"] == "mm"
    assert columns["日期"]["other_dates"] == 1 and columns["日期"]["bad_dates"] == 2
    assert told["duplicate_rows"] == 1 and told["keys"] == {"编号": 2}


def test_the_indicators_are_those_of_the_standard(samples: Path) -> None:
    listed = (samples.parent / "standards/gbt36344_indicators.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(listed)))
    assert [(i.code, i.dimension) for i in INDICATORS] == [
        (row["identifier_en"], row["dimension_en"]) for row in rows
    ]
    assert [i.inverse for i in INDICATORS] == [
        row["direction"] == "lower is better" for row in rows
    ]


def test_what_cannot_be_computed_does_not_count() -> None:
    told = judge(b"a,b\n1,x\n2,y\n")
    values = {each["code"]: each["value"] for each in told["indicators"]}
    for code in ("data_standard", "content_correctness", "chronology", "uniqueness"):
        assert values[code] is None
    assert "timeliness" not in told["dimensions"] and told["score"] == 100
    assert judge(b"a,b\n")["score"] is None


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-20", "3"], "integer"),
        (["1", "2.5", "1e-3"], "decimal"),
        (["007", "008", "12"], "code"),
        (["120105199001011234"] * 2, "code"),
        (["2024-01-02 10:00:00", "2024-01-03T10:00:00+08:00"], "date"),
        (["2024年1月2日", "2024.1.3"], "date"),
        (["是", "否", "是"], "flag"),
        (["5 mm", "7mm", "1.2 cm"], "quantity"),
        (["5", "abc", "2024-01-01"], "text"),
        (["-", "无", "N/A"], ""),
    ],
)
def test_types_of_columns(cells: list[str], kind: str) -> None:
    told = judge("\n".join(["x", *(f'"{cell}"' for cell in cells)]).encode())
    assert told["columns"][0]["type"] == kind


@given(st.lists(st.integers(1900, 2026), min_size=1, max_size=20), st.data())
@settings(max_examples=40, deadline=None)
def test_dates_are_those_of_the_calendar(years: list[int], data: st.DataObject) -> None:
    days = [(year, data.draw(st.integers(0, 14)), data.draw(st.integers(0, 33))) for year in years]
    good = 0
    for day in days:
        try:
            good += dt.date(*day) <= TODAY
        except ValueError:
            pass
    text = "\n".join(["day", *(f"{y:04}-{m:02}-{d:02}" for y, m, d in days)])
    told = judge(text.encode())
    [period] = [i for i in told["indicators"] if i["code"] == "period_correctness"]
    assert (period["part"], period["whole"]) == (good, len(days))


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60))
@settings(max_examples=30, deadline=None)
def test_range_mean_and_spread_are_those_of_the_numbers(values: list[float]) -> None:
    import numpy as np

    text = "\n".join(["x", *(f"{value:.6f}" for value in values)])
    column = judge(text.encode())["columns"][0]
    wanted = np.array([float(f"{value:.6f}") for value in values])
    assert column["least"] == wanted.min() and column["most"] == wanted.max()
    assert column["mean"] == pytest.approx(wanted.mean(), rel=1e-6, abs=1e-5)
    assert column["spread"] == pytest.approx(wanted.std(), rel=1e-6, abs=1e-2)


@given(st.lists(st.text(max_size=3), max_size=300))
def test_different_values_are_counted_exactly(values: list[str]) -> None:
    counted = Repeated()
    counted.add(values[: len(values) // 2])
    counted.add(values[len(values) // 2 :])
    assert counted.count == len(values) and counted.different() == len(set(values))
    counted.close()


def test_units_convert_as_the_definitions_say() -> None:
    for value, one, other, wanted in (
        (212, "℉", "℃", 100),
        (0, "℃", "K", 273.15),
        (1, "英寸", "mm", 25.4),
        (36, "km/h", "m/s", 10),
        (50, "%", "‰", 500),
        (1, "bar", "kPa", 100),
    ):
        assert converted(value, UNITS[one], UNITS[other]) == pytest.approx(wanted)
    assert named("压力(kPa)") is UNITS["kPa"] and named("备注") is None


def test_a_table_written_anew_has_one_encoding_unit_and_form_of_date() -> None:
    text = TABLE.replace("2024-02-30", "2024年2月3日 9:05").encode("gb18030")
    [found] = applied("table.tidy", [record(text, "table", name="a.csv")])
    assert found.content and found.content_type == "text/csv" and found.facts
    rows = list(csv.reader(io.StringIO(found.content.decode())))
    assert rows[0] == ["编号", "长度(mm)", "温度(℃)", "日期", "备注"]
    assert [row[2] for row in rows[1:]] == ["25", "25", "26", "27", "28"]
    assert [row[3] for row in rows[1:]] == [
        *("2024-01-01", "2024-01-02", "2024-01-03", "2024-02-03 09:05", "2024-01-05")
    ]
    assert found.facts["tidied"]["repeated_rows"] == 1
    [again] = applied("table.tidy", [record(found.content, "table", name="a.csv")])
    assert again.content is None and not again.reason
    [large] = applied("table.tidy", [record(text, "table", name="a.csv")], most_megabytes=1e-4)
    assert large.reason == "too_large"


def test_poor_empty_and_broken_tables_are_left_out(samples: Path) -> None:
    poor = record(TABLE.encode(), "table", name="a.csv")
    broken = record(samples / "hostile/images/cmyk.jpg", "table", name="b.csv")
    damaged = record(b"PAR1nothingPAR1", "table", name="c.parquet")
    empty = record(b"a,b\n", "table", name="d.csv")
    found = applied("table.quality", [poor, broken, damaged, empty], least_score=95)
    assert [one.reason for one in found] == ["poor", "unreadable", "unreadable", "empty"]
    [kept] = applied("table.quality", [poor], ranges=["长度(mm)=0..100"], least_score=80)
    assert not kept.reason and kept.facts and kept.facts["table"]["score"] > 80
    for wrong in (["长度=0..1"], ["长度(mm)=no"]):
        [refused] = applied("table.quality", [poor], ranges=wrong)
        assert refused.reason == "unreadable" and refused.facts
    with pytest.raises(Invalid, match="no column"):
        judge(TABLE.encode(), keys=["none"])


def test_hostile_tables_are_judged_or_refused(samples: Path) -> None:
    paths = sorted((samples / "hostile/tables").iterdir())
    records = [record(path, "table", number) for number, path in enumerate(paths)]
    for operator in ("table.quality", "table.tidy"):
        found = {
            path.name: one for path, one in zip(paths, applied(operator, records), strict=True)
        }
        assert found["xxe.xlsx"].reason == found["headers_bad.csv"].reason == "unreadable"
        assert found["header_only.csv"].reason == "empty"
        assert not found["gbk.csv"].reason
    ragged = profile((samples / "hostile/tables/ragged_rows.csv").open("rb"), "ragged.csv")
    assert ragged["bad_rows"] == 3 and ragged["faults"]
    ids = applied(
        "table.quality", [record(samples / "hostile/tables/numbers_and_ids.csv", "table")]
    )
    assert ids[0].facts and ids[0].facts["table"]["columns"][0]["type"] == "code"


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    line = "{0},2024-01-01 10:00:00,{1}.5,正常,第{2}批 检验合格\n"

    def write(rows: int) -> None:
        with path.open("w", encoding="utf-8") as out:
            out.write("编号,时间,温度,状态,备注\n")
            out.writelines(line.format(row, row % 90, row % 977) for row in range(rows))

    write(40_000)
    with path.open("rb") as stream:
        profile(stream, path.name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write(120_000)
    with path.open("rb") as stream:
        told = profile(stream, path.name)
    assert told["rows"] == 120_000 and told["duplicate_rows"] == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 * 1024, "kilobytes"
