"""Model backends over HTTP are as Label Studio has them, and predict without access to us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.connections import backends
from jinbiao.datasets.jobs import Job
from jinbiao.datasets.people import User
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.projects import Project
from jinbiao.tests.server.connected import connected
from jinbiao.tests.server.world import BOXES, World, entity, picture
from jinbiao.tests.services import free_ports
from jinbiao.tests.services_backend import ModelBackend
from jinbiao.workers import predict, run

KEYS = (
    "id state readable_state is_interactive url error_message title auth_method basic_auth_user "
    "basic_auth_pass_is_set description extra_params model_version timeout created_at updated_at "
    "auto_update project"
).split()
TASK_KEYS = set(
    "id data meta created_at updated_at is_labeled overlap inner_id total_annotations "
    "cancelled_annotations total_predictions comment_count unresolved_comment_count "
    "last_comment_updated_at project updated_by file_upload comment_authors annotations "
    "predictions".split()
)


@pytest.fixture
def place(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world that may call loopback."""
    made = connected(populated, tmp_path / "home")
    yield made
    made.installation.close()


@pytest.fixture
def model() -> Iterator[ModelBackend]:
    """Serve a backend that marks the first four characters of every text."""
    with ModelBackend(result=lambda _task: entity()) as made:
        yield made


def texts(place: World, number: int = 3) -> tuple[int, list[int]]:
    """Make a project of texts; return it and the ids of its tasks."""
    project = place.project()
    told = place.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(number)])
    return project, list(told["task_ids"])


def connect(place: World, project: int, model: ModelBackend, **values: Any) -> dict[str, Any]:
    """Connect a backend."""
    sent = {"project": project, "url": model.url, "title": "stub", **values}
    made: dict[str, Any] = place.good(place.post("requester", "/api/ml/", sent), 201)
    return made


def predictions(place: World, project: int) -> list[tuple[int, str, float | None]]:
    """List (task, version, score) of what is kept."""
    with place.installation.database.read() as session:
        query = sa.select(Prediction).where(Prediction.project_id == project)
        rows = session.scalars(query.order_by(Prediction.task_id))
        return [(row.task_id, row.model_version, row.score) for row in rows]


def asked(place: World, project: int, ids: list[int] | None) -> predict.Retrieved:
    """Ask for predictions as the Data Manager does."""
    with place.installation.database.read() as session:
        row = session.get_one(Project, project)
        actor = session.scalars(sa.select(User).where(User.username == "requester")).one()
    return predict.retrieve(place.installation, actor, row, ids)


def test_a_backend_lives_as_recorded(place: World, model: ModelBackend) -> None:
    project, _ids = texts(place)
    made = connect(place, project, model, is_interactive=True)
    assert list(made) == KEYS
    assert (made["state"], made["readable_state"]) == ("CO", "Connected")
    assert (made["model_version"], made["timeout"], made["extra_params"]) == ("stub-v1", 100, None)
    assert (made["auth_method"], made["basic_auth_pass_is_set"]) == ("NONE", False)
    assert [heard.path for heard in model.heard] == ["/health", "/setup"]
    setup = model.heard[1].body
    with place.installation.database.read() as session:
        row = session.get_one(Project, project)
    assert setup == {
        "project": f"{project}.{int(row.created_at.timestamp())}",
        "schema": row.label_config,
        "hostname": "http://127.0.0.1:8000",
        "access_token": "",
        "extra_params": None,
    }
    path = f"/api/ml/{made['id']}"
    assert place.good(place.get("requester", f"/api/ml?project={project}")) == [made]
    assert place.good(place.get("requester", path)) == made
    changed = place.good(place.patch("requester", path, {"title": "stub2", "url": model.url}))
    assert changed["title"] == "stub2" and changed["is_interactive"] is True
    versions = place.good(place.get("requester", f"{path}/versions"))
    assert versions == {"versions": ["stub-v1", "stub-v2"]}
    assert place.post("requester", f"{path}/train", {}).status_code == 200
    assert model.told() == ["START_TRAINING"]
    listed = place.good(place.get("requester", f"/api/webhooks/?project={project}"))
    assert [hook["url"] for hook in listed] == [f"{model.url}/webhook"]
    assert place.ask("DELETE", path, "requester").status_code == 204
    assert place.good(place.get("requester", f"/api/webhooks/?project={project}")) == []


def test_one_that_does_not_answer_is_refused_as_recorded(place: World, model: ModelBackend) -> None:
    project, _ids = texts(place, 1)
    (port,) = free_ports(1)
    sent = {"project": project, "title": "dead", "url": f"http://127.0.0.1:{port}"}
    answer = place.post("requester", "/api/ml/", sent, headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert set(answer.json) == set(
        "id status_code version detail exc_info validation_errors".split()
    )
    (told,) = answer.json["validation_errors"]["non_field_errors"]
    assert told.startswith(f"Can't connect to ML backend http://127.0.0.1:{port}, health check")
    model.instead["/setup"] = (500, {})
    assert place.post("requester", "/api/ml/", {**sent, "url": model.url}).status_code == 400
    model.instead["/setup"] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{"
    assert place.post("requester", "/api/ml/", {**sent, "url": model.url}).status_code == 400
    inside = place.post("requester", "/api/ml/", {**sent, "url": "http://169.254.169.254/"})
    assert inside.status_code == 400 and list(inside.json["validation_errors"]) == ["url"]
    assert place.good(place.get("requester", "/api/ml/")) == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"auth_method": "MAGIC"}, "auth_method"),
        ({"auth_method": "BASIC_AUTH"}, "basic_auth_user"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 1e6}, "timeout"),
        ({"timeout": "x"}, "timeout"),
        ({"is_interactive": 7}, "is_interactive"),
        ({"title": ["x"]}, "title"),
        ({"extra_params": "x" * 30_000}, "extra_params"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_used_is_named(
    place: World, model: ModelBackend, sent: dict[str, Any], field: str
) -> None:
    project = place.project()
    answer = place.post("requester", "/api/ml/", {"project": project, "url": model.url, **sent})
    assert answer.status_code == 400 and list(answer.json["validation_errors"]) == [field]


def test_a_password_is_kept_for_its_host(place: World, model: ModelBackend) -> None:
    project, _ids = texts(place, 1)
    login = {"auth_method": "BASIC_AUTH", "basic_auth_user": "li", "basic_auth_pass": "hidden"}
    made = connect(place, project, model, **login)
    assert made["basic_auth_pass_is_set"] is True and "hidden" not in str(made)
    assert {heard.headers["Authorization"] for heard in model.heard} == {"Basic bGk6aGlkZGVu"}
    with ModelBackend() as other:
        path = f"/api/ml/{made['id']}"
        answer = place.patch("requester", path, {"url": other.url})
        assert answer.status_code == 400
        assert list(answer.json["validation_errors"]) == ["basic_auth_pass"]
        assert other.heard == []
    with place.installation.database.read() as session:
        told = "".join(session.scalars(sa.select(AuditEvent.detail)))
    assert "hidden" not in told


def test_a_few_tasks_are_predicted_at_once(place: World, model: ModelBackend) -> None:
    project, ids = texts(place)
    connect(place, project, model)
    found = asked(place, project, ids[:2])
    assert (found.processed, found.created, found.job) == (2, 2, None)
    assert predictions(place, project) == [(number, "stub-v1", 0.77) for number in ids[:2]]
    question = model.to("/predict")[0].body
    assert set(question) == {"tasks", "project", "label_config", "params"}
    assert question["params"] == {"login": None, "password": None, "context": None}
    assert [set(task) for task in question["tasks"]] == [TASK_KEYS] * 2
    again = asked(place, project, ids)
    assert (again.processed, again.created) == (3, 1)
    shown = place.good(place.get("requester", f"/api/tasks/{ids[0]}/"))
    assert shown["total_predictions"] == 1


def test_many_tasks_are_predicted_by_a_job(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 50)
    connect(place, project, model)

    def result(task: dict[str, Any]) -> Any:
        return {ids[3]: entity(label="ZZZ"), ids[30]: "nonsense"}.get(task["id"], entity())

    model.result = result
    found = asked(place, project, ids)
    assert found.job is not None
    job = place.finished(found.job.id)
    assert job["state"] == "done", job
    assert (job["result"]["predicted"], job["result"]["created"]) == (48, 48)
    assert [one["task"] for one in job["result"]["failures"]] == [ids[3], ids[30]]
    assert "ZZZ" in job["result"]["failures"][0]["reason"]
    assert (job["done"], job["total"]) == (50, 50)
    assert [len(one.body["tasks"]) for one in model.to("/predict")] == [20, 20, 10]
    assert len(predictions(place, project)) == 48


def test_one_bad_task_does_not_spoil_its_batch(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 25)
    connect(place, project, model)

    def result(task: dict[str, Any]) -> Any:
        if task["id"] == ids[7]:
            raise ValueError("the model cannot read this one")
        return entity()

    model.result = result
    job = place.finished(str(asked(place, project, None).job.id))  # type: ignore[union-attr]
    assert job["state"] == "done" and job["result"]["created"] == 24
    assert [one["task"] for one in job["result"]["failures"]] == [ids[7]]
    # It stands beside the task as well.
    listed = place.good(place.get("requester", f"/api/projects/{project}/prediction_failures"))
    assert [one["task"] for one in listed] == [ids[7]]


def test_a_backend_that_goes_away_is_waited_for_and_the_job_goes_on(
    place: World, model: ModelBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "PAUSES", (0.01, 0.01))
    project, ids = texts(place, 45)
    connect(place, project, model)
    seen = []

    def result(task: dict[str, Any]) -> Any:
        seen.append(task["id"])
        if len(seen) == 20:
            model.instead |= {"/predict": b"", "/health": b""}
        return entity()

    model.result = result
    found = asked(place, project, None)
    assert found.job is not None
    job = place.finished(found.job.id)
    assert job["state"] == "waiting" and "无法连接" in str(job["last_problem"])
    assert len(predictions(place, project)) == 20
    assert len(model.to("/predict")) == 3
    model.instead.clear()
    with place.installation.database.write() as session:
        session.execute(sa.update(Job).values(not_before=None))
    assert place.finished(found.job.id)["state"] == "done"
    assert [row[0] for row in predictions(place, project)] == ids
    assert len(seen) == 45


def test_a_task_that_kills_the_backend_is_found(
    place: World, model: ModelBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "PAUSES", (0.01, 0.01))
    project, ids = texts(place, 25)
    connect(place, project, model)

    def result(task: dict[str, Any]) -> Any:
        if task["id"] == ids[7]:
            raise BrokenPipeError
        return entity()

    model.result = result
    job = place.finished(str(asked(place, project, None).job.id))  # type: ignore[union-attr]
    assert job["state"] == "done" and job["result"]["created"] == 24
    assert [one["task"] for one in job["result"]["failures"]] == [ids[7]]


def test_a_job_can_be_cancelled(place: World, model: ModelBackend) -> None:
    project, _ids = texts(place, 45)
    connect(place, project, model)
    found = asked(place, project, None)
    assert found.job is not None
    number = found.job.id

    def result(_task: dict[str, Any]) -> Any:
        with place.installation.database.write() as session:
            session.execute(sa.update(Job).where(Job.id == number).values(cancel_requested=True))
        return entity()

    model.result = result
    assert run.perform(place.installation, number) == "cancelled"
    assert len(model.to("/predict")) == 1 and predictions(place, project) == []


def test_a_backend_sees_media_and_nothing_else(place: World, model: ModelBackend) -> None:
    project = place.project(config=BOXES)
    place.upload(project, ("部件.png", picture()))
    model.result = lambda _task: []
    connect(place, project, model)
    (task,) = place.tasks(project)
    asked(place, project, [task["id"]])
    address = urlsplit(model.to("/predict")[0].body["tasks"][0]["data"]["image"])
    assert (address.scheme, address.netloc) == ("http", "127.0.0.1:8000")
    shown = place.get(None, f"{address.path}?{address.query}")
    assert shown.status_code == 200 and shown.data == picture()


def test_an_annotator_gets_help_and_only_their_own_answers_are_told(
    place: World, model: ModelBackend
) -> None:
    project, ids = texts(place, 1)
    place.good(place.patch("requester", f"/api/projects/{project}/", {"maximum_annotations": 2}))
    made = connect(place, project, model, is_interactive=True)
    path = f"/api/tasks/{ids[0]}/annotations/"
    place.good(place.post("annotator", path, {"result": entity()}), 201)
    sent = {"task": ids[0], "context": {"result": entity()}}
    help_path = f"/api/ml/{made['id']}/interactive-annotating"
    found = place.good(place.post("annotator2", help_path, sent))
    assert found == {"data": {"model_version": "stub-v1", "score": 0.77, "result": entity()}}
    question = model.to("/predict")[0].body
    assert question["params"]["context"] == {"result": entity()}
    assert question["tasks"][0]["annotations"] == []
    assert predictions(place, project) == []
    model.instead["/predict"] = (500, {})
    assert list(place.good(place.post("annotator2", help_path, sent))) == ["errors"]
    assert place.post("other_annotator", help_path, sent).status_code == 404
    other, other_ids = texts(place, 1)
    crossed = place.post("annotator2", help_path, {"task": other_ids[0]})
    assert crossed.status_code == 404 and other != project
    assert place.post("annotator2", help_path, {}).status_code == 400


def test_a_backend_can_be_tried_out(place: World, model: ModelBackend) -> None:
    project, ids = texts(place, 2)
    made = connect(place, project, model)
    path = f"/api/ml/{made['id']}/predict/test"
    shown = place.good(place.post("requester", f"{path}?random=true"))
    assert list(shown) == ["status", "error_message", "url", "task", "request", "response"]
    assert (shown["status"], shown["error_message"]) == (200, None)
    assert shown["url"] == f"{model.url}/predict" and shown["task"]["id"] == ids[0]
    assert shown["response"][0]["result"] == entity()
    model.instead["/predict"] = (503, {"no": 1})
    shown = place.good(place.post("requester", f"{path}?task_id={ids[1]}"))
    assert shown["status"] == 503 and shown["error_message"] and shown["response"] is None
    assert place.post("requester", f"{path}?task_id=999999").status_code == 400
    started = place.post("requester", f"/api/ml/{made['id']}/predict")
    assert place.good(started, 202)["kind"] == "predict"


def test_others_do_not_see_them(place: World, model: ModelBackend) -> None:
    project, _ids = texts(place, 1)
    made = connect(place, project, model)
    path = f"/api/ml/{made['id']}"
    for method, end in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/versions"),
        ("POST", "/train"),
        ("POST", "/predict"),
        ("POST", "/predict/test"),
    ):
        given = {} if method == "GET" else {"json": {}}
        assert place.ask(method, path + end, "other_requester", **given).status_code == 404
    assert place.good(place.get("other_requester", "/api/ml/")) == []
    assert place.get("other_requester", f"/api/ml?project={project}").status_code == 404
    assert place.get("annotator", path).status_code == 403


def test_numbers_are_kept_as_runs() -> None:
    assert backends.runs([3, 1, 2, 7, 7, 9, 10]) == [[1, 3], [7, 7], [9, 10]]
    assert backends.runs([]) == []
