"""Keep what people said: annotations, their earlier forms, and drafts."""

from __future__ import annotations

from .answers import answer_of, checked_result, settle, settle_many, state_of, submit
from .changes import check_owner, update
from .drafts import (
    Draft,
    draft_of,
    drafts_of,
    end_drafts,
    get_draft,
    keep_refused,
    save_draft,
)
from .rows import (
    Annotation,
    AnnotationRevision,
    AnnotationState,
    count,
    count_in_state,
    get,
    is_partly_by,
    of_tasks,
    revisions,
    visible_to,
)

__all__ = [
    "Annotation",
    "AnnotationRevision",
    "AnnotationState",
    "Draft",
    "answer_of",
    "check_owner",
    "checked_result",
    "count",
    "count_in_state",
    "draft_of",
    "drafts_of",
    "end_drafts",
    "get",
    "get_draft",
    "is_partly_by",
    "keep_refused",
    "of_tasks",
    "revisions",
    "save_draft",
    "settle",
    "settle_many",
    "state_of",
    "submit",
    "update",
    "visible_to",
]
