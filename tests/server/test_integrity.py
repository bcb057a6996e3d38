"""What stands out in real rows comes before a lead, the person, and another lead; no penalty."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from jinbiao.datasets import annotations, integrity, predictions
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.integrity import Finding, FindingKind
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.people import Organisation, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.tasks import Task
from jinbiao.tests import factories
from jinbiao.tests.server.world import World, entity

TASKS = 27
NAMES = [*(f"honest{n}" for n in range(5)), "stamper", "speeder"]
START = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
TEXT = "天津大学位于天津市南开区"
RIGHT, WRONG = entity(0, 4, "ORG"), entity(6, 9, "PER")


def answer_of(person: str, task: int) -> list[dict[str, Any]]:
    """Return what somebody marks: regions have ids of their own, except in a copy."""
    if person == "annotator":
        # Takes over what the first colleague made of it, ids and all.
        return answer_of("honest0", task)
    own = [{**region, "id": f"{person}-{task}-{n}"} for n, region in enumerate(RIGHT)]
    # Everybody differs now and then, each on tasks of their own.
    if task % 9 == NAMES.index(person):
        own[0]["value"] = {"start": 0, "end": 2, "labels": ["ORG"]}
    return own


def team_of(world: World) -> dict[str, User]:
    """Return everybody who answers: five who work, one who copies, stamps, or hurries."""
    with world.installation.database.write() as session:
        home = session.scalars(sa.select(Organisation).where(Organisation.slug == "alpha")).one()
        others = {name: factories.person(session, home=home) for name in NAMES}
        query = sa.select(User).where(User.username == "annotator")
        return {**others, "annotator": session.scalars(query).one()}


def worked(world: World) -> tuple[int, dict[str, User]]:
    """Let all answer all tasks; half of the pre-labels are wrong, and all are told who began."""
    everybody = team_of(world)
    project = world.project(maximum_annotations=len(everybody))
    told = [
        {
            "data": {"text": f"{TEXT}{n}"},
            "predictions": [{"model_version": "v1", "result": WRONG if n % 2 else RIGHT}],
        }
        for n in range(TASKS)
    ]
    world.import_list(project, told)
    with world.installation.database.write() as session:
        row = session.get_one(Project, project)
        tasks = list(session.scalars(sa.select(Task).where(Task.project_id == project)))
        for place, task in enumerate(tasks):
            (prediction,) = predictions.of_tasks(session, [task.id])[task.id]
            for name, person in everybody.items():
                result = prediction.result_values if name == "stamper" else answer_of(name, place)
                annotations.submit(
                    session,
                    world.installation.settings,
                    person,
                    row,
                    task,
                    result,
                    lead_time=25.0,
                    parent_prediction=prediction.id,
                )
        timed(session, project, tasks, everybody)
    return project, everybody


def timed(session: Any, project: int, tasks: Sequence[Task], everybody: dict[str, User]) -> None:
    """Put the server's times where the work would have left them: a second for who hurries."""
    for number, (name, person) in enumerate(everybody.items()):
        seconds = 2 if name == "speeder" else 20 + 3 * number
        for place, task in enumerate(tasks):
            at = START + dt.timedelta(seconds=place * 60 + number)
            mine = {"task_id": task.id, "user_id": person.id}
            session.execute(sa.update(Assignment).filter_by(**mine).values(created_at=at))
            session.execute(
                sa.update(Annotation)
                .filter_by(task_id=task.id, completed_by=person.id)
                .values(created_at=at + dt.timedelta(seconds=seconds + place % 3))
            )


def looked(world: World, project: int) -> dict[str, Any]:
    """Ask for a look on the page, and do the job."""
    answer = world.post("requester", f"/projects/{project}/integrity", {})
    assert answer.status_code == 302, answer.text
    job = world.finished(answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1])
    assert job["state"] == "done", job
    result: dict[str, Any] = job["result"]
    return result


def findings(world: World, project: int) -> list[Finding]:
    with world.installation.database.read() as session:
        query = sa.select(Finding).where(Finding.project_id == project).order_by(Finding.id)
        return list(session.scalars(query))


def act(world: World, who: str, project: int, finding: int, act: str, reason: str = "") -> int:
    path = f"/projects/{project}/integrity/{finding}"
    return world.post(who, path, {"act": act, "reason": reason}).status_code


def notices_of(world: World, who: str) -> list[str]:
    with world.installation.database.read() as session:
        query = sa.select(Notice.kind).join(User, User.id == Notice.user_id)
        return list(session.scalars(query.where(User.username == who).order_by(Notice.id)))


def state_of_work(world: World, person: User) -> list[tuple[Any, ...]]:
    """Return all that a penalty could touch: their answers, holds, role and standing."""
    with world.installation.database.read() as session:
        rows = sa.select(
            Annotation.id, Annotation.state, Annotation.result, Annotation.revision
        ).where(Annotation.completed_by == person.id)
        holds = sa.select(Assignment.id, Assignment.state).where(Assignment.user_id == person.id)
        who = session.get_one(User, person.id)
        about = (who.role, who.is_active, who.locked_until)
        return [*map(tuple, session.execute(rows)), *map(tuple, session.execute(holds)), about]


def test_planted_dishonesty_goes_all_the_way_and_nothing_happens_by_itself(world: World) -> None:
    project, everybody = worked(world)
    before = {name: state_of_work(world, person) for name, person in everybody.items()}
    result = looked(world, project)
    rows = findings(world, project)
    names = {person.id: name for name, person in everybody.items()}
    found = {(row.kind, names[row.user_id], names.get(row.other_id)) for row in rows}
    assert found == {
        (FindingKind.COPYING, "annotator", "honest0"),
        (FindingKind.STAMPING, "stamper", None),
        (FindingKind.SPEED, "speeder", None),
    }
    assert result["new"] == result["found"] == 3
    # Once more finds the same and writes nothing new.
    assert looked(world, project)["new"] == 0
    assert notices_of(world, "requester").count("integrity_found") == 1
    copying = next(row for row in rows if row.kind == FindingKind.COPYING)
    # Where both left a right pre-label as it is, they agree with the model and not each other.
    facts = copying.fact_values
    assert facts["same_regions"] == facts["regions"] == facts["tasks"] >= TASKS // 2
    page = world.get("requester", f"/projects/{project}/integrity")
    assert page.status_code == 200 and everybody["honest0"].name in page.text
    # Nobody is told, and nothing is said to them, before a lead does.
    assert notices_of(world, "annotator") == []
    assert everybody["honest0"].name not in world.get("annotator", "/account/integrity").text
    assert world.get("annotator", f"/projects/{project}/integrity").status_code in (403, 404)
    reviewed(world, project, copying.id)
    decided(world, project, copying.id)
    after = {name: state_of_work(world, person) for name, person in everybody.items()}
    assert after == before


def reviewed(world: World, project: int, number: int) -> None:
    """Have a sample reviewed blind: not before that is a finding upheld."""
    assert act(world, "requester", project, number, "uphold", "照抄") == 422
    assert act(world, "requester", project, number, "review") == 302
    row = next(row for row in findings(world, project) if row.id == number)
    with world.installation.database.read() as session:
        real = session.get_one(Project, project)
        asked = integrity.outcomes(session, real, row)
    assert asked == (20, 0, 0)
    task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
    assert "finding" not in str(task)
    (annotation,) = task["annotations"]
    path = f"/api/annotations/{annotation['id']}/reviews"
    world.good(world.post("reviewer", path, {"verdict": "reject", "reason": "不对"}), 201)
    with world.installation.database.read() as session:
        real = session.get_one(Project, project)
        assert integrity.outcomes(session, real, row) == (20, 1, 1)


def decided(world: World, project: int, number: int) -> None:
    """Show it to the person, uphold it, appeal, and let another lead answer."""
    assert act(world, "requester", project, number, "open") == 302
    assert notices_of(world, "annotator") == ["integrity"]
    page = world.get("annotator", "/account/integrity").text
    assert "honest" not in page and f"/account/integrity/{number}" not in page
    assert act(world, "requester", project, number, "uphold") == 400
    assert act(world, "requester", project, number, "uphold", "照抄") == 302
    assert "照抄" in world.get("annotator", "/account/integrity").text
    path = f"/account/integrity/{number}"
    assert world.post("annotator2", path, {"text": "我没有"}).status_code == 404
    assert world.post("annotator", path, {"text": " "}).status_code == 400
    assert world.post("annotator", path, {"text": "我先做的"}).status_code == 302
    assert world.post("annotator", path, {"text": "再说"}).status_code == 422
    assert "integrity_appeal" in notices_of(world, "manager")
    assert act(world, "requester", project, number, "overturn", "是") == 403
    assert act(world, "manager", project, number, "overturn", "查过了") == 302
    (row,) = (each for each in findings(world, project) if each.id == number)
    assert row.state == "overturned"
    assert "查过了" in world.get("annotator", "/account/integrity").text
    # What was decided is not raised again.
    assert looked(world, project)["new"] == 0
    assert [each.state for each in findings(world, project) if each.id == number] == ["overturned"]
