"""What annotators get to see of pre-labels, what they save, and notices, over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from jinbiao.datasets import benefit, models, notices, people, predictions, projects
from jinbiao.datasets.models import Gate
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.server import benefit as pages
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World, entity
from jinbiao.workers import run
from jinbiao.workers.models import costs

KIND = "sequence_tagger"
DONE = "“%(job)s” is done"


def prelabelled(world: World, number: int = 12, percent: int = 50, **values: Any) -> int:
    """Make a project whose tasks all have a prediction, some of them drawn to show none."""
    project = world.project()
    world.import_list(project, [{"text": f"天津大学{place}"} for place in range(number)])
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        owner = people.get_user(session, "requester")
        model = models.add(session, world.installation.settings, owner, row, kind=KIND)
        trained = models.register(
            session, row, name=KIND, version="1", weights_digest="ab", examples=1
        )
        models.use(session, model, trained, 1)
        model.gate = values.get("gate", Gate.OPEN)
        model.labels_off = msgspec.json.encode(values.get("labels_off", [])).decode()
        projects.set_option(row, "prelabel_control_percent", percent)
        tasks = session.scalars(sa.select(Task.id).where(Task.project_id == project))
        result = [*entity(0, 4), *entity(4, 5, "PER", 2)]
        predictions.add_in_bulk(
            session,
            [
                {
                    "project_id": project,
                    "task_id": task,
                    "trained_model_id": trained.id,
                    "model_version": trained.model_version,
                    "score": 0.9,
                    "result": msgspec.json.encode(result).decode(),
                }
                for task in tasks
            ],
        )
    return project


def drawn(world: World, project: int) -> set[int]:
    """Return the tasks that the draw leaves blank."""
    with world.installation.database.read() as session:
        row = session.get_one(Project, project)
    return {task["id"] for task in world.tasks(project) if benefit.is_blank(row, task["id"])}


def seen(answer: dict[str, Any]) -> list[str]:
    """Return the labels of what an answer shows of predictions."""
    return [
        region["value"]["labels"][0]
        for prediction in answer["predictions"]
        for region in prediction["result"]
    ]


def test_a_blank_task_shows_an_annotator_nothing_anywhere(world: World) -> None:
    """Neither the workbench nor Label Studio's own addresses; the requester sees all."""
    project = prelabelled(world)
    blank = drawn(world, project)
    met = set()
    for _task in range(12):
        path = f"/api/projects/{project}/next"
        task = world.good(world.get("annotator", path))
        number = task["id"]
        met.add(number)
        bench = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
        opened = world.good(world.get("annotator", f"/api/tasks/{number}/"))
        again = world.good(world.get("annotator", f"/api/tasks/{number}/workbench"))
        for answer in (task, bench, opened, again):
            assert seen(answer) == ([] if number in blank else ["ORG", "PER"])
        for path in (f"/api/tasks/{number}/", f"/api/tasks/{number}/workbench"):
            assert seen(world.good(world.get("requester", path))) == ["ORG", "PER"]
        sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
        if number not in blank:
            sent["parent_prediction"] = task["predictions"][0]["id"]
        world.good(world.post("annotator", f"/api/tasks/{number}/annotations/", sent), 201)
    assert 0 < len(blank & met) < 12
    listed = world.good(
        world.get("annotator", f"/api/tasks/?project={project}&fields=all&page_size=50")
    )
    for task in listed["tasks"]:
        assert seen(task) == ([] if task["id"] in blank else ["ORG", "PER"])


def test_a_closed_gate_and_labels_that_are_off_are_kept_from_annotators(world: World) -> None:
    """The rest of what the model says is shown."""
    closed = prelabelled(world, 2, 0, gate=Gate.CLOSED)
    task = world.good(world.get("annotator", f"/api/projects/{closed}/next"))
    assert seen(task) == []
    assert seen(world.good(world.get("requester", f"/api/tasks/{task['id']}/"))) == ["ORG", "PER"]
    partly = prelabelled(world, 2, 0, labels_off=["PER"])
    task = world.good(world.get("annotator", f"/api/projects/{partly}/next"))
    assert seen(task) == ["ORG"]
    for who, number in (("annotator", 0), ("requester", 1)):
        browser = Browser(world)
        browser.sign_in(who)
        page = browser.client.get(f"/tasks/{world.tasks(closed)[1]['id']}?language=en").text
        assert page.count("<h2>Prediction</h2>") == number


def test_pre_labels_can_wait_until_the_annotator_asks(world: World) -> None:
    """The workbench gets them beside, Label Studio's own addresses as ever."""
    project = prelabelled(world, 3, 0)
    wanted = {"prelabel_display": "on_request"}
    world.good(world.patch("requester", f"/api/projects/{project}/", wanted))
    bench = world.good(world.get("annotator", f"/api/projects/{project}/workbench/next"))
    assert bench["predictions"] == []
    assert bench["predictions_hidden"] is True
    assert seen({"predictions": bench["hidden_predictions"]}) == ["ORG", "PER"]
    plain = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    assert seen(plain) == ["ORG", "PER"]
    asked = world.good(world.get("requester", f"/api/tasks/{bench['id']}/workbench"))
    assert seen(asked) == ["ORG", "PER"]
    assert "predictions_hidden" not in asked


def measured(world: World, project: int) -> dict[str, Any]:
    """Measure a project as a job and return what the API then says."""
    job = world.good(world.post("requester", f"/api/projects/{project}/benefit/measure", {}), 202)
    assert world.finished(job["id"])["state"] == "done"
    told: dict[str, Any] = world.good(world.get("reviewer", f"/api/projects/{project}/benefit"))
    return told


def test_the_report_says_what_is_missing(either_world: World) -> None:
    """Before anybody has measured there is none; then it tells how many answers it needs."""
    world = either_world
    project = prelabelled(world, 4, 50)
    told = world.good(world.get("requester", f"/api/projects/{project}/benefit"))
    assert (told["finding"], told["report"]) == ("nothing", None)
    assert told["costs"] == dict(costs.SECONDS)
    assert told["settings"]["prelabel_control_percent"] == 50
    task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
    sent = {"result": entity(), "lead_time": 12.5}
    world.good(world.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
    told = measured(world, project)
    assert told["finding"] == "few"
    assert told["report"]["shown"] + told["report"]["blank"] == 1
    assert told["report"]["time_ratio"]["missing"] == [0, 10]
    assert told["clean_share"]["n"] == 1
    (model,) = told["models"]
    assert (model["kind"], model["gate"], model["shown"]) == (KIND, "open", True)


def test_the_page_changes_the_draw_and_measures(world: World) -> None:
    """The forms do what the API does; an empty field takes what the owner said back."""
    project = prelabelled(world, 3, 5)
    path = f"/projects/{project}/benefit"
    browser = Browser(world)
    browser.sign_in("requester")
    page = browser.client.get(path)
    assert page.status_code == 200 and "prelabel_control_percent" in page.text
    sent = {"prelabel_control_percent": "20", "prelabel_display": "on_request"}
    browser.post(path, path, **sent, clean_percent="80")
    told = world.good(world.get("requester", f"/api{path}"))["settings"]
    assert told == {**told, "prelabel_control_percent": 20, "clean_percent": 80}
    assert told["prelabel_display"] == "on_request"
    browser.post(path, path, clean_percent="")
    told = world.good(world.get("requester", f"/api{path}"))["settings"]
    assert (told["clean_percent"], told["prelabel_control_percent"]) == (None, 20)
    browser.post(f"{path}/measure", path)
    (job,) = world.waiting()
    browser.post(f"{path}/measure", path)
    assert world.waiting() == [job]
    run.perform(world.installation, job)
    assert "data-live" in browser.client.get(path).text
    refused = browser.post(path, path, prelabel_control_percent="51")
    assert refused.status_code == 400


def figure(value: float | None, low: float = 0, high: float = 0) -> dict[str, Any]:
    missing = (3, 10) if value is None else None
    return {"n": (9, 9), "method": "share", "value": value, "low": low, "high": high} | {
        "missing": missing
    }


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (figure(None), "few"),
        (figure(9, 2, 16), "save"),
        (figure(-9, -16, -2), "cost"),
        (figure(2, -4, 8), "open"),
    ],
)
def test_the_finding_follows_the_interval(saved: dict[str, Any], said: str) -> None:
    """An interval that holds nothing saved is no finding."""
    assert pages.finding({"shown": 9, "blank": 9, "minutes_saved": saved}) == said
    assert pages.finding({"shown": 0, "blank": 0, "minutes_saved": saved}) == "nothing"
    assert pages.finding(None) == "nothing"


def test_the_plot_holds_what_can_be_told() -> None:
    """A ratio of 0.6 is 40 % saved; what lies beyond the scale ends at its edge."""
    report = {
        "time_ratio": figure(0.6, 0.5, 2.5),
        "unchanged": figure(None),
        "accepted": figure(0.5, 0.4, 0.6),
        "error": figure(None),
    }
    time, accepted = pages.bars(report)
    assert (time.name, time.at, time.low, time.high) == ("time", 70, 0, 75)
    assert (accepted.at, accepted.low, accepted.high) == (75, 70, 80)


def test_people_read_their_own_notices(either_world: World) -> None:
    """The bell counts what is new; others' notices stay theirs."""
    world = either_world
    with world.installation.database.write() as session:
        mine = people.get_user(session, "requester").id
        theirs = people.get_user(session, "annotator").id
        for number in range(3):
            notices.add(
                session,
                mine,
                "job.done",
                "“%(job)s” is done",
                {"job": "prelabel"},
                f"/jobs/{number}",
            )
        notices.add(session, theirs, "job.done", DONE, {"job": "import"})
    told = world.good(world.get("requester", "/api/notices/?page_size=2"))
    assert (told["unread"], len(told["results"])) == (3, 2)
    assert told["results"][0]["address"] == "/jobs/2"
    assert told["results"][0]["read_at"] is None
    assert "prelabel" not in told["results"][0]["text"]
    older = world.good(world.get("requester", f"/api/notices/?before={told['results'][-1]['id']}"))
    assert [row["address"] for row in older["results"]] == ["/jobs/0"]
    browser = Browser(world)
    browser.sign_in("requester")
    assert 'class="unread">3<' in browser.client.get("/projects").text
    ids = [told["results"][0]["id"]]
    assert world.good(world.post("annotator", "/api/notices/read", {"ids": ids})) == {"read": 0}
    assert world.good(world.post("requester", "/api/notices/read", {"ids": ids})) == {"read": 1}
    assert browser.client.get("/notices").text.count("data-new") == 2
    browser.post("/notices/read", "/notices")
    assert 'class="unread"' not in browser.client.get("/projects").text
    assert world.good(world.get("annotator", "/api/notices/"))["unread"] == 1
