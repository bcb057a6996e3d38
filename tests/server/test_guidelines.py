"""A guideline is published in versions, read before work, and stands beside each answer."""

from __future__ import annotations

import csv
import io

import pytest

from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import BOXES, World, entity, picture


def publish(world: World, project: int, text: str, note: str = "改了", **more: object) -> int:
    """Publish a version and return its number."""
    path = f"/api/projects/{project}/guideline/"
    told = {"text": text, "note": note, **more}
    return int(world.good(world.post("requester", path, told), 201)["version"])


def read(world: World, who: str, project: int, version: int) -> int:
    """Acknowledge a version; return the status."""
    path = f"/api/projects/{project}/guideline/acknowledge"
    return world.post(who, path, {"version": version}).status_code


def answer(world: World, who: str, project: int) -> dict[str, object]:
    """Take the next task and answer it; return the workbench's view of it afterwards."""
    task = world.good(world.get(who, f"/api/projects/{project}/next"))
    path = f"/api/tasks/{task['id']}/annotations/"
    world.good(world.post(who, path, {"result": entity()}), 201)
    shown = world.good(world.get(who, f"/api/tasks/{task['id']}/workbench"))
    found: dict[str, object] = shown["annotations"][-1]
    return found


def test_the_instruction_is_version_one_and_follows_the_newest(world: World) -> None:
    project = world.project(expert_instruction="只标机构")
    assert publish(world, project, "# 目标\n\n标机构与人名") == 2
    path = f"/api/projects/{project}/guideline/"
    assert world.good(world.get("annotator", f"{path}?version=1"))["text"] == "只标机构"
    newest = world.good(world.get("annotator", path))
    assert (newest["version"], newest["acknowledged"]) == (2, None)
    told = world.good(world.get("requester", f"/api/projects/{project}/"))
    assert told["expert_instruction"] == "# 目标\n\n标机构与人名"


def test_publishing_says_what_changed_and_loses_nobodys_version(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/guideline/"
    assert publish(world, project, "一", note="") == 1
    assert world.post("requester", path, {"text": "二"}).status_code == 400
    assert world.post("requester", path, {"text": "一", "note": "没变"}).status_code == 422
    assert publish(world, project, "二", after=1) == 2
    stale = world.post("requester", path, {"text": "三", "note": "x", "after": 1})
    assert stale.status_code == 412
    for bad in ({"text": " "}, {"text": "三", "note": "x", "kind": "other"}):
        assert world.post("requester", path, bad).status_code == 400
    assert world.post("requester", path, {"text": "长" * 200_001}).status_code == 413
    assert world.post("annotator", path, {"text": "三"}).status_code == 403
    assert world.post("other_requester", path, {"text": "三"}).status_code == 404
    assert publish(world, project, "二", kind="safety") == 3


def test_the_next_task_waits_until_the_newest_version_is_read(either_world: World) -> None:
    world = either_world
    project = world.project(guideline_must_be_read=True)
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(4)])
    # Nothing is published: nothing is to be read.
    assert answer(world, "annotator", project)["guideline_version"] is None
    publish(world, project, "一")
    refused = world.get("annotator", f"/api/projects/{project}/next")
    assert refused.status_code == 403 and f"/projects/{project}/guideline" in refused.text
    assert read(world, "annotator", project, 2) == 412
    assert read(world, "annotator", project, 1) == 200
    assert read(world, "annotator", project, 1) == 200
    assert answer(world, "annotator", project)["guideline_version"] == 1
    publish(world, project, "二")
    assert read(world, "annotator", project, 1) == 412
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 403
    assert read(world, "annotator", project, 2) == 200
    assert answer(world, "annotator", project)["guideline_version"] == 2


def test_an_answer_knows_what_its_maker_had_read_not_what_was_newest(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(3)])
    publish(world, project, "一")
    assert answer(world, "annotator", project)["guideline_version"] is None
    read(world, "annotator", project, 1)
    publish(world, project, "二")
    made = answer(world, "annotator", project)
    assert made["guideline_version"] == 1
    # Who looks at it again after reading the new one answers under that.
    read(world, "annotator", project, 2)
    told = {"result": entity(end=3)}
    world.good(world.patch("annotator", f"/api/annotations/{made['id']}/", told))
    shown = world.good(world.get("annotator", f"/api/tasks/{made['task']}/workbench"))
    assert shown["annotations"][-1]["guideline_version"] == 2


def test_who_has_read_what_is_a_list_and_a_table(world: World) -> None:
    project = world.project()
    publish(world, project, "一")
    read(world, "annotator", project, 1)
    publish(world, project, "二")
    read(world, "annotator2", project, 2)
    page = world.get("requester", f"/projects/{project}/guideline/readers?format=csv")
    rows = list(csv.reader(io.StringIO(page.text.removeprefix("\ufeff"))))
    found = {row[0]: row[2] for row in rows[1:]}
    assert found.items() >= {"annotator": "1", "annotator2": "2"}.items()
    assert "reviewer" not in found and "other_annotator" not in found
    assert world.get("annotator", f"/projects/{project}/guideline/readers").status_code == 403
    shown = world.get("requester", f"/projects/{project}/guideline/readers?language=en").text
    assert f"1 of {len(found)} have read version 2" in shown


def test_text_never_becomes_markup_and_pictures_are_the_projects_own(world: World) -> None:
    project, other = world.project(config=BOXES), world.project(config=BOXES)
    for number, each in enumerate((project, other)):
        world.upload_now(each, ("一.png", picture(number)))
    (task,), (foreign,) = world.tasks(project), world.tasks(other)
    text = (
        "# 例 <script>alert(1)</script>\n\n"
        f"![<img src=x>](task:{task['id']}) **强** `码`\n"
        "![坏](javascript:alert(1))\n\n- 一\n- 二\n  续\n1. 甲\n\n"
        '<a href="https://x">x</a>'
    )
    publish(world, project, text)
    page = world.get("annotator", f"/projects/{project}/guideline").text
    assert "<script>alert" not in page and "<img src=x>" not in page
    assert 'href="javascript' not in page and '<a href="https://x">' not in page
    assert "<h3>例 &lt;script&gt;" in page and "<b>强</b> <code>码</code>" in page
    assert "<ul><li>一</li><li>二<br>续</li></ul>" in page and "<ol><li>甲</li></ol>" in page
    address = page.split('<span class="guideline-picture"><img src="')[1].split('"')[0]
    assert world.get(None, address.replace("&amp;", "&")).mimetype == "image/png"
    for wrong in (foreign["id"], 10**9, f"{task['id']}/nothing"):
        told = {"text": f"![x](task:{wrong})", "note": "x"}
        refused = world.post("requester", f"/api/projects/{project}/guideline/", told)
        assert refused.status_code == 400 and f"task:{wrong}" in refused.text


def test_two_versions_stand_side_by_side(world: World) -> None:
    project = world.project()
    lines = [f"第{n}行" for n in range(30)]
    publish(world, project, "\n".join(lines))
    lines[10] = "第10行，改了"
    publish(world, project, "\n".join([*lines, "新的<b>"]))
    page = world.get("annotator", f"/projects/{project}/guideline/changes?language=en").text
    assert "<ins>，改了</ins>" in page and "<ins>新的&lt;b&gt;</ins>" in page
    assert "7 lines are the same" in page and "第20行" not in page
    path = f"/projects/{project}/guideline/changes"
    assert world.get("annotator", f"{path}?from=1&to=9").status_code == 404


@pytest.mark.parametrize("who", ["annotator", "requester"])
def test_the_pages_open_empty_and_full(world: World, who: str) -> None:
    project = world.project()
    for _ in range(2):
        for part in ("", "/panel"):
            assert world.get(who, f"/projects/{project}/guideline{part}").status_code == 200
        if not world.good(world.get("admin", f"/api/projects/{project}/"))["expert_instruction"]:
            publish(world, project, "一")
    status = world.get(who, f"/projects/{project}/guideline/edit").status_code
    assert status == (200 if who == "requester" else 403)


def test_a_lead_previews_publishes_and_an_annotator_reads_by_the_pages(world: World) -> None:
    project = world.project()
    lead, person = Browser(world), Browser(world)
    lead.sign_in("requester")
    person.sign_in("annotator")
    path = f"/projects/{project}/guideline"
    form = {"text": "# 目标\r\n\r\n标机构", "kind": "safety", "after": "0"}
    shown = lead.post(path, f"{path}/edit", **form, act="preview")
    assert shown.status_code == 200 and "<h3>目标</h3>" in shown.text
    assert lead.post(path, f"{path}/edit", **form, act="publish").status_code == 302
    assert person.post(f"{path}/acknowledge", path, version="1").status_code == 302
    told = world.good(world.get("annotator", f"/api{path}/"))
    assert (told["kind"], told["acknowledged"]) == ("safety", 1)
    assert told["text"] == "# 目标\n\n标机构"


def test_a_version_that_no_column_holds_is_refused_or_not_there(either_world: World) -> None:
    project = either_world.project()
    for odd in (2**31, 2**40, 2**53):
        answer = either_world.get("requester", f"/api/projects/{project}/guideline/?version={odd}")
        assert answer.status_code in (400, 404) and "detail" in answer.json
