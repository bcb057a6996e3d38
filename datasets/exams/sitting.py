"""Sit for an examination: begin, be asked, answer, hand in.

The clock is the server's, and the truth stays here: an attempt is judged once, when it ends.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, assignments, audit, errors, permissions, qualifications
from ..annotations import Annotation, answer_of, end_drafts
from ..assignments import Assignment, AssignmentState
from ..db import insert_many, insert_new, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..qualifications import Qualification
from ..tasks import Task
from .rows import AttemptState, Exam, ExamAnswer, ExamAttempt, ExamQuestion

PURPOSE = "exam"
# Before an admission ends, in which it can be earned anew.
RENEWAL = dt.timedelta(days=30)
# What a slow line may take after the time is over.
GRACE = dt.timedelta(seconds=5)
_chance = random.SystemRandom()


def open_exam(session: Session, project: Project) -> Exam | None:
    """Return the examination of a project that can be taken now."""
    return session.scalar(
        sa.select(Exam)
        .where(Exam.project_id == project.id, Exam.closed_at.is_(None))
        .order_by(Exam.id.desc())
        .limit(1)
    )


def start(session: Session, candidate: User, project: Project) -> ExamAttempt:
    """Begin an attempt, or return the one that runs: two tabs are one attempt.

    Raises:
        errors.NotFound: the project has no examination.
        errors.Refused: they know the answers by their role, are admitted already or suspended,
            have no attempt left, or must wait; the message says until when.
    """
    permissions.require(candidate, "task.claim", project)
    assignments.take_turn(session, candidate)
    exam = open_exam(session, project)
    if exam is None:
        raise errors.NotFound(_("this project has no examination now"))
    if permissions.allows(candidate, "annotation.read"):
        raise errors.Refused(_("you may read everybody's answers: an examination shows nothing"))
    admitted = qualifications.newest(session, candidate.id, project)
    _check_admission(admitted)
    before = attempts_of(session, exam, candidate)
    running = next((each for each in before if each.state == AttemptState.RUNNING), None)
    if running is not None and not running.is_over:
        return running
    if running is not None:
        conclude(session, project, exam, running)
        _check_admission(qualifications.newest(session, candidate.id, project))
    _check_attempts(exam, before, admitted)
    attempt = ExamAttempt(
        exam_id=exam.id,
        project_id=project.id,
        user_id=candidate.id,
        number=len(before) + 1,
        started_at=now(),
        ends_at=now() + dt.timedelta(minutes=exam.minutes),
        questions=exam.questions,
    )
    session.add(attempt)
    session.flush()
    _draw(session, project, exam, attempt, candidate)
    audit.record(session, candidate, "exam.start", f"project/{project.id}", attempt=attempt.id)
    return attempt


def _check_admission(admitted: Qualification | None) -> None:
    if admitted is None:
        return
    if admitted.suspended_at is not None:
        raise errors.Refused(_("your admission is suspended: a lead decides, not an examination"))
    if admitted.valid_to > now() + RENEWAL:
        raise errors.Refused(_("you have passed this examination already"))


def attempts_of(session: Session, exam: Exam, candidate: User) -> list[ExamAttempt]:
    """List somebody's attempts at an examination, oldest first."""
    query = sa.select(ExamAttempt).where(
        ExamAttempt.exam_id == exam.id, ExamAttempt.user_id == candidate.id
    )
    query = query.order_by(ExamAttempt.number).execution_options(populate_existing=True)
    return list(session.scalars(query))


def _check_attempts(exam: Exam, before: list[ExamAttempt], admitted: Qualification | None) -> None:
    """Raise where no attempt is left since the last pass, or the next one is too early."""
    since = None if admitted is None else admitted.created_at
    counted = [each for each in before if since is None or each.started_at > since]
    if len(counted) >= exam.attempts:
        raise errors.Refused(_("no attempt is left; ask who leads the project"))
    last = counted[-1].ended_at if counted else None
    if last is not None and last + dt.timedelta(hours=exam.wait_hours) > now():
        left = last + dt.timedelta(hours=exam.wait_hours) - now()
        raise errors.Refused(
            _("the next attempt is possible in %(hours)s hours"),
            hours=math.ceil(left.total_seconds() / 3600),
        )


def _draw(
    session: Session, project: Project, exam: Exam, attempt: ExamAttempt, candidate: User
) -> None:
    """Draw questions: none that the candidate has worked on, those asked before last."""
    worked = sa.exists().where(
        Annotation.task_id == ExamQuestion.task_id, Annotation.completed_by == candidate.id
    )
    held = sa.exists().where(
        Assignment.task_id == ExamQuestion.task_id,
        Assignment.user_id == candidate.id,
        Assignment.purpose.is_distinct_from(PURPOSE),
    )
    pool = session.execute(
        sa.select(ExamQuestion.task_id, ExamQuestion.truth)
        .where(ExamQuestion.exam_id == exam.id, ~worked, ~held)
        .order_by(ExamQuestion.task_id)
    ).all()
    if len(pool) < exam.questions:
        raise errors.Refused(_("there are not enough questions that you have not worked on"))
    asked = set(
        session.scalars(
            sa.select(ExamAnswer.task_id)
            .join(ExamAttempt, ExamAttempt.id == ExamAnswer.attempt_id)
            .where(ExamAttempt.user_id == candidate.id, ExamAttempt.project_id == project.id)
        )
    )
    drawn = sorted(
        ((task in asked, _chance.random(), task, truth) for task, truth in pool),
        key=lambda each: each[:2],
    )[: exam.questions]
    insert_many(
        session,
        ExamAnswer,
        [
            {"attempt_id": attempt.id, "place": place, "task_id": task, "truth": truth}
            for place, (_asked, _lot, task, truth) in enumerate(drawn, 1)
        ],
    )
    # A mark that they have met the task: it is not given to them as work.
    marks = [
        {
            "project_id": project.id,
            "task_id": task,
            "user_id": candidate.id,
            "state": AssignmentState.SUBMITTED,
            "purpose": PURPOSE,
            "created_at": now(),
        }
        for *_rest, task, _truth in sorted(drawn, key=lambda each: each[2])
    ]
    insert_new(session, Assignment, marks)


def leads(user: User, project: Project) -> bool:
    """Tell whether somebody makes the examinations of this project."""
    try:
        permissions.require(user, "exam.manage", project)
    except (errors.Forbidden, errors.NotFound):
        return False
    return True


def get(
    session: Session, user: User, attempt_id: int, *, lock: bool = False
) -> tuple[ExamAttempt, Exam, Project]:
    """Return an attempt for its candidate, or for who leads examinations.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    query = (
        sa.select(ExamAttempt, Exam, Project)
        .join(Exam, Exam.id == ExamAttempt.exam_id)
        .join(Project, Project.id == ExamAttempt.project_id)
        .where(ExamAttempt.id == attempt_id, Project.deleted_at.is_(None))
    )
    if lock:
        query = query.with_for_update(of=ExamAttempt).execution_options(populate_existing=True)
    found = session.execute(query).first()
    if found is None or not permissions.sees(user, found[2]):
        raise errors.NotFound(_("there is no attempt %(id)s"), id=attempt_id)
    if found[0].user_id != user.id and not leads(user, found[2]):
        raise errors.NotFound(_("there is no attempt %(id)s"), id=attempt_id)
    return found[0], found[1], found[2]


def next_question(session: Session, candidate: User, attempt_id: int) -> tuple[ExamAnswer, Project]:
    """Return the first question of one's running attempt that is not answered.

    Raises:
        errors.NotFound: the attempt is another's, or every question is answered.
        errors.Refused: it has ended, or its time is over.
    """
    attempt, _exam, project = _own(session, candidate, attempt_id)
    _check_running(attempt)
    found = session.scalar(
        sa.select(ExamAnswer)
        .join(Task, Task.id == ExamAnswer.task_id)
        .where(ExamAnswer.attempt_id == attempt.id, ExamAnswer.answered_at.is_(None))
        .order_by(ExamAnswer.place)
        .limit(1)
    )
    if found is None:
        raise errors.NotFound(_("every question is answered"))
    return found, project


def answer(
    session: Session,
    candidate: User,
    attempt_id: int,
    task_id: int,
    result: list[dict[str, Any]],
    *,
    is_skipped: bool = False,
) -> ExamAttempt:
    """Take the answer of one question, once; the last one ends the attempt.

    A question that is skipped is wrong. Whether an answer is right is not said.

    Raises:
        errors.NotFound: the attempt is another's, or does not ask this.
        errors.Refused: the time is over, the attempt has ended, or it is answered already.
        errors.Invalid: the config does not allow the answer.
    """
    attempt, exam, project = _own(session, candidate, attempt_id, lock=True)
    _check_running(attempt)
    question = session.scalar(
        sa.select(ExamAnswer).where(
            ExamAnswer.attempt_id == attempt.id, ExamAnswer.task_id == task_id
        )
    )
    task = session.get(Task, task_id)
    if question is None or task is None:
        raise errors.NotFound(_("this attempt does not ask about task %(id)s"), id=task_id)
    if question.answered_at is not None:
        raise errors.Refused(_("this question is answered already"))
    question.result = None if is_skipped else answer_of(project, task, result, False)
    question.answered_at = now()
    end_drafts(session, candidate, task)
    session.flush()
    left = session.scalar(
        sa.select(sa.func.count()).where(
            ExamAnswer.attempt_id == attempt.id, ExamAnswer.answered_at.is_(None)
        )
    )
    if not left:
        conclude(session, project, exam, attempt)
    return attempt


def hand_in(session: Session, candidate: User, attempt_id: int) -> ExamAttempt:
    """End one's attempt as it stands; what is not answered is wrong. Twice is once."""
    attempt, exam, project = _own(session, candidate, attempt_id, lock=True)
    if attempt.state == AttemptState.RUNNING:
        conclude(session, project, exam, attempt)
    return attempt


def settled(session: Session, user: User, attempt_id: int) -> tuple[ExamAttempt, Exam, Project]:
    """Return an attempt; one whose time is over is ended and judged first."""
    attempt, exam, project = get(session, user, attempt_id, lock=True)
    if attempt.state == AttemptState.RUNNING and attempt.is_over:
        conclude(session, project, exam, attempt)
    return attempt, exam, project


def conclude(session: Session, project: Project, exam: Exam, attempt: ExamAttempt) -> None:
    """Judge an attempt, once: right is what agrees with the truth as much as the exam asks.

    A question whose task was deleted before it was answered does not count.
    """
    rows = answers(session, attempt)
    there = set(session.scalars(sa.select(Task.id).where(Task.id.in_([r.task_id for r in rows]))))
    rows = [row for row in rows if row.answered_at is not None or row.task_id in there]
    attempt.questions = len(rows)
    right = 0
    for row in rows:
        if row.result is not None:
            told = agreement.compare(project.config, row.truth_values, row.result_values)
            row.agreement = 0.0 if told.agreement is None else told.agreement
        row.is_right = row.agreement is not None and row.agreement >= exam.threshold - 1e-9
        right += row.is_right
    attempt.right = right
    # The mark is a number of questions: 0.8 of 10 is 8, whatever binary fractions say.
    passed = bool(rows) and right >= exam.pass_mark * attempt.questions - 1e-9
    attempt.state = AttemptState.PASSED if passed else AttemptState.FAILED
    attempt.ended_at = min(now(), attempt.ends_at)
    if passed:
        qualifications.grant(
            session, attempt.user_id, project, days=exam.valid_days, attempt_id=attempt.id
        )
    session.flush()
    candidate = session.get_one(User, attempt.user_id)
    audit.record(
        session,
        candidate,
        "exam.end",
        f"project/{project.id}",
        attempt=attempt.id,
        right=right,
        questions=attempt.questions,
        passed=passed,
    )


def answers(session: Session, attempt: ExamAttempt) -> list[ExamAnswer]:
    """List the questions of an attempt in their order."""
    query = sa.select(ExamAnswer).where(ExamAnswer.attempt_id == attempt.id)
    return list(session.scalars(query.order_by(ExamAnswer.place)))


def _own(
    session: Session, candidate: User, attempt_id: int, *, lock: bool = False
) -> tuple[ExamAttempt, Exam, Project]:
    attempt, exam, project = get(session, candidate, attempt_id, lock=lock)
    if attempt.user_id != candidate.id:
        raise errors.NotFound(_("there is no attempt %(id)s"), id=attempt_id)
    return attempt, exam, project


def _check_running(attempt: ExamAttempt) -> None:
    if attempt.state != AttemptState.RUNNING:
        raise errors.Refused(_("this attempt has ended"))
    if attempt.ends_at + GRACE <= now():
        raise errors.Refused(_("the time is over"))
