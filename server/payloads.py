"""Read what was sent and say what is there, in Label Studio's shapes where it has the noun."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import flask
import msgspec
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from ..datasets import errors, tasks
from ..datasets.annotations import Annotation, Draft
from ..datasets.catalogue import Dataset, Release
from ..datasets.errors import _
from ..datasets.exports import Export
from ..datasets.jobs import Job
from ..datasets.people import User
from ..datasets.predictions import Prediction
from ..datasets.projects import Project
from ..datasets.reviews import Review
from ..datasets.tasks import Media, Task
from ..datasets.versions import Version
from . import errors as server_errors
from . import links

# Deep enough for every result; a parser that is handed more could overflow its stack.
_decoder = msgspec.json.Decoder()
# More than the largest result.
BODY_BYTES = 32 * 1024**2


def body() -> dict[str, Any]:
    """Return the request's JSON object, or its form as one.

    Raises:
        errors.Invalid: it is neither.
        errors.TooLarge: it has more than BODY_BYTES.
    """
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return {key: value for key, value in request.form.items() if key != "csrf_token"}
    # Read into memory, unlike an upload: bounded, also where no length was told.
    request.max_content_length = min(BODY_BYTES, request.max_content_length or BODY_BYTES)
    try:
        content = request.get_data(cache=False)
    except RequestEntityTooLarge as problem:
        raise errors.TooLarge(
            _("the body has more than %(limit)s bytes"), limit=BODY_BYTES
        ) from problem
    if not content:
        return {}
    try:
        decoded = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.Invalid(
            _("the body is not JSON: %(reason)s"), reason=str(problem)[:200]
        ) from problem
    if not isinstance(decoded, dict):
        raise errors.Invalid(_("the body must be a JSON object"))
    return decoded


def text(
    values: Mapping[str, Any], name: str, default: str | None = None, *, longest: int = 200
) -> str:
    """Return a text value of at most `longest` characters.

    Raises:
        errors.Invalid: it is missing without a default, or no text.
        errors.TooLarge: it is longer.
    """
    value = values.get(name)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"), place=name)
    if "\0" in value:
        raise errors.Invalid(_("must not hold a NUL character"), place=name)
    if len(value) > longest:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place=name, longest=longest
        )
    return value


def optional_text(values: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """Return a text value, or None where it is missing, null or empty."""
    return given_text(values, name, longest=longest) or None


def choice(values: Mapping[str, Any], name: str, default: str, allowed: Iterable[str]) -> str:
    """Return a text value that is one of the allowed ones.

    Raises:
        errors.Invalid: it is another.
    """
    names = list(allowed)
    value = text(values, name, default)
    if value not in names:
        raise errors.Invalid(_("must be one of %(names)s"), place=name, names=", ".join(names))
    return value


def given_text(values: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """Return a text value, also an empty one, or None where it is missing or null."""
    return None if values.get(name) is None else text(values, name, longest=longest)


def number(
    values: Mapping[str, Any],
    name: str,
    default: int | None = None,
    *,
    lowest: int = 0,
    highest: int = 2**53,
) -> int:
    """Return a whole number from `lowest` to `highest`.

    Raises:
        errors.Invalid: it is missing without a default, or not such a number.
    """
    value = values.get(name)
    if value is None or value == "":
        value = default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place=name,
            lowest=lowest,
            highest=highest,
        )
    return value


def page_size(default: int, highest: int) -> int:
    """Return how many rows the address asks for: at least 1, and never more than `highest`."""
    return min(number(request.args, "page_size", default, lowest=1), highest)


def before() -> int | None:
    """Return the number that the address gives as the end of the last page, or None."""
    return number(request.args, "before") if request.args.get("before") else None


def moment(name: str, value: str) -> dt.datetime:
    """Return the point in time that a text says, in UTC where it says no zone.

    Raises:
        errors.Invalid: it says none.
    """
    try:
        found = dt.datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError) as problem:
        raise errors.Invalid(_("must be a time"), place=name) from problem


def seconds(values: Mapping[str, Any], name: str) -> float | None:
    """Return a duration in seconds, or None."""
    value = values.get(name)
    if value is None:
        return None
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # False for a NaN as well.
    if not usable or not -1e9 <= value <= 1e9:
        raise errors.Invalid(_("must be a number of seconds"), place=name)
    return float(value)


def result(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the list of regions of an annotation, its members not yet looked at.

    Raises:
        errors.Invalid: it is missing, so that nothing is wiped by forgetting it, or no list.
    """
    value = values.get("result")
    if not isinstance(value, list):
        raise errors.Invalid(_("must be a list of regions"), place="result")
    return value


def answer(content: Any, status: int = 200) -> flask.Response:
    """Return JSON, encoded fast."""
    return flask.Response(msgspec.json.encode(content), status=status, mimetype="application/json")


def time(value: dt.datetime | None) -> str | None:
    """Return a time as Label Studio writes it."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def project(row: Project, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return a project."""
    return {
        "id": row.id,
        "title": row.title,
        "description": row.description,
        "expert_instruction": row.instruction,
        "label_config": row.label_config,
        "parsed_label_config": row.config.to_parsed(),
        "maximum_annotations": row.maximum_annotations,
        "organization": row.organisation_id,
        "vendor": row.vendor_id,
        "created_by": {"id": row.created_by},
        "created_at": time(row.created_at),
        "task_number": sum(counts.values()),
        "finished_task_number": counts.get("accepted", 0),
        "task_states": dict(counts),
    }


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


def job(row: Job) -> dict[str, Any]:
    """Return a job, its error in the reader's language."""
    error = None if row.error is None else errors.from_json(row.error)
    return {
        "id": row.id,
        "kind": row.kind,
        "project": row.project_id,
        "state": row.state,
        "done": row.done,
        "total": row.total,
        "attempt": row.attempt,
        "result": row.result_values,
        "error": None if error is None else server_errors.words(error),
        "created_at": time(row.created_at),
        "started_at": time(row.started_at),
        "ended_at": time(row.ended_at),
    }


def version(row: Version) -> dict[str, Any]:
    """Return a version."""
    return {
        "id": row.id,
        "project": row.project_id,
        "tag": row.tag,
        "commit_id": row.commit_id,
        "manifest_sha256": row.manifest_digest,
        "records": row.records,
        "statistics": row.statistics_values,
        "seed": row.seed,
        "fractions": msgspec.json.decode(row.fractions),
        "created_at": time(row.created_at),
    }


def export(row: Export) -> dict[str, Any]:
    """Return an export."""
    return {
        "id": row.id,
        "version": row.version_id,
        "format": row.format,
        "records": row.records,
        "regions": row.regions,
        "size": row.size,
        "manifest_sha256": row.manifest_digest,
        "created_at": time(row.created_at),
    }


def dataset(row: Dataset, releases: Sequence[Release]) -> dict[str, Any]:
    """Return a catalogue entry with its releases, newest first."""
    return {
        "name": row.full_name,
        "title": row.title,
        "title_en": row.title_en,
        "description": row.description,
        "licence": row.licence,
        "keywords": row.keyword_list,
        "downloads": row.downloads,
        "project": row.project_id,
        "releases": [
            {
                "tag": each.tag,
                "commit_id": each.commit_id,
                "records": each.records,
                "size": each.size,
                "published_at": time(each.published_at),
            }
            for each in releases
        ],
    }


def user(row: User) -> dict[str, Any]:
    """Return a person as their colleagues see them."""
    return {
        "id": row.id,
        "username": row.username,
        "name": row.name,
        "role": row.role,
        "organization": row.organisation.slug,
        "is_active": row.is_active,
    }
