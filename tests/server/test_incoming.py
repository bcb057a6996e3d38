"""Bring tables, workbooks, sensor series and PDF pages; download what was left out."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image
from pyarrow import parquet

from jinbiao.datasets.jobs import Job
from jinbiao.datasets.sources import rows
from jinbiao.tests.server.test_labelled import boxes, brought, spans
from jinbiao.tests.server.world import TEXTS, World, zipped

PDF = Path(__file__).resolve().parents[2] / "ui" / "static" / "samples" / "order.pdf"
SKAB = (
    '<View><TimeSeries name="ts" value="$csv" valueType="{kind}" sep=";" timeColumn="datetime">'
    '<Channel column="Current"/><Channel column="Volume Flow RateRMS"/></TimeSeries>'
    '<TimeSeriesLabels name="l" toName="ts"><Label value="anomaly"/></TimeSeriesLabels></View>'
)


def shows(*keys: str) -> str:
    """Return a config that shows texts of these keys."""
    listed = "".join(f'<Text name="t{n}" value="${key}"/>' for n, key in enumerate(keys))
    return f'<View>{listed}<Choices name="c" toName="t0"><Choice value="x"/></Choices></View>'


def notes(job: dict[str, Any]) -> str:
    """Return what the job says it recognised, as one text."""
    return "\n".join(note["message"] % note["values"] for note in job["result"]["notes"])


SPECTRUM = (
    "comma_in_quotes empty empty_crlf escaped_quotes json location_coordinates newlines "
    "newlines_crlf quotes_and_newlines simple simple_crlf utf8"
).split()


@pytest.mark.parametrize("name", SPECTRUM)
def test_csv_spectrum_has_known_answers(shared_world: World, samples: Path, name: str) -> None:
    folder = samples / "tabular" / "csv_spectrum"
    content = (folder / "csvs" / f"{name}.csv").read_bytes()
    told = json.loads((folder / "json" / f"{name}.json").read_text("utf-8"))
    wanted = told if isinstance(told, list) else [told]
    keys = [key for key in wanted[0] if key.isidentifier()] or None
    if keys is None:
        # Columns with spaces are no keys of a config: read as any table is.
        found = [row for _line, row in rows(io.BytesIO(content), f"{name}.csv")]
    else:
        _job, tasks, rejects = brought(shared_world, shows(*keys[:1]), f"{name}.csv", content)
        assert rejects == []
        found = [task["data"] for task in tasks]
    assert len(found) == len(wanted)
    for row, expected in zip(found, wanted, strict=True):
        assert isinstance(row, dict) and set(row) == set(expected)
        if name != "location_coordinates":  # whose degree signs are in no Chinese encoding
            assert row == expected


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    table=st.lists(
        st.lists(st.text(alphabet='设备,"\n;0 a𠮷', max_size=6), min_size=2, max_size=2),
        max_size=5,
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)
def test_a_table_comes_back_from_every_encoding(table: list[list[str]], encoding: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["编号", "内容"])
    writer.writerows(table)
    content = out.getvalue().encode(encoding)
    found = [row for _line, row in rows(io.BytesIO(content), "a.csv")]
    wanted = [
        dict(zip(("编号", "内容"), row, strict=True)) for row in table if "".join(row).strip()
    ]
    assert found == wanted


def test_an_open_quote_costs_its_own_line_only() -> None:
    content = b'a,b\n1,x\n2,"open\n3,y\n"4","z"\n5,w\n'
    found = list(rows(io.BytesIO(content), "a.csv"))
    good = [(line, row["a"]) for line, row in found if isinstance(row, dict)]
    assert [line for line, row in found if not isinstance(row, dict)] == [3]
    assert good == [(2, "1"), (4, "3"), (5, "4"), (6, "5")]


def workbook(**sheets: list[list[Any]]) -> Workbook:
    """Return a workbook of these sheets."""
    book = Workbook()
    book.remove(book.active)
    for name, table in sheets.items():
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append(row)
    return book


def saved(book: Workbook) -> bytes:
    """Return a workbook's bytes."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_keeps_ids_and_says_which_sheet_it_read(shared_world: World) -> None:
    table = [
        ["id", "text", "day"],
        ["00123", "一", dt.datetime(2026, 1, 2)],
        ["110105194912310021", 2, None],
        [110105194912310021, 3, None],
    ]
    book = workbook(隐藏=[["text"], ["x"]], 数据=table, 其他=[["text"], ["y"]])
    book["隐藏"].sheet_state = "hidden"
    job, tasks, rejects = brought(shared_world, TEXTS, "b.xlsx", saved(book))
    # As a number it has lost its last digits already when the workbook was saved.
    assert [each["place"] for each in rejects] == ["line 4"]
    assert "more than 15 digits" in rejects[0]["reason"]
    assert [task["data"] for task in tasks] == [
        {"id": "00123", "text": "一", "day": "2026-01-02"},
        {"id": "110105194912310021", "text": "2", "day": ""},
    ]
    told = notes(job)
    assert "the sheet 数据 is read" in told
    assert "not read: 其他" in told and "hidden sheets that are not read: 隐藏" in told


def test_a_workbook_that_unpacks_to_too_much_is_refused(shared_world: World) -> None:
    content = saved(workbook(a=[["text"], ["x"]]))
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b"<a>" + b" " * 40_000_000 + b"</a>")
    job, tasks, _rejects = brought(shared_world, TEXTS, "bomb.xlsx", out.getvalue(), failing=True)
    assert (job["state"], tasks) == ("failed", []) and "200" in job["error"]


@pytest.mark.parametrize("kind", ["url", "json"])
def test_a_sensor_table_is_one_task(shared_world: World, samples: Path, kind: str) -> None:
    path = samples / "timeseries" / "skab" / "other" / "13.csv"
    lines = path.read_text("utf-8").splitlines()
    broken = "\n".join([*lines[:5], lines[5] + ";1", lines[6].replace(";", ";x", 3), *lines[7:]])
    content = zipped({"good.csv": path.read_bytes(), "bad.csv": broken.encode()})
    config = SKAB.format(kind=kind)
    job, tasks, rejects = brought(shared_world, config, "skab.zip", content)
    assert "sensor tables" in notes(job)
    assert [each["place"] for each in rejects] == ["bad.csv, line 6", "bad.csv, line 7"]
    lengths = {}
    for task in tasks:
        value = task["data"]["csv"]
        if kind == "json":
            lengths[len(value["Current"])] = value["Current"][0]
        else:
            sent = shared_world.get("requester", value)
            assert sent.mimetype in ("text/csv", "text/plain")
            read = list(csv.DictReader(io.StringIO(sent.text), delimiter=";"))
            lengths[len(read)] = float(read[0]["Current"])
    first = float(lines[1].split(";")[3])
    assert lengths == {len(lines) - 1: first, len(lines) - 3: first}


def test_parquet_becomes_a_series_too(shared_world: World) -> None:
    columns = {
        "datetime": ["2026-01-01 00:00:00", "2026-01-01 00:00:01"],
        "Current": [1.5, 2.5],
        "Volume Flow RateRMS": [3, 4],
    }
    out = io.BytesIO()
    parquet.write_table(arrow.table(columns), out)
    config = SKAB.format(kind="url")
    _job, (task,), rejects = brought(shared_world, config, "a.parquet", out.getvalue())
    assert rejects == []
    sent = shared_world.get("requester", task["data"]["csv"])
    assert sent.text.splitlines()[1] == "2026-01-01 00:00:00;1.5;3"
    lacking = config.replace("Current", "Voltage")
    _job, tasks, (reject,) = brought(shared_world, lacking, "a.parquet", out.getvalue())
    assert tasks == [] and "no column Voltage; it has: datetime, Current" in reject["reason"]


def test_the_pages_of_a_pdf_become_pictures(shared_world: World) -> None:
    files = {"order.pdf": PDF.read_bytes(), "broken.pdf": b"%PDF-1.4 nothing"}
    _job, tasks, rejects = brought(shared_world, boxes("dent"), "p.zip", zipped(files))
    assert [each["place"] for each in rejects] == ["broken.pdf"]
    assert "damaged or needs a password" in rejects[0]["reason"]
    (task,) = tasks
    sent = shared_world.get("requester", task["data"]["image"])
    with Image.open(io.BytesIO(sent.data)) as page:
        assert (page.format, page.size) == ("PNG", (1240, 1755))


def test_what_was_left_out_opens_safely_in_a_spreadsheet(shared_world: World) -> None:
    lines = [
        {"text": "abc", "label": [[0, 1, "=HYPERLINK(1)"]]},
        {"text": "abc", "label": [[0, 9, "ORG"]]},
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode() + b"\n{bad"
    job, tasks, rejects = brought(shared_world, spans("ORG"), "=cmd.jsonl", content)
    assert (len(tasks), len(rejects)) == (2, 3)
    sent = shared_world.get("requester", f"/jobs/{job['id']}/rejects?form=csv")
    assert sent.mimetype == "text/csv" and sent.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in sent.headers["Content-Disposition"]
    table = list(csv.reader(io.StringIO(sent.data.decode("utf-8-sig"))))
    assert len(table) == 4 and all(len(row) == 5 for row in table)
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in table for cell in row)
    assert table[1][1].startswith("'=cmd.jsonl")
    answer = shared_world.get("requester", f"/jobs/{job['id']}/rejects?form=exe")
    assert answer.status_code == 400


def test_an_import_goes_on_where_it_stopped(world: World) -> None:
    """The same files give the same numbers, so that a second run adds nothing."""
    lines = b"".join(
        json.dumps({"text": f"text {n}", "label": [[0, 4, "ORG"], [0, 2, "X"]]}).encode() + b"\n"
        for n in range(30)
    )
    job, tasks, rejects = brought(world, spans("ORG"), "a.jsonl", lines)
    with world.installation.database.write() as session:
        row = session.get_one(Job, job["id"])
        row.state, row.checkpoint = "waiting", '{"number": 31}'
    again = world.finished(job["id"])
    assert again["result"]["tasks"] == len(tasks) == 30
    assert again["result"]["rejected"] == len(rejects) == 30
