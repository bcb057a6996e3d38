"""What readers are told, they are told in words: kinds, places, reasons, titles, sizes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl

from jinbiao.tests.server import cleaned
from jinbiao.tests.server.command import Command
from jinbiao.tests.server.test_material import bring, library
from jinbiao.tests.server.world import BOXES, World, picture

TREE = """<View><Text name="text" value="$text"/>
  <Taxonomy name="fault" toName="text"><Choice value="机械" alias="mechanical">
    <Choice value="异响振动" alias="vibration"/></Choice></Taxonomy></View>"""


def rejects(world: World, job: str) -> list[list[str]]:
    """Return the lines of a job's reject table, in English."""
    path = f"/jobs/{job}/rejects?form=csv&language=en"
    text = world.get("requester", path).data.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def of_archive() -> bytes:
    """Return a ZIP with a workbook that has an empty line, no picture, and half a picture."""
    book = openpyxl.Workbook()
    for row in (("正文", "号"), ("一", 1), ("", 2)):
        book.active.append(row)
    sheet, packed = io.BytesIO(), io.BytesIO()
    book.save(sheet)
    whole = picture(3, (200, 200))
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("点检.xlsx", sheet.getvalue())
        out.writestr("假.png", b"no picture")
        out.writestr("坏.png", whole[: len(whole) - 60])
    return packed.getvalue()


def test_reasons_name_kinds_places_and_faults_in_words(world: World) -> None:
    number = library(world, text_key="正文")
    result = bring(world, number, "来料.zip", of_archive())
    assert (result["assets"], result["rejected"]) == (1, 3)
    job = world.good(world.get("requester", "/api/jobs/"))[0]["id"]
    lines = rejects(world, job)
    lines.sort(key=lambda line: line[1])
    assert [line[1] for line in lines] == ["假.png", "坏.png", "点检.xlsx: line 3"]
    assert lines[0][3] == "the name says picture, but the content is not"
    assert lines[1][3] == "the picture is damaged or cut off (it ends too early)"
    page = world.get("requester", f"/jobs/{job}").text
    assert "truncated" not in page and ">image<" not in page


def test_what_a_project_does_not_show_is_counted_by_kind_beforehand(world: World) -> None:
    texts, pictures = world.project(title="只有文本"), world.project(config=BOXES, title="只有图片")
    raw = cleaned.library(world, ["天津大学", "南开大学"], [picture()])
    run = cleaned.cleaned(world, raw, cleaned.recipe(world)["id"])
    page = world.get("requester", f"/cleanings/{run['id']}?language=en").text
    assert f'<option value="{texts}">只有文本 – 2 of 3 fit</option>' in page
    assert f'<option value="{pictures}">只有图片 – 1 of 3 fit</option>' in page
    assert "By kind: Pictures 1 · Texts 2." in page
    page = world.get("requester", f"/libraries/{raw}?language=en").text
    assert f'<option value="{texts}">只有文本 – shows only: Texts</option>' in page

    asked = {"project": texts, "cleaning": run["id"]}
    sent = world.done(world.post("requester", f"/api/libraries/{raw}/send", asked))
    assert (sent["tasks"], sent["rejected"]) == (2, 1), "as it was told"
    brought = world.get("requester", f"/projects/{texts}/import?language=en").text
    assert "2 tasks were made of the material of libraries" in brought
    assert "Nothing has been imported" not in brought and "Send material to a project" in brought
    other = world.get("requester", f"/projects/{pictures}/import?language=en").text
    assert "Nothing has been imported into this project." in other


def test_a_way_through_a_tree_is_told_by_titles(world: World) -> None:
    project = world.project(config=TREE)
    value = {"taxonomy": [["mechanical", "vibration"]]}
    region = {"id": "a", "from_name": "fault", "to_name": "text", "type": "taxonomy"}
    told = [
        {"data": {"text": "主轴异响"}, "annotations": [{"result": [{**region, "value": value}]}]}
    ]
    world.import_list(project, told)
    (task,) = world.tasks(project)
    for path in (f"/projects/{project}/tasks", f"/tasks/{task['id']}"):
        page = world.get("requester", f"{path}?language=zh").text
        assert '<span class="tag">机械 / 异响振动</span>' in page, path
        assert "mechanical" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_options_have_their_titles_and_the_order_of_the_editor(world: World) -> None:
    steps: list[dict[str, Any]] = [{"operator": "text.filter_length", "options": {"least": 10}}]
    made = cleaned.recipe(world, steps)
    steps[0]["options"] = {"least": 8}
    path = f"/api/recipes/{made['id']}/versions/"
    world.good(world.post("requester", path, {"steps": steps}), 201)
    changes = world.get("requester", f"/recipes/{made['id']}/changes?language=zh").text
    assert "至少多少字符: <del>10</del>" in changes and "至少多少字符: <ins>8</ins>" in changes
    (operator,) = [
        each
        for each in world.good(world.get("requester", "/api/recipes/operators/"))
        if each["name"] == "text.filter_length"
    ]
    page = world.get("requester", f"/recipes/{made['id']}").text
    shown = re.findall(r"<dt>([^<]+)</dt><dd class=\"digest\">", page)
    assert shown == [option["title"] for option in operator["options"]]


def test_the_command_speaks_the_language_that_is_set(tmp_path: Path) -> None:
    chinese = Command(tmp_path / "home", {})
    assert "数据库版本 " in chinese.good("migrate").out
    operators = chinese.good("recipe", "operators").out
    assert "text.filter_length\t1\tdrop\t长度\n" in operators
    assert "  least = 10\t" not in operators and "\t至少多少字符\n" in operators
    chinese.good("user", "add", "rita", "--role", "requester", "--organisation", "alpha")
    source = tmp_path / "a.csv"
    source.write_text("text\n一号机床异响\n")
    number = chinese.good(
        "project", "create", "报修", "--template", "text_entities", "--as", "rita"
    )
    brought = chinese.good("import", number.last, str(source), "--as", "rita").out
    assert "：1 条任务，0 条未收" in brought and "文件、表格和任务清单" in brought
    assert "等待 1" in chinese.good("project", "list", "--as", "rita").out
    english = Command(chinese.home, {"JINBIAO_LANGUAGE": "en"})
    assert english.good("project", "list", "--as", "rita").out.endswith("\twaiting 1\n")
