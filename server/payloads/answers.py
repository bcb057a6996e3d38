"""Say what people and models said of a task, in Label Studio's shapes.

Results are passed through as the bytes that are stored: nobody decodes them to encode them
again. `people` maps ids to users, loaded once for a whole list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from ...datasets.annotations import Annotation, Draft
from ...datasets.db import now
from ...datasets.people import User
from ...datasets.predictions import Prediction
from ...datasets.reviews import BlindReview, Review
from .people import person, pseudonym, signature
from .reading import time

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def raw(text: str) -> msgspec.Raw:
    """Return stored JSON so that it is sent as it is."""
    return msgspec.Raw(text.encode())


def ago(moment: dt.datetime) -> str:
    """Return how long ago something was, in Label Studio's words (`3 hours, 5 minutes`)."""
    seconds = max(int((now() - moment).total_seconds()), 0)
    parts = (
        (seconds // _DAY, "day"),
        (seconds % _DAY // _HOUR, "hour"),
        (seconds % _HOUR // _MINUTE, "minute"),
    )
    shown = [(number, word) for number, word in parts if number][:2] or [(0, "minute")]
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in shown)


def annotation(
    row: Annotation,
    people: Mapping[int, User],
    *,
    whole_person: bool = False,
    hidden: bool = False,
) -> dict[str, Any]:
    """Return an annotation; `completed_by` is a number, or the person where that is asked.

    Where its maker is `hidden` from the reader, their pseudonym stands for their name.
    """
    made_by = people.get(row.completed_by)
    by: Any = row.completed_by
    if hidden:
        by = None
    elif whole_person:
        by = person(made_by, row.completed_by)
    name = signature(made_by, row.completed_by) if not hidden else pseudonym(made_by)
    return {
        "id": row.id,
        "result": raw(row.result),
        "created_username": " " + name,
        "created_ago": ago(row.created_at),
        "completed_by": by,
        "was_cancelled": row.was_cancelled,
        "ground_truth": row.ground_truth,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "draft_created_at": time(row.draft_created_at),
        "lead_time": row.lead_time,
        "import_id": row.import_id,
        "last_action": row.last_action,
        "bulk_created": row.bulk_created,
        "task": row.task_id,
        "project": row.project_id,
        "updated_by": None if hidden else row.updated_by or row.completed_by,
        "parent_prediction": row.parent_prediction,
        "parent_annotation": row.parent_annotation,
        "last_created_by": None,
    }


def work(row: Annotation, people: Mapping[int, User], *, hidden: bool = False) -> dict[str, Any]:
    """Return an annotation as the workbench needs it: with its state and revision."""
    told = {**annotation(row, people, hidden=hidden), "state": row.state, "revision": row.revision}
    return {**told, "guideline_version": row.guideline_version}


def prediction(row: Prediction) -> dict[str, Any]:
    """Return a prediction."""
    return {
        "id": row.id,
        "result": raw(row.result),
        "model_version": row.model_version,
        "created_ago": ago(row.created_at),
        "score": row.score,
        "cluster": None,
        "neighbors": None,
        "mislabeling": 0.0,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "model": None,
        "model_run": None,
        "task": row.task_id,
        "project": row.project_id,
    }


def draft(row: Draft, owner: User) -> dict[str, Any]:
    """Return a draft; people see their own only."""
    return {
        "id": row.id,
        "user": owner.email or owner.username,
        "created_username": signature(owner, owner.id).strip(),
        "created_ago": ago(row.created_at),
        "result": raw(row.result),
        "lead_time": row.lead_time,
        "was_postponed": row.was_postponed,
        "import_id": None,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "task": row.task_id,
        "annotation": row.annotation_id or None,
    }


def work_draft(row: Draft, owner: User) -> dict[str, Any]:
    """Return a draft as the workbench needs it: with its revision."""
    return {**draft(row, owner), "revision": row.revision}


def review(row: Review | BlindReview, *, hidden: bool = False) -> dict[str, Any]:
    """Return a review; one that was asked for blindly looks like a first review.

    Where names are `hidden` from the reader, so is that of the reviewer.
    """
    return {
        "id": row.id,
        "annotation": row.annotation_id,
        "revision": row.revision,
        "reviewer": None if hidden else row.reviewer_id,
        "verdict": row.verdict,
        "reason": row.reason,
        "code": row.reason_code,
        "stage": row.stage if isinstance(row, Review) else 1,
        "result": None if row.result is None else raw(row.result),
        "created_at": time(row.created_at),
    }
