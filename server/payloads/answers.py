"""Say what people and models said of a task, in Label Studio's shapes."""

from __future__ import annotations

from typing import Any

import msgspec

from ...datasets.annotations import Annotation, Draft
from ...datasets.predictions import Prediction
from ...datasets.reviews import Review
from .reading import time


def annotation(row: Annotation) -> dict[str, Any]:
    """Return an annotation."""
    return {
        "id": row.id,
        "task": row.task_id,
        "project": row.project_id,
        "completed_by": row.completed_by,
        "result": row.result_values,
        "was_cancelled": row.was_cancelled,
        "ground_truth": False,
        "lead_time": row.lead_time,
        "parent_prediction": row.parent_prediction,
        "unique_id": row.unique_id,
        "state": row.state,
        "revision": row.revision,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
    }


def prediction(row: Prediction) -> dict[str, Any]:
    """Return a prediction."""
    return {
        "id": row.id,
        "task": row.task_id,
        "project": row.project_id,
        "result": row.result_values,
        "score": row.score,
        "model_version": row.model_version,
        "created_at": time(row.created_at),
    }


def draft(row: Draft) -> dict[str, Any]:
    """Return a draft."""
    return {
        "id": row.id,
        "task": row.task_id,
        "user": row.user_id,
        "result": list(msgspec.json.decode(row.result)),
        "lead_time": row.lead_time,
        "revision": row.revision,
        "updated_at": time(row.updated_at),
    }


def review(row: Review) -> dict[str, Any]:
    """Return a review."""
    return {
        "id": row.id,
        "annotation": row.annotation_id,
        "revision": row.revision,
        "reviewer": row.reviewer_id,
        "verdict": row.verdict,
        "reason": row.reason,
        "result": None if row.result is None else msgspec.json.decode(row.result),
        "created_at": time(row.created_at),
    }
