"""What pre-labels are worth: who gets none, what people did with them, what is reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import benefit, models, predictions, projects, reviews
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.models import Gate, ProjectModel
from jinbiao.datasets.people import User
from jinbiao.datasets.predictions import Prediction
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.factories import Team, tone

KIND = "golden_difference"


@pytest.fixture
def team(installation: Installation) -> Team:
    with installation.database.write() as session:
        return factories.team(session)


def project_of(percent: int, number: int = 7) -> Project:
    """Give a project that is in no database."""
    return Project(
        id=number,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
        options=json.dumps({"prelabel_control_percent": percent} if percent else {}),
    )


# --- the draw -------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [5, 10, 50])
def test_the_draw_takes_its_share(percent: int) -> None:
    """Of 20,000 tasks as many as a fair draw would give, in every stretch of them."""
    project = project_of(percent)
    drawn = np.array([benefit.is_blank(project, number) for number in range(1, 20_001)])
    for stretch in (drawn, *np.split(drawn, 4), drawn[::2], drawn[1::2]):
        expected, spread = (
            percent / 100,
            np.sqrt(percent / 100 * (1 - percent / 100) / len(stretch)),
        )
        assert abs(stretch.mean() - expected) < 4 * spread
    # Neighbours are drawn independently of each other.
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def test_no_percent_no_draw() -> None:
    """Nobody is left without where nobody asked for it."""
    project = project_of(0)
    assert not any(benefit.is_blank(project, number) for number in range(1000))


@given(st.integers(1, 10**12), st.integers(1, 10**6), st.integers(1, 50), st.integers(1, 50))
def test_the_draw_is_the_same_for_ever_and_only_grows(
    task: int, project: int, one: int, other: int
) -> None:
    """Whoever is drawn at 5 % is drawn at 10 %; no other task has a say."""
    low, high = sorted((one, other))
    first = benefit.is_blank(project_of(low, project), task)
    assert first == benefit.is_blank(project_of(low, project), task)
    assert benefit.is_blank(project_of(high, project), task) or not first


@given(st.permutations(range(1, 60)))
def test_the_order_of_tasks_has_no_say(order: list[int]) -> None:
    """The same tasks are blank in whatever order they come."""
    project = project_of(30)
    drawn = {number for number in order if benefit.is_blank(project, number)}
    assert drawn == {number for number in range(1, 60) if benefit.is_blank(project, number)}


def test_two_projects_draw_differently() -> None:
    """One project's blank tasks say nothing of another's."""
    drawn = [
        {number for number in range(2000) if benefit.is_blank(project_of(50, project), number)}
        for project in (7, 8)
    ]
    assert 800 < len(drawn[0] ^ drawn[1]) < 1200


def test_arms_need_something_to_show() -> None:
    """Without a prediction there is no arm."""
    project = project_of(50)
    blank = next(number for number in range(1, 99) if benefit.is_blank(project, number))
    plain = next(number for number in range(1, 99) if not benefit.is_blank(project, number))
    assert benefit.arm_of(project, blank, True) == "blank"
    assert benefit.arm_of(project, plain, True) == "shown"
    assert benefit.arm_of(project, blank, False) is benefit.arm_of(project, plain, False) is None


# --- what annotators see --------------------------------------------------------------------


def boxes(*names: str) -> list[dict[str, Any]]:
    return [
        {**factories.box(name, x=1 + number)[0], "id": f"box_{number}"}
        for number, name in enumerate(names)
    ]


def said(result: Sequence[dict[str, Any]], trained: int | None = 3, kind: str = KIND) -> Prediction:
    return Prediction(
        id=1,
        task_id=2,
        project_id=7,
        trained_model_id=trained,
        model_version=f"{kind} 1 abc",
        result=json.dumps(result),
    )


def model(**values: Any) -> ProjectModel:
    usual = {"id": 1, "kind": KIND, "is_on": True, "gate": Gate.OPEN, "gate_overridden": False}
    return ProjectModel(**{**usual, "labels_off": "[]", "trained_model_id": 3, **values})


def test_a_closed_gate_shows_nothing_unless_the_owner_wants_it() -> None:
    """Nor does a model that is off; what somebody brought has no gate."""
    project, row = project_of(0), said(boxes("scratch"))

    def seen(*chosen: ProjectModel) -> list[Prediction]:
        return benefit.visible_predictions(project, 2, [row], chosen)

    assert seen(model()) == seen(model(gate=Gate.UNMEASURED)) == seen() == [row]
    assert seen(model(gate=Gate.CLOSED)) == seen(model(is_on=False)) == []
    assert seen(model(gate=Gate.CLOSED, gate_overridden=True)) == [row]
    # Older weights of the same model are behind the same gate; those of another are not.
    assert seen(model(trained_model_id=9, gate=Gate.CLOSED)) == []
    assert seen(model(trained_model_id=9, gate=Gate.CLOSED, kind="onnx")) == [row]
    brought = said(boxes("scratch"), trained=None)
    closed = [model(gate=Gate.CLOSED)]
    assert benefit.visible_predictions(project, 2, [brought], closed) == [brought]


def test_blank_tasks_show_nothing_at_all() -> None:
    """Not even what somebody brought: the arm would be worth nothing."""
    project = project_of(50)
    blank = next(number for number in range(1, 99) if benefit.is_blank(project, number))
    rows = [said(boxes("scratch")), said(boxes("dent"), trained=None)]
    assert benefit.visible_predictions(project, blank, rows, [model()]) == []


def test_regions_of_labels_that_are_off_are_left_out() -> None:
    """With what else is said of them; the stored prediction stays as it is."""
    regions = [*boxes("scratch", "dent"), {**boxes("dent", "dent")[1], "type": "textarea"}]
    regions[2]["value"] = {"text": ["tief"]}
    regions.append({"type": "relation", "from_id": "box_0", "to_id": "box_1"})
    row = said(regions)
    (seen,) = benefit.visible_predictions(project_of(0), 2, [row], [model(labels_off='["dent"]')])
    assert [region["id"] for region in seen.result_values] == ["box_0"]
    assert len(row.result_values) == 4
    assert sa.inspect(seen).transient


# --- from answers to figures ----------------------------------------------------------------


def used(installation: Installation, team: Team, percent: int, **values: Any) -> ProjectModel:
    """Let the team's project use a model, with so many blank tasks of a hundred."""
    with installation.database.write() as session:
        project = session.merge(team.project)
        settings = installation.settings
        row = models.add(session, settings, team.requester, project, kind=KIND)
        trained = models.register(
            session, project, name=KIND, version="1", weights_digest="ab", examples=1
        )
        models.use(session, row, trained, 1)
        row.gate = values.get("gate", Gate.OPEN)
        projects.set_option(project, "prelabel_control_percent", percent)
        return row


def predicted(
    installation: Installation, project: int, tasks: Sequence[Task], answer: str = "good"
) -> dict[int, int]:
    """Let the model answer the tasks; return task → prediction."""
    with installation.database.write() as session:
        trained = session.scalars(sa.select(models.TrainedModel)).one()
        rows = [
            {
                "project_id": project,
                "task_id": task.id,
                "trained_model_id": trained.id,
                "model_version": trained.model_version,
                "score": 0.9,
                "result": msgspec.json.encode(tone(answer)).decode(),
            }
            for task in tasks
        ]
        predictions.add_in_bulk(session, rows)
        return {
            row.task_id: row.id
            for found in predictions.of_tasks(session, [task.id for task in tasks]).values()
            for row in found
        }


def arm(
    installation: Installation, person: User, project: int, task: Task, **values: Any
) -> str | None:
    with installation.database.read() as session:
        row = session.get_one(Project, project)
    return factories.submitted(installation, person, row, task, **values).arm


def drawn(installation: Installation, project: int, tasks: Sequence[Task], blank: bool) -> Task:
    with installation.database.read() as session:
        row = session.get_one(Project, project)
    return next(task for task in tasks if benefit.is_blank(row, task.id) == blank)


def test_an_answer_knows_its_arm(installation: Installation, team: Team) -> None:
    """Shown where there was a pre-label, blank where the draw kept it, none without."""
    number, tasks = team.project.id, factories.tasks(installation, team, 40)
    used(installation, team, 50)
    before = drawn(installation, number, tasks, blank=True)
    assert arm(installation, team.annotator, number, before) is None
    made = predicted(installation, number, tasks)
    rest = [task for task in tasks if task.id != before.id]
    blank = drawn(installation, number, rest, blank=True)
    assert arm(installation, team.annotator, number, blank) == "blank"
    rest = [task for task in rest if task.id != blank.id]
    shown = drawn(installation, number, rest, blank=False)
    began = {"parent_prediction": made[shown.id]}
    assert arm(installation, team.annotator, number, shown, **began) == "shown"
    rest = [task for task in rest if task.id != shown.id]
    unused = drawn(installation, number, rest, blank=False)
    assert arm(installation, team.annotator, number, unused) == "shown"
    # Who sees all predictions, or began from one all the same, worked neither way.
    seen = drawn(installation, number, rest, blank=True)
    assert arm(installation, team.requester, number, seen) is None
    rest = [task for task in rest if task.id != seen.id]
    kept_back = drawn(installation, number, rest, blank=True)
    began = {"parent_prediction": made[kept_back.id]}
    assert arm(installation, team.annotator, number, kept_back, **began) is None


def test_a_task_that_a_model_left_out_is_blank(installation: Installation, team: Team) -> None:
    """Models may pass by what the draw leaves blank; how far they came is known."""
    number, tasks = team.project.id, factories.tasks(installation, team, 40)
    used(installation, team, 50)
    with installation.database.read() as session:
        row = session.get_one(Project, number)
    blank = [task for task in tasks if benefit.is_blank(row, task.id)]
    answered = [task for task in tasks if task not in blank and task.id < blank[-1].id]
    predicted(installation, number, answered)
    assert arm(installation, team.annotator, number, blank[0]) == "blank"
    assert arm(installation, team.annotator, number, blank[-1]) is None


def test_a_closed_gate_has_no_arms(installation: Installation, team: Team) -> None:
    """Where nobody sees anything, both arms work alone."""
    number, tasks = team.project.id, factories.tasks(installation, team, 30)
    used(installation, team, 50, gate=Gate.CLOSED)
    predicted(installation, number, tasks)
    for blank in (True, False):
        task = drawn(installation, number, tasks, blank=blank)
        assert arm(installation, team.annotator, number, task) is None


def test_the_report_tells_what_is_known_and_what_is_missing(
    installation: Installation, team: Team
) -> None:
    """Nothing is made up: too few answers say how many there are of how many needed."""
    number, tasks = team.project.id, factories.tasks(installation, team, 12)
    used(installation, team, 0)
    made = predicted(installation, number, tasks)
    for place, task in enumerate(tasks):
        answer = tone("bad") if place < 3 else tone("good")
        values = {"parent_prediction": made[task.id], "lead_time": 20.0 if place else 9000.0}
        arm(installation, team.annotator, number, task, result=answer, **values)
    with installation.database.read() as session:
        found = benefit.report(session, session.get_one(Project, number))
    assert (found.shown, found.blank, found.annotators, found.idle) == (12, 0, 1, 1)
    assert found.time_ratio.value is None
    assert found.time_ratio.missing == (0, 10)
    assert found.unchanged.value == pytest.approx(0.75)
    assert found.unchanged.n == (12,)
    assert found.edits.value == pytest.approx(0.25)
    assert found.of_labels["good"].shown == 12
    assert found.of_labels["good"].accepted == 9
    (told,) = found.of_models
    assert (told.kind, told.answers, told.marks) == (KIND, 12, 12)
    assert told.accepted.value == pytest.approx(0.75)
    assert json.loads(msgspec.json.encode(found.as_values()))["shown"] == 12


def test_the_report_finds_the_saving_and_the_anchoring(
    installation: Installation, team: Team
) -> None:
    """People are twice as quick with pre-labels, and let the model's errors pass."""
    number, tasks = team.project.id, factories.tasks(installation, team, 120)
    used(installation, team, 50)
    made = predicted(installation, number, tasks)
    chance = np.random.default_rng(4)
    with installation.database.read() as session:
        project = session.get_one(Project, number)
    for place, task in enumerate(tasks):
        blank = benefit.is_blank(project, task.id)
        values: dict[str, Any] = {"lead_time": float(chance.lognormal(3 if blank else 2.3, 0.3))}
        # Every third text is bad; with the pre-label "good" people do not see it.
        if not blank:
            values["parent_prediction"] = made[task.id]
        truth = tone("bad") if place % 3 == 0 else tone("good")
        answer = truth if blank else tone("good")
        done = factories.submitted(installation, team.annotator, project, task, answer, **values)
        if truth == answer:
            factories.judged(installation, team.reviewer, done)
        else:
            factories.judged(installation, team.reviewer, done, "fix", result=truth)
    with installation.database.read() as session:
        found = benefit.report(session, session.get_one(Project, number))
    assert found.shown + found.blank == found.reviewed == 120
    assert found.truths == 0
    ratio = found.time_ratio
    assert ratio.low is not None and ratio.high is not None
    assert 0.35 < ratio.low < ratio.high < 0.7
    assert found.minutes_saved.low is not None and found.minutes_saved.low > 0
    assert found.unchanged.value == 1
    assert found.error.low is not None and found.error.low > 0.1
    assert found.of_labels["good"].rises
    assert found.of_labels["bad"].shown == 0
    assert not found.of_labels["bad"].rises
    assert set(found.seconds) == {"shown", "blank"}


def test_ground_truth_goes_before_reviews(installation: Installation, team: Team) -> None:
    """And an answer is not compared with itself."""
    number, tasks = team.project.id, factories.tasks(installation, team, 1)
    used(installation, team, 0)
    made = predicted(installation, number, tasks)
    with installation.database.read() as session:
        project = session.get_one(Project, number)
    done = factories.submitted(
        installation, team.annotator, project, tasks[0], parent_prediction=made[tasks[0].id]
    )
    factories.judged(installation, team.reviewer, done)
    factories.submitted(
        installation, team.requester, project, tasks[0], tone("bad"), ground_truth=True
    )
    with installation.database.read() as session:
        found = benefit.report(session, project)
        count = session.scalar(sa.select(sa.func.count()).select_from(Annotation))
        assert len(reviews.of_project(session, project)) == 1
    assert count == 2
    assert (found.shown, found.truths, found.reviewed) == (1, 1, 1)


# --- clean items ----------------------------------------------------------------------------


def test_the_clean_share_is_told_or_counted(installation: Installation, team: Team) -> None:
    """Empty answers tell it until the owner says it; skips say nothing."""
    number, tasks = team.project.id, factories.tasks(installation, team, 6)
    with installation.database.read() as session:
        project = session.get_one(Project, number)
        assert benefit.clean_share(session, project) is None
    for place, task in enumerate(tasks):
        result = [] if place < 3 else tone()
        skips = {"was_cancelled": True} if place == 0 else {}
        factories.submitted(installation, team.annotator, project, task, result, **skips)
    with installation.database.write() as session:
        project = session.get_one(Project, number)
        counted = benefit.clean_share(session, project)
        assert counted is not None
        assert (counted.value, counted.n) == (0.4, 5)
        assert counted.low < 0.2 < 0.7 < counted.high
        projects.change(session, team.requester, project, options={"clean_percent": 90})
        told = benefit.clean_share(session, project)
    assert told == benefit.CleanShare(0.9, 0.9, 0.9, 0)
