"""Name the members of a line: as it is written, and as converters read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

_RESULT = msgspec.json.Decoder(list[dict[str, Any]])


class StoredMedium(msgspec.Struct, frozen=True):
    """A medium of a task as it is to be shown: the upright copy where there is one."""

    digest: str
    name: str
    size: int
    width: int | None
    height: int | None


class Answer(msgspec.Struct, frozen=True):
    """One annotation of a task, as converters read it."""

    id: int
    completed_by: int
    was_cancelled: bool
    created_at: str
    updated_at: str
    lead_time: float | None
    stored: msgspec.Raw = msgspec.field(name="result")

    @property
    def result(self) -> list[dict[str, Any]]:
        """Return the result, decoded anew each time: most formats need one answer of many."""
        return _RESULT.decode(self.stored)


class Line(msgspec.Struct, frozen=True):
    """A task as converters read it; `best` is the id of the answer that counts."""

    id: int
    annotations: list[Answer]
    media: dict[str, StoredMedium]
    best: int | None
    read_data: Callable[[], dict[str, Any]]

    @property
    def data(self) -> dict[str, Any]:
        """Return the task's data, with addresses for stored media, decoded anew each time."""
        return self.read_data()

    @property
    def answers(self) -> list[Answer]:
        """Return the annotations that are no skips."""
        return [each for each in self.annotations if not each.was_cancelled]

    @property
    def answer(self) -> Answer | None:
        """Return the annotation that counts where only one can."""
        return next((each for each in self.annotations if each.id == self.best), None)


class WrittenPrediction(msgspec.Struct):
    """A prediction as Label Studio exports it."""

    id: int
    result: msgspec.Raw
    model_version: str
    created_ago: str
    score: float | None
    cluster: None
    neighbors: None
    mislabeling: float
    created_at: str
    updated_at: str
    model: None
    model_run: None
    task: int
    project: int


class WrittenAnnotation(msgspec.Struct):
    """An annotation as Label Studio exports it."""

    id: int
    completed_by: int
    result: msgspec.Raw
    was_cancelled: bool
    ground_truth: bool
    created_at: str
    updated_at: str
    draft_created_at: str | None
    lead_time: float | None
    prediction: WrittenPrediction | dict[str, Any]
    result_count: int
    unique_id: str
    import_id: int | None
    last_action: str | None
    bulk_created: bool
    task: int
    project: int
    updated_by: int | None
    parent_prediction: int | None
    parent_annotation: int | None
    last_created_by: None


class WrittenTask(msgspec.Struct):
    """A task as Label Studio exports it."""

    id: int
    annotations: list[WrittenAnnotation]
    drafts: list[int]
    predictions: list[Any]
    data: msgspec.Raw | dict[str, Any]
    meta: msgspec.Raw
    created_at: str
    updated_at: str
    allow_skip: bool
    inner_id: int
    total_annotations: int
    cancelled_annotations: int
    total_predictions: int
    comment_count: int
    unresolved_comment_count: int
    last_comment_updated_at: str | None
    project: int
    updated_by: int | None
    comment_authors: list[int]
    file_upload: str | msgspec.UnsetType = msgspec.UNSET


class WrittenLine(msgspec.Struct):
    """A line as it is kept."""

    task: WrittenTask
    media: dict[str, StoredMedium]
    best: int | None
