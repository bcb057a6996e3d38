"""Tables that are downloaded run nothing in a spreadsheet, and come back as what they were."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from jinbiao.tests.server.test_labelled import brought, everything
from jinbiao.tests.server.test_material import bring, library
from jinbiao.tests.server.test_snapshots import exported
from jinbiao.tests.server.world import BOXES, TEXTS, World, entity, zipped

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")
CONFIG = (
    '<View><Text name="text" value="$text"/><TextArea name="said" toName="text"/>'
    '<Choices name="kind" toName="text"><Choice value="=SUM(1)"/></Choices></View>'
)


def hostile(world: World, samples: Path) -> tuple[int, list[str]]:
    """Import the sample of formulas and answer each task; return the project and the texts."""
    content = (samples / "hostile/tables/formula_injection.csv").read_bytes()
    texts = [row["text"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]
    project = world.project(config=CONFIG)
    world.upload_now(project, ("a.csv", content))
    for task in everything(world, project):
        said = [
            {"from_name": "said", "type": "textarea", "value": {"text": [task["data"]["text"]]}},
            {"from_name": "kind", "type": "choices", "value": {"choices": ["=SUM(1)"]}},
        ]
        result = [{**each, "id": str(n), "to_name": "text"} for n, each in enumerate(said)]
        path = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("annotator", path, {"result": result}), 201)
    return project, texts


@pytest.mark.parametrize(("form", "separator"), [("CSV", ","), ("TSV", "\t"), ("CSV_OLD", ",")])
def test_an_export_runs_nothing_and_comes_back(
    world: World, samples: Path, form: str, separator: str
) -> None:
    project, texts = hostile(world, samples)
    content = exported(world, project, form)
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=separator))
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(SIGNS)]
    assert {row["text"] for row in rows} == {f"'{text}" for text in texts}
    again = world.project(config=TEXTS)
    world.upload_now(again, (f"b.{'tsv' if form == 'TSV' else 'csv'}", content))
    came = [task["data"] for task in everything(world, again)]
    assert {data["text"] for data in came} == set(texts)
    if form != "CSV_OLD":
        assert {data["said"] for data in came} == set(texts)
        assert {data["kind"] for data in came} == {"=SUM(1)"}
    short = json.loads(exported(world, project, "JSON_MIN"))
    assert [row["said"] for row in short] == texts, "what programs read is as it was"


def test_headers_are_guarded_and_numbers_are_not(world: World) -> None:
    project = world.project()
    row = {
        "data": {"text": "津", '=HYPERLINK("x")': "a", "n": -5, "t": "-5", "tel": "+8613800138000"},
        "annotations": [{"result": entity(end=1)}],
    }
    world.import_list(project, [row])
    for form in ("CSV", "CSV_OLD"):
        content = exported(world, project, form)
        header, line = list(csv.reader(io.StringIO(content.decode(), newline="")))
        told = dict(zip(header, line, strict=True)) if form == "CSV" else {}
        assert '\'=HYPERLINK("x")' in header and '=HYPERLINK("x")' not in header
        if told:
            assert (told["n"], told["t"], told["tel"]) == ("-5", "-5", "+8613800138000")
            assert b",-5," in content and b',"-5",' in content
            again = world.project()
            world.upload_now(again, ("b.csv", content))
            (task,) = everything(world, again)
            assert task["data"]['=HYPERLINK("x")'] == "a" and task["data"]["tel"][0] == "+"


def test_a_reject_gives_its_row_back_to_be_mended(world: World) -> None:
    long = "长" * 5000
    rows = [
        {"data": {"text": "=1+1"}, "annotations": [{"result": entity(end=9)}]},
        {"data": {"no": long}},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    content = "\n".join([*lines, '{"text": "open']).encode()
    job, tasks, rejects = brought(world, TEXTS, "a.jsonl", content)
    assert tasks == [] and [each["number"] for each in rejects] == [1, 2, 3]
    assert json.loads(rejects[0]["row"]) == rows[0] and "row_cut" not in rejects[0]
    assert rejects[1]["row_cut"] and 4090 < len(rejects[1]["row"].encode()) <= 4096
    assert rejects[2]["row"] == '{"text": "open'
    sent = world.get("requester", f"/jobs/{job['id']}/rejects?form=csv").data.decode("utf-8-sig")
    header, *table = csv.reader(io.StringIO(sent, newline=""))
    assert len(header) == 5 and [line[4][:9] for line in table] == [
        *('{"data": ', '{"data": ', '{"text": ')
    ]
    assert table[1][4].startswith(rejects[1]["row"]) and len(table[1][4]) > len(rejects[1]["row"])


def test_a_row_of_a_table_comes_back_as_it_stood(world: World) -> None:
    content = 'text,n\n=1,2,3\n"津",1\n,"x"y\n"a\x00",1\n'.encode()
    job, tasks, rejects = brought(world, TEXTS, "a.csv", content)
    assert [task["data"]["text"] for task in tasks] == ["津"]
    assert [each["row"] for each in rejects] == ["=1,2,3", ',"x"y', "a\\x00,1"]
    sent = world.get("requester", f"/jobs/{job['id']}/rejects?form=csv").data.decode("utf-8-sig")
    assert [line[4] for line in csv.reader(io.StringIO(sent))][1] == "'=1,2,3"


def test_a_library_gives_its_rows_back_too(world: World) -> None:
    number = library(world, text_key="正文")
    told = bring(world, number, "a.csv", "正文,号\n津,1\n,2\n沽,3,4\n".encode())
    assert (told["assets"], told["rejected"]) == (1, 2)
    job = world.good(world.get("requester", "/api/jobs/"))[0]["id"]
    sent = world.get("requester", f"/jobs/{job}/rejects").text
    rows = [json.loads(line)["row"] for line in sent.splitlines()]
    assert rows == ['{"正文": "", "号": "2"}', "沽,3,4"]


def test_a_picture_is_no_row(world: World) -> None:
    _job, _tasks, rejects = brought(world, BOXES, "a.zip", zipped({"bad.png": b"no picture"}))
    assert [each.get("row") for each in rejects] == [None]


def test_what_parsers_say_is_told_in_chinese(world: World) -> None:
    lines = ('{"text": "x', '{"text": "\\x"}', '{"text" 1}', '{"text": 1 2}')
    job, _tasks, rejects = brought(world, TEXTS, "a.jsonl", "\n".join(lines).encode())
    other, _tasks, more = brought(world, TEXTS, "a.csv", b'text,n\n1,"x"y\n1,"z')
    assert (len(rejects), len(more)) == (4, 2)
    for number in (job["id"], other["id"]):
        page = world.get("requester", f"/jobs/{number}?language=zh").text
        table = world.get("requester", f"/jobs/{number}/rejects?form=csv&language=zh")
        reasons = [row[3] for row in csv.reader(io.StringIO(table.data.decode("utf-8-sig")))][1:]
        raw = re.compile("Unterminated|Expecting|escape|expected after")
        assert len(reasons) > 1 and not raw.search("\n".join(reasons)) and not raw.search(page)
        assert all(re.match("这不是 JSON：|无法读取第", each) for each in reasons)
