"""People talk about a region of somebody's work; who may not see it hears nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

from jinbiao.datasets import comments
from jinbiao.tests.server.world import World, entity

PATH = "/api/comments/"


@pytest.fixture
def work(world: World) -> dict[str, int]:
    """Give a task that one annotator answered, of a project where two may."""
    project = world.project(maximum_annotations=2)
    world.import_list(project, [{"text": "天津大学"}])
    (task,) = world.tasks(project)
    made = {}
    for who in ("annotator", "annotator2"):
        path = f"/api/tasks/{task['id']}/annotations/"
        made[who] = world.good(world.post(who, path, {"result": entity()}), 201)["id"]
    return {"project": project, "task": task["id"], **made}


def say(world: World, who: str, annotation: int, text: str, **more: Any) -> dict[str, Any]:
    """Make a remark."""
    told = {"annotation": annotation, "text": text, **more}
    found: dict[str, Any] = world.good(world.post(who, PATH, told), 201)
    return found


def notices(world: World, who: str) -> list[dict[str, Any]]:
    """List what somebody was told, newest first."""
    found: list[dict[str, Any]] = world.good(world.get(who, "/api/notices/"))["results"]
    return found


def test_a_thread_stays_on_its_region_and_is_settled_and_opened(
    world: World, work: dict[str, int]
) -> None:
    first = say(world, "reviewer", work["annotator"], "太短", region_ref={"regionId": "span_1"})
    answer = say(world, "annotator", work["annotator"], "为什么？", parent=first["id"])
    again = say(world, "reviewer", work["annotator"], "看指南", parent=answer["id"])
    assert [each["parent"] for each in (first, answer, again)] == [None, first["id"], first["id"]]
    assert again["region_ref"] == {"regionId": "span_1"} and again["author"] == "reviewer"
    for settled in (True, False):
        told = world.patch("annotator", f"{PATH}{first['id']}/", {"is_resolved": settled})
        assert world.good(told)["is_resolved"] is settled
    # Nobody takes back what others have answered.
    assert world.ask("DELETE", f"{PATH}{first['id']}/", "reviewer").status_code == 422
    assert world.ask("DELETE", f"{PATH}{again['id']}/", "reviewer").status_code == 204
    wrong = {"annotation": work["annotator2"], "text": "x", "parent": first["id"]}
    assert world.post("reviewer", PATH, wrong).status_code == 400


def test_annotators_hear_nothing_of_anothers_answer(world: World, work: dict[str, int]) -> None:
    mine = say(world, "reviewer", work["annotator"], "给甲")
    theirs = say(world, "reviewer", work["annotator2"], "给乙 @annotator")
    found = world.good(world.get("annotator", f"{PATH}?task={work['task']}"))
    assert [each["id"] for each in found] == [mine["id"]]
    assert world.get("annotator", f"{PATH}{theirs['id']}/").status_code == 404
    told = {"annotation": work["annotator2"], "text": "我也看看"}
    assert world.post("annotator", PATH, told).status_code == 404
    answer = {"annotation": work["annotator"], "text": "x", "parent": theirs["id"]}
    assert world.post("annotator", PATH, answer).status_code == 404
    path = f"{PATH}people/?annotation={work['annotator2']}"
    assert world.get("annotator", path).status_code == 404
    # Mentioned, they are not told of what they may not see.
    assert [each["kind"] for each in notices(world, "annotator")] == ["comment"]
    assert [each["kind"] for each in notices(world, "annotator2")] == ["comment"]


def test_who_is_mentioned_gets_a_link_and_strangers_get_nothing(
    world: World, work: dict[str, int]
) -> None:
    names = {"reviewer", "reviewer2", "requester", "vendor", "annotator"}
    path = f"{PATH}people/?annotation={work['annotator']}"
    known = {each["username"] for each in world.good(world.get("annotator", path))}
    assert known >= names and not known & {"annotator2", "other_reviewer", "other_requester"}
    text = "请@reviewer2看，@other_reviewer @nobody a@requester 再问@vendor."
    told = say(world, "annotator", work["annotator"], text, region_ref={"regionId": "span_1"})
    (notice,) = notices(world, "reviewer2")
    assert notice["kind"] == "mention" and "样例" in notice["text"]
    assert notice["address"] == (
        f"/projects/{work['project']}/review?task={work['task']}&comment={told['id']}"
        f"&region=span_1&annotation={work['annotator']}"
    )
    assert notices(world, "vendor")[0]["address"]
    for who in ("other_reviewer", "requester", "annotator", "annotator2", "other_annotator"):
        assert notices(world, who) == []
    # An @ in an address of somebody's mail mentions nobody; a change tells only whom it adds.
    changed = {"text": f"{text} @reviewer"}
    world.good(world.patch("annotator", f"{PATH}{told['id']}/", changed))
    assert [len(notices(world, who)) for who in ("reviewer", "reviewer2")] == [1, 1]


def test_who_made_the_work_and_who_is_answered_are_told_once(
    world: World, work: dict[str, int]
) -> None:
    first = say(world, "reviewer", work["annotator"], "@annotator 看这里")
    assert [each["kind"] for each in notices(world, "annotator")] == ["mention"]
    say(world, "annotator", work["annotator"], "好", parent=first["id"])
    (notice,) = notices(world, "reviewer")
    assert notice["kind"] == "comment"
    assert notices(world, "annotator")[0]["address"].startswith(
        f"/projects/{work['project']}/label?task={work['task']}"
    )


def test_names_are_found_as_people_write_them() -> None:
    assert comments.names_in("请@li.wei看，@Zhang_3. (@a-b) @li@x.cn x@y.cn @@no") == {
        "li.wei",
        "Zhang_3",
        "a-b",
        "li@x.cn",
    }
    assert comments.names_in("@" + "a" * 70) == {"a" * 64}
