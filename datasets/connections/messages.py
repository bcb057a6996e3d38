"""Say what projects, tasks and annotations are to programs outside, in Label Studio's shapes.

What Label Studio tells of a project's token is left out. Stored media stand as addresses of
the API, which asks who wants to see them; models get addresses that carry the right.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import comments, people, tasks, totals
from ..addresses import Addresses
from ..annotations import Annotation
from ..comments import Talk
from ..db import now
from ..people import User
from ..predictions import Prediction
from ..projects import Project
from ..tasks import Media, Task
from ..totals import Totals
from ..webhooks import ACTIONS, Delivery

MOST_BYTES = 16 * 1024**2  # of tasks in one message; those beyond are told by number alone

# What a task's value is sent as: digest, data key, task → address.
MediaAddress = Callable[[str, str, Task], str]


def of_delivery(
    session: Session, addresses: Addresses, delivery: Delivery, *, whole: bool
) -> dict[str, Any]:
    """Return the message of a webhook; what is gone by now is told by its number.

    Without `whole` it says only what happened.
    """
    action = ACTIONS[delivery.action]
    message: dict[str, Any] = {"action": delivery.action}
    if not whole:
        return message
    if delivery.payload is not None:
        message |= msgspec.json.decode(delivery.payload)
    row = session.get(Project, delivery.project_id)
    if row is None or delivery.action == "PROJECT_DELETED":
        return message | {"project": {"id": delivery.project_id}}
    ids = delivery.id_list
    if delivery.action == "TASKS_CREATED":
        message[action.key] = _tasks(session, addresses, row, ids)
    elif delivery.action in ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED"):
        message |= _annotations(session, addresses, row, ids, many=action.many)
    elif action.many:
        message[action.key] = [{"id": number} for number in ids]
    elif action.key not in message and action.key != "project":
        message[action.key] = {"id": ids[0] if ids else None}
    counted = totals.of_projects(session, [row])[row.id]
    return message | {"project": project(row, counted)}


def project(row: Project, counted: Totals) -> dict[str, Any]:
    """Return a project with its numbers."""
    options = row.option_values
    # Of no use to anybody outside, and not told by Label Studio either.
    del options["start_training_on_annotation_update"]
    digest = hashlib.sha256(row.label_config.encode()).digest()
    return {
        "id": row.id,
        "task_number": counted.tasks,
        "finished_task_number": counted.finished_tasks,
        "total_predictions_number": counted.predictions,
        "total_annotations_number": counted.annotations,
        "num_tasks_with_annotations": counted.tasks_with_annotations,
        "useful_annotation_number": counted.annotations - counted.ground_truths,
        "ground_truth_number": counted.ground_truths,
        "skipped_annotations_number": counted.skips,
        "title": row.title,
        "description": row.description,
        "label_config": row.label_config,
        "parsed_label_config": row.config.to_parsed(),
        "label_config_hash": int.from_bytes(digest[:8], "big", signed=True),
        "expert_instruction": row.instruction,
        **options,
        "result_count": 0,
        "maximum_annotations": row.maximum_annotations,
        "control_weights": options["control_weights"] or row.config.control_weights(),
        "data_types": {item.key: item.tag for item in row.config.objects},
        "created_at": time(row.created_at),
        "updated_at": time(row.created_at),
        "custom_task_lock_ttl": None,
        "deleted_at": time(row.deleted_at),
        "purge_at": None,
        "search_vector": None,
        "organization": row.organisation_id,
        "created_by": row.created_by,
        "deleted_by": None,
    }


def task(row: Task, owner: Project, data: Any, talk: Talk = comments.SILENCE) -> dict[str, Any]:
    """Return a task by itself; `data` is what its media were turned into."""
    return {
        "id": row.id,
        "data": data,
        "meta": msgspec.Raw(row.meta.encode()),
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "is_labeled": row.total_annotations >= owner.maximum_annotations,
        "allow_skip": True,
        "overlap": owner.maximum_annotations,
        "inner_id": row.inner_id,
        "total_annotations": row.total_annotations,
        "cancelled_annotations": row.cancelled_annotations,
        "total_predictions": row.total_predictions,
        "precomputed_agreement": None,
        "comment_count": talk.comments,
        "unresolved_comment_count": talk.unresolved,
        "last_comment_updated_at": time(talk.last_at),
        "project": row.project_id,
        "updated_by": row.updated_by,
        "file_upload": row.file_upload_id,
        "comment_authors": list(talk.authors),
    }


def annotation(row: Annotation) -> dict[str, Any]:
    """Return an annotation as webhooks and models are told of it."""
    result = row.result_values
    return {
        "id": row.id,
        "result": msgspec.Raw(row.result.encode()),
        **_facts(row),
        "prediction": {},
        "result_count": len({region.get("id") for region in result}),
        "unique_id": row.unique_id,
        "completed_by": row.completed_by,
        "task": row.task_id,
    }


def exported(
    row: Annotation, made_by: User | None, whole_task: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an annotation with its task and its maker, as it is written into a bucket."""
    person = {
        "id": row.completed_by,
        "first_name": "" if made_by is None else made_by.first_name,
        "last_name": "" if made_by is None else made_by.last_name,
        "email": "" if made_by is None else made_by.email or made_by.username,
    }
    name = f"{person['first_name']} {person['last_name']}".strip()
    return {
        "id": row.id,
        "result": msgspec.Raw(row.result.encode()),
        "created_username": f"{name} {person['email']}, {row.completed_by}",
        "created_ago": f"{max((now() - row.created_at).days, 0)}\u00a0days",
        "completed_by": person,
        "task": whole_task,
        **_facts(row),
    }


def prediction(row: Prediction) -> dict[str, Any]:
    """Return a prediction as models are told of it."""
    return {
        "id": row.id,
        "result": msgspec.Raw(row.result.encode()),
        "model_version": row.model_version,
        "created_ago": f"{max((now() - row.created_at).days, 0)} days",
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


def data_of(row: Task, address: MediaAddress) -> Any:
    """Return a task's data with an address in place of each stored medium."""
    if tasks.MEDIA_PREFIX not in row.data:
        return msgspec.Raw(row.data.encode())
    values = row.data_values
    for key, value in values.items():
        digest = tasks.media_digest(value)
        if digest is not None:
            values[key] = address(digest, key, row)
    return values


def stored_address(addresses: Addresses) -> MediaAddress:
    """Return what gives addresses of the API, which asks who wants to see the medium."""

    def address(digest: str, key: str, row: Task) -> str:
        names = msgspec.json.decode(row.media_names)
        return addresses.stored(row.project_id, digest, str(names.get(key) or key))

    return address


def open_address(addresses: Addresses, media: Mapping[str, Media]) -> MediaAddress:
    """Return what gives addresses that anybody may read for an hour or two."""

    def address(digest: str, key: str, row: Task) -> str:
        found = media.get(digest)
        if found is None:
            return stored_address(addresses)(digest, key, row)
        shown = found.display_digest or digest
        extension = found.display_extension if found.display_digest else found.extension
        return addresses.media(shown, extension or "")

    return address


def time(value: dt.datetime | None) -> str | None:
    """Return a time as Label Studio writes it."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _facts(row: Annotation) -> dict[str, Any]:
    return {
        "was_cancelled": row.was_cancelled,
        "ground_truth": row.ground_truth,
        "created_at": time(row.created_at),
        "updated_at": time(row.updated_at),
        "draft_created_at": time(row.draft_created_at),
        "lead_time": row.lead_time,
        "import_id": row.import_id,
        "last_action": row.last_action,
        "bulk_created": row.bulk_created,
        "project": row.project_id,
        "updated_by": row.updated_by or row.completed_by,
        "parent_prediction": row.parent_prediction,
        "parent_annotation": row.parent_annotation,
        "last_created_by": None,
    }


def _tasks(
    session: Session, addresses: Addresses, owner: Project, ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Return tasks in the order of the ids, those that are gone by their number."""
    found = {row.id: row for row in session.scalars(sa.select(Task).where(Task.id.in_(ids)))}
    talks = comments.talks(session, ids)
    told: list[dict[str, Any]] = []
    size = 0
    for number in ids:
        row = found.get(number)
        size += 0 if row is None else len(row.data)
        if row is None or size > MOST_BYTES:
            told.append({"id": number})
            continue
        data = data_of(row, stored_address(addresses))
        told.append(task(row, owner, data, talks.get(number, comments.SILENCE)))
    return told


def _annotations(
    session: Session, addresses: Addresses, owner: Project, ids: Sequence[int], *, many: bool
) -> dict[str, Any]:
    """Return the members of a message about annotations: one with its task, or a list."""
    rows = session.scalars(sa.select(Annotation).where(Annotation.id.in_(ids)))
    found = {row.id: row for row in rows}
    told = [annotation(found[n]) if n in found else {"id": n} for n in ids]
    if many:
        return {"annotation": told}
    if not found:
        return {"annotation": told[0] if told else {}}
    (shown,) = _tasks(session, addresses, owner, [found[ids[0]].task_id])
    return {"annotation": told[0], "task": shown}


def makers(session: Session, rows: Sequence[Annotation]) -> dict[int, User]:
    """Return the people who made these annotations."""
    return people.by_ids(session, {row.completed_by for row in rows})
