"""Tell leads how an examination goes: by person, and by question, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import people, permissions, qualifications
from ..people import User
from ..projects import Project
from ..qualifications import Qualification
from ..quality import intervals
from ..quality.intervals import Figure
from .rows import AttemptState, Exam, ExamAnswer, ExamAttempt


@dataclass(frozen=True)
class Candidate:
    """One person with their attempts at an examination, oldest first, and their admission."""

    user: User
    attempts: tuple[ExamAttempt, ...]
    admission: Qualification | None


@dataclass(frozen=True)
class Results:
    """How an examination went so far.

    `passed` is the share of the people who have ended an attempt that passed one; `questions`
    maps each task to the share of its answers that were right, the hardest first.
    """

    candidates: tuple[Candidate, ...]
    passed: Figure
    questions: dict[int, Figure]


MOST_SHOWN = 1_000  # people, and questions


def score(attempt: ExamAttempt) -> Figure:
    """Return the share of right answers; the pass rule looks at the share, not at its interval."""
    return intervals.wilson(attempt.right, attempt.questions)


def of_exam(session: Session, actor: User, project: Project, exam: Exam) -> Results:
    """Return how an examination went, and who else is admitted to the project."""
    permissions.require(actor, "exam.manage", project)
    attempts: dict[int, list[ExamAttempt]] = {}
    query = sa.select(ExamAttempt).where(ExamAttempt.exam_id == exam.id)
    for row in session.scalars(query.order_by(ExamAttempt.id).limit(10 * MOST_SHOWN)):
        attempts.setdefault(row.user_id, []).append(row)
    admitted = qualifications.of_project(session, project)
    users = people.by_ids(session, [*attempts, *admitted])
    candidates = tuple(
        Candidate(user, tuple(attempts.get(user.id, ())), admitted.get(user.id))
        for user in sorted(users.values(), key=lambda each: each.username)[:MOST_SHOWN]
    )
    ended = [
        [each.state for each in rows if each.state != AttemptState.RUNNING]
        for rows in attempts.values()
    ]
    ended = [states for states in ended if states]
    passed = sum(AttemptState.PASSED in states for states in ended)
    return Results(candidates, intervals.wilson(passed, len(ended)), _questions(session, exam))


def _questions(session: Session, exam: Exam) -> dict[int, Figure]:
    rows = session.execute(
        sa.select(
            ExamAnswer.task_id,
            sa.func.count(),
            sa.func.sum(sa.case((ExamAnswer.is_right.is_(True), 1), else_=0)),
        )
        .join(ExamAttempt, ExamAttempt.id == ExamAnswer.attempt_id)
        .where(ExamAttempt.exam_id == exam.id, ExamAnswer.answered_at.is_not(None))
        .where(ExamAttempt.state != AttemptState.RUNNING)
        .group_by(ExamAnswer.task_id)
        .limit(MOST_SHOWN)
    )
    found = {task: intervals.wilson(int(right), int(number)) for task, number, right in rows}
    return dict(sorted(found.items(), key=lambda each: (each[1].value or 0.0, each[0])))
