"""Change answers; what an answer was is kept as a revision."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from .. import assignments, audit, errors, guidelines, permissions, webhooks
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project, stages_of
from ..tasks import Task
from .answers import answer_of, check_ground_truth, close, settle
from .drafts import end_drafts, seconds
from .rows import Annotation, AnnotationRevision, AnnotationState


def update(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    result: list[dict[str, Any]] | None = None,
    *,
    lead_time: float | None = None,
    was_cancelled: bool | None = None,
    ground_truth: bool | None = None,
) -> None:
    """Replace what is given of an annotation; what it was is kept as a revision.

    Without a `result` only the other things change. `lead_time` is the whole time, in
    seconds. People change their own; others' only with the right to.

    Raises:
        errors.NotFound: it is another person's.
        errors.Refused: it has been accepted.
        errors.Invalid: the config does not allow the result.
        errors.Forbidden: they may not call an answer the ground truth.
    """
    check_owner(actor, project, annotation)
    # A reviewer may be accepting it in this very moment.
    session.refresh(annotation, with_for_update=True)
    says_ground_truth = ground_truth is not None and ground_truth != annotation.ground_truth
    check_ground_truth(actor, says_ground_truth)
    if says_ground_truth:
        annotation.ground_truth = bool(ground_truth)
    if lead_time is not None:
        annotation.lead_time = seconds(lead_time)
    if result is not None or was_cancelled is not None:
        skips = annotation.was_cancelled if was_cancelled is None else was_cancelled
        _replace(session, actor, project, task, annotation, result, skips)
        # Who wrote the answer does not review it, so this says whose the answer is, and nobody
        # else's note of the time or of the ground truth takes that over.
        annotation.updated_by = actor.id
    annotation.updated_at = now()
    if annotation.is_work:
        settle(session, task, actor)
    audit.record(
        session,
        actor,
        "annotation.update",
        f"annotation/{annotation.id}",
        revision=annotation.revision,
    )
    if annotation.is_work:
        webhooks.emit(session, project, "ANNOTATION_UPDATED", [annotation.id])


def check_owner(actor: User, project: Project, annotation: Annotation) -> None:
    """Raise errors.NotFound for another's annotation, unless the actor may change those."""
    permissions.require(actor, "annotation.write", project)
    own = annotation.completed_by == actor.id
    if not own and not permissions.allows(actor, "annotation.change"):
        raise errors.NotFound(_("there is no annotation %(id)s of yours"), id=annotation.id)


def _replace(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    result: list[dict[str, Any]] | None,
    skips: bool,
) -> None:
    if annotation.state == AnnotationState.ACCEPTED:
        raise errors.Refused(_("an accepted annotation cannot be changed"))
    given = annotation.result_values if result is None else result
    checked = answer_of(project, task, given, skips)
    session.add(
        AnnotationRevision(
            annotation_id=annotation.id,
            revision=annotation.revision,
            result=annotation.result,
            state=annotation.state,
            updated_by=annotation.updated_by or annotation.completed_by,
        )
    )
    annotation.review_stage = _stage(project, annotation)
    annotation.review_since = now()
    annotation.result = checked
    annotation.revision += 1
    annotation.state = AnnotationState.SKIPPED if skips else AnnotationState.SUBMITTED
    annotation.last_action = "skipped" if skips else "updated"
    author = session.get_one(User, annotation.completed_by)
    if actor.id == author.id:
        # They have looked at it again, under what they had read by now.
        annotation.guideline_version = guidelines.acknowledged(session, author, project)
    assignment = assignments.held(session, author, task.id, lock=True)
    if assignment is not None and actor.id == author.id:
        end_drafts(session, author, task)
        close(session, author, project, task, assignment, skips)


def _stage(project: Project, annotation: Annotation) -> int:
    """Return the stage of review from which a changed annotation goes on.

    What reviewers have seen before is seen again, whatever the lot says.
    """
    arrival = stages_of(project).arrival
    is_new = annotation.was_cancelled or annotation.review_stage == 0
    return arrival if is_new else 1
