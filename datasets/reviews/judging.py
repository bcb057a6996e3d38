"""Carry out what reviewers decide, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import agreement, assignments, audit, errors, permissions
from ..annotations import Annotation, AnnotationState, checked_result, is_partly_by, settle
from ..assignments import AssignmentState
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project, stages_of
from ..tasks import Task
from . import blind, lots
from .arriving import let_in, pass_on
from .reading import of_annotations, standing
from .rows import BlindReview, Review, Stage, Verdict
from .waiting import may_judge


@dataclass(frozen=True)
class Said:
    """What a reviewer said, checked."""

    verdict: str
    reason: str
    code: str | None
    result: str | None


def judge(
    session: Session,
    reviewer: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    verdict: str,
    *,
    reason: str = "",
    code: str | None = None,
    result: list[dict[str, Any]] | None = None,
) -> Review | BlindReview:
    """Accept an annotation, fix and accept it, or return it to its annotator.

    What follows depends on the stage: it may be reviewed once more, or arbitrated where the
    second reviewer sees it otherwise than the first. `code` is one of the project's reasons.
    Where somebody holds a blind review of it, what they say is kept and nothing else happens.

    Raises:
        errors.OwnWork: the reviewer made it, or judged it at an earlier stage.
        errors.Forbidden: it is to be arbitrated, and they may not.
        errors.Refused: it is not waiting for review, or somebody else is at it.
        errors.Invalid: an unknown verdict, a return without a reason, a fix without a
            result or with one that the config does not allow.
    """
    permissions.require(reviewer, "annotation.review", project)
    if annotation.completed_by == reviewer.id:
        raise errors.OwnWork(_("nobody reviews their own annotation"))
    session.refresh(annotation, with_for_update=True)
    if not _is_held(annotation, reviewer):
        asked = blind.held(session, reviewer, annotation)
        if asked is not None:
            said = _checked(project, task, verdict, reason, code, result)
            return _answer(session, reviewer, asked, said)
    _check(session, reviewer, annotation)
    return _decide(
        session,
        reviewer,
        project,
        task,
        annotation,
        _checked(project, task, verdict, reason, code, result),
    )


def accept_in_bulk(
    session: Session, reviewer: User, project: Project, *, after: int, limit: int
) -> tuple[int, int]:
    """Accept waiting annotations as they are, by id; return (how many, the last id).

    For work that was inspected elsewhere. The rules are those of `judge`, so that what is to be
    reviewed twice then waits for somebody else; what another reviewer is looking at is passed
    by, and what is to be arbitrated is left to be looked at.
    """
    permissions.require(reviewer, "annotation.review", project)
    let_in(session, project)
    found = session.execute(
        sa.select(Annotation, Task)
        .join(Task, Task.id == Annotation.task_id)
        .where(
            Annotation.project_id == project.id,
            Annotation.state == AnnotationState.SUBMITTED,
            sa.or_(may_judge(reviewer, Stage.FIRST), may_judge(reviewer, Stage.SECOND)),
            Annotation.id > after,
            sa.or_(
                Annotation.review_by.is_(None),
                Annotation.review_by == reviewer.id,
                Annotation.review_until < now(),
            ),
        )
        .order_by(Annotation.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Annotation)
    ).all()
    said = Said(Verdict.ACCEPT, "", None, None)
    for annotation, task in found:
        session.refresh(annotation, with_for_update=True)
        _check(session, reviewer, annotation)
        _decide(session, reviewer, project, task, annotation, said)
    return len(found), (found[-1][0].id if found else after)


def _is_held(annotation: Annotation, reviewer: User) -> bool:
    return annotation.state == AnnotationState.SUBMITTED and annotation.review_by == reviewer.id


def _check(session: Session, reviewer: User, annotation: Annotation) -> None:
    """Raise where somebody may not judge an annotation now."""
    own = sa.select(Annotation.id).where(Annotation.id == annotation.id, is_partly_by(reviewer))
    if session.scalar(own) is not None:
        raise errors.OwnWork(_("nobody reviews what they have changed themselves"))
    stage = Stage(annotation.review_stage)
    is_waiting = annotation.state == AnnotationState.SUBMITTED and annotation.is_work
    if not is_waiting or stage == Stage.ARRIVED:
        raise errors.Refused(_("this annotation is not waiting for review"))
    if (
        annotation.review_by not in (None, reviewer.id)
        and annotation.review_until is not None
        and annotation.review_until > now()
    ):
        raise errors.Refused(_("another reviewer is looking at this annotation"))
    if stage == Stage.FIRST and annotation.last_action != "rolled_back":
        return
    if stage == Stage.ARBITRATION and not permissions.allows(reviewer, "review.arbitrate"):
        raise errors.Forbidden(_("this annotation waits for arbitration"))
    query = sa.select(Annotation.id).where(
        Annotation.id == annotation.id, may_judge(reviewer, stage)
    )
    if session.scalar(query) is None:
        raise errors.OwnWork(_("nobody decides twice about one annotation, nor about their own"))


def _checked(
    project: Project,
    task: Task,
    verdict: str,
    reason: str,
    code: str | None,
    result: list[dict[str, Any]] | None,
) -> Said:
    if verdict not in list(Verdict):
        raise errors.Invalid(
            _("must be one of %(allowed)s"), place="verdict", allowed=", ".join(Verdict)
        )
    known = dict(stages_of(project).reasons)
    code = code or None
    if code is not None and code not in known:
        raise errors.Invalid(_("the project has no such reason"), place="code")
    reason = (reason.strip() or known.get(code or "", ""))[:2000]
    if verdict == Verdict.REJECT and not reason:
        raise errors.Invalid(_("say why, so that the annotator can mend it"), place="reason")
    fixed = None
    if verdict == Verdict.FIX:
        if result is None:
            raise errors.Invalid(_("a fix needs the fixed result"), place="result")
        fixed = checked_result(project, task, result)
    return Said(verdict, reason, code, fixed)


def _answer(session: Session, reviewer: User, row: BlindReview, said: Said) -> BlindReview:
    row.verdict, row.reason, row.reason_code = said.verdict, said.reason, said.code
    row.result, row.decided_at, row.held_until = said.result, now(), None
    session.flush()
    subject = f"annotation/{row.annotation_id}"
    audit.record(session, reviewer, "review.blind", subject, blind=row.id, project=row.project_id)
    return row


def _decide(
    session: Session,
    reviewer: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    said: Said,
) -> Review:
    stages = stages_of(project)
    stage = Stage(annotation.review_stage)
    before = None
    kept = said.result
    if stage == Stage.SECOND:
        before = of_annotations(session, [annotation.id])[annotation.id][-1]
        if said.verdict == Verdict.ACCEPT:
            # What the first reviewer had made of it was looked at and accepted.
            kept = standing(annotation, before)
    review = Review(
        project_id=project.id,
        annotation_id=annotation.id,
        revision=annotation.revision,
        reviewer_id=reviewer.id,
        verdict=said.verdict,
        reason=said.reason,
        reason_code=said.code,
        result=kept,
        stage=stage,
    )
    session.add(review)
    annotation.review_by, annotation.review_until = None, None
    if before is not None and _differ(project, annotation, before, review):
        annotation.review_stage, annotation.review_since = Stage.ARBITRATION, now()
    elif said.verdict == Verdict.REJECT:
        annotation.state = AnnotationState.REJECTED
        give_back(session, task, annotation)
    else:
        pass_on(session, project, stages, annotation, stage)
    if said.verdict != Verdict.ACCEPT and stages.first == "sample":
        lots.found_fault(session, project, annotation.completed_by)
    settle(session, task)
    session.flush()
    audit.record(
        session,
        reviewer,
        f"review.{said.verdict}",
        f"annotation/{annotation.id}",
        task=task.id,
        project=project.id,
        **({} if stage == Stage.FIRST else {"stage": int(stage)}),
    )
    return review


def _differ(project: Project, annotation: Annotation, before: Review, review: Review) -> bool:
    """Tell whether a second reviewer contradicts the first one.

    Where only a rule let it pass there is nobody to contradict.
    """
    if before.reviewer_id is None or review.verdict == Verdict.ACCEPT:
        return False
    if review.verdict == Verdict.REJECT or review.result is None:
        return True
    stood = msgspec.json.decode(standing(annotation, before) or annotation.result)
    said = msgspec.json.decode(review.result)
    return bool(stood != said and agreement.compare(project.config, stood, said).agreement != 1.0)


def give_back(session: Session, task: Task, annotation: Annotation) -> None:
    """Give the task back to its annotator, or to the queue where they do not label."""
    author = session.get_one(User, annotation.completed_by)
    assignment = assignments.held(session, author, task.id, lock=True)
    if author.is_active and permissions.allows(author, "task.claim"):
        if assignment is not None:
            assignment.state = AssignmentState.RETURNED
        return
    if assignment is not None:
        session.delete(assignment)
        session.flush()
    assignments.reopen(session, task.project_id, task.id)
