"""Tell a task's story: who said, judged, objected to and took back what, and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation, AnnotationRevision, AnnotationState
from .differences import Differences, differences
from .reading import of_annotations
from .rows import EventKind, Review, ReviewEvent, Verdict

_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode
_NOTHING = Differences()


@dataclass(frozen=True)
class Happening:
    """One thing that happened to an annotation.

    `kind`: submitted, skipped, changed, reviewed, by_rule, objection, disagreement, roll_back,
    reopening. `actor_id` is None where a rule did it. `differences` are those to what stood
    before: of a change to the revision before it, of a fix to the annotation.
    """

    at: dt.datetime
    kind: str
    annotation_id: int
    revision: int
    actor_id: int | None
    stage: int | None = None
    verdict: str | None = None
    text: str = ""
    code: str | None = None
    to_revision: int | None = None
    differences: Differences = _NOTHING


def history(session: Session, rows: Sequence[Annotation]) -> list[Happening]:
    """Tell what happened to annotations of a task, oldest first, in three queries."""
    ids = [row.id for row in rows]
    past: dict[int, list[AnnotationRevision]] = {}
    befell: dict[int, list[ReviewEvent]] = {}
    if ids:
        for each in session.scalars(
            sa.select(AnnotationRevision)
            .where(AnnotationRevision.annotation_id.in_(ids))
            .order_by(AnnotationRevision.annotation_id, AnnotationRevision.revision)
        ):
            past.setdefault(each.annotation_id, []).append(each)
        query = sa.select(ReviewEvent).where(ReviewEvent.annotation_id.in_(ids))
        for event in session.scalars(query.order_by(ReviewEvent.id)):
            befell.setdefault(event.annotation_id, []).append(event)
    judged = of_annotations(session, ids)
    found: list[Happening] = []
    for row in rows:
        events = befell.get(row.id, [])
        found += _said(row, past.get(row.id, []), events)
        found += _judged(row, past.get(row.id, []), judged.get(row.id, []))
        found += [_befell(event) for event in events if event.kind != EventKind.ROLL_BACK]
    return sorted(found, key=lambda each: (each.at, each.annotation_id, each.revision))


def _said(
    row: Annotation, past: Sequence[AnnotationRevision], events: Sequence[ReviewEvent]
) -> list[Happening]:
    """Tell of each revision: the first one was submitted, others changed or rolled back to."""
    taken = {each.revision: each for each in events if each.kind == EventKind.ROLL_BACK}
    states = [(each.revision, each.result, each.state, each.updated_by) for each in past]
    states.append((row.revision, row.result, row.state, row.updated_by))
    starts = [row.created_at, *(each.ended_at for each in past)]
    found, before = [], "[]"
    for (revision, result, state, person), at in zip(states, starts, strict=True):
        roll_back = taken.get(revision)
        kind = "skipped" if state == AnnotationState.SKIPPED else "changed"
        if roll_back is not None:
            kind = "roll_back"
        elif revision == 1 and kind == "changed":
            kind = "submitted"
        found.append(
            Happening(
                at=at if roll_back is None else roll_back.created_at,
                kind=kind,
                annotation_id=row.id,
                revision=revision,
                actor_id=(row.completed_by if revision == 1 else person)
                if roll_back is None
                else roll_back.actor_id,
                text="" if roll_back is None else roll_back.text,
                to_revision=None if roll_back is None else roll_back.to_revision,
                differences=differences(_decode(before), _decode(result)),
            )
        )
        before = result
    return found


def _judged(
    row: Annotation, past: Sequence[AnnotationRevision], judged: Sequence[Review]
) -> list[Happening]:
    results = {each.revision: each.result for each in past}
    results[row.revision] = row.result
    found = []
    for review in judged:
        made = _NOTHING
        if review.verdict == Verdict.FIX and review.result is not None:
            before = results.get(review.revision, row.result)
            made = differences(_decode(before), _decode(review.result))
        found.append(
            Happening(
                at=review.created_at,
                kind="reviewed" if review.rule is None else "by_rule",
                annotation_id=row.id,
                revision=review.revision,
                actor_id=review.reviewer_id,
                stage=review.stage,
                verdict=review.verdict,
                text=review.reason or review.rule or "",
                code=review.reason_code,
                differences=made,
            )
        )
    return found


def _befell(event: ReviewEvent) -> Happening:
    return Happening(
        at=event.created_at,
        kind=event.kind,
        annotation_id=event.annotation_id,
        revision=event.revision,
        actor_id=event.actor_id,
        text=event.text,
    )
