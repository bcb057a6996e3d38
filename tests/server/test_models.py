"""Models of a project over HTTP: chosen, set up, told apart, never showing a secret."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from jinbiao.datasets import circuits, errors, models, people
from jinbiao.datasets.connections import backends
from jinbiao.datasets.jobs import Job
from jinbiao.datasets.models import Gate, ProjectModel
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.world import BOXES, TEXTS, World, entity, multipart
from jinbiao.tests.workers import onnx_files
from jinbiao.workers.models import MODELS

SECRET = "sk-do-not-tell-anybody-1234567890"
SERVICE = {"url": "http://127.0.0.1:1/v1", "model": "a-model"}
RED = {"form": "yolo", "labels": ["scratch", "dent"]}


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world that may call loopback."""
    made = connected(populated, tmp_path / "home")
    yield made
    made.installation.close()


def add(world: World, project: int, kind: str, **values: Any) -> dict[str, Any]:
    """Let a project use a model; return it."""
    path = f"/api/projects/{project}/models/"
    made: dict[str, Any] = world.good(world.post("requester", path, {"kind": kind, **values}), 201)
    return made


def bring(
    world: World, project: int, content: bytes, name: str = "model.onnx", **fields: str
) -> TestResponse:
    """Send a form with a file that registers a model."""
    body, content_type = multipart((name, content))
    mark = content_type.partition("boundary=")[2].encode()
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (mark, field.encode(), value.encode())
        for field, value in {"kind": "onnx", **fields}.items()
    ]
    path = f"/api/projects/{project}/models/"
    return world.ask(
        "POST", path, "requester", data=b"".join(parts) + body, content_type=content_type
    )


def row_of(world: World, number: int) -> ProjectModel:
    """Return a model as it is kept."""
    with world.installation.database.read() as session:
        return session.get_one(ProjectModel, number)


def option(world: World, project: int, name: str) -> Any:
    """Return an option of a project that Label Studio does not know."""
    with world.installation.database.read() as session:
        return session.get_one(Project, project).option(name)


def faults(answer: TestResponse, status: int = 400) -> dict[str, list[str]]:
    """Return field → what is wrong with it."""
    assert answer.status_code == status, answer.text[:1000]
    told: dict[str, list[str]] = answer.json["validation_errors"] if answer.json else {}
    return told


def test_kinds_say_for_which_config_they_suit(world: World) -> None:
    texts, boxes = world.project(config=TEXTS), world.project(config=BOXES)
    found = world.good(world.get("reviewer", "/api/project_models/kinds"))
    assert {kind["name"] for kind in found} == set(MODELS)
    assert all(kind["suits"] is None and kind["card"]["title"]["zh"] for kind in found)
    of_texts = world.good(world.get("requester", f"/api/project_models/kinds?project={texts}"))
    of_boxes = world.good(world.get("requester", f"/api/project_models/kinds?project={boxes}"))
    suiting = [{kind["name"] for kind in kinds if kind["suits"]} for kinds in (of_texts, of_boxes)]
    assert "sequence_tagger" in suiting[0] - suiting[1]
    assert "onnx" in suiting[1] - suiting[0]
    assert all(bool(kind["reason"]) == (not kind["suits"]) for kind in of_texts + of_boxes)
    # Those that suit come first.
    assert [kind["suits"] for kind in of_texts] == sorted(
        (kind["suits"] for kind in of_texts), reverse=True
    )


def test_a_model_is_added_changed_and_removed(world: World) -> None:
    project = world.project()
    made = add(world, project, "sequence_tagger", title="实体", train_after=50)
    assert (made["kind"], made["gate"], made["is_on"], made["is_shown"]) == (
        "sequence_tagger",
        "unmeasured",
        True,
        True,
    )
    path = f"/api/project_models/{made['id']}/"
    told = world.good(world.patch("vendor", path, {"is_on": False, "labels_off": ["ORG"]}))
    assert (told["is_on"], told["labels_off"], told["title"]) == (False, ["ORG"], "实体")
    # What was answered can be sent back.
    assert world.good(world.patch("requester", path, told)) | {"updated_at": ""} == told | {
        "updated_at": ""
    }
    listed = world.good(world.get("reviewer", f"/api/projects/{project}/models/"))
    assert [each["id"] for each in listed] == [made["id"]]
    assert world.ask("DELETE", path, "requester").status_code == 204
    assert world.get("requester", path).status_code == 404
    # From the first model on, a part of the tasks gets none.
    assert option(world, project, "prelabel_control_percent") == models.CONTROL_PERCENT


def test_what_cannot_be_used_is_named(world: World) -> None:
    project = world.project()
    path = f"/api/projects/{project}/models/"

    def sent(**values: Any) -> TestResponse:
        return world.post("requester", path, values)

    assert list(faults(sent(kind="no such"))) == ["kind"]
    assert list(faults(sent(kind="sequence_tagger", surprise=1))) == ["surprise"]
    wrong = {"colour": "red"}
    assert list(faults(sent(kind="sequence_tagger", options=wrong))) == ["options.colour"]
    assert list(faults(sent(kind="sequence_tagger", options=[1]))) == ["options"]
    assert list(faults(sent(kind="sequence_tagger", secret=SECRET))) == ["secret"]
    assert list(faults(sent(kind="sequence_tagger", train_after=-1))) == ["train_after"]
    assert list(faults(sent(kind="language_model"))) == ["options.url"]
    far = {**SERVICE, "url": "http://169.254.169.254/v1"}
    assert list(faults(sent(kind="language_model", options=far))) == ["options.url"]
    # A picture model has no place in a project of texts.
    refused = sent(kind="onnx")
    assert refused.status_code == 422
    assert "<Image>" in refused.text
    made = add(world, project, "sequence_tagger")
    one = f"/api/project_models/{made['id']}/"
    unknown = world.patch("requester", one, {"labels_off": ["NOBODY"]})
    assert list(faults(unknown)) == ["labels_off"]
    assert world.good(world.get("requester", f"/api/projects/{project}/models/"))[0] == made


def test_another_organisation_sees_nothing(world: World) -> None:
    project = world.project()
    made = add(world, project, "sequence_tagger")
    one = f"/api/project_models/{made['id']}"
    for path in (f"{one}/", f"{one}/card"):
        assert world.get("other_requester", path).status_code == 404
    for path in (
        f"/api/project_models/{made['id']}/predict",
        f"/api/project_models/{made['id']}/train",
    ):
        assert world.post("other_vendor", path, {}).status_code == 404
        assert world.post("annotator", path, {}).status_code == 403
    assert (
        world.get("other_requester", f"/api/project_models/kinds?project={project}").status_code
        == 404
    )
    assert world.waiting() == []


def test_a_secret_goes_in_and_never_out(place: World) -> None:
    project = place.project()
    made = add(place, project, "language_model", options=SERVICE, secret=SECRET)
    number = made["id"]
    assert made["secret_is_set"]
    shown = [
        place.get(who, path).text
        for who in ("requester", "admin")
        for path in (
            f"/api/project_models/{number}/",
            f"/api/project_models/{number}/card",
            f"/api/projects/{project}/models/",
            f"/projects/{project}/models",
            f"/models/{number}",
        )
    ]
    assert not any(SECRET in text for text in shown)
    kept = row_of(place, number)
    assert SECRET not in kept.secret + kept.options
    assert models.secret_of(place.installation.settings, kept) == SECRET
    path = f"/api/project_models/{number}/"
    # Another address of the same host keeps the key, another host wants it anew.
    same = {"options": {"url": "http://127.0.0.1:1/v2"}}
    assert place.good(place.patch("requester", path, same))["secret_is_set"]
    other = {"options": {"url": "http://127.0.0.2:1/v1"}}
    assert list(faults(place.patch("vendor", path, other))) == ["secret"]
    assert row_of(place, number).option_values["url"] == "http://127.0.0.1:1/v2"
    assert place.good(place.patch("requester", path, {**other, "secret": "new"}))["secret_is_set"]
    assert not place.good(place.patch("requester", path, {"secret": ""}))["secret_is_set"]


def test_options_are_changed_one_by_one(place: World) -> None:
    project = place.project()
    made = add(place, project, "language_model", options={**SERVICE, "temperature": 1})
    path = f"/api/project_models/{made['id']}/"
    told = place.good(place.patch("requester", path, {"options": {"model": "b"}}))
    assert told["options"] == made["options"] | {"model": "b"}
    told = place.good(place.patch("requester", path, {"options": {"temperature": None}}))
    assert told["options"]["temperature"] == 0
    wrong = place.patch("requester", path, {"options": {"temperature": "warm"}})
    assert list(faults(wrong)) == ["options.temperature"]


def test_a_file_is_tried_before_it_is_kept(world: World) -> None:
    project = world.project(config=BOXES)
    assert list(
        faults(world.post("requester", f"/api/projects/{project}/models/", {"kind": "onnx"}))
    ) == ["file"]
    for content in (b"not a model", b"\x08\x08" + b"\xff" * 400, onnx_files.red_finder()[:300]):
        told = faults(bring(world, project, content, options=json.dumps(RED)))
        assert list(told) == ["file"]
        assert told["file"][0]
    unnamed = faults(bring(world, project, onnx_files.red_finder(), options='{"form": "yolo"}'))
    assert list(unnamed) == ["options.labels"]
    assert list(faults(bring(world, project, b"x", options="{no json"))) == ["options"]
    fields = {"options.form": "yolo", "options.labels": '["scratch", "dent"]', "options.size": "64"}
    number = {**fields, "options.confidence": "much"}
    assert list(faults(bring(world, project, b"x", **number))) == ["options.confidence"]
    made = world.good(bring(world, project, onnx_files.red_finder(), **fields), 201)
    assert made["file_name"] == "model.onnx"
    assert made["options"]["form"] == "yolo"
    path = f"/api/project_models/{made['id']}/file"
    bad = world.ask(
        "PUT", path, "requester", data=b"\x00" * 100, content_type="application/octet-stream"
    )
    assert list(faults(bad)) == ["file"]
    assert list(faults(world.ask("PUT", path, "requester", data=b""))) == ["file"]
    assert row_of(world, made["id"]).file_digest == made["file_digest"]
    body, content_type = multipart(("../new.onnx", onnx_files.red_finder(96)))
    told = world.good(world.ask("PUT", path, "requester", data=body, content_type=content_type))
    assert told["file_name"] == "new.onnx"
    # What was said of the old file and does not hold for the new one is forgotten.
    assert told["options"]["labels"] == made["options"]["labels"]
    assert told["options"].get("size") != made["options"]["size"]
    assert told["file_digest"] != made["file_digest"]
    plain = onnx_files.red_finder()
    raw = world.ask("PUT", f"{path}?name=raw.onnx", "requester", data=plain)
    assert world.good(raw)["file_digest"] == made["file_digest"]


def test_a_file_that_is_too_large_is_refused_unread(world: World) -> None:
    project = world.project(config=BOXES)
    made = world.good(bring(world, project, onnx_files.red_finder(), options=json.dumps(RED)), 201)
    limit = world.installation.settings.maximum_upload_bytes
    path = f"/api/project_models/{made['id']}/file"
    answer = world.ask("PUT", path, "requester", data=io.BytesIO(b"\0" * (limit + 1)))
    assert answer.status_code == 413
    assert row_of(world, made["id"]).file_digest == made["file_digest"]


def red_picture(left: int = 16, top: int = 8) -> bytes:
    """Return a dark picture of 64 × 64 pixels with a red thing of 16 × 8."""
    picture = Image.new("RGB", (64, 64), (10, 10, 10))
    ImageDraw.Draw(picture).rectangle((left, top, left + 15, top + 7), (250, 10, 10))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_a_model_predicts_and_where_it_fails_it_is_asked_again(world: World) -> None:
    project = world.project(config=BOXES)
    world.upload(project, ("a.png", red_picture()), ("b.png", red_picture(32)))
    world.good(
        world.patch("requester", f"/api/projects/{project}/", {"prelabel_control_percent": 0})
    )
    made = world.good(bring(world, project, onnx_files.red_finder(), options=json.dumps(RED)), 201)
    path = f"/api/project_models/{made['id']}/predict"
    result = world.done(world.post("vendor", path, {}))
    assert result["predicted"] == 2
    with world.installation.database.read() as session:
        said = list(session.scalars(sa.select(Prediction).order_by(Prediction.task_id)))
        jobs = list(session.scalars(sa.select(Job).where(Job.kind == "prelabel")))
    assert [row.result_values[0]["value"]["rectanglelabels"] for row in said] == [["dent"]] * 2
    assert jobs[0].request_values == {"project_model": made["id"], "train": False, "predict": True}
    told = world.good(world.get("requester", f"/api/project_models/{made['id']}/"))
    assert told["model_version"] == said[0].model_version
    card = world.good(world.get("reviewer", f"/api/project_models/{made['id']}/card"))
    assert (card["model_version"], card["file_digest"]) == (
        said[0].model_version,
        made["file_digest"],
    )
    assert card["licence"] and card["weights_digest"]

    # A task without an answer says why, on every page that speaks of it, until it has one.
    first = said[0].task_id
    with world.installation.database.write() as session:
        owner = session.get_one(Project, project)
        reason = errors.Invalid("must be one of %(names)s", names="A < B")
        models.fail(session, owner, said[0].model_version, {first: reason})
        session.execute(sa.delete(Prediction).where(Prediction.task_id == first))
    for path in (
        f"/tasks/{first}",
        f"/models/{made['id']}",
        f"/projects/{project}/models/failures",
    ):
        assert "A &lt; B" in world.get("requester", path).text
    assert "A &lt; B" not in world.get("annotator", f"/tasks/{first}").text
    failures = f"/api/projects/{project}/prediction_failures"
    (failed,) = world.good(world.get("reviewer", failures))
    assert (failed["task"], failed["model"]) == (first, said[0].model_version)
    assert "A < B" in failed["reason"]
    assert world.good(world.get("reviewer", f"{failures}?after={first}")) == []
    retry = f"{failures}/retry"
    result = world.done(world.post("requester", retry, {"project_model": made["id"]}))
    assert result["predicted"] == 1
    assert world.good(world.get("reviewer", failures)) == []
    again = world.post("requester", retry, {"project_model": made["id"]})
    assert again.status_code == 422


def test_failures_of_one_task_stay_on_one_page(world: World) -> None:
    project = world.project()
    ids = world.import_list(project, [{"text": str(number)} for number in range(3)])["task_ids"]
    with world.installation.database.write() as session:
        owner = session.get_one(Project, project)
        for model in ("a 1", "b 1", "backend/9"):
            models.fail(session, owner, model, {number: errors.Invalid("no") for number in ids})
    path = f"/api/projects/{project}/prediction_failures?page_size=4"
    found, after = [], 0
    while rows := world.good(world.get("requester", f"{path}&after={after}")):
        found += [(row["task"], row["model"]) for row in rows]
        after = found[-1][0]
    assert found == [(task, model) for task in ids for model in ("a 1", "b 1", "backend/9")]
    of_one = world.good(world.get("requester", f"{path}&model=b+1"))
    assert [row["task"] for row in of_one] == ids


def test_a_backend_is_asked_again_only_where_it_failed(place: World) -> None:
    project = place.project()
    ids = place.import_list(project, [{"text": str(number)} for number in range(4)])["task_ids"]
    with place.installation.database.write() as session:
        owner = session.get_one(Project, project)
        chosen = backends.Chosen(url="http://127.0.0.1:1", title="远处的模型")
        actor = people.get_user(session, "requester")
        row = backends.add(session, place.installation.settings, actor, owner, chosen)
        reason = errors.Refused("does not answer")
        models.fail(
            session, owner, f"backend/{row.id}", {ids[0]: reason, ids[1]: reason, ids[3]: reason}
        )
    assert "远处的模型" in place.get("requester", f"/projects/{project}/models").text
    assert "远处的模型" in place.get("requester", f"/projects/{project}/models/failures").text
    assert "127.0.0.1" not in place.get("reviewer", f"/projects/{project}/models").text
    path = f"/api/projects/{project}/prediction_failures/retry"
    job = place.good(place.post("requester", path, {"backend": row.id}), 202)
    with place.installation.database.read() as session:
        asked = session.get_one(Job, job["id"]).request_values
    assert asked == {"backend": row.id, "runs": [[ids[0], ids[1]], [ids[3], ids[3]]]}
    assert list(faults(place.post("requester", path, {}))) == ["project_model"]


def test_a_service_that_is_left_alone_says_so(place: World) -> None:
    project = place.project()
    made = add(place, project, "language_model", options=SERVICE)
    name = f"model/{made['id']}"
    pages = (f"/projects/{project}/models?language=en", f"/models/{made['id']}?language=en")
    assert not any("It is asked again" in place.get("requester", path).text for path in pages)
    with place.installation.database.write() as session:
        for _time in range(circuits.MOST_FAILURES):
            circuits.failed(session, name, "connection < refused")
    for path in pages:
        text = place.get("requester", path).text
        assert "did not answer 5 times in a row" in text
        assert "connection &lt; refused" in text


def test_what_is_off_or_never_learns_is_not_started(world: World) -> None:
    project = world.project(config=BOXES)
    made = world.good(bring(world, project, onnx_files.red_finder(), options=json.dumps(RED)), 201)
    path = f"/api/project_models/{made['id']}"
    assert world.post("requester", f"{path}/train", {}).status_code == 422
    world.good(world.patch("requester", f"{path}/", {"is_on": False}))
    assert world.post("requester", f"{path}/predict", {}).status_code == 422
    assert world.waiting() == []


def test_training_is_told_with_what_came_of_it(world: World) -> None:
    project = world.project()
    made = add(world, project, "sequence_tagger")
    job = world.good(world.post("requester", f"/api/project_models/{made['id']}/train", {}), 202)
    with world.installation.database.read() as session:
        asked = session.get_one(Job, job["id"])
    assert asked.request_values == {"project_model": made["id"], "train": True, "predict": False}
    with world.installation.database.write() as session:
        owner, row = session.get_one(Project, project), session.get_one(ProjectModel, made["id"])
        kept = models.register(
            session, owner, name=row.kind, version="1", weights_digest="a" * 64, examples=40
        )
        models.use(session, row, kept, 40)
        other = models.register(
            session, owner, name=row.kind, version="1", weights_digest="b" * 64, examples=60
        )
        models.reject(session, row, other, 60)
    rows = world.good(world.get("reviewer", f"/api/project_models/{made['id']}/trainings"))
    assert [(row["examples"], row["state"], row["is_used"]) for row in rows] == [
        (60, "rejected", False),
        (40, "kept", True),
    ]


def test_the_owner_opens_a_closed_gate_and_shuts_it_again(world: World) -> None:
    project = world.project()
    made = add(world, project, "sequence_tagger")
    report = {
        **{"n": 48, "saving": -0.98, "low": -1.4, "high": -0.6, "alone": 19.2, "helped": 38.0},
        **{"clean_share": 0.82, "reason": "costs", "method": "cross-validation"},
    }
    with world.installation.database.write() as session:
        row = session.get_one(ProjectModel, made["id"])
        models.set_gate(session, row, Gate.CLOSED, report, "worker")
    path = f"/api/project_models/{made['id']}/"
    told = world.good(world.get("requester", path))
    assert (told["gate"], told["is_shown"], told["gate_report"]["saving"]) == (
        "closed",
        False,
        -0.98,
    )
    page = world.get("requester", f"/projects/{project}/models?language=en").text
    sentence = (
        "Costs 98 % more time (95 % interval 60 % to 140 %): 38.0 s a task instead of 19.2 s."
    )
    assert sentence in page
    assert "Not shown: it saves no time" in page
    assert "Show it all the same" in page
    assert "Show it all the same" not in world.get("reviewer", f"/projects/{project}/models").text
    told = world.good(world.patch("requester", path, {"gate_overridden": True}))
    assert (told["gate"], told["is_shown"]) == ("closed", True)
    page = world.get("requester", f"/projects/{project}/models?language=en").text
    assert "Shown although it saves no time" in page
    assert not world.good(world.patch("vendor", path, {"gate_overridden": False}))["is_shown"]


def test_what_people_did_with_a_model_is_told_in_words(world: World) -> None:
    project = world.project()
    made = add(world, project, "sequence_tagger")
    measured = {"method": "measured", "n": 30, "saving": None, "accepted": 0.2, "needed": 0.42}
    quicker = {"method": "measured", "n": 30, "saving": 0.25, "low": 0.1, "high": 0.4}
    for gate, report, sentence in (
        (Gate.CLOSED, measured, "People accept 20 % of its marks; showing them pays from 42 % on."),
        (Gate.OPEN, quicker, "Saves 25 % of the time (95 % interval 10 % to 40 %). Measured on 30"),
        (Gate.UNMEASURED, {"n": 3, "reason": "few"}, "Fewer than 10 labelled tasks are too few"),
    ):
        with world.installation.database.write() as session:
            row = session.get_one(ProjectModel, made["id"])
            models.set_gate(session, row, gate, report, "worker")
        for path in (f"/projects/{project}/models", f"/models/{made['id']}"):
            assert sentence in world.get("requester", f"{path}?language=en").text


def test_forms_do_what_the_api_does(place: World) -> None:
    project = place.project()
    path = f"/projects/{project}/models"
    form = {
        "kind": "language_model",
        "options.url": SERVICE["url"],
        "options.model": "a-model",
        "options.temperature": "0.5",
        "options.json_mode": "false",
        "secret": SECRET,
        "title": "大模型",
    }
    answer = place.post("requester", path, data=form)
    assert answer.status_code == 302
    (made,) = place.good(place.get("requester", f"/api{path}/"))
    assert (made["options"]["temperature"], made["options"]["json_mode"]) == (0.5, False)
    one = f"/models/{made['id']}"
    # An empty field keeps the secret; a label without a tick is left out.
    changed = {**form, "options.temperature": "", "secret": "", "stay": "true"}
    del changed["kind"]
    assert place.post("requester", one, data=changed).location.endswith(one)
    ticks = {"labels_given": "true", "label": "PER"}
    place.post("requester", one, data=ticks)
    told = place.good(place.get("requester", f"/api/project_{one[1:]}/"))
    assert told["secret_is_set"]
    assert told["options"]["temperature"] == 0
    assert "ORG" in told["labels_off"] and "PER" not in told["labels_off"]
    place.post("requester", one, data={"secret": "", "forget_secret": "1"})
    assert not place.good(place.get("requester", f"/api/project_{one[1:]}/"))["secret_is_set"]
    place.post("requester", f"{one}/remove", data={})
    assert place.good(place.get("requester", f"/api{path}/")) == []


def test_many_models_take_no_more_questions_than_one(world: World) -> None:
    def asked(project: int) -> list[str]:
        found: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            found.append(statement)

        engine = world.installation.database.engine
        sa.event.listen(engine, "before_cursor_execute", note)
        for path in (f"/projects/{project}/models", f"/api/projects/{project}/models/"):
            assert world.get("requester", path).status_code == 200
        sa.event.remove(engine, "before_cursor_execute", note)
        return found

    one, many = world.project(), world.project()
    add(world, one, "sequence_tagger")
    for _number in range(8):
        made = add(world, many, "sequence_tagger")
        with world.installation.database.write() as session:
            owner, row = session.get_one(Project, many), session.get_one(ProjectModel, made["id"])
            digest = f"{made['id']:064}"
            trained = models.register(
                session, owner, name=row.kind, version="1", weights_digest=digest, examples=40
            )
            models.use(session, row, trained, 40)
    assert len(asked(many)) == len(asked(one))


def test_hidden_pre_labels_go_to_the_workbench_apart(world: World) -> None:
    project = world.project(prelabel_display="on_request")
    (task,) = world.import_list(project, [{"text": "天津大学"}])["task_ids"]
    sent = {"task": task, "result": entity(), "model_version": "m"}
    world.good(world.post("requester", "/api/predictions/", sent), 201)
    shown = world.good(world.get("annotator", f"/api/tasks/{task}/workbench"))
    assert (shown["predictions"], shown["predictions_hidden"]) == ([], True)
    assert shown["hidden_predictions"][0]["result"][0]["value"]["labels"] == ["ORG"]
    assert world.good(world.get("reviewer", f"/api/tasks/{task}/workbench"))["predictions"]
