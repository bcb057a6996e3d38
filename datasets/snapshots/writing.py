"""Write tasks as Label Studio exports them: stored JSON goes through as it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from .. import comments, uploads
from ..annotations import Annotation, AnnotationState, Draft
from ..predictions import Prediction
from ..tasks import Task
from .batches import IDS, Reading, Row, StoredMedia, best, stamp, written
from .members import WrittenAnnotation, WrittenLine, WrittenPrediction, WrittenTask

_TASK = (
    Task.id,
    Task.data,
    Task.media_names,
    Task.meta,
    stamp(Task.created_at),
    stamp(Task.updated_at),
    Task.inner_id,
    Task.total_annotations,
    Task.cancelled_annotations,
    Task.total_predictions,
    Task.updated_by,
    Task.file_upload_id,
)
_ANNOTATION = (
    Annotation.task_id,
    Annotation.id,
    Annotation.completed_by,
    Annotation.state,
    Annotation.ground_truth,
    stamp(Annotation.created_at),
    stamp(Annotation.updated_at),
    stamp(Annotation.draft_created_at),
    Annotation.lead_time,
    Annotation.result,
    Annotation.unique_id,
    Annotation.import_id,
    Annotation.last_action,
    Annotation.bulk_created,
    Annotation.updated_by,
    Annotation.parent_prediction,
    Annotation.parent_annotation,
)
_PREDICTION = (
    Prediction.id,
    Prediction.task_id,
    Prediction.result,
    Prediction.model_version,
    Prediction.score,
    stamp(Prediction.created_at),
    stamp(Prediction.updated_at),
)
_SKIPPED, _ACCEPTED = str(AnnotationState.SKIPPED), str(AnnotationState.ACCEPTED)


def task_texts(reading: Reading) -> Iterator[bytes]:
    """Give each task by id as JSON, as the project is at that moment.

    Raises:
        errors.Invalid: the query cannot be used.
    """
    encode = msgspec.json.Encoder().encode
    for rows in reading.batches(_TASK):
        batch = _Batch(reading, rows)
        for row in rows:
            yield encode(batch.task(row))


def kept_lines(reading: Reading) -> Iterator[bytes]:
    """Give each task by id as a line to keep, which `read_line` reads.

    Raises:
        errors.Invalid: the query cannot be used.
    """
    encode = msgspec.json.Encoder().encode
    for rows in reading.batches(_TASK):
        batch = _Batch(reading, rows)
        for row in rows:
            yield encode(batch.line(row))


class _Batch:
    """What is known of one batch of tasks."""

    def __init__(self, reading: Reading, rows: Sequence[Row]) -> None:
        self._reading = reading
        self._project = reading.project.id
        ids = [row[0] for row in rows]
        self._media = StoredMedia(reading, rows)
        made = reading.annotations(_ANNOTATION, ids)
        self._fixes = reading.fixes([row[1] for row in made if row[3] == _ACCEPTED])
        self._load_predictions(ids, made)
        self._counting: dict[int, list[tuple[bool, bool, int]]] = {}
        self._annotations: dict[int, list[WrittenAnnotation]] = {}
        for row in made:
            self._annotations.setdefault(row[0], []).append(self._annotation(row))
        self._talks = comments.talks(reading.session, ids)
        self._uploads = uploads.names(reading.session, {row[-1] for row in rows})
        self._drafts: dict[int, list[int]] = {}
        query = sa.select(Draft.task_id, Draft.id).where(Draft.task_id.in_(IDS))
        for task_id, draft_id in reading.rows(query, ids=ids):
            self._drafts.setdefault(task_id, []).append(draft_id)

    def line(self, row: Row) -> WrittenLine:
        """Return a task's line."""
        number = row[0]
        counts = best(self._counting.get(number, ()))
        return WrittenLine(self.task(row), self._media.of(number), counts)

    def task(self, row: Row) -> WrittenTask:
        """Return a task."""
        number, data, _names, meta, created, updated = row[:6]
        inner_id, answers, skips, predicted, updated_by, upload = row[6:]
        talk = self._talks.get(number, comments.SILENCE)
        return WrittenTask(
            number,
            self._annotations.get(number, []),
            self._drafts.get(number, []),
            self._predictions.get(number, []),
            self._media.data(number) if number in self._media else msgspec.Raw(data),
            msgspec.Raw(meta),
            created,
            updated,
            True,
            inner_id,
            answers,
            skips,
            predicted,
            talk.comments,
            talk.unresolved,
            written(talk.last_at),
            self._project,
            updated_by,
            list(talk.authors),
            self._uploads.get(upload or 0, msgspec.UNSET),
        )

    def _annotation(self, row: Row) -> WrittenAnnotation:
        (task, number, person, state, is_true, created, updated, drafted, seconds, result) = row[
            :10
        ]
        unique, import_id, last_action, in_bulk, updated_by, prediction, annotation = row[10:]
        if state != _SKIPPED:
            counting = is_true, state == _ACCEPTED, number
            self._counting.setdefault(task, []).append(counting)
        parent = self._parents.get(prediction or 0)
        return WrittenAnnotation(
            number,
            person,
            msgspec.Raw(self._fixes.get(number) or result),
            state == _SKIPPED,
            is_true,
            created,
            updated,
            drafted,
            seconds,
            {} if parent is None or parent.task != task else parent,
            0,
            unique or _unique(self._project, number),
            import_id,
            last_action,
            in_bulk,
            task,
            self._project,
            updated_by,
            prediction,
            annotation,
            None,
        )

    def _load_predictions(self, ids: Sequence[int], made: Sequence[Row]) -> None:
        """Load the predictions' ids, newest first, and as many whole as are shown."""
        parents = {row[-2] for row in made if row[-2]}
        whole = self._reading.wanted.whole_predictions
        self._predictions: dict[int, list[Any]] = {}
        self._parents: dict[int, WrittenPrediction] = {}
        if parents and not whole:
            query = sa.select(*_PREDICTION).where(Prediction.id.in_(IDS))
            rows = self._reading.rows(query, ids=sorted(parents))
            self._parents = {row[0]: self._prediction(row) for row in rows}
        query = sa.select(*(_PREDICTION if whole else _PREDICTION[:2]))
        query = query.where(Prediction.task_id.in_(IDS)).order_by(Prediction.id.desc())
        for row in self._reading.rows(query, ids=ids):
            told = self._prediction(row) if whole else row[0]
            self._predictions.setdefault(row[1], []).append(told)
            if whole:
                self._parents[row[0]] = told

    def _prediction(self, row: Row) -> WrittenPrediction:
        number, task, result, version, score, created, updated = row
        return WrittenPrediction(
            number,
            msgspec.Raw(result),
            version,
            "",
            score,
            None,
            None,
            0.0,
            created,
            updated,
            None,
            None,
            task,
            self._project,
        )


def _unique(project: int, number: int) -> str:
    """Return a name for an annotation whose maker gave it none: the same in every export."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"jinbiao:annotation:{project}:{number}"))
