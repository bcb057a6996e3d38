"""Suggestions: what somebody points at while they label, outlined while they wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response
from werkzeug.exceptions import TooManyRequests

from ..datasets import errors, projects, suggestions, tasks
from ..datasets.connections import backends
from ..datasets.connections.backends import Backend
from ..datasets.errors import _
from ..datasets.projects import Project
from ..datasets.tasks import Media, Task
from ..workers import predict, suggest
from . import payloads
from .auth import allows, installation, user
from .errors import words

routes = Blueprint("suggestions", __name__)

# Of a process's threads, so many work on pictures or wait for backends; others answer the rest.
OUR_OWN, BACKENDS = threading.Semaphore(2), threading.Semaphore(3)
PATIENCE = 1.5  # seconds that a question waits for its turn
RETRY_AFTER = 1


@routes.post("/api/projects/<int:project_id>/suggest")
@allows("annotation.write")
def create(project_id: int) -> Response:
    """Outline what was pointed at in a task: `{task, context}` as Label Studio's editor has them.

    Asks the project's interactive backend where it has one, else our own click-to-mask. Nothing
    is kept. Too many at once are told to come again (429).
    """
    began = time.perf_counter()
    values = payloads.body()
    payloads.refuse_unknown(values, {"task", "context"})
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "annotation.write")
        number = payloads.number(values, "task")
        task, owner = tasks.get(session, user(), number, "annotation.write")
        if owner.id != project.id:
            raise errors.NotFound(_("there is no task %(id)s in this project"), id=number)
        backend = backends.interactive(session, project)
        media = suggest.media_of(session, task)
    try:
        found, model = _found(backend, project, task, media, values.get("context"))
    except errors.Refused as problem:
        # As Label Studio has it: the editor shows the message and goes on.
        return payloads.answer({"errors": [words(problem)]})
    with installation().database.write() as session:
        suggestions.record(session, project, model, time.perf_counter() - began)
    return payloads.answer({"data": found})


@routes.get("/api/projects/<int:project_id>/suggest/statistics")
@allows("project.read")
def statistics(project_id: int) -> Response:
    """Say how quickly the newest suggestions of a project came, over all server processes."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "project.read")
        found = suggestions.statistics(session, project)
    return payloads.answer(
        {
            "number": found.number,
            "median_milliseconds": found.median_milliseconds,
            "p95_milliseconds": found.p95_milliseconds,
            "newest_at": None if found.newest_at is None else payloads.time(found.newest_at),
        }
    )


def _found(
    backend: Backend | None, project: Project, task: Task, media: dict[str, Media], context: Any
) -> tuple[dict[str, Any], str]:
    """Return the answer and who gave it."""
    if backend is not None:
        with _turn(BACKENDS):
            told = predict.interactive(installation(), user(), backend, project, task, context)
        return told, f"backend/{backend.id}"
    with _turn(OUR_OWN):
        return suggest.suggest(installation(), project, task, media, context), suggest.MODEL


@contextmanager
def _turn(places: threading.Semaphore) -> Iterator[None]:
    """Take one of the places for such work, or say that it must be asked for again."""
    if not places.acquire(timeout=PATIENCE):
        raise TooManyRequests(retry_after=RETRY_AFTER)
    try:
        yield
    finally:
        places.release()
