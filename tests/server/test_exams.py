"""Who wants to work on a project shows first that they can, and cannot cheat their way in."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import exams, people, projects
from jinbiao.datasets.assignments import Assignment
from jinbiao.datasets.db import now
from jinbiao.datasets.exams import ExamAttempt
from jinbiao.datasets.qualifications import Qualification
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import World, entity

RULES = {"questions": 3, "minutes": 10, "attempts": 2, "wait_hours": 0, "required": True}


def known(world: World, number: int = 5, **rules: Any) -> int:
    """Make a project whose first tasks have a ground truth, with an examination."""
    project = world.project()
    truth = {"result": entity(), "ground_truth": True}
    world.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(number + 3)])
    for task in world.tasks(project)[:number]:
        path = f"/api/tasks/{task['id']}/annotations/"
        world.good(world.post("requester", path, truth), 201)
    path = f"/api/projects/{project}/exam/"
    world.good(world.post("requester", path, {**RULES, **rules}), 201)
    return project


def begin(world: World, project: int, who: str = "annotator") -> int:
    """Begin an attempt and return its number."""
    path = f"/api/projects/{project}/exam/start"
    return int(world.good(world.post(who, path, {}), 201)["id"])


def answered(world: World, attempt: int, good: int, bad: int, who: str = "annotator") -> list[int]:
    """Answer so many questions rightly and wrongly; return their tasks."""
    met = []
    for place in range(good + bad):
        question = world.good(world.get(who, f"/api/exam-attempts/{attempt}/next"))
        result = entity() if place < good else entity(start=4, end=6)
        told = {"task": question["id"], "result": result}
        world.good(world.post(who, f"/api/exam-attempts/{attempt}/answers", told), 201)
        met.append(question["id"])
    return met


def standing(world: World, attempt: int, who: str = "annotator") -> dict[str, Any]:
    """Return an attempt as the API tells it."""
    found: dict[str, Any] = world.good(world.get(who, f"/api/exam-attempts/{attempt}/"))
    return found


def move(world: World, table: Any, number: int, **values: Any) -> None:
    """Change a row behind everybody's back, as time does."""
    with world.installation.database.write() as session:
        session.execute(sa.update(table).where(table.id == number).values(**values))


def test_a_pass_opens_the_project_and_a_fail_does_not(either_world: World) -> None:
    world = either_world
    project = known(world, pass_mark_percent=66)
    next_task = f"/api/projects/{project}/next"
    refused = world.get("annotator", next_task)
    assert refused.status_code == 403 and f"/projects/{project}/exam" in refused.text
    first = begin(world, project)
    answered(world, first, 1, 2)
    told = standing(world, first)
    assert (told["state"], told["score"]["number"]) == ("failed", 3)
    assert told["score"]["value"] == pytest.approx(1 / 3)
    # Wilson 1927, by hand: 1 of 3.
    assert told["score"]["low"] == pytest.approx(0.0615, abs=1e-3)
    assert told["score"]["high"] == pytest.approx(0.7923, abs=1e-3)
    assert world.get("annotator", next_task).status_code == 403
    second = begin(world, project)
    answered(world, second, 2, 1)
    assert standing(world, second)["state"] == "passed"
    assert world.get("annotator", next_task).status_code == 200
    # Others are not admitted by it.
    assert world.get("annotator2", next_task).status_code == 403


def test_no_other_way_leads_in(world: World) -> None:
    project = known(world)
    free = world.tasks(project)[-1]["id"]
    path = f"/api/tasks/{free}/annotations/"
    refused = world.post("annotator", path, {"result": entity()})
    assert refused.status_code == 403 and f"/projects/{project}/exam" in refused.text


def test_answers_of_an_examination_are_no_work(world: World) -> None:
    project = known(world)
    before = world.good(world.get("requester", f"/api/projects/{project}/"))
    states = world.states(project)
    answered(world, begin(world, project), 3, 0)
    after = world.good(world.get("requester", f"/api/projects/{project}/"))
    assert after == before and world.states(project) == states
    for task in world.tasks(project):
        assert all(row["completed_by"] != "annotator" for row in task["annotations"])
    exported = world.good(world.get("requester", f"/api/projects/{project}/export"))
    assert sum(len(task["annotations"]) for task in exported) == 5


def test_nothing_that_a_candidate_can_ask_tells_the_truth(world: World) -> None:
    project = known(world, gives_feedback=True)
    attempt = begin(world, project)
    question = world.good(world.get("annotator", f"/api/exam-attempts/{attempt}/next"))
    assert (question["annotations"], question["predictions"]) == ([], [])
    task = question["id"]
    for path in (
        f"/api/exam-attempts/{attempt}/",
        f"/api/tasks/{task}/",
        f"/api/tasks/{task}/annotations/",
        f"/api/tasks/{task}/workbench",
        f"/api/tasks/?project={project}&fields=all",
        f"/api/projects/{project}/exam/",
        f"/exam-attempts/{attempt}",
        f"/projects/{project}/exam",
        f"/tasks/{task}",
        f"/projects/{project}/tasks",
    ):
        answer = world.get("annotator", path)
        assert answer.status_code == 200, path
        assert "span_1" not in answer.text and '"ORG"' not in told_of(answer.text), path
    for path in (
        f"/api/annotations/{truth_of(world, task)}/",
        f"/api/projects/{project}/export",
        f"/api/exam-attempts/{attempt}/next",
    ):
        assert world.get("annotator2", path).status_code in (403, 404), path
    # A right answer is not told from a wrong one before the end.
    told = {"task": task, "result": entity()}
    path = f"/api/exam-attempts/{attempt}/answers"
    assert world.good(world.post("annotator", path, told), 201) == {"id": task, "state": "running"}
    assert standing(world, attempt)["score"] is None
    answered(world, attempt, 1, 1)
    shown = standing(world, attempt)
    assert sorted(row["is_right"] for row in shown["answers"]) == [False, True, True]
    assert shown["answers"][0]["truth"] == entity()


def told_of(text: str) -> str:
    """Return a page or an answer without the labelling config, which names every label."""
    try:
        decoded = json.loads(text)
    except ValueError:
        return ""
    rows = decoded if isinstance(decoded, list) else decoded.get("tasks", [decoded])
    return json.dumps([row.get("annotations") for row in rows])


def truth_of(world: World, task: int) -> int:
    """Return the number of the annotation that is the truth of a task."""
    rows = world.good(world.get("requester", f"/api/tasks/{task}/annotations/"))
    return int(rows[0]["id"])


def test_who_may_read_the_answers_shows_nothing(world: World) -> None:
    project = known(world)
    assert world.post("admin", f"/api/projects/{project}/exam/start", {}).status_code == 422
    assert world.post("requester", f"/api/projects/{project}/exam/start", {}).status_code == 403
    assert world.post("other_annotator", f"/api/projects/{project}/exam/start").status_code == 404


def test_two_tabs_are_one_attempt_and_a_question_is_answered_once(world: World) -> None:
    project = known(world)
    attempt = begin(world, project)
    assert begin(world, project) == attempt
    path = f"/api/exam-attempts/{attempt}"
    first, second = (world.good(world.get("annotator", f"{path}/next")) for _ in range(2))
    assert first["id"] == second["id"]
    told = {"task": first["id"], "result": entity(end=2)}
    assert world.post("annotator", f"{path}/answers", told).status_code == 201
    better = {"task": first["id"], "result": entity()}
    assert world.post("annotator", f"{path}/answers", better).status_code == 422
    # Nor by the way of ordinary work.
    other = f"/api/tasks/{first['id']}/annotations/"
    assert world.post("annotator", other, {"result": entity()}).status_code in (403, 422)
    strange = {"task": world.tasks(project)[-1]["id"], "result": entity()}
    assert world.post("annotator", f"{path}/answers", strange).status_code == 404
    wrong = {"task": first["id"], "result": [{"id": "x"}]}
    assert world.post("annotator", f"{path}/answers", wrong).status_code in (400, 422)
    # Another's attempt is not there.
    for method, part in (("GET", ""), ("GET", "/next"), ("POST", "/answers")):
        asked = {} if method == "GET" else {"json": told}
        assert world.ask(method, path + (part or "/"), "annotator2", **asked).status_code == 404


def test_the_servers_clock_decides(world: World) -> None:
    project = known(world)
    attempt = begin(world, project)
    question = world.good(world.get("annotator", f"/api/exam-attempts/{attempt}/next"))
    move(world, ExamAttempt, attempt, ends_at=now() - dt.timedelta(minutes=1))
    path = f"/api/exam-attempts/{attempt}"
    told = {"task": question["id"], "result": entity()}
    late = world.post("annotator", f"{path}/answers", told)
    assert late.status_code == 422
    assert world.get("annotator", f"{path}/next").status_code == 422
    ended = standing(world, attempt)
    assert (ended["state"], ended["score"]["value"]) == ("failed", 0.0)
    assert ended["ended_at"] == ended["ends_at"]


def test_attempts_end_and_the_next_one_waits(world: World) -> None:
    project = known(world, wait_hours=24)
    path = f"/api/projects/{project}/exam/start"
    first = begin(world, project)
    person = Browser(world)
    person.sign_in("annotator")
    page = f"/exam-attempts/{first}"
    assert person.post(f"{page}/end", page).status_code == 302
    assert standing(world, first)["state"] == "failed"
    early = world.post("annotator", path, {})
    assert early.status_code == 422 and "24" in early.json["detail"]
    move(world, ExamAttempt, first, ended_at=now() - dt.timedelta(hours=25))
    second = begin(world, project)
    answered(world, second, 0, 3)
    move(world, ExamAttempt, second, ended_at=now() - dt.timedelta(hours=25))
    assert world.post("annotator", path, {}).status_code == 422


def test_questions_repeat_only_when_there_are_no_others(world: World) -> None:
    project = known(world, number=5, attempts=3)
    met = [answered(world, begin(world, project), 0, 3) for _ in range(2)]
    assert len({*met[0], *met[1]}) == 5
    with world.installation.database.read() as session:
        person = people.get_user(session, "annotator")
        marks = sa.select(Assignment.purpose).where(Assignment.user_id == person.id)
        assert set(session.scalars(marks)) == {"exam"}


def test_nobody_is_asked_what_they_have_worked_on(world: World) -> None:
    project = known(world, number=3)
    free = world.tasks(project)[0]["id"]
    with world.installation.database.write() as session:
        person = people.get_user(session, "annotator")
        session.add(
            Assignment(project_id=project, task_id=free, user_id=person.id, state="submitted")
        )
    refused = world.post("annotator", f"/api/projects/{project}/exam/start", {})
    assert refused.status_code == 422
    # What was asked is not given as work afterwards.
    attempt = begin(world, project, "annotator2")
    met = answered(world, attempt, 3, 0, "annotator2")
    taken = world.good(world.get("annotator2", f"/api/projects/{project}/next"))
    assert taken["id"] not in met


def test_an_admission_ends_and_is_earned_again(world: World) -> None:
    project = known(world, valid_days=90)
    first = begin(world, project)
    answered(world, first, 3, 0)
    path = f"/api/projects/{project}/exam/start"
    assert world.post("annotator", path, {}).status_code == 422
    told = world.good(world.get("annotator", f"/api/projects/{project}/exam/"))
    number = told["admission"]["id"]
    assert told["admission"]["is_valid"]
    ended = now() - dt.timedelta(days=1)
    move(world, Qualification, number, valid_to=ended)
    refused = world.get("annotator", f"/api/projects/{project}/next")
    assert refused.status_code == 403
    second = begin(world, project)
    answered(world, second, 3, 0)
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 200


def test_a_suspension_has_a_reason_a_notice_and_an_answer(world: World) -> None:
    project = known(world, number=4)
    answered(world, begin(world, project), 3, 0)
    number = world.good(world.get("annotator", f"/api/projects/{project}/exam/"))["admission"]["id"]
    lead, person = Browser(world), Browser(world)
    lead.sign_in("requester")
    person.sign_in("annotator")
    page, path = f"/projects/{project}/exam", f"/qualifications/{number}"
    assert lead.post(f"{path}/suspend", page, reason=" ").status_code == 400
    assert person.post(f"{path}/suspend", page, reason="x").status_code == 403
    assert lead.post(f"{path}/suspend", page, reason="框画得太松").status_code == 302
    refused = world.get("annotator", f"/api/projects/{project}/next")
    assert refused.status_code == 403 and "框画得太松" in refused.text
    assert world.post("annotator", f"/api/projects/{project}/exam/start", {}).status_code == 422
    (notice,) = world.good(world.get("annotator", "/api/notices/"))["results"]
    assert "框画得太松" in notice["text"] and notice["address"] == page
    assert "框画得太松" in person.client.get(page).text
    assert person.post(f"{path}/appeal", page, appeal="指南没有写").status_code == 302
    assert person.post(f"{path}/appeal", page, appeal="再说").status_code == 422
    assert "指南没有写" in lead.client.get(page).text
    assert world.good(world.get("requester", "/api/notices/"))["unread"] == 1
    assert lead.post(f"{path}/restore", page).status_code == 302
    assert world.get("annotator", f"/api/projects/{project}/next").status_code == 200


def test_rules_are_checked_and_the_pool_is_what_is_known(world: World) -> None:
    project = known(world)
    path = f"/api/projects/{project}/exam/"
    for bad in (
        {"questions": 6},
        {"questions": 0},
        {"pass_mark_percent": 101},
        {"threshold_percent": 0},
        {"minutes": 0},
        {"source": "anything"},
        {"source": "accepted"},
    ):
        assert world.post("requester", path, {**RULES, **bad}).status_code == 400, bad
    made = world.good(world.post("requester", path, {**RULES, "title": "新"}), 201)
    told = world.good(world.get("annotator", path))["exam"]
    assert (told["id"], told["title"]) == (made["id"], "新")
    assert world.post("annotator", path, RULES).status_code == 403


def test_the_mark_is_a_number_of_questions_whatever_fractions_say(world: World) -> None:
    project = known(world, number=10, questions=10, pass_mark_percent=70)
    attempt = begin(world, project)
    answered(world, attempt, 7, 3)
    assert standing(world, attempt)["state"] == "passed"


def test_a_deleted_question_does_not_count(world: World) -> None:
    project = known(world, pass_mark_percent=100)
    attempt = begin(world, project)
    question = world.good(world.get("annotator", f"/api/exam-attempts/{attempt}/next"))
    assert world.ask("DELETE", f"/api/tasks/{question['id']}/", "requester").status_code == 204
    answered(world, attempt, 2, 0)
    assert world.get("annotator", f"/api/exam-attempts/{attempt}/next").status_code == 404
    with world.installation.database.write() as session:
        exams.hand_in(session, people.get_user(session, "annotator"), attempt)
    told = standing(world, attempt)
    assert (told["state"], told["questions"]) == ("passed", 2)


def test_leads_see_how_it_goes_and_candidates_their_result(world: World) -> None:
    project = known(world, gives_feedback=True)
    attempt = begin(world, project)
    answered(world, attempt, 2, 1)
    page = world.get("requester", f"/projects/{project}/exam?language=en")
    assert page.status_code == 200 and "n = 1" in page.text and "Not passed" in page.text
    for who in ("requester", "annotator"):
        shown = world.get(who, f"/exam-attempts/{attempt}?language=en")
        assert shown.status_code == 200 and "2 of 3 right" in shown.text
        assert "Known answer" in shown.text
    assert world.get("annotator2", f"/exam-attempts/{attempt}").status_code == 404
    with world.installation.database.read() as session:
        row = session.get_one(projects.Project, project)
        exam = exams.open_exam(session, row)
        assert exam is not None
        results = exams.of_exam(session, people.get_user(session, "requester"), row, exam)
    assert sorted(figure.value or 0 for figure in results.questions.values()) == [0, 1, 1]
