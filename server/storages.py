"""Buckets and folders that a project is connected to: Label Studio's API.

They are reached outside of transactions; a run is a job, and who starts one waits for it a
little before the answer says how far it is.
"""

from __future__ import annotations

import time
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import errors, jobs, projects
from ..datasets.connections import stores
from ..datasets.connections.stores import EXPORT, IMPORT, KINDS, OPTIONS, SECRETS, Store
from ..datasets.errors import _
from ..datasets.projects import Project
from ..workers import queues
from ..workers.stores import reach
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("storages", __name__)
# How long somebody who starts a run waits for it to end.
PATIENCE_SECONDS = 4.0
LOOK_SECONDS = 0.05
LONGEST_TEXT = 2048
_SENT_BACK = {"id", "type", "project", "created_at", "last_sync", "last_sync_count"}
_SENT_BACK |= {"last_sync_job", "status", "traceback", "meta"}
_FLAGS = {"presign", "use_blob_urls", "recursive_scan", "can_delete_objects", "synchronizable"}


@routes.get("/api/storages/types")
@allows("connection.manage")
def import_types() -> Response:
    """List what tasks can be brought from."""
    return payloads.answer([{"name": name, "title": title} for name, title in KINDS.items()])


@routes.get("/api/storages/export/types")
@allows("connection.manage")
def export_types() -> Response:
    """List what answers can be written into."""
    return payloads.answer([{"name": name, "title": title} for name, title in KINDS.items()])


@routes.get("/api/storages/")
@allows("connection.manage")
def imports() -> Response:
    """List the storages of all kinds that tasks come from."""
    return _list(IMPORT, None)


@routes.get("/api/storages/export")
@allows("connection.manage")
def exports() -> Response:
    """List the storages of all kinds that answers are written into."""
    return _list(EXPORT, None)


@routes.get("/api/storages/<kind>/")
@allows("connection.manage")
def index(kind: str) -> Response:
    """List the storages of a kind that tasks come from."""
    return _list(IMPORT, _kind(kind))


@routes.post("/api/storages/<kind>/")
@allows("connection.manage")
def create(kind: str) -> Response:
    """Connect a storage that tasks come from; it must answer now."""
    row = _create(IMPORT, _kind(kind))
    return payloads.answer(_shown(row), 201)


@routes.post("/api/storages/<kind>/validate")
@allows("connection.manage")
def validate(kind: str) -> Response:
    """Try a storage without keeping it, or the one of `id` with other values."""
    return _validate(IMPORT, _kind(kind))


@routes.get("/api/storages/<kind>/<int:storage_id>")
@allows("connection.manage")
def show(kind: str, storage_id: int) -> Response:
    """Return a storage."""
    return _show(IMPORT, _kind(kind), storage_id)


@routes.route("/api/storages/<kind>/<int:storage_id>", methods=["PATCH", "PUT"])
@allows("connection.manage")
def change(kind: str, storage_id: int) -> Response:
    """Change what is given of a storage; it must answer now."""
    return _change(IMPORT, _kind(kind), storage_id)


@routes.delete("/api/storages/<kind>/<int:storage_id>")
@allows("connection.manage")
def delete(kind: str, storage_id: int) -> Response:
    """Disconnect a storage; tasks that came from it stay."""
    return _delete(IMPORT, _kind(kind), storage_id)


@routes.post("/api/storages/<kind>/<int:storage_id>/sync")
@allows("connection.manage")
def sync(kind: str, storage_id: int) -> Response:
    """Bring what is new in a storage, by a job that is waited for a little."""
    return _sync(IMPORT, _kind(kind), storage_id)


@routes.get("/api/storages/export/<kind>")
@allows("connection.manage")
def export_index(kind: str) -> Response:
    """List the storages of a kind that answers are written into."""
    return _list(EXPORT, _kind(kind))


@routes.post("/api/storages/export/<kind>")
@allows("connection.manage")
def export_create(kind: str) -> Response:
    """Connect a storage that answers are written into, and begin to write."""
    row = _create(EXPORT, _kind(kind))
    row, _job = _started(row.kind, EXPORT, row.id)
    return payloads.answer(_shown(row), 201)


@routes.post("/api/storages/export/<kind>/validate")
@allows("connection.manage")
def export_validate(kind: str) -> Response:
    """Try a storage without keeping it, or the one of `id` with other values."""
    return _validate(EXPORT, _kind(kind))


@routes.get("/api/storages/export/<kind>/<int:export_storage_id>")
@allows("connection.manage")
def export_show(kind: str, export_storage_id: int) -> Response:
    """Return a storage."""
    return _show(EXPORT, _kind(kind), export_storage_id)


@routes.route("/api/storages/export/<kind>/<int:export_storage_id>", methods=["PATCH", "PUT"])
@allows("connection.manage")
def export_change(kind: str, export_storage_id: int) -> Response:
    """Change what is given of a storage; it must answer now."""
    return _change(EXPORT, _kind(kind), export_storage_id)


@routes.delete("/api/storages/export/<kind>/<int:export_storage_id>")
@allows("connection.manage")
def export_delete(kind: str, export_storage_id: int) -> Response:
    """Disconnect a storage; what was written into it stays."""
    return _delete(EXPORT, _kind(kind), export_storage_id)


@routes.post("/api/storages/export/<kind>/<int:export_storage_id>/sync")
@allows("connection.manage")
def export_sync(kind: str, export_storage_id: int) -> Response:
    """Write what is new into a storage, by a job that is waited for a little."""
    return _sync(EXPORT, _kind(kind), export_storage_id)


def _list(direction: str, kind: str | None) -> Response:
    with installation().database.read() as session:
        project = None
        if request.args.get("project"):
            number = payloads.number(request.args, "project")
            project = projects.get(session, user(), number, "connection.manage")
        rows = stores.listing(session, user(), direction, kind, project)
    return payloads.answer([_shown(row) for row in rows])


def _create(direction: str, kind: str) -> Store:
    values = _values(kind, direction)
    settings = installation().settings
    with installation().database.read() as session:
        tried = stores.draft(settings, user(), _project(session, values), kind, direction, values)
    _try(tried)
    with installation().database.write() as session:
        project = _project(session, values)
        return stores.add(session, settings, user(), project, kind, direction, values)


def _validate(direction: str, kind: str) -> Response:
    values = _values(kind, direction)
    settings = installation().settings
    with installation().database.read() as session:
        if values.get("id") is None:
            project = _project(session, values)
            tried = stores.draft(settings, user(), project, kind, direction, values)
        else:
            number = payloads.number(values, "id")
            tried, _project_of = stores.get(session, user(), number, kind, direction)
            stores.apply(settings, tried, values)
    _try(tried)
    return flask.Response(status=200)


def _show(direction: str, kind: str, storage_id: int) -> Response:
    with installation().database.read() as session:
        row, _project_of = stores.get(session, user(), storage_id, kind, direction)
    return payloads.answer(_shown(row))


def _change(direction: str, kind: str, storage_id: int) -> Response:
    values = _values(kind, direction)
    settings = installation().settings
    with installation().database.read() as session:
        tried, _project_of = stores.get(session, user(), storage_id, kind, direction)
        # Thrown away: what does not answer changes nothing.
        stores.apply(settings, tried, values)
    _try(tried)
    with installation().database.write() as session:
        row, _project_of = stores.get(session, user(), storage_id, kind, direction)
        stores.change(session, settings, user(), row, values)
    return payloads.answer(_shown(row))


def _delete(direction: str, kind: str, storage_id: int) -> Response:
    with installation().database.write() as session:
        row, _project_of = stores.get(session, user(), storage_id, kind, direction)
        stores.delete(session, user(), row)
    return flask.Response(status=204)


def _sync(direction: str, kind: str, storage_id: int) -> Response:
    _row, job_id = _started(kind, direction, storage_id)
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        with installation().database.read() as session:
            ended = session.scalar(
                sa.select(jobs.Job.id).where(jobs.Job.id == job_id, jobs.Job.state.in_(jobs.ENDED))
            )
        if ended is not None or time.monotonic() > end:
            return _show(direction, kind, storage_id)
        time.sleep(LOOK_SECONDS)


def _started(kind: str, direction: str, storage_id: int) -> tuple[Store, str]:
    with installation().database.write() as session:
        row, project = stores.get(session, user(), storage_id, kind, direction)
        job = stores.start(session, user(), row, project)
    queues.announce(installation(), [job.id])
    return row, job.id


def _try(row: Store) -> None:
    """Raise errors.Invalid unless the storage answers."""
    try:
        reach(installation().settings, row).check()
    except errors.Refused as problem:
        raise errors.Invalid(problem.message, **problem.values) from problem


def _project(session: Session, values: dict[str, Any]) -> Project:
    number = payloads.number(values, "project")
    return projects.get(session, user(), number, "connection.manage")


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise errors.NotFound(_("there is nothing at this address"))
    return kind


def _values(kind: str, direction: str) -> dict[str, Any]:
    """Return what was sent, each value of its type."""
    values = payloads.body()
    options = {"title", "description", "synchronizable", *OPTIONS[kind, direction]}
    options |= set(SECRETS) if kind == "s3" else set()
    payloads.refuse_unknown(values, options | _SENT_BACK)
    checked = {name: values[name] for name in ("id", "project") if values.get(name) is not None}
    for name in options:
        if values.get(name) is None:
            continue
        if name in _FLAGS:
            checked[name] = payloads.flag(values, name)
        elif name == "presign_ttl":
            checked[name] = payloads.number(values, name, highest=10_080)
        else:
            checked[name] = payloads.text(values, name, longest=LONGEST_TEXT)
    return checked


def _shown(row: Store) -> dict[str, Any]:
    """Return a storage; its keys are never given back."""
    options = row.option_values
    known = {
        "id": row.id,
        "type": row.kind,
        "synchronizable": row.synchronizable,
        "last_sync": payloads.time(row.last_sync),
        "last_sync_count": row.last_sync_count,
        "last_sync_job": row.job_id,
        "status": row.status,
        "traceback": row.traceback,
        "meta": row.meta_values,
        "title": row.title,
        "description": row.description,
        "created_at": payloads.time(row.created_at),
        "project": row.project_id,
    }
    return {**known, **options}
