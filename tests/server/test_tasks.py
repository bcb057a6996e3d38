"""Import tasks over HTTP and list them."""

from __future__ import annotations

import base64
import json

from jinbiao.tests.server.world import (
    BOXES,
    TEXTS,
    World,
    box,
    entity,
    multipart,
    picture,
    zipped,
)


def test_a_list_in_the_body_becomes_tasks(world: World) -> None:
    project = world.project()
    rows = [{"text": "一"}, {"data": {"text": "二"}, "meta": {"source": "sdk"}}]
    told = world.import_list(project, rows)
    assert (told["task_count"], told["prediction_count"]) == (2, 0)
    found = world.tasks(project)
    assert [task["id"] for task in found] == told["task_ids"]
    assert [task["data"]["text"] for task in found] == ["一", "二"]
    assert [task["inner_id"] for task in found] == [1, 2]
    assert found[1]["meta"] == {"source": "sdk"}


def test_a_list_is_taken_whole_or_not_at_all(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import"
    wrong = {"data": {"text": "天"}, "predictions": [{"result": entity(end=9)}]}
    for rows, place in (
        ([{"text": "一"}, {"no": 1}], "[1].data"),
        ([{"text": "一"}, wrong], "[1].predictions[0].result[0].value.end"),
        ([{"text": "一"}, "text"], "[1]"),
        ([{"text": "一"}, {"data": {"text": "media:" + "0" * 64}}], "[1].data.text"),
        ([{"text": "一"}, {"data": {"text": "x"}, "meta": []}], None),
        ([], None),
        ("text", None),
    ):
        answer = world.post("requester", path, rows)
        if place is None and rows and rows != "text":
            assert answer.status_code == 201  # an empty list of meta says nothing
            world.ask("DELETE", f"/api/projects/{project}/tasks/", "requester")
            continue
        assert answer.status_code == 400, rows
        told = answer.json["validation_errors"]["non_field_errors"]
        assert place is None or told[0].startswith(f"{place}:")
        assert world.tasks(project) == []


def test_what_comes_with_a_task_is_kept(world: World) -> None:
    project = world.project(maximum_annotations=3)
    me = world.good(world.get("annotator", "/api/current-user/whoami"))["id"]
    stranger = world.good(world.get("other_annotator", "/api/current-user/whoami"))["id"]
    annotations = [
        {"result": entity(), "completed_by": me, "ground_truth": True, "lead_time": 3.5},
        {"result": entity(end=2), "completed_by": stranger},
        {"result": [], "was_cancelled": True},
    ]
    predictions = [
        {"result": entity(), "model_version": "m", "score": 0.5},
        {"result": entity(end=1), "model_version": "m"},
        {"result": []},
    ]
    row = {"data": {"text": "天津大学"}, "annotations": annotations, "predictions": predictions}
    told = world.import_list(project, [row])
    assert (told["annotation_count"], told["prediction_count"]) == (3, 3)
    (task,) = world.tasks(project)
    importer = world.good(world.get("requester", "/api/current-user/whoami"))["id"]
    assert [each["completed_by"] for each in task["annotations"]] == [me, importer, importer]
    first = task["annotations"][0]
    assert (first["ground_truth"], first["lead_time"]) == (True, 3.5)
    assert (task["total_annotations"], task["cancelled_annotations"]) == (2, 1)
    versions = [each["model_version"] for each in task["predictions"]]
    assert sorted(versions) == ["m", "m", "undefined"]


def test_fields_become_predictions_where_that_is_asked(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import?preannotated_from_fields=label"
    told = world.post("requester", path, [{"text": "天津大学", "label": entity()}])
    assert world.good(told, 201)["prediction_count"] == 1
    (task,) = world.tasks(project)
    assert task["predictions"][0]["result"] == entity()


def test_a_file_becomes_tasks_at_once(world: World) -> None:
    project = world.project()
    for name, content, texts in (
        ("a.json", '[{"text": "一"}, {"text": "二"}]'.encode(), ["一", "二"]),
        ("b.jsonl", '{"text": "三"}\n\n{"text": "四"}\n'.encode(), ["三", "四"]),
        ("c.csv", "text,id\n五,007\n".encode(), ["五"]),
        ("d.csv", "text;id\r\n六;1\r\n".encode("gb18030"), ["六"]),
        ("e.tsv", "text\tid\n七\t1\n".encode("utf-16"), ["七"]),
        ("f.txt", "八\n\n九\n".encode("utf-8-sig"), ["八", "九"]),
    ):
        told = world.upload_now(project, (name, content), return_task_ids="true")
        assert told["found_formats"] == {f".{name[2:]}": 1}
        rows = [
            world.good(world.get("requester", f"/api/tasks/{number}/"))
            for number in told["task_ids"]
        ]
        assert [row["data"]["text"] for row in rows] == texts, name
        assert {row["file_upload"] for row in rows} == {name}
    assert world.tasks(project)[4]["data"]["id"] == "007"
    listed = world.good(world.get("requester", f"/api/projects/{project}/file-uploads"))
    assert [row["file"].rpartition("/")[2] for row in listed] == [
        "a.json",
        "b.jsonl",
        "c.csv",
        "d.csv",
        "e.tsv",
        "f.txt",
    ]


def test_an_upload_can_wait_to_become_tasks(world: World) -> None:
    project = world.project()
    told = world.upload_now(project, ("a.txt", b"one\ntwo\n"), commit_to_project="false")
    assert (told["task_count"], told["annotation_count"]) == (2, None)
    assert world.tasks(project) == []
    ids = {"file_upload_ids": told["file_upload_ids"]}
    again = world.post("requester", f"/api/projects/{project}/reimport", ids)
    assert world.good(again, 201)["task_count"] == 2
    assert len(world.tasks(project)) == 2
    path = f"/api/import/file-upload/{told['file_upload_ids'][0]}"
    assert world.get("other_requester", path).status_code == 404
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert world.get("requester", path).status_code == 404
    assert [row["file_upload"] for row in world.tasks(project)] == [None, None]


def test_a_table_that_is_none_is_refused_with_its_line(world: World) -> None:
    project = world.project()
    for name, content in (
        ("a.csv", b""),
        ("b.csv", b"text,text\n1,2\n"),
        ("c.csv", b"text,id\n1,2\n3\n"),
        ("d.csv", b"text,\n1,2\n"),
        ("e.csv", b"\xff\xff\xff\xff"),
        ("f.csv", b'text\n"open\n'),
        ("g.tsv", b"other\n1\n"),
        ("h.exe", b"MZ"),
    ):
        data, content_type = multipart((name, content))
        path = f"/api/projects/{project}/import"
        answer = world.ask("POST", path, "requester", data=data, content_type=content_type)
        assert answer.status_code == 400, name
    assert world.tasks(project) == []


def test_an_import_can_run_as_a_job(world: World) -> None:
    project = world.project()
    job = world.import_later(project, [{"text": "一"}, {"data": {"text": "二"}}, {"no": 1}])
    assert (job["state"], job["result"]["tasks"], job["result"]["rejected"]) == ("done", 2, 1)
    status = world.good(world.get("requester", f"/api/projects/{project}/imports/1/"))
    assert (status["status"], status["task_count"], len(status["task_ids"])) == ("completed", 2, 2)
    rejects = world.get("requester", f"/jobs/{job['id']}/rejects")
    (line,) = [json.loads(line) for line in rejects.text.splitlines()]
    assert line["number"] == 3
    assert "text" in rejects.text
    shown = world.get("requester", f"/jobs/{job['id']}", headers={"Accept": "text/html"}).text
    assert line["reason"] not in shown, "the page tells the reason in the reader's language"
    assert world.get("requester", f"/api/projects/{project}/imports/2/").status_code == 404


def test_single_tasks_are_made_changed_and_deleted(world: World) -> None:
    project = world.project()
    asked = {"project": project, "data": {"text": "天津大学"}, "meta": {"a": 1}}
    made = world.good(world.post("requester", "/api/tasks/", asked), 201)
    assert (made["inner_id"], made["meta"], made["is_labeled"]) == (1, {"a": 1}, False)
    path = f"/api/tasks/{made['id']}/"
    for wrong in ({"data": {"no": 1}}, {"data": {"text": "media:" + "0" * 64}}):
        assert world.patch("requester", path, wrong).status_code == 400
    changed = world.good(world.patch("requester", path, {"data": {"text": "南开大学"}}))
    assert (changed["data"], changed["meta"]) == ({"text": "南开大学"}, {"a": 1})
    assert world.ask("DELETE", path, "annotator").status_code == 403
    assert world.ask("DELETE", path, "other_requester").status_code == 404
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert world.get("requester", path).status_code == 404
    world.import_list(project, [{"text": "甲"}, {"text": "乙"}])
    assert [task["inner_id"] for task in world.tasks(project)] == [2, 3]
    everything = f"/api/projects/{project}/tasks/"
    assert world.ask("DELETE", everything, "requester").status_code == 204
    assert world.tasks(project) == []


def test_a_picture_goes_from_one_project_to_another_by_its_address(world: World) -> None:
    first, second = world.project(config=BOXES), world.project(config=BOXES)
    world.upload_now(first, ("甲.png", picture()))
    (task,) = world.tasks(first)
    shown = world.get("requester", task["data"]["image"])
    assert (shown.status_code, shown.data, shown.mimetype) == (200, picture(), "image/png")
    world.import_list(second, [{"data": task["data"]}])
    (copied,) = world.tasks(second)
    assert copied["data"]["image"] != task["data"]["image"]
    assert world.get("requester", copied["data"]["image"]).data == picture()
    # Who does not see the project gets neither the picture nor a task that shows it.
    assert world.get("other_requester", task["data"]["image"]).status_code == 404
    foreign = world.project("other_requester", config=BOXES)
    world.import_list(foreign, [{"data": task["data"]}], "other_requester")
    (kept,) = world.tasks(foreign, "other_requester")
    assert kept["data"]["image"] == task["data"]["image"]


def test_a_picture_can_stand_in_the_list_itself(world: World) -> None:
    project = world.project(config=BOXES)
    inline = "data:image/png;base64," + base64.b64encode(picture()).decode()
    world.import_list(project, [{"image": inline}])
    (task,) = world.tasks(project)
    assert world.get("requester", task["data"]["image"]).data == picture()
    for wrong in ("data:image/png;base64,###", "data:text/html,<b>"):
        answer = world.post("requester", f"/api/projects/{project}/import", [{"image": wrong}])
        assert answer.status_code == 400, wrong


def test_a_zip_becomes_pictures_that_can_be_seen(world: World) -> None:
    project = world.project(config=BOXES)
    files = {"甲/一.png": picture(1), "甲/二.png": picture(2), "甲/说明.txt": b"no picture"}
    (job,) = world.upload(project, ("图片.zip", zipped(files)))
    assert (job["state"], job["result"]["tasks"]) == ("done", 2)
    assert sum(job["result"]["skipped"].values()) + job["result"]["rejected"] == 1
    for task, seed in zip(world.tasks(project), (1, 2), strict=True):
        shown = world.get("requester", task["data"]["image"])
        assert (shown.status_code, shown.data) == (200, picture(seed))
        assert shown.mimetype == "image/png"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"


def test_several_files_become_a_job_each(world: World) -> None:
    project = world.project(config=BOXES)
    files = [(f"{n}.png", picture(n)) for n in range(3)]
    jobs = world.upload(project, *files)
    assert [job["result"]["tasks"] for job in jobs] == [1, 1, 1]
    shown = [task["data"]["image"] for task in world.tasks(project)]
    assert [address.rpartition("/")[2] for address in shown] == ["0.png", "1.png", "2.png"]


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
    job = world.import_later(project, rows)
    assert (job["result"]["tasks"], job["result"]["rejected"]) == (1, 1)
    (task,) = world.tasks(project)
    assert (world.states(project), task["is_labeled"]) == (["labelled"], True)
    assert task["annotations"][0]["last_action"] == "imported"
    assert task["predictions"][0]["model_version"] == "m"


def test_nothing_to_import_is_said(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/import"
    for field, given in (
        ("non_field_errors", {}),
        ("file", {"data": {"x": "y"}, "content_type": "multipart/form-data"}),
    ):
        answer = world.ask("POST", path, "requester", **given)
        assert answer.status_code == 400
        assert answer.json["validation_errors"].keys() == {field}
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


def test_annotators_see_their_own_answers_only(world: World) -> None:
    project = world.labelled(2)
    assert all(task["annotations"] for task in world.tasks(project))
    assert all(task["annotations"] for task in world.tasks(project, "annotator"))
    for task in world.tasks(project, "annotator2"):
        assert task["annotations"] == []
        one = world.good(world.get("annotator2", f"/api/tasks/{task['id']}/"))
        assert one["annotations"] == []


def test_the_workbench_shows_a_picture_by_a_signed_address_only(world: World) -> None:
    project = world.project(config=BOXES)
    world.upload(project, ("a.png", picture()))
    task = world.tasks(project)[0]["id"]
    shown = world.good(world.get("annotator", f"/api/tasks/{task}/workbench"))
    address = shown["data"]["image"]
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


def test_postgres_answers_the_same(postgres_world: World) -> None:
    test_a_zip_becomes_pictures_that_can_be_seen(postgres_world)
    test_labels_that_come_along_wait_for_review(postgres_world)
    test_what_comes_with_a_task_is_kept(postgres_world)
    test_single_tasks_are_made_changed_and_deleted(postgres_world)
    test_an_upload_can_wait_to_become_tasks(postgres_world)
    project = postgres_world.project(config=TEXTS)
    assert postgres_world.tasks(project) == []
