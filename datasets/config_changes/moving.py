"""Carry a change of labels out, part by part, so that it may stop anywhere and go on.

First the config has the old labels and the new ones, so that whatever anybody sends meanwhile
is taken. Then work is moved over in parts, and last the old labels go. Each part finds what
still has an old label: one that was done already finds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, labels, webhooks
from ..annotations import Annotation, AnnotationRevision, Draft
from ..db import insert_many, now
from ..errors import _
from ..people import User
from ..predictions import Prediction
from ..projects import Project
from ..reviews import Review, Verdict, is_deciding
from ..tasks import Task
from . import texts
from .results import moved
from .rows import ChangeState, ConfigChange
from .steps import Step
from .touched import holds

PART = 500  # rows moved in one transaction
RULE = "labels"  # of reviews that a change of labels has made
_decoder = msgspec.json.Decoder(list[dict[str, Any]])


def begin(session: Session, project: Project, change: ConfigChange) -> None:
    """Put the new labels beside the old ones.

    Raises:
        errors.Refused: the config was changed since this was asked for.
    """
    session.refresh(project, with_for_update=True)
    if change.state != ChangeState.WAITING:
        return
    if project.label_config != change.old_config:
        raise errors.Refused(_("the config was changed meanwhile: ask for the change again"))
    _set(project, texts.widened(change.old_config, change.step_values))
    change.state, change.began_at = ChangeState.MOVING, now()


def move_annotations(session: Session, project: Project, change: ConfigChange, after: int) -> int:
    """Move the next part of the annotations after an id; return the last id, 0 at the end.

    What an annotation was is kept as a revision; its state stays, an accepted one is accepted.
    """
    steps = change.step_values
    rows = session.scalars(
        sa.select(Annotation)
        .where(
            Annotation.project_id == project.id,
            Annotation.id > after,
            holds(Annotation.result, steps),
        )
        .order_by(Annotation.id)
        .limit(PART)
        .with_for_update()
    ).all()
    at, before, done = now(), [], []
    for row in rows:
        told = moved(row.result_values, steps)
        if told is None:
            continue
        before.append(
            {
                "annotation_id": row.id,
                "revision": row.revision,
                "result": row.result,
                "state": row.state,
                "updated_by": row.updated_by or row.completed_by,
                "ended_at": at,
            }
        )
        row.result = msgspec.json.encode(told.result).decode()
        row.revision += 1
        # Who said it stays: else whoever had changed it before might review it.
        row.updated_at, row.last_action = at, "labels_changed"
        done.append(row.id)
    insert_many(session, AnnotationRevision, before)
    revisions = {row.id: row.revision for row in rows}
    standing = session.scalars(
        sa.select(Review).where(
            Review.annotation_id.in_(done), Review.result.is_not(None), is_deciding()
        )
    )
    session.add_all(
        _behind(row, steps, revisions[row.annotation_id])
        for row in standing.all()
        if row.verdict != Verdict.REJECT
    )
    session.flush()
    if done:
        webhooks.emit(session, project, "ANNOTATION_UPDATED", done)
    return rows[-1].id if rows else 0


def move_fixes(session: Session, project: Project, change: ConfigChange, after: int) -> int:
    """Move the next part of what stands of reviewers, after an id; return the last, 0 at the end.

    A review is never rewritten: one that a rule made stands behind it, with the new labels.
    """
    steps = change.step_values
    rows = session.execute(
        sa.select(Review, Annotation.revision)
        .join(Annotation, Annotation.id == Review.annotation_id)
        .where(
            Review.project_id == project.id,
            Review.id > after,
            Review.result.is_not(None),
            holds(Review.result, steps),
            is_deciding(),
        )
        .order_by(Review.id)
        .limit(PART)
    ).all()
    session.add_all(
        _behind(row, steps, revision)
        for row, revision in rows
        if row.verdict != Verdict.REJECT and moved(_decoder.decode(row.result or "[]"), steps)
    )
    session.flush()
    return rows[-1][0].id if rows else 0


def _behind(row: Review, steps: Sequence[Step], revision: int) -> Review:
    """Return the review that stands behind one whose result has old labels, or may have."""
    told = moved(_decoder.decode(row.result or "[]"), steps)
    return Review(
        project_id=row.project_id,
        annotation_id=row.annotation_id,
        revision=revision,
        reviewer_id=None,
        rule=RULE,
        verdict=row.verdict,
        stage=row.stage,
        result=row.result if told is None else msgspec.json.encode(told.result).decode(),
    )


def move_drafts(session: Session, project: Project, change: ConfigChange) -> int:
    """Move the drafts; return how many.

    An open tab notices by the revision that what it has is no longer what is kept.
    """
    steps = change.step_values
    query = (
        sa.select(Draft)
        .join(Task, Task.id == Draft.task_id)
        .where(Task.project_id == project.id, holds(Draft.result, steps))
        .order_by(Draft.id)
        .with_for_update(of=Draft)
    )
    number = 0
    for row in session.scalars(query):
        told = moved(_decoder.decode(row.result), steps)
        if told is not None:
            row.result = msgspec.json.encode(told.result).decode()
            row.revision += 1
            row.updated_at = now()
            number += 1
    return number


def move_predictions(session: Session, project: Project, change: ConfigChange, after: int) -> int:
    """Move the next part of what models said, after an id; return the last id, 0 at the end."""
    steps = change.step_values
    rows = session.execute(
        sa.select(Prediction.id, Prediction.result)
        .where(
            Prediction.project_id == project.id,
            Prediction.id > after,
            holds(Prediction.result, steps),
        )
        .order_by(Prediction.id)
        .limit(PART)
    ).all()
    found = ((number, moved(_decoder.decode(result), steps)) for number, result in rows)
    fresh = [
        {"id": number, "result": msgspec.json.encode(told.result).decode(), "updated_at": now()}
        for number, told in found
        if told is not None
    ]
    if fresh:
        session.execute(sa.update(Prediction), fresh)
    return rows[-1].id if rows else 0


def finish(session: Session, actor: User, project: Project, change: ConfigChange) -> None:
    """Take the old labels out of the config.

    Raises:
        errors.Refused: the config was changed meanwhile; both sets of labels stay.
    """
    session.refresh(project, with_for_update=True)
    if change.state == ChangeState.DONE:
        return
    if project.label_config != texts.widened(change.old_config, change.step_values):
        raise errors.Refused(_("the config was changed meanwhile: ask for the change again"))
    _set(project, change.new_config)
    change.state, change.done_at = ChangeState.DONE, now()
    webhooks.emit(session, project, "PROJECT_UPDATED")
    subject = f"project/{project.id}"
    audit.record(session, actor, "project.labels_changed", subject, change=change.id)


def _set(project: Project, text: str) -> None:
    project.label_config, project.parsed_label_config = text, labels.parse(text).to_json()
