"""Stages of review over HTTP: what reviewers see of it, and what is told of a task."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people, reviews
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.test_annotations import submitted, task_of
from jinbiao.tests.server.test_reviews import judged
from jinbiao.tests.server.world import World, entity

REASONS = [{"code": "missed", "text": "漏标"}, {"code": "wrong_label", "text": "标签错"}]


def staged(world: World, project: int, **options: Any) -> None:
    world.good(world.patch("requester", f"/api/projects/{project}/", options))


def next_of(world: World, project: int, who: str = "reviewer") -> Any:
    return world.get(who, f"/api/projects/{project}/next_review")


def test_what_nobody_reviews_is_accepted_when_it_is_submitted(world: World) -> None:
    project, task = task_of(world)
    staged(world, project, review_first="none")
    row = submitted(world, task)
    assert world.states(project) == ["accepted"]
    told = world.good(world.get("requester", f"/api/annotation-reviews/?annotation={row['id']}"))
    assert [(each["accepted"], each["created_by"]) for each in told] == [(True, None)]
    story = world.good(world.get("requester", f"/api/tasks/{task}/history"))
    assert [(each["kind"], each["by"] is None, each["text"]) for each in story] == [
        ("submitted", False, ""),
        ("by_rule", True, "none"),
    ]


def test_second_reviewers_see_what_stands_and_not_who_made_it_so(world: World) -> None:
    project, task = task_of(world)
    staged(world, project, review_second="all", review_blind=True, review_reasons=REASONS)
    row = submitted(world, task)
    first = world.good(next_of(world, project))
    assert first["annotations"][0]["completed_by"] is None
    chosen = world.get("reviewer", f"/projects/{project}/review?task={task}")
    assert chosen.status_code == 302 and "task" not in chosen.headers["Location"]
    assert judged(world, row["id"], verdict="fix", result=entity(end=2)).status_code == 201
    assert next_of(world, project).status_code == 404
    own = judged(world, row["id"], verdict="accept")
    assert (own.status_code, own.headers["Jinbiao-Error"]) == (403, "own_work")
    shown = world.good(next_of(world, project, "reviewer2"))
    (seen,) = shown["annotations"]
    assert (shown["review_stage"], seen["result"], seen["reviews"]) == (2, entity(end=2), [])
    path = f"/api/annotations/{row['id']}/review_sheet"
    sheet = world.good(world.get("reviewer2", path))
    assert sheet["reasons"] == REASONS and sheet["maker"].startswith("annotator-") is False
    bad = judged(world, row["id"], "reviewer2", verdict="reject", code="unknown")
    assert bad.json["validation_errors"].keys() == {"code"}
    done = world.good(judged(world, row["id"], "reviewer2", verdict="reject", code="missed"), 201)
    assert (done["reason"], done["code"], done["stage"]) == ("漏标", "missed", 2)
    # The two contradict each other: neither of them, nor a reviewer, decides.
    assert next_of(world, project, "reviewer").status_code == 404
    arbiter = world.good(next_of(world, project, "admin"))
    assert arbiter["review_stage"] == 3 and arbiter["annotations"][0]["result"] == entity()
    sheet = world.good(world.get("admin", path))
    assert [(side["kind"], side.get("verdict")) for side in sheet["sides"]] == [
        ("review", "fix"),
        ("review", "reject"),
    ]
    assert sheet["maker"] == "" and "reviewer" not in str(sheet["sides"])
    (changed,) = sheet["sides"][0]["differences"]["changed"]
    assert changed["what"] == ["geometry"]
    assert judged(world, row["id"], "admin", verdict="accept").status_code == 201
    assert world.states(project) == ["accepted"]


def test_an_annotator_objects_to_a_return(world: World) -> None:
    project, task = task_of(world)
    row = submitted(world, task)
    judged(world, row["id"], verdict="reject", reason="缺一个")
    path = f"/api/annotations/{row['id']}/objections"
    assert world.post("annotator", path, {"reason": "没有缺"}).status_code == 422
    staged(world, project, review_objections=True)
    assert world.post("annotator2", path, {"reason": "没有缺"}).status_code == 404
    made = world.good(world.post("annotator", path, {"reason": "没有缺"}), 201)
    assert (made["kind"], made["reason"]) == ("objection", "没有缺")
    assert next_of(world, project).status_code == 404
    world.good(next_of(world, project, "admin"))
    sheet = world.good(world.get("admin", f"/api/annotations/{row['id']}/review_sheet"))
    assert sheet["objections"] == ["没有缺"]


def test_taking_back_is_told_and_what_is_published_stays(world: World) -> None:
    project, task = task_of(world)
    row = submitted(world, task)
    world.good(
        world.patch("annotator", f"/api/annotations/{row['id']}/", {"result": entity(end=2)})
    )
    judged(world, row["id"], verdict="accept")
    path = f"/api/annotations/{row['id']}"
    assert world.post("reviewer", f"{path}/reopen", {"reason": "x"}).status_code == 403
    bad = world.post("requester", f"{path}/reopen", {})
    assert bad.json["validation_errors"].keys() == {"reason"}
    world.good(world.post("requester", f"{path}/reopen", {"reason": "客户退回"}), 201)
    sent = {"revision": 1, "reason": "第一版对"}
    made = world.good(world.post("requester", f"{path}/roll-back", sent), 201)
    assert (made["revision"], made["to_revision"]) == (3, 1)
    kept = world.good(world.get("requester", f"{path}/"))
    assert kept["result"] == entity()
    story = world.good(world.get("requester", f"/api/tasks/{task}/history"))
    kinds = ["submitted", "changed", "reviewed", "reopening", "roll_back"]
    assert [each["kind"] for each in story] == kinds
    assert story[1]["differences"]["changed"][0]["what"] == ["geometry"]
    page = world.get("requester", f"/tasks/{task}").text
    assert "第一版对" in page and "客户退回" in page


def test_a_blind_review_looks_like_any_other(world: World) -> None:
    project, task = task_of(world)
    row = submitted(world, task)
    judged(world, row["id"], verdict="accept")
    with world.installation.database.write() as session:
        asker = people.get_user(session, "requester")
        kept = session.get_one(Annotation, row["id"])
        reviews.ask_blind(session, asker, session.get_one(Project, project), kept, "抽查")
    assert next_of(world, project).status_code == 404
    shown = world.good(next_of(world, project, "reviewer2"))
    (seen,) = shown["annotations"]
    assert (seen["state"], seen["reviews"], shown["review_stage"]) == ("submitted", [], 1)
    said = world.good(judged(world, row["id"], "reviewer2", verdict="reject", reason="像抄的"), 201)
    assert set(said) == set(
        world.good(world.get("requester", f"/api/tasks/{task}/workbench"))["annotations"][0][
            "reviews"
        ][0]
    )
    assert world.states(project) == ["accepted"]
    with world.installation.database.read() as session:
        found = session.scalars(sa.select(reviews.BlindReview)).one()
    assert (found.verdict, found.reason) == ("reject", "像抄的")


def test_the_settings_are_kept_and_counts_told(world: World) -> None:
    project, task = task_of(world)
    page = f"/projects/{project}/review-stages"
    form = {
        "review_first": "all",
        "review_second": "sample",
        "review_second_percent": "30",
        "review_blind": "true",
        "review_reasons": "missed 漏标了对象\nwrong 标签错\n",
    }
    assert world.post("requester", page, form).status_code == 302
    submitted(world, task)
    told = world.good(world.get("requester", f"/api/projects/{project}/review-stages"))
    assert told["settings"]["review_second"] == "sample"
    assert told["settings"]["review_second_percent"] == 30
    assert told["settings"]["review_reasons"] == [
        {"code": "missed", "text": "漏标了对象"},
        {"code": "wrong", "text": "标签错"},
    ]
    assert [(each["stage"], each["waiting"]) for each in told["stages"]] == [
        (0, 0),
        (1, 1),
        (2, 0),
        (3, 0),
    ]
    assert "漏标了对象" in world.get("requester", page).text


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("review_first", "some"),
        ("review_second", 1),
        ("review_first_percent", 0),
        ("review_agreement_percent", 101),
        ("review_reasons", [{"code": "A B", "text": "x"}]),
        ("review_reasons", [{"code": "a", "text": "x"}] * 2),
        ("review_reasons", "missed"),
        ("review_blind", "yes"),
    ],
)
def test_an_unusable_option_is_named(shared_world: World, option: str, value: object) -> None:
    project, _task = task_of(shared_world)
    answer = shared_world.patch("requester", f"/api/projects/{project}/", {option: value})
    assert answer.status_code == 400 and option in answer.json["validation_errors"], answer.text
