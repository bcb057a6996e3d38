"""Bring tasks into a project: Label Studio's API, and the jobs behind the upload page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ...datasets import (
    collection,
    errors,
    holdings,
    jobs,
    labelled,
    permissions,
    projects,
    uploads,
)
from ...datasets import imports as program_imports
from ...datasets.collection import ListReader, Prepared
from ...datasets.errors import _
from ...datasets.jobs import Job, JobState
from ...datasets.projects import Project
from ...datasets.uploads import FileUpload
from ...workers import queues
from .. import links, payloads
from ..auth import allows, installation, user
from .reading import Upload, columns, read_upload

routes = Blueprint("imports", __name__)
MOST_FILES = 10_000


@dataclass
class Outcome:
    """What an import brought, as the answer tells it."""

    tasks: list[Prepared] = field(default_factory=list)
    uploads: list[FileUpload] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    ids: list[int] = field(default_factory=list)

    def payload(self, seconds: float, *, committed: bool, with_ids: bool) -> dict[str, Any]:
        """Return Label Studio's answer."""
        said = [each.annotations for each in self.tasks]
        predicted = [each.predictions for each in self.tasks]
        content = {
            "task_count": len(self.tasks),
            "annotation_count": sum(map(len, said)) if committed else None,
            "prediction_count": sum(map(len, predicted)) if committed else None,
            "duration": seconds,
            "file_upload_ids": [row.id for row in self.uploads],
            "could_be_tasks_list": bool(self.formats) and set(self.formats) <= {".csv", ".tsv"},
            "found_formats": dict(self.formats) or [],
            "data_columns": columns(self.tasks) if self.formats else [],
        }
        return content | ({"task_ids": self.ids} if with_ids else {})


@routes.post("/api/projects/<int:project_id>/import")
@allows("task.import")
def create(project_id: int) -> Response:
    """Bring tasks as JSON or as files: all of them or none; `async=true` starts a job instead.

    A job also reads files with labels: `format` says which, `as` whether their labels are
    annotations or predictions.
    """
    if payloads.flag(request.args, "async"):
        return _create_later(project_id)
    if request.args.get("format", "tasks") != "tasks":
        raise errors.Invalid(_("files with labels are read by a job: async=true"), place="format")
    began = time.monotonic()
    committed = payloads.flag(request.args, "commit_to_project", True)
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.import")
        _check_quota(session, project)
        tasks = reader(session, project)
    outcome = _read(project, tasks)
    _keep(project_id, outcome, committed)
    with_ids = payloads.flag(request.args, "return_task_ids") and committed
    seconds = time.monotonic() - began
    answer = outcome.payload(seconds, committed=committed, with_ids=with_ids)
    return payloads.answer(answer, 201)


@routes.post("/api/projects/<int:project_id>/reimport")
@allows("task.import")
def again(project_id: int) -> Response:
    """Bring the tasks of files that were uploaded before."""
    began = time.monotonic()
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.import")
        ids = payloads.ids(payloads.body(), "file_upload_ids", MOST_FILES)
        tasks = reader(session, project)
        found = uploads.of_project(session, project, ids=ids)
    if len(found) != len(ids):
        raise errors.Invalid(_("not all of them are uploads here"), place="file_upload_ids")
    outcome = Outcome(uploads=found)
    for row in found:
        _add(outcome, project, tasks, Upload(row.name, row.digest, row.size), row)
    _keep(project_id, outcome, True)
    seconds = time.monotonic() - began
    return payloads.answer(outcome.payload(seconds, committed=True, with_ids=False), 201)


@routes.get("/api/projects/<int:project_id>/imports/<int:import_id>/")
@allows("task.import")
def show(project_id: int, import_id: int) -> Response:
    """Tell how an import that runs as a job is."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "task.import")
        row, job = program_imports.get(session, project, import_id)
        said, predicted = program_imports.answers(session, job.id)
        ids = program_imports.task_ids(session, job.id) if job.state == JobState.DONE else []
    return payloads.answer(_status(project_id, import_id, job, said, predicted, ids))


def reader(session: Session, project: Project) -> ListReader:
    """Return what reads a program's tasks for a project, with the rights of who asks."""
    seen: dict[int, bool] = {project.id: True}

    def stored(address: str) -> str | None:
        found = links.stored_digest(address)
        if found is None:
            return None
        if found[0] not in seen:
            other = session.get(Project, found[0])
            usable = other is not None and other.deleted_at is None
            seen[found[0]] = other is not None and usable and permissions.sees(user(), other)
        return found[1] if seen[found[0]] else None

    told = request.args.getlist("preannotated_from_fields")
    fields = tuple(name.strip() for text in told for name in text.split(",") if name.strip())
    limits = collection.media_limits(installation().settings)
    return ListReader(installation().store, project, limits, stored, fields)


def start(project_id: int) -> list[Job]:
    """Store the uploaded files, write down an import job for each, announce them.

    Raises:
        errors.Invalid: there is no file.
    """
    asked = _reading(request.form)
    with installation().database.read() as session:
        _check_quota(session, projects.get(session, user(), project_id, "task.import"))
    stored = [(name, installation().store.put(stream)) for name, stream in _streams()]
    if not stored:
        raise errors.Invalid(_("choose a file to upload"), place="file")
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.import")
        started = [
            _job(session, project, uploads.plain_name(name), put.digest, asked)
            for name, put in stored
        ]
    queues.announce(installation(), [job.id for job in started])
    return started


def _create_later(project_id: int) -> Response:
    asked = _reading(request.args)
    with installation().database.read() as session:
        _check_quota(session, projects.get(session, user(), project_id, "task.import"))
    found = list(_streams())
    if request.mimetype == "application/json":
        found = [("tasks.json", cast(BinaryIO, request.stream))]
    if len(found) != 1:
        raise errors.Invalid(_("send one file, or one JSON list"), place="file")
    ((name, stream),) = found
    put = installation().store.put(stream, limit=installation().settings.maximum_upload_bytes)
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.import")
        job = _job(session, project, uploads.plain_name(name), put.digest, asked)
        number = program_imports.remember(session, project, job).id
    queues.announce(installation(), [job.id])
    return payloads.answer({"import": number}, 201)


def _check_quota(session: Session, project: Project) -> None:
    """Refuse what comes where the owner's storage quota does not hold it."""
    settings, more = installation().settings, request.content_length or 1
    holdings.check(session, settings, project.organisation_id, more)


def _reading(given: Mapping[str, str]) -> dict[str, str]:
    """Return how the files are to be read; raise Invalid for what is unknown."""
    return {
        "format": payloads.choice(given, "format", "auto", labelled.FORMATS),
        "as": payloads.choice(given, "as", "annotations", labelled.KEPT_AS),
    }


def _job(session: Session, project: Project, name: str, digest: str, asked: dict[str, str]) -> Job:
    return jobs.add(
        session,
        user(),
        "import",
        {"object": digest, "name": name, **asked},
        project_id=project.id,
        organisation_id=project.organisation_id,
        vendor_id=project.vendor_id,
    )


def _streams() -> list[tuple[str, BinaryIO]]:
    if request.mimetype != "multipart/form-data":
        return []
    found = [each for name in request.files for each in request.files.getlist(name)]
    return [(each.filename, cast(BinaryIO, each.stream)) for each in found if each.filename]


def _read(project: Project, tasks: ListReader) -> Outcome:
    """Read what the request brings, checked; nothing is written yet but bytes."""
    outcome = Outcome()
    try:
        if request.mimetype != "multipart/form-data":
            outcome.tasks = tasks.read(payloads.content(payloads.LIST_BYTES))
            return outcome
        streams = _streams()
        if not streams or len(streams) > MOST_FILES:
            raise errors.Invalid(_("choose a file to upload"), place="file")
        limit = installation().settings.maximum_upload_bytes
        for name, stream in streams:
            put = installation().store.put(stream, limit=limit)
            _add(outcome, project, tasks, Upload(uploads.plain_name(name), put.digest, put.size))
    except errors.TooLarge:
        raise
    except errors.Invalid as problem:
        # Of many items, so of no field of the request.
        if problem.problems:
            problem.place = "non_field_errors"
        raise
    return outcome


def _add(
    outcome: Outcome,
    project: Project,
    tasks: ListReader,
    upload: Upload,
    row: FileUpload | None = None,
) -> None:
    found = read_upload(installation(), project, tasks, upload)
    row = row or FileUpload(name=upload.name, digest=upload.digest, size=upload.size)
    if row not in outcome.uploads:
        outcome.uploads.append(row)
    for number, prepared in enumerate(found, len(outcome.tasks) + 1):
        prepared.number = number
    outcome.tasks += found
    outcome.formats[PurePosixPath(upload.name.lower()).suffix or upload.name] += 1
    # Which upload a task came from is known once the upload has its number.
    for prepared in found:
        prepared.file_upload_id = -outcome.uploads.index(row) - 1


def _keep(project_id: int, outcome: Outcome, committed: bool) -> None:
    """Write everything in one transaction."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, "task.import")
        brought = sum(row.size for row in outcome.uploads if row.id is None)
        size = brought + collection.media_size(outcome.tasks)
        holdings.take(session, installation().settings, project.organisation_id, size)
        outcome.uploads = [
            row
            if row.id is not None
            else uploads.add(session, user(), project, row.name, row.digest, row.size)
            for row in outcome.uploads
        ]
        for prepared in outcome.tasks:
            if prepared.file_upload_id is not None:
                prepared.file_upload_id = outcome.uploads[-prepared.file_upload_id - 1].id
        if committed:
            outcome.ids = program_imports.write(session, user(), project, outcome.tasks)


_STATES = {
    JobState.WAITING: "created",
    JobState.RUNNING: "in_progress",
    JobState.DONE: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}


def _status(
    project_id: int, import_id: int, job: Job, said: int, predicted: int, ids: list[int]
) -> dict[str, Any]:
    told = payloads.job(job)
    ended, started = job.ended_at, job.started_at
    seconds = (ended - started).total_seconds() if ended and started else 0.0
    return {
        "id": import_id,
        "project": project_id,
        "job": job.id,
        "status": _STATES[JobState(job.state)],
        "task_count": int(job.result_values.get("tasks", 0)),
        "annotation_count": said,
        "prediction_count": predicted,
        "duration": seconds,
        "file_upload_ids": [],
        "could_be_tasks_list": False,
        "found_formats": [],
        "data_columns": [],
        "task_ids": ids,
        "tasks": [],
        "preannotated_from_fields": None,
        "commit_to_project": True,
        "return_task_ids": True,
        "url": None,
        "error": told["error"],
        "traceback": None,
        "rejected": int(job.result_values.get("rejected", 0)),
        "created_at": payloads.time(job.created_at),
        "updated_at": payloads.time(job.heartbeat_at or job.created_at),
        "finished_at": payloads.time(job.ended_at),
    }
