"""Keep what people said: annotations, their earlier forms, and drafts."""

from __future__ import annotations

from .answers import checked_result, settle, state_of, submit, update
from .drafts import Draft, draft_of, save_draft
from .rows import (
    Annotation,
    AnnotationRevision,
    AnnotationState,
    count,
    count_in_state,
    get,
    of_tasks,
)

__all__ = [
    "Annotation",
    "AnnotationRevision",
    "AnnotationState",
    "Draft",
    "checked_result",
    "count",
    "count_in_state",
    "draft_of",
    "get",
    "of_tasks",
    "save_draft",
    "settle",
    "state_of",
    "submit",
    "update",
]
