"""Say what a task is, in Label Studio's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...datasets import tasks
from ...datasets.annotations import Annotation, Draft
from ...datasets.predictions import Prediction
from ...datasets.tasks import Media, Task
from .. import links
from .answers import annotation, draft, prediction
from .reading import time


def task(
    row: Task,
    media: Mapping[str, Media],
    *,
    annotations: Sequence[Annotation] = (),
    predictions: Sequence[Prediction] = (),
    drafts: Sequence[Draft] = (),
) -> dict[str, Any]:
    """Return a task with addresses in place of stored media."""
    return {
        "id": row.id,
        "project": row.project_id,
        "data": shown_data(row, media),
        "name": row.name,
        "state": row.state,
        "created_at": time(row.created_at),
        "is_labeled": row.state in ("labelled", "accepted"),
        "annotations": [annotation(each) for each in annotations],
        "predictions": [prediction(each) for each in predictions],
        "drafts": [draft(each) for each in drafts],
    }


def shown_data(row: Task, media: Mapping[str, Media]) -> dict[str, Any]:
    """Return a task's data with short-lived addresses in place of stored media."""
    data = row.data_values
    for key, value in data.items():
        digest = tasks.media_digest(value)
        if digest is not None and digest in media:
            data[key] = links.media(media[digest])
    return data
