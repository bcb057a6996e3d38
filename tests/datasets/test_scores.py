"""Scores: known sums, reasons, what raises them, and nothing gained by not looking."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from jinbiao.datasets import scores
from jinbiao.datasets.catalogue import Dataset, Openness, Release, UpdateCycle
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.scores import Described, Download, Measured
from jinbiao.datasets.scores.measuring import Count
from jinbiao.datasets.versions import Record
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.versions_factory import World

AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
EQUAL = scores.weights("")
PARQUET = Download("Parquet", "application/vnd.apache.parquet", True, True, True, 100, True)
TABLE = CHECKOUT.parent / "shared" / "standards" / "tc609_quality_indicators.csv"


def described(downloads: tuple[Download, ...] = (PARQUET,), **values: Any) -> Described:
    """Describe a dataset that says everything, but for `values`."""
    said = {
        "organisation_id": 1,
        "title": "焊缝",
        "description": "焊" * 101,
        "licence": "CC-BY-4.0",
        "keywords": '["焊缝"]',
        "domain": "industry",
        "region": "120000",
        "covers_from": dt.date(2026, 1, 1),
        "covers_to": dt.date(2026, 6, 30),
        "openness": Openness.OPEN,
        "contact_email": "data@jinbiao.example",
        "rights_basis": "collected",
        "update_cycle": UpdateCycle.MONTHLY,
        "modified_at": AT,
        "sheet": json.dumps({"target_records": 100}),
        **values,
    }
    release = Release(published_at=AT - dt.timedelta(days=30), records=100)
    return Described(Dataset(**said), release, downloads, AT)


def measured(**values: Any) -> Measured:
    """Count a version in which everything is as it should be, but for `values`."""
    whole = Count(100, 100)
    names = ("formatted", "complete", "traceable", "typed", "clean", "compliant", "accepted")
    said: dict[str, Any] = dict.fromkeys(names, whole) | {"labels": Count(6, 6), "unclean": {}}
    dated = {"dated": 100, "first_day": "2026-01-02", "last_day": "2026-06-30"}
    return Measured(commit="a" * 40, records=100, **{**said, **dated, **values})


def test_the_points_of_mqa_sum_up_to_those_of_the_methodology() -> None:
    full = scores.mqa(described())
    assert (full.points, full.of, full.rating) == (405, 405, "excellent")
    by_dimension = [0.0] * 5
    limits = (100, 200, 310, 385, 405)
    place = 0.0
    for each in full.criteria:
        by_dimension[next(n for n, limit in enumerate(limits) if place < limit)] += each.of
        place += each.of
    assert by_dimension == [100, 100, 110, 75, 20]
    assert full.raising == []


def test_data_under_conditions_keeps_the_points_of_its_page() -> None:
    gated = Download("Parquet", "application/vnd.apache.parquet", True, True, True, 100, None)
    score = scores.mqa(described((gated,), openness=Openness.CONDITIONAL))
    assert score.points == 405 - 20 - 30


@pytest.mark.parametrize(
    ("missing", "lost"),
    [
        ({"keywords": "[]"}, 30),
        ({"domain": None}, 30),
        ({"region": None}, 20),
        ({"covers_from": None, "covers_to": None}, 20),
        ({"licence": "other"}, 10),
        ({"contact_email": None}, 20),
        ({"rights_basis": None}, 5),
        ({"description": ""}, 30),
    ],
)
def test_what_is_missing_costs_its_points_and_is_advised(
    missing: dict[str, Any], lost: float
) -> None:
    score = scores.mqa(described(**missing))
    assert score.points == 405 - lost
    assert [each.of - (each.points or 0) for each in score.raising] == [lost]


def test_formats_count_by_the_best_download() -> None:
    pdf = Download("PDF", "application/pdf", True, True, True, 1, True)
    odd = Download("XYZ", None, False, False, False, None, False)
    assert scores.mqa(described((pdf,))).points == 405 - 20
    mixed = scores.mqa(described((PARQUET, odd)))
    assert mixed.points == pytest.approx(405 - 25 - 15 - 2.5)
    assert scores.mqa(described(())).points < 405 - 100


def test_udata_asks_nine_questions() -> None:
    assert (scores.udata(described()).points, scores.udata(described()).of) == (9, 9)
    assert scores.udata(described(description="焊" * 100)).points == 8
    assert scores.udata(described((), region=None)).points == 5


@pytest.mark.parametrize(
    ("cycle", "points"),
    [(None, 7), ("daily", 8), ("weekly", 8), ("monthly", 9), ("irregular", 9), ("never", 9)],
)
def test_a_version_is_late_by_its_cycle(cycle: str | None, points: float) -> None:
    assert scores.udata(described(update_cycle=cycle)).points == points


COVERED = {code: ["one"] * 5 for code in ("0101", "0102", "0103", "0104")}


def test_dimensions_pass_from_ninety_on_and_the_unknown_counts_as_nothing() -> None:
    documentation, quality, application = scores.judge(described(), measured(), COVERED, EQUAL)
    assert (documentation.value, documentation.passes) == (100, True)
    # Nobody has searched for unlawful content, nor compared contents: two of eight.
    assert (quality.value, quality.unknown, quality.passes) == (75, 2, False)
    assert application.unknown == 1
    looked_at = scores.judge(
        described(), measured(), COVERED, scores.weights("0202=0,0206=0,0305=0")
    )
    assert [each.value for each in looked_at[:2]] == [100, 100]
    # 100 of 100 accepted: the lower end of Wilson's interval, 0.9630, counts.
    assert looked_at[2].value == pytest.approx(100 * (3 + 0.96300) / 4, abs=0.01)
    assert looked_at[2].passes


def test_counts_become_shares() -> None:
    quality = scores.judge(
        described(), measured(clean=Count(60, 100), compliant=Count(0, 0)), COVERED, EQUAL
    )[1]
    by_code = {each.name: each for each in quality.score.criteria}
    assert by_code["0208"].points == 0.6
    assert by_code["0203"].points is None
    assert quality.unknown == 3


def test_records_outside_the_period_are_not_timely() -> None:
    late = scores.judge(described(), measured(last_day="2027-01-01"), COVERED, EQUAL)[2]
    assert {each.name: each.points for each in late.score.criteria}["0303"] == 0
    undated = scores.judge(described(), measured(dated=0), COVERED, EQUAL)[2]
    assert {each.name: each.points for each in undated.score.criteria}["0303"] is None


def test_a_release_from_before_is_unknown_not_bad() -> None:
    found = scores.judge(described(), None, None, EQUAL)
    assert [each.unknown for each in found] == [4, 8, 4]
    assert not any(each.passes for each in found)


@pytest.mark.parametrize(
    "text",
    ["0201", "0201=x", "9999=1", "0201=-1", "0201=101", "0201=nan", "0101=0,0102=0,0103=0,0104=0"],
)
def test_weights_that_cannot_be_used_are_named(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        scores.weights(text)
    assert raised.value.place == "JINBIAO_INDICATOR_WEIGHTS"


@pytest.mark.skipif(not TABLE.exists(), reason="the standard's table lies in ../shared")
def test_the_indicators_are_those_of_the_standard() -> None:
    with TABLE.open(encoding="utf-8") as file:
        codes = [row["code"] for row in csv.DictReader(file) if len(row["code"]) == 4]
    assert [each.code for each in scores.INDICATORS] == codes
    assert len(codes) == 17


def test_records_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path)

    def change(place: int, **values: Any) -> Record:
        record = factory.text_record(place)
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        return Record(**{**fields, **values})

    def text(place: int, said: str) -> Record:
        whole = change(place)
        return change(place, data={**whole.data, "text": said}, result=[])

    double = {**change(5).data}
    bad = [{**change(6).result[0], "value": {"start": 0, "end": 2, "labels": ["NONE"]}}]
    version = world.freeze(
        factory.TEXT_CONFIG,
        [
            *(change(place) for place in range(4)),
            change(4, data=double, result=[]),
            change(5, data=double),
            change(6, result=bad),
            text(7, " "),
            text(8, "第一章<br>总则"),
            text(9, "零宽\u200b字符"),
            change(10, data={"number": 1, "original_time": "2026-03-01"}, result=[]),
        ],
    )
    found = scores.measure(version)
    world.database.close()
    assert found.records == 11 and found.formatted == Count(11, 11)
    assert found.complete == Count(9, 11)
    assert found.compliant == Count(5, 6)
    assert found.unclean == {"duplicate": 1, "empty": 1, "hidden_characters": 1, "residue": 1}
    assert found.clean == Count(7, 11)
    assert (found.dated, found.first_day, found.last_day) == (1, "2026-03-01", "2026-03-01")
    assert found.accepted == Count(7, 7)


def test_pictures_are_what_their_names_say(tmp_path: Path) -> None:
    world = World(tmp_path)
    found = scores.measure(factory.boards(world))
    world.database.close()
    assert found.typed == found.traceable == found.complete == Count(12, 12)
    assert found.labels.of == 6 and found.labels.count > 3
