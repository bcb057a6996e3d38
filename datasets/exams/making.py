"""Make an examination of a project from tasks whose answer is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, audit, errors, permissions
from ..annotations import Annotation, AnnotationState
from ..db import insert_many, now
from ..errors import _
from ..people import User, clean_line
from ..projects import Project
from ..reviews import Review
from .rows import Exam, ExamQuestion

SOURCES = ("ground_truth", "accepted")
MOST_IN_POOL = 2_000


@dataclass(frozen=True)
class Rules:
    """What an examination asks; `pass_mark` and `threshold` are shares from 0 to 1."""

    questions: int = 10
    pass_mark: float = 0.8
    threshold: float = 0.75
    minutes: int = 30
    attempts: int = 3
    wait_hours: int = 24
    valid_days: int = 180
    gives_feedback: bool = False


# The lowest and the highest that each rule may be.
LIMITS: dict[str, tuple[float, float]] = {
    "questions": (1, 200),
    "pass_mark": (0.01, 1),
    "threshold": (0.01, 1),
    "minutes": (1, 24 * 60),
    "attempts": (1, 100),
    "wait_hours": (0, 24 * 365),
    "valid_days": (0, 3650),
}


def make(
    session: Session,
    actor: User,
    project: Project,
    title: str,
    rules: Rules,
    *,
    source: str = SOURCES[0],
) -> Exam:
    """Make the project's examination; the one before is closed, what was passed stays.

    The pool is the newest tasks with a ground truth, or with accepted work (as the reviewer
    fixed it), whose answer can be compared at all.

    Raises:
        errors.Invalid: a rule is out of its limits, the source unknown, or the project knows
            the answer of fewer tasks than there are questions.
    """
    permissions.require(actor, "exam.manage", project)
    _check(rules, source)
    title = clean_line(title, "title", 200)
    truths = _truths(session, project, source)
    if len(truths) < rules.questions:
        raise errors.Invalid(
            _("the answers of only %(known)s tasks are known, of the %(questions)s that are asked"),
            place="questions",
            known=len(truths),
            questions=rules.questions,
        )
    close(session, project)
    exam = Exam(project_id=project.id, title=title, created_by=actor.id, **asdict(rules))
    session.add(exam)
    session.flush()
    insert_many(
        session,
        ExamQuestion,
        [{"exam_id": exam.id, "task_id": task, "truth": truth} for task, truth in truths.items()],
    )
    audit.record(session, actor, "exam.create", f"project/{project.id}", exam=exam.id)
    return exam


def _check(rules: Rules, source: str) -> None:
    for name, (lowest, highest) in LIMITS.items():
        if not lowest <= getattr(rules, name) <= highest:
            raise errors.Invalid(
                _("must be a number from %(lowest)s to %(highest)s"),
                place=name,
                lowest=lowest,
                highest=highest,
            )
    if source not in SOURCES:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="source", names=", ".join(SOURCES)
        )


def close(session: Session, project: Project) -> None:
    """Close the project's open examination, if there is one."""
    session.execute(
        sa.update(Exam)
        .where(Exam.project_id == project.id, Exam.closed_at.is_(None))
        .values(closed_at=now())
        .execution_options(synchronize_session="fetch")
    )


def _truths(session: Session, project: Project, source: str) -> dict[int, str]:
    """Return task id → what is known of it, the newest MOST_IN_POOL."""
    fixed = (
        sa.select(Review.result)
        .where(Review.annotation_id == Annotation.id, Review.result.is_not(None))
        .order_by(Review.id.desc())
        .limit(1)
        .correlate(Annotation)
        .scalar_subquery()
    )
    query = sa.select(Annotation.task_id, sa.func.coalesce(fixed, Annotation.result)).where(
        Annotation.project_id == project.id,
        Annotation.purpose.is_(None),
        Annotation.state != AnnotationState.SKIPPED,
    )
    if source == SOURCES[0]:
        query = query.where(Annotation.ground_truth)
    else:
        query = query.where(Annotation.state == AnnotationState.ACCEPTED)
    found: dict[int, str] = {}
    for task_id, result in session.execute(
        query.order_by(Annotation.id.desc()).limit(2 * MOST_IN_POOL)
    ):
        if task_id not in found and len(found) < MOST_IN_POOL and _can_be_judged(project, result):
            found[task_id] = result
    return found


def _can_be_judged(project: Project, result: str) -> bool:
    """Tell whether answers can be compared with a truth: points, for one, have no measure."""
    truth = msgspec.json.decode(result)
    return agreement.compare(project.config, truth, truth).agreement is not None
