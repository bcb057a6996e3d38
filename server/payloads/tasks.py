"""Say what tasks are, in Label Studio's shapes; everything a list needs is loaded at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from ...datasets import annotations as annotation_rows
from ...datasets import (
    benefit,
    comments,
    people,
    permissions,
    predictions,
    reviews,
    tasks,
    uploads,
)
from ...datasets.annotations import Annotation, AnnotationState, Draft
from ...datasets.comments import Talk
from ...datasets.next_tasks import Beside
from ...datasets.people import User
from ...datasets.predictions import Prediction
from ...datasets.projects import Project
from ...datasets.tasks import Media, Task
from .. import links
from .alone import is_alone, standing
from .answers import annotation, draft, prediction
from .reading import time

EVERYTHING = Beside()


@dataclass(frozen=True)
class Loaded:
    """What is known of several tasks of one project, as one person may see it."""

    project: Project
    asker: User
    media: Mapping[str, Media] = field(default_factory=dict)
    annotations: Mapping[int, Sequence[Annotation]] = field(default_factory=dict)
    predictions: Mapping[int, Sequence[Prediction]] = field(default_factory=dict)
    drafts: Mapping[int, Sequence[Draft]] = field(default_factory=dict)
    people: Mapping[int, User] = field(default_factory=dict)
    talks: Mapping[int, Talk] = field(default_factory=dict)
    # Upload → the name of the file.
    uploads: Mapping[int, str] = field(default_factory=dict)

    def hides(self, row: Annotation) -> bool:
        """Tell whether the asker is not to know who made an annotation."""
        return reviews.hides(self.asker, self.project, row)


def load(
    session: Session,
    asker: User,
    project: Project,
    rows: Sequence[Task],
    *,
    with_predictions: bool = True,
    beside: Beside = EVERYTHING,
) -> Loaded:
    """Load what the shapes below need of these tasks, in a fixed number of queries.

    What is known not to be there (`beside`) is not asked for.
    """
    ids = [row.id for row in rows]
    with_predictions = with_predictions and beside.predictions
    predicted = predictions.of_tasks(session, ids) if with_predictions else {}
    answers = annotation_rows.of_tasks(session, ids) if beside.annotations else {}
    made = {task_id: annotation_rows.visible_to(asker, found) for task_id, found in answers.items()}
    authors = {row.completed_by for found in made.values() for row in found}
    return Loaded(
        project,
        asker,
        tasks.media_of(session, rows),
        made,
        benefit.visible_to(session, asker, project, predicted),
        annotation_rows.drafts_of(session, asker, ids) if beside.drafts else {},
        people.by_ids(session, authors),
        _talks(session, asker, project, ids) if beside.annotations else {},
        uploads.names(session, {row.file_upload_id for row in rows}),
    )


def _talks(
    session: Session, asker: User, project: Project, ids: Sequence[int]
) -> Mapping[int, Talk]:
    if is_alone(asker, project):
        return {}
    sees_others = permissions.allows(asker, "annotation.read")
    return comments.talks(session, ids, only_on=None if sees_others else asker)


def plain(row: Task, loaded: Loaded) -> dict[str, Any]:
    """Return a task by itself."""
    talk = loaded.talks.get(row.id, comments.SILENCE)
    made = loaded.annotations.get(row.id, ())
    found = standing(loaded.asker, loaded.project, row, made)
    # Who touched the task last, or talks of it, is as a rule who made its answers.
    hidden = reviews.are_blind_for(loaded.asker, loaded.project) or any(map(loaded.hides, made))
    return {
        "id": row.id,
        "data": data(row, loaded),
        "meta": msgspec.Raw(row.meta.encode()),
        "created_at": time(row.created_at),
        "updated_at": time(found.updated_at),
        "is_labeled": found.total >= loaded.project.maximum_annotations,
        "overlap": loaded.project.maximum_annotations,
        "inner_id": row.inner_id,
        "total_annotations": found.total,
        "cancelled_annotations": found.cancelled,
        "total_predictions": row.total_predictions,
        "comment_count": talk.comments,
        "unresolved_comment_count": talk.unresolved,
        "last_comment_updated_at": time(talk.last_at),
        "project": row.project_id,
        "updated_by": None if hidden else found.updated_by,
        "file_upload": row.file_upload_id,
        "comment_authors": [] if hidden else list(talk.authors),
    }


def with_answers(row: Task, loaded: Loaded) -> dict[str, Any]:
    """Return a task with its annotations and predictions."""
    return {
        **plain(row, loaded),
        "annotations": _annotations(row, loaded),
        "predictions": _predictions(row, loaded),
    }


def listed(row: Task, loaded: Loaded, *, whole: bool) -> dict[str, Any]:
    """Return a task as the Data Manager lists it: with its answers where `whole` is asked."""
    made = loaded.annotations.get(row.id, ())
    alone = plain(row, loaded)
    shown = {
        **alone,
        "file_upload": loaded.uploads.get(row.file_upload_id or 0),
        "drafts": _drafts(row, loaded),
        "annotators": sorted({each.completed_by for each in made if not loaded.hides(each)}),
        "annotations_results": "",
        "predictions_results": "",
        "storage_filename": None,
        "annotations_ids": ",".join(str(each.id) for each in made),
        "predictions_model_versions": "",
        "updated_by": _people(alone["updated_by"]),
    }
    if not whole:
        return shown | {"annotations_ids": ""}
    predicted = loaded.predictions.get(row.id, ())
    return shown | {
        "predictions": _predictions(row, loaded),
        "annotations": _annotations(row, loaded),
        "completed_at": _completed_at(made),
        "annotations_results": _results(made),
        "predictions_results": _results(predicted),
        "predictions_model_versions": ",".join(
            dict.fromkeys(each.model_version for each in predicted)
        ),
        "predictions_score": _mean([each.score for each in predicted]),
        "avg_lead_time": _mean([each.lead_time for each in made]),
        "draft_exists": bool(loaded.drafts.get(row.id)),
    }


def opened(row: Task, loaded: Loaded) -> dict[str, Any]:
    """Return one task with everything, and with who its annotators are."""
    made = loaded.annotations.get(row.id, ())
    return listed(row, loaded, whole=True) | {
        "annotations": [
            annotation(each, loaded.people, whole_person=True, hidden=loaded.hides(each))
            for each in made
        ],
        "annotations_results": "",
        "predictions_results": "",
    }


def to_label(row: Task, loaded: Loaded, lock: str, queue: str) -> dict[str, Any]:
    """Return a task to somebody who is to label it now."""
    shown = with_answers(row, loaded)
    return {
        **shown,
        "drafts": _drafts(row, loaded),
        "updated_by": _people(shown["updated_by"]),
        "unique_lock_id": lock,
        "queue": queue,
    }


def data(row: Task, loaded: Loaded) -> Any:
    """Return a task's data, stored media as addresses that stay the same."""
    if tasks.MEDIA_PREFIX not in row.data:
        return msgspec.Raw(row.data.encode())
    return stored_values(row, row.project_id)


def shown_data(row: Task, media: Mapping[str, Media]) -> dict[str, Any]:
    """Return a task's data with short-lived addresses in place of stored media, for pages."""
    values = row.data_values
    for key, value in values.items():
        digest = tasks.media_digest(value)
        if digest is not None and digest in media:
            values[key] = links.media(media[digest])
    return values


def stored_values(row: Task, project_id: int) -> dict[str, Any]:
    """Return a task's data in the form in which a program may send them back."""
    names = msgspec.json.decode(row.media_names)
    values = row.data_values
    for key, value in values.items():
        digest = tasks.media_digest(value)
        if digest is not None:
            values[key] = links.stored(project_id, digest, names.get(key) or key)
    return values


def _annotations(row: Task, loaded: Loaded) -> list[dict[str, Any]]:
    made = loaded.annotations.get(row.id, ())
    return [annotation(each, loaded.people, hidden=loaded.hides(each)) for each in made]


def _predictions(row: Task, loaded: Loaded) -> list[dict[str, Any]]:
    return [prediction(each) for each in loaded.predictions.get(row.id, ())]


def _drafts(row: Task, loaded: Loaded) -> list[dict[str, Any]]:
    return [draft(each, loaded.asker) for each in loaded.drafts.get(row.id, ())]


def _people(number: int | None) -> list[dict[str, int]]:
    return [] if number is None else [{"user_id": number}]


def _completed_at(made: Sequence[Annotation]) -> str | None:
    done = [each.created_at for each in made if each.state != AnnotationState.SKIPPED]
    return time(max(done)) if done else None


def _results(rows: Sequence[Annotation] | Sequence[Prediction]) -> str:
    return ", ".join(each.result for each in rows)


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None
