"""Show reviewers what they are to judge, and nothing that would sway them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ..datasets import annotations as annotation_rows
from ..datasets import benefit, people, permissions, predictions, projects, reviews
from ..datasets.annotations import Annotation
from ..datasets.people import User
from ..datasets.projects import Project
from ..datasets.reviews import Differences, EventKind, Happening, Review, Stage
from ..datasets.tasks import Task
from . import payloads

Result = list[dict[str, Any]]


def masked(
    session: Session, project: Project, row: Annotation, shown: dict[str, Any]
) -> dict[str, Any]:
    """Return a task for its reviewer: with the one annotation that they are to judge.

    A second reviewer sees what stands after the first, without knowing what that was; an
    arbitrator sees the annotation as it was made. In a blind project nobody is named. What is
    asked once more looks like any other annotation.
    """
    (mine,) = [each for each in shown["annotations"] if each["id"] == row.id]
    mine = {**mine, "state": "submitted"}
    judged = mine["reviews"]
    stage = _stage(row)
    if stage == Stage.SECOND:
        last = reviews.of_annotations(session, [row.id])[row.id][-1]
        standing = reviews.standing(row, last)
        if standing is not None:
            mine["result"] = payloads.raw(standing)
    # What was returned at an earlier revision may be looked up; nobody's view of this one.
    mine["reviews"] = [each for each in judged if each["revision"] < row.revision]
    if projects.stages_of(project).blind or stage == Stage.ARBITRATION:
        author = people.by_ids(session, [row.completed_by])[row.completed_by]
        mine.update(completed_by=None, updated_by=None, created_username=author.pseudonym)
        mine["reviews"] = [{**each, "reviewer": None} for each in mine["reviews"]]
    return {**shown, "annotations": [mine], "review_stage": int(stage)}


def sheet(
    session: Session, reviewer: User, project: Project, task: Task, row: Annotation
) -> dict[str, Any]:
    """Return what an annotation is compared with: the pre-label, before its return, the sides."""
    stage = _stage(row)
    judged = reviews.of_annotations(session, [row.id]).get(row.id, [])
    present: Result = row.result_values
    if stage == Stage.SECOND and judged:
        present = _decoded(reviews.standing(row, judged[-1])) or present
    others: list[dict[str, Any]] = []
    said = predictions.of_tasks(session, [task.id])
    for each in benefit.visible_to(session, reviewer, project, said).get(task.id, [])[:1]:
        others.append(_side("prediction", each.result_values, present))
    past = annotation_rows.revisions(session, row)
    if past:
        others.append(_side("earlier", list(msgspec.json.decode(past[-1].result)), present))
    told: list[str] = []
    if stage == Stage.ARBITRATION and permissions.allows(reviewer, "review.arbitrate"):
        others += _sides(session, task, row, judged, present)
        told = _objections(session, row)
    return {
        "annotation": row.id,
        "revision": row.revision,
        "stage": int(stage),
        "maker": _name(session, reviewer, project, row, stage),
        "objections": told,
        "sides": others,
        "reasons": [
            {"code": code, "text": text} for code, text in projects.stages_of(project).reasons
        ],
    }


def names(
    session: Session,
    reader: User,
    project: Project,
    ids: Iterable[int | None],
    about: Iterable[Annotation],
) -> dict[int, str]:
    """Return user id → the name that the reader may see where it is said who made what.

    A pseudonym where they are not to know who made one of the annotations that it is `about`.
    """
    found = people.by_ids(session, {number for number in ids if number is not None})
    hides = any(reviews.hides(reader, project, row) for row in about)
    return {
        number: row.pseudonym if hides and number != reader.id else row.name
        for number, row in found.items()
    }


def happening(each: Happening, known: dict[int, str]) -> dict[str, Any]:
    """Return one thing that happened to an annotation."""
    return {
        "at": payloads.time(each.at),
        "kind": each.kind,
        "annotation": each.annotation_id,
        "revision": each.revision,
        "by": None if each.actor_id is None else known.get(each.actor_id),
        "stage": each.stage,
        "verdict": each.verdict,
        "text": each.text,
        "code": each.code,
        "to_revision": each.to_revision,
        "differences": differing(each.differences),
    }


def differing(found: Differences) -> dict[str, Any]:
    """Return what differs."""
    return {
        "added": found.added,
        "removed": found.removed,
        "changed": [
            {"before": each.before, "after": each.after, "what": list(each.what)}
            for each in found.changed
        ],
        "same": found.same,
    }


def _stage(row: Annotation) -> Stage:
    """Return the stage in which it is judged: what is decided is judged as if it were not."""
    is_waiting = row.state == annotation_rows.AnnotationState.SUBMITTED
    return Stage(row.review_stage or Stage.FIRST) if is_waiting else Stage.FIRST


def _side(kind: str, result: Result, present: Result, **about: Any) -> dict[str, Any]:
    found = reviews.differences(result, present)
    return {"kind": kind, **about, "result": result, "differences": differing(found)}


def _sides(
    session: Session, task: Task, row: Annotation, judged: Sequence[Review], present: Result
) -> list[dict[str, Any]]:
    """Return what reviewers and other annotators of the task say, without their names."""
    found = [
        _side(
            "review",
            _decoded(each.result) or row.result_values,
            present,
            verdict=each.verdict,
            reason=each.reason,
            stage=each.stage,
        )
        for each in judged
        if each.revision == row.revision and each.reviewer_id is not None
    ]
    for other in annotation_rows.of_tasks(session, [task.id]).get(task.id, []):
        if other.id != row.id and other.is_work and not other.was_cancelled:
            found.append(_side("other", other.result_values, present, annotation=other.id))
    return found


def _objections(session: Session, row: Annotation) -> list[str]:
    return [
        each.text
        for each in reviews.history(session, [row])
        if each.kind == EventKind.OBJECTION and each.revision == row.revision
    ]


def _name(session: Session, reviewer: User, project: Project, row: Annotation, stage: Stage) -> str:
    author = people.by_ids(session, [row.completed_by])[row.completed_by]
    if stage == Stage.ARBITRATION:
        return ""
    return author.pseudonym if projects.stages_of(project).blind else author.name


def _decoded(text: str | None) -> Result | None:
    return None if text is None else list(msgspec.json.decode(text))
