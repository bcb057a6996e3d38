"""Examinations: make one, sit for it, see how it went; admissions, their suspension and appeal."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from ..datasets import exams, permissions, projects, qualifications, tasks
from ..datasets.exams import Exam, ExamAttempt, Rules
from ..datasets.qualifications import Qualification
from ..datasets.tasks import Task
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("exams", __name__)


@routes.get("/projects/<int:project_id>/exam")
@allows("project.read")
def show(project_id: int) -> str:
    """Show a project's examination: to candidates how they stand, to leads how it goes."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        exam = exams.open_exam(session, project)
        leads = exams.leads(user(), project)
        results = None
        if exam is not None and leads:
            results = exams.of_exam(session, user(), project, exam)
        return render_template(
            "exams/show.html",
            project=project,
            exam=exam,
            results=results,
            leads=leads,
            own=qualifications.newest(session, user().id, project),
            attempts=[] if exam is None else exams.attempts_of(session, exam, user()),
            score=exams.score,
            defaults=Rules(),
            limits=exams.LIMITS,
            can_sit=permissions.allows(user(), "task.claim")
            and not permissions.allows(user(), "annotation.read"),
        )


@routes.post("/projects/<int:project_id>/exam")
@allows("exam.manage")
def create(project_id: int) -> Response:
    """Make the project's examination from the form."""
    values = payloads.body()
    with installation().database.write() as session:
        _make(session, project_id, values)
    return _to_exam(project_id)


@routes.post("/projects/<int:project_id>/exam/start")
@allows("task.claim")
def start(project_id: int) -> Response:
    """Begin an attempt, or go on with the one that runs."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.claim")
        attempt = exams.start(session, user(), project)
    return flask.redirect(flask.url_for("exams.attempt", attempt_id=attempt.id))  # type: ignore[return-value]


@routes.get("/exam-attempts/<int:attempt_id>")
@allows("project.read")
def attempt(attempt_id: int) -> str:
    """Show an attempt: the workbench while it runs, its result after."""
    with installation().database.write() as session:
        row, exam, project = exams.settled(session, user(), attempt_id)
        if row.state == exams.AttemptState.RUNNING and row.user_id == user().id:
            return render_template("exams/sit.html", project=project, exam=exam, attempt=row)
        shows = _shows(row, exam)
        answers = exams.answers(session, row) if shows else []
        found = tasks.by_ids(session, project, [each.task_id for each in answers])
        media = tasks.media_of(session, found)
        data = {task.id: payloads.shown_data(task, media) for task in found}
        return render_template(
            "exams/result.html",
            project=project,
            exam=exam,
            attempt=row,
            figure=exams.score(row),
            answers=answers,
            data=data,
        )


@routes.post("/exam-attempts/<int:attempt_id>/end")
@allows("task.claim")
def end(attempt_id: int) -> Response:
    """Hand an attempt in."""
    with installation().database.write() as session:
        exams.hand_in(session, user(), attempt_id)
    return flask.redirect(flask.url_for("exams.attempt", attempt_id=attempt_id))  # type: ignore[return-value]


@routes.post("/qualifications/<int:qualification_id>/suspend")
@allows("exam.manage")
def suspend(qualification_id: int) -> Response:
    """Suspend somebody's admission, with a reason."""
    reason = payloads.text(payloads.body(), "reason", "", longest=10_000)
    with installation().database.write() as session:
        row, project = qualifications.get(session, user(), qualification_id, "exam.manage")
        qualifications.suspend(session, user(), project, row, reason)
    return _to_exam(row.project_id)


@routes.post("/qualifications/<int:qualification_id>/restore")
@allows("exam.manage")
def restore(qualification_id: int) -> Response:
    """Let somebody whose admission was suspended work again."""
    with installation().database.write() as session:
        row, project = qualifications.get(session, user(), qualification_id, "exam.manage")
        qualifications.restore(session, user(), project, row)
    return _to_exam(row.project_id)


@routes.post("/qualifications/<int:qualification_id>/appeal")
@allows("project.read")
def appeal(qualification_id: int) -> Response:
    """Answer the suspension of one's own admission."""
    text = payloads.text(payloads.body(), "appeal", "", longest=10_000)
    with installation().database.write() as session:
        row, project = qualifications.get(session, user(), qualification_id, "project.read")
        qualifications.appeal(session, user(), project, row, text)
    return _to_exam(row.project_id)


@routes.get("/api/projects/<int:project_id>/exam/")
@allows("project.read")
def api_show(project_id: int) -> Response:
    """Return a project's open examination, and how the asker stands."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        exam = exams.open_exam(session, project)
        own = qualifications.newest(session, user().id, project)
        attempts = [] if exam is None else exams.attempts_of(session, exam, user())
    told = {
        "exam": None if exam is None else _exam(exam),
        "admission": None if own is None else _admission(own),
        "attempts": [_attempt(row) for row in attempts],
    }
    return payloads.answer(told)


@routes.post("/api/projects/<int:project_id>/exam/")
@allows("exam.manage")
def api_create(project_id: int) -> Response:
    """Make the project's examination; the one before is closed."""
    values = payloads.body()
    with installation().database.write() as session:
        return payloads.answer(_exam(_make(session, project_id, values)), 201)


@routes.post("/api/projects/<int:project_id>/exam/start")
@allows("task.claim")
def api_start(project_id: int) -> Response:
    """Begin an attempt, or return the one that runs."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.claim")
        return payloads.answer(_attempt(exams.start(session, user(), project)), 201)


@routes.get("/api/exam-attempts/<int:attempt_id>/")
@allows("project.read")
def api_attempt(attempt_id: int) -> Response:
    """Return an attempt; with its questions once it has ended and the examination shows them."""
    with installation().database.write() as session:
        row, exam, _project = exams.settled(session, user(), attempt_id)
        answers = exams.answers(session, row) if _shows(row, exam) else []
        told = _attempt(row)
    if answers:
        told["answers"] = [
            {
                "task": each.task_id,
                "agreement": each.agreement,
                "is_right": each.is_right,
                "result": None if each.result is None else payloads.raw(each.result),
                "truth": payloads.raw(each.truth),
            }
            for each in answers
        ]
    return payloads.answer(told)


@routes.get("/api/exam-attempts/<int:attempt_id>/next")
@allows("task.claim")
def api_next(attempt_id: int) -> Response:
    """Return the next question of one's attempt as the workbench shows a task, without answers."""
    with installation().database.read() as session:
        question, project = exams.next_question(session, user(), attempt_id)
        task = session.get_one(Task, question.task_id)
        media = tasks.media_of(session, [task])
        return payloads.answer(
            {
                "id": task.id,
                "project": task.project_id,
                "name": "",
                "group": "",
                "state": "waiting",
                "data": payloads.shown_data(task, media),
                "annotations": [],
                "predictions": [],
                "drafts": [],
                "label_config": project.shown_config,
                "instruction": project.instruction,
                "place": question.place,
            }
        )


@routes.post("/api/exam-attempts/<int:attempt_id>/answers")
@allows("task.claim")
def api_answer(attempt_id: int) -> Response:
    """Answer one question (`task`, `result`; `was_cancelled` skips it); it cannot be changed."""
    with installation().database.write() as session:
        exams.get(session, user(), attempt_id)
        values = payloads.body()
        skipped = payloads.flag(values, "was_cancelled")
        task = payloads.number(values, "task")
        result = [] if skipped else payloads.result(values)
        row = exams.answer(session, user(), attempt_id, task, result, is_skipped=skipped)
        return payloads.answer({"id": task, "state": row.state}, 201)


def _make(session: Session, project_id: int, values: dict[str, Any]) -> Exam:
    project = projects.get(session, user(), project_id, "exam.manage")
    standard = Rules()
    whole = {
        name: payloads.number(values, name, getattr(standard, name))
        for name in ("questions", "minutes", "attempts", "wait_hours", "valid_days")
    }
    rules = Rules(
        **whole,
        pass_mark=_share(values, "pass_mark_percent", standard.pass_mark),
        threshold=_share(values, "threshold_percent", standard.threshold),
        gives_feedback=payloads.flag(values, "gives_feedback"),
    )
    title = payloads.text(values, "title", "") or project.title
    source = payloads.choice(values, "source", exams.SOURCES[0], exams.SOURCES)
    exam = exams.make(session, user(), project, title, rules, source=source)
    if payloads.flag(values, "required"):
        projects.change(session, user(), project, options={"exam_required": True})
    return exam


def _share(values: dict[str, Any], name: str, standard: float) -> float:
    """Return a share that is given in percent."""
    return payloads.number(values, name, round(100 * standard)) / 100


def _shows(row: ExamAttempt, exam: Exam) -> bool:
    """Tell whether the asker may see the questions of an attempt with their truths."""
    if row.state == exams.AttemptState.RUNNING:
        return False
    # Whoever sees another's attempt leads examinations here.
    return exam.gives_feedback or row.user_id != user().id


def _exam(row: Exam) -> dict[str, Any]:
    return {
        "id": row.id,
        "project": row.project_id,
        "title": row.title,
        "questions": row.questions,
        "pass_mark": row.pass_mark,
        "threshold": row.threshold,
        "minutes": row.minutes,
        "attempts": row.attempts,
        "wait_hours": row.wait_hours,
        "valid_days": row.valid_days,
        "gives_feedback": row.gives_feedback,
        "created_at": payloads.time(row.created_at),
    }


def _attempt(row: ExamAttempt) -> dict[str, Any]:
    ended = row.state != exams.AttemptState.RUNNING
    return {
        "id": row.id,
        "exam": row.exam_id,
        "number": row.number,
        "state": row.state,
        "started_at": payloads.time(row.started_at),
        "ends_at": payloads.time(row.ends_at),
        "ended_at": payloads.time(row.ended_at),
        "questions": row.questions,
        "score": exams.score(row).as_values() if ended else None,
    }


def _admission(row: Qualification) -> dict[str, Any]:
    return {
        "id": row.id,
        "is_valid": row.is_valid,
        "valid_to": payloads.time(row.valid_to) if row.valid_to.year < 9999 else None,
        "suspended_at": payloads.time(row.suspended_at),
        "reason": row.reason if row.suspended_at is not None else "",
    }


def _to_exam(project_id: int) -> Response:
    return flask.redirect(flask.url_for("exams.show", project_id=project_id))  # type: ignore[return-value]
