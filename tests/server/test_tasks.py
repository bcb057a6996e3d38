"""Import tasks over HTTP and list them."""

from __future__ import annotations

import json

import pytest

from jinbiao.tests.server.world import BOXES, TEXTS, World, box, entity, picture, zipped


def test_a_list_in_the_body_becomes_tasks(world: World) -> None:
    project = world.project()
    job = world.import_list(project, [{"text": "一"}, {"data": {"text": "二"}}, {"no": 1}])
    assert (job["state"], job["result"]["tasks"], job["result"]["rejected"]) == ("done", 2, 1)
    assert [task["data"]["text"] for task in world.tasks(project)] == ["一", "二"]
    rejects = world.get("requester", f"/jobs/{job['id']}/rejects")
    assert rejects.status_code == 200
    (line,) = [json.loads(line) for line in rejects.text.splitlines()]
    assert line["number"] == 3
    assert "text" in rejects.text
    shown = world.get("requester", f"/jobs/{job['id']}", headers={"Accept": "text/html"}).text
    assert line["reason"] not in shown, "the page tells the reason in the reader's language"


def test_a_zip_becomes_pictures_that_can_be_seen(world: World) -> None:
    project = world.project(config=BOXES)
    files = {"甲/一.png": picture(1), "甲/二.png": picture(2), "甲/说明.txt": b"no picture"}
    (job,) = world.upload(project, ("图片.zip", zipped(files)))
    assert (job["state"], job["result"]["tasks"]) == ("done", 2)
    assert sum(job["result"]["skipped"].values()) + job["result"]["rejected"] == 1
    for task, seed in zip(world.tasks(project), (1, 2), strict=True):
        shown = world.get(None, task["data"]["image"])
        assert (shown.status_code, shown.data) == (200, picture(seed))
        assert shown.mimetype == "image/png"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_several_files_become_a_job_each(world: World) -> None:
    project = world.project(config=BOXES)
    files = [(f"{n}.png", picture(n)) for n in range(3)]
    jobs = world.upload(project, *files)
    assert [job["result"]["tasks"] for job in jobs] == [1, 1, 1]
    assert [task["name"] for task in world.tasks(project)] == ["0.png", "1.png", "2.png"]


def test_labels_that_come_along_wait_for_review(world: World) -> None:
    project = world.project()
    rows = [
        {
            "data": {"text": "天津大学"},
            "annotations": [{"result": entity()}],
            "predictions": [{"model_version": "m", "score": 0.5, "result": entity()}],
        },
        {"data": {"text": "天"}, "annotations": [{"result": entity(end=9)}]},
    ]
    job = world.import_list(project, rows)
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 1)
    (task,) = world.tasks(project)
    assert (task["state"], task["is_labeled"]) == ("labelled", True)
    assert task["annotations"][0]["state"] == "submitted"
    assert task["predictions"][0]["model_version"] == "m"


def test_nothing_to_import_is_said(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import"
    for given in ({}, {"data": {"x": "y"}, "content_type": "multipart/form-data"}):
        answer = world.ask("POST", path, "requester", **given)
        assert answer.status_code == 400
        assert answer.json["validation_errors"].keys() == {"file"}
    assert world.waiting() == []


def test_a_list_that_is_no_list_becomes_no_task(world: World) -> None:
    project = world.project()
    for content in (b'"a text"', b"{not json", b"[1, 2"):
        (job,) = world.upload(project, ("tasks.json", content))
        assert job["state"] == "failed" or job["result"]["rejected"] >= 1, content
    assert world.tasks(project) == []


def test_too_large_an_upload_is_refused(world: World) -> None:
    project = world.project()
    limit = world.installation.settings.maximum_upload_bytes
    body = b"[" + b" " * limit + b"]"
    answer = world.ask(
        "POST",
        f"/api/projects/{project}/import",
        "requester",
        data=body,
        content_type="application/json",
    )
    assert (answer.status_code, answer.mimetype) == (413, "application/json")
    assert world.waiting() == []


def test_tasks_are_paged_and_chosen_by_state(world: World) -> None:
    project = world.project()
    world.import_list(project, [{"text": str(n)} for n in range(5)])
    path = f"/api/projects/{project}/tasks/"
    first = world.good(world.get("requester", f"{path}?page_size=2"))
    rest = world.good(world.get("requester", f"{path}?after={first['next_after']}"))
    assert [t["data"]["text"] for t in first["tasks"] + rest["tasks"]] == list("01234")
    assert world.good(world.get("requester", f"{path}?state=accepted"))["tasks"] == []
    last = world.good(world.get("requester", f"{path}?after=999999"))
    assert last == {"tasks": [], "next_after": None}


def test_annotators_see_their_own_answers_only(world: World) -> None:
    project = world.labelled(2)
    assert all(task["annotations"] for task in world.tasks(project))
    assert all(task["annotations"] for task in world.tasks(project, "annotator"))
    for task in world.tasks(project, "annotator2"):
        assert task["annotations"] == []
        one = world.good(world.get("annotator2", f"/api/tasks/{task['id']}/"))
        assert one["annotations"] == []


def test_a_picture_is_shown_by_a_signed_address_only(world: World) -> None:
    project = world.project(config=BOXES)
    world.upload(project, ("a.png", picture()))
    address = world.tasks(project)[0]["data"]["image"]
    assert world.get(None, address).status_code == 200
    bare, _mark, query = address.partition("?")
    for wrong in (
        bare,
        address.replace(".png", ".html"),
        address[:-1] + ("0" if address[-1] != "0" else "1"),
        address.replace("expires=", "expires=9"),
        f"{bare}?expires=1&signature=x",
        f"{bare}?{query.replace('signature=', 'signature=é')}",
        f"{bare}?expires=99999999999999999999999999999&signature=" + "0" * 32,
    ):
        assert world.get(None, wrong).status_code == 404, wrong


def test_a_result_in_the_list_is_checked_against_the_picture(world: World) -> None:
    project = world.project(config=BOXES)
    rows = [
        {"data": {"image": "a.png"}, "annotations": [{"result": [box()]}]},
        {"data": {"image": "a.png"}, "annotations": [{"result": [box(label="rust")]}]},
        {"data": {"image": "missing.png"}},
    ]
    files = {"tasks.json": json.dumps(rows).encode(), "a.png": picture()}
    (job,) = world.upload(project, ("set.zip", zipped(files)))
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 2)


@pytest.mark.parametrize("query", ["page_size=0", "page_size=-1", "page_size=x", "after=-1"])
def test_a_page_that_cannot_be_is_refused(shared_world: World, query: str) -> None:
    project = shared_world.project()
    answer = shared_world.get("requester", f"/api/projects/{project}/tasks/?{query}")
    assert answer.status_code == 400
    assert answer.json["validation_errors"].keys() == {query.partition("=")[0]}


def test_postgres_answers_the_same(postgres_world: World) -> None:
    test_a_zip_becomes_pictures_that_can_be_seen(postgres_world)
    test_labels_that_come_along_wait_for_review(postgres_world)
    project = postgres_world.project(config=TEXTS)
    assert postgres_world.tasks(project) == []
