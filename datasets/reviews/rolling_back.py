"""Take back what was said or decided: as something new that happens, never by deleting.

Versions that were frozen stay as they are, and so does what was published of them: each record
holds the review that decided, and a review the revision that it judged.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import assignments, audit, errors, permissions, webhooks
from ..annotations import (
    Annotation,
    AnnotationRevision,
    AnnotationState,
    checked_result,
    settle,
)
from ..assignments import AssignmentState
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project, stages_of
from ..tasks import Task
from .rows import EventKind, Review, ReviewEvent, Stage, Verdict


def roll_back(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    to_revision: int,
    reason: str,
) -> ReviewEvent:
    """Make an earlier revision of an annotation its newest one again; it waits for review.

    Raises:
        errors.Invalid: no reason, or the config does not allow the earlier result any more.
        errors.NotFound: there was no such revision.
        errors.Refused: it is accepted (re-open it first), or is that revision.
    """
    permissions.require(actor, "annotation.change", project)
    text = _told(reason)
    session.refresh(annotation, with_for_update=True)
    if annotation.state == AnnotationState.ACCEPTED:
        raise errors.Refused(_("an accepted annotation must be re-opened first"))
    if to_revision == annotation.revision:
        raise errors.Refused(_("the annotation is at this revision"))
    earlier = session.get(AnnotationRevision, (annotation.id, to_revision))
    if earlier is None or earlier.state == AnnotationState.SKIPPED:
        raise errors.NotFound(_("there is no revision %(number)s to go to"), number=to_revision)
    session.add(
        AnnotationRevision(
            annotation_id=annotation.id,
            revision=annotation.revision,
            result=annotation.result,
            state=annotation.state,
            updated_by=annotation.updated_by or annotation.completed_by,
        )
    )
    annotation.result = checked_result(project, task, msgspec.json.decode(earlier.result))
    annotation.revision += 1
    annotation.last_action = "rolled_back"
    # The answer is again whose it was: they do not review it, whoever rolled it back.
    annotation.updated_at = now()
    annotation.updated_by = earlier.updated_by or annotation.completed_by
    _wait(session, task, annotation, Stage.FIRST)
    event = _event(session, actor, annotation, EventKind.ROLL_BACK, text)
    event.to_revision = to_revision
    _settle(session, actor, project, task, annotation, "annotation.roll_back")
    return event


def reopen(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    reason: str,
) -> ReviewEvent:
    """Take an acceptance back: the annotation waits for review again.

    Raises:
        errors.Invalid: no reason.
        errors.Refused: it is not accepted.
    """
    permissions.require(actor, "annotation.change", project)
    text = _told(reason)
    session.refresh(annotation, with_for_update=True)
    if annotation.state != AnnotationState.ACCEPTED:
        raise errors.Refused(_("this annotation is not accepted"))
    last = _last_review(session, annotation)
    _wait(session, task, annotation, Stage.FIRST)
    event = _event(session, actor, annotation, EventKind.REOPENING, text)
    event.review_id = None if last is None else last.id
    _settle(session, actor, project, task, annotation, "annotation.reopen")
    return event


def object_to(
    session: Session,
    annotator: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    text: str,
) -> ReviewEvent:
    """Object to a return: somebody who has not judged the annotation arbitrates.

    Raises:
        errors.NotFound: it is another person's.
        errors.Invalid: no reason.
        errors.Refused: the project takes no objections, it was not returned, or arbitration
            has returned it.
    """
    permissions.require(annotator, "annotation.write", project)
    if annotation.completed_by != annotator.id:
        raise errors.NotFound(_("there is no annotation %(id)s of yours"), id=annotation.id)
    told = _told(text)
    if not stages_of(project).objections:
        raise errors.Refused(_("this project takes no objections"))
    assignments.take_turn(session, annotator)
    session.refresh(annotation, with_for_update=True)
    last = _last_review(session, annotation)
    was_returned = last is not None and last.verdict == Verdict.REJECT
    if annotation.state != AnnotationState.REJECTED or not was_returned or last is None:
        raise errors.Refused(_("this annotation was not returned"))
    if last.stage == Stage.ARBITRATION:
        raise errors.Refused(_("arbitration has decided about this annotation"))
    _wait(session, task, annotation, Stage.ARBITRATION)
    event = _event(session, annotator, annotation, EventKind.OBJECTION, told)
    event.review_id = last.id
    _settle(session, annotator, project, task, annotation, "review.object")
    return event


def _wait(session: Session, task: Task, annotation: Annotation, stage: Stage) -> None:
    """Let an annotation wait for review; its maker has nothing to mend meanwhile."""
    annotation.state = AnnotationState.SUBMITTED
    annotation.review_stage, annotation.review_since = stage, now()
    annotation.review_by, annotation.review_until = None, None
    author = session.get_one(User, annotation.completed_by)
    assignment = assignments.held(session, author, task.id, lock=True)
    if assignment is not None and assignment.state == AssignmentState.RETURNED:
        assignment.state = AssignmentState.SUBMITTED


def _last_review(session: Session, annotation: Annotation) -> Review | None:
    query = sa.select(Review).where(Review.annotation_id == annotation.id)
    return session.scalar(query.order_by(Review.id.desc()).limit(1))


def _event(
    session: Session, actor: User, annotation: Annotation, kind: EventKind, text: str
) -> ReviewEvent:
    event = ReviewEvent(
        project_id=annotation.project_id,
        annotation_id=annotation.id,
        kind=kind,
        actor_id=actor.id,
        revision=annotation.revision,
        text=text,
    )
    session.add(event)
    return event


def _settle(
    session: Session,
    actor: User,
    project: Project,
    task: Task,
    annotation: Annotation,
    action: str,
) -> None:
    settle(session, task, actor)
    session.flush()
    about = {"task": task.id, "project": project.id, "revision": annotation.revision}
    audit.record(session, actor, action, f"annotation/{annotation.id}", **about)
    if action == "annotation.roll_back":
        webhooks.emit(session, project, "ANNOTATION_UPDATED", [annotation.id])


def _told(text: str) -> str:
    told = text.strip()[:2000]
    if not told:
        raise errors.Invalid(_("say why"), place="reason")
    return told
