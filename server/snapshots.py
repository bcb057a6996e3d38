"""Export what a project holds now: Label Studio's API."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import flask
from flask import Blueprint, Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ..datasets import audit, errors, people, projects, reviews, snapshots, views
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.snapshots import Reading, Snapshot, Wanted
from ..exporters.converters import FORMATS, Converter, KeptLines, LinesNow, converter
from ..workers import spool
from . import links, payloads
from .auth import allows, installation, user

routes = Blueprint("snapshots", __name__)
CHUNK = 1 << 20  # bytes
_MANUAL = "https://labelstud.io/guide/export.html#"


@routes.get("/api/projects/<int:project_id>/export/formats")
@allows("annotation.export")
def formats(project_id: int) -> Response:
    """List the formats; those that do not fit the project's config are `disabled`."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.export")
    return payloads.answer([_format(entry, project) for entry in FORMATS.values()])


@routes.get("/api/projects/<int:project_id>/export")
@allows("annotation.export")
def export(project_id: int) -> Response:
    """Export what the project holds now in one format."""
    asked = request.args
    name = asked.get("export_type") or asked.get("exportType") or "JSON"
    everything = payloads.flag(asked, "download_all_tasks")
    with installation().database.read() as session:
        project = _project(session, project_id)
    form = converter(name, project.config)
    ids = [number for text in asked.getlist("ids") for number in _numbers(text)]
    query = views.parse_query({"selectedItems": {"all": False, "included": ids}} if ids else {})
    wanted = Wanted(query, annotated=None if everything else True)
    media = form.with_media or payloads.flag(asked, "download_resources")
    with _kept() as out:
        _convert(project, wanted, form, media, out)
        with installation().database.write() as session:
            audit.record(session, user(), "project.export", f"project/{project.id}", format=name)
        return _send(out, form, f"project-{project.id}")


@routes.get("/api/projects/<int:project_id>/exports/")
@allows("annotation.export")
def index(project_id: int) -> Response:
    """List a project's snapshots, newest first."""
    with installation().database.read() as session:
        project = _project(session, project_id)
        rows = snapshots.of_project(session, project)
        return payloads.answer([_snapshot(session, row) for row in rows])


@routes.post("/api/projects/<int:project_id>/exports/")
@allows("annotation.export")
def create(project_id: int) -> Response:
    """Keep what the project holds now, to be downloaded in any format later."""
    values = payloads.body()
    with installation().database.read() as session:
        project = _project(session, project_id)
        wanted = _wanted(session, project, values)
    title = payloads.given_text(values, "title") or f"{project.title[:150]} {now():%Y-%m-%d %H:%M}"
    with _scratch() as lines:
        number, md5 = _read(project, wanted, lines)
        lines.seek(0)
        stored = installation().store.put(lines)
    with installation().database.write() as session:
        project = _project(session, project_id)
        row = snapshots.add(session, user(), project, title)
        snapshots.finish(session, row, stored.digest, md5, number)
        options = ("task_filter_options", "annotation_filter_options", "serialization_options")
        told = {name: values.get(name) for name in options}
        return payloads.answer({**_snapshot(session, row), **told}, 201)


@routes.get("/api/projects/<int:project_id>/exports/<int:snapshot_id>")
@allows("annotation.export")
def show(project_id: int, snapshot_id: int) -> Response:
    """Return a snapshot."""
    with installation().database.read() as session:
        _project, row = _get(session, project_id, snapshot_id)
        return payloads.answer(_snapshot(session, row))


@routes.delete("/api/projects/<int:project_id>/exports/<int:snapshot_id>")
@allows("annotation.export")
def delete(project_id: int, snapshot_id: int) -> Response:
    """Forget a snapshot."""
    with installation().database.write() as session:
        _project, row = _get(session, project_id, snapshot_id)
        snapshots.remove(session, user(), row)
    return flask.Response(status=204)


@routes.post("/api/projects/<int:project_id>/exports/<int:snapshot_id>/convert")
@allows("annotation.export")
def convert(project_id: int, snapshot_id: int) -> Response:
    """Convert a snapshot into another format, once."""
    with installation().database.read() as session:
        project, row = _get(session, project_id, snapshot_id)
    form = converter(payloads.text(payloads.body(), "export_type"), project.config)
    _converted(project, row, form)
    with installation().database.read() as session:
        _same, row = _get(session, project_id, snapshot_id)
    number = list(row.converted_files).index(form.name) + 1
    return payloads.answer({"export_type": form.name, "converted_format": number})


@routes.get("/api/projects/<int:project_id>/exports/<int:snapshot_id>/download")
@allows("annotation.export")
def download(project_id: int, snapshot_id: int) -> Response:
    """Download a snapshot in a format, converted now where it was not yet."""
    name = request.args.get("exportType") or request.args.get("export_type") or "JSON"
    with installation().database.read() as session:
        project, row = _get(session, project_id, snapshot_id)
    form = converter(name, project.config)
    digest = _converted(project, row, form)
    with installation().store.open(digest) as stream, _kept() as out:
        while chunk := stream.read(CHUNK):
            out.write(chunk)
        return _send(out, form, f"project-{project.id}-export-{row.id}")


def _converted(project: Project, row: Snapshot, form: Converter) -> str:
    """Return the object that holds a snapshot in a format; make it on first use."""
    there = row.converted_files.get(form.name)
    if there is not None:
        return str(there["digest"])
    if row.digest is None:
        raise errors.Refused(_("the export is not complete"))
    store = installation().store
    with store.open(row.digest) as source, _scratch() as lines, _scratch() as out:
        while chunk := source.read(CHUNK):
            lines.write(chunk)
        form.write(KeptLines(project.config, store, form.with_media, lines), out)
        out.seek(0)
        stored = store.put(out)
    with installation().database.write() as session:
        kept = snapshots.get(session, project, row.id)
        snapshots.keep_converted(session, kept, form.name, stored.digest, stored.size)
        audit.record(session, user(), "snapshot.convert", f"snapshot/{row.id}", format=form.name)
    return stored.digest


def _convert(project: Project, wanted: Wanted, form: Converter, media: bool, out: BinaryIO) -> None:
    """Write a project as it is now in one format."""
    if media:
        # Copying media may take long, and so may no look at one moment of the database.
        with _scratch() as lines:
            _read(project, wanted, lines)
            form.write(KeptLines(project.config, installation().store, media, lines), out)
        return
    with installation().database.moment() as session:
        reading = Reading(session, project, wanted, links.stored)
        form.write(LinesNow(project.config, installation().store, media, reading), out)


def _read(project: Project, wanted: Wanted, out: BinaryIO) -> tuple[int, str]:
    """Write the lines of a project as it is at one moment; return how many, and their MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    number = 0
    with installation().database.moment() as session:
        reading = Reading(session, project, wanted, links.stored)
        for line in snapshots.kept_lines(reading):
            out.write(line + b"\n")
            digest.update(line)
            number += 1
    return number, digest.hexdigest()


@contextmanager
def _scratch() -> Iterator[BinaryIO]:
    """Give a temporary file that is gone afterwards."""
    with spool.unnamed(installation().settings) as file:
        yield file


@contextmanager
def _kept() -> Iterator[BinaryIO]:
    """Give a temporary file that the answer closes; only an error closes it here."""
    file = spool.unnamed(installation().settings)
    try:
        yield file
    except BaseException:
        file.close()
        raise


def _send(out: BinaryIO, form: Converter, name: str) -> Response:
    """Send a temporary file, which is closed when it was sent."""
    size = out.seek(0, 2)
    out.seek(0)
    file_name = f"{name}-at-{now():%Y-%m-%d-%H-%M}.{form.extension}"
    response = flask.Response(_chunks(out), content_type=form.content_type)
    response.content_length = size
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["filename"] = file_name
    response.call_on_close(out.close)
    return response


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _numbers(text: str) -> list[int]:
    return payloads.numbers({"ids": text}, "ids", 10_000) or []


def _project(session: Session, project_id: int) -> Project:
    """Return a project for somebody who may have all of it, with the names of its makers.

    Raises:
        errors.Forbidden: they judge in it without being told names.
    """
    project = projects.get(session, user(), project_id, "annotation.export")
    if reviews.are_blind_for(user(), project):
        raise errors.Forbidden(_("in this project reviewers are not told who made what"))
    return project


def _get(session: Session, project_id: int, snapshot_id: int) -> tuple[Project, Snapshot]:
    project = _project(session, project_id)
    return project, snapshots.get(session, project, snapshot_id)


_ONLY = {"only": True, "exclude": False}


def _wanted(session: Session, project: Project, values: dict[str, Any]) -> Wanted:
    """Return what a snapshot is to hold, as Label Studio's options say it."""
    tasks = payloads.an_object(values, "task_filter_options", {})
    answers = payloads.an_object(values, "annotation_filter_options", {})
    written = payloads.an_object(values, "serialization_options", {})
    query = views.Query()
    if tasks.get("view"):
        view, owner = views.get(session, user(), payloads.number(tasks, "view"), "task.read")
        if owner.id != project.id:
            raise errors.Invalid(_("it is a view of another project"), place="view")
        query = view.query
    annotated = _only(tasks, "annotated")
    if annotated is None and payloads.flag(tasks, "only_with_annotations"):
        annotated = True
    predictions = payloads.an_object(written, "predictions", {})
    return Wanted(
        query,
        annotated,
        _only(tasks, "finished"),
        ground_truth=True if payloads.flag(answers, "ground_truth") else None,
        skipped=_chosen_skips(answers),
        whole_predictions="only_id" in predictions and not payloads.flag(predictions, "only_id"),
    )


def _only(values: dict[str, Any], name: str) -> bool | None:
    word = payloads.optional_text(values, name)
    return None if word is None else _ONLY[payloads.choice(values, name, "only", _ONLY)]


def _chosen_skips(values: dict[str, Any]) -> bool | None:
    usual, skipped = payloads.flag(values, "usual"), payloads.flag(values, "skipped")
    if usual == skipped:
        return None
    return skipped


def _snapshot(session: Session, row: Snapshot) -> dict[str, Any]:
    maker = people.by_ids(session, {row.created_by}).get(row.created_by)
    return {
        "title": row.title,
        "id": row.id,
        "created_by": payloads.creator(maker, row.created_by),
        "created_at": payloads.time(row.created_at),
        "finished_at": payloads.time(row.finished_at),
        "status": "created" if row.finished_at is None else "completed",
        "md5": row.md5,
        "counters": {"task_number": row.tasks},
        "converted_formats": [
            {"id": number, "status": "completed", "export_type": name, "traceback": None}
            for number, name in enumerate(row.converted_files, 1)
        ],
    }


def _format(entry: Converter, project: Project) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "title": gettext(entry.title),
        "description": gettext(entry.description),
        "link": f"{_MANUAL}{entry.name}",
        "name": entry.name,
    }
    if entry.tags:
        shown["tags"] = list(entry.tags)
    if not entry.fits(project.config):
        shown["disabled"] = True
    return shown
