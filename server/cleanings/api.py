"""Cleanings of libraries, what became of each record, and duplicates, as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ...datasets import libraries
from ...datasets.cleaning import reading, recipes, running
from ...datasets.cleaning.reading import Chosen, Group, Run
from ...datasets.cleaning.rows import RecordState
from ...datasets.jobs import Job
from ...workers import queues
from .. import payloads
from ..auth import allows, installation, user
from ..files import disposition
from . import traces

routes = Blueprint("cleanings_api", __name__)
PAGE = 50


@routes.get("/api/libraries/<int:library_id>/cleanings/")
@allows("library.read")
def index(library_id: int) -> Response:
    """List the cleanings of a library, newest first; `before` an id gives the next page."""
    size = payloads.page_size(PAGE, 200)
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
        found = reading.of_library(session, library, before=payloads.before(), limit=size)
        return payloads.answer([shown(each) for each in found])


@routes.post("/api/libraries/<int:library_id>/cleanings/")
@allows("cleaning.run")
def start(library_id: int) -> Response:
    """Clean a library by a job: `recipe` is a recipe's number, `version` else its newest."""
    values = payloads.body()
    payloads.refuse_unknown(values, ("recipe", "version"))
    with installation().database.write() as session:
        library = libraries.get(session, user(), library_id, "cleaning.run")
        recipe = recipes.get(session, user(), payloads.number(values, "recipe"))
        number = payloads.number(values, "version", 0, highest=2**31 - 1)
        version = recipes.version(session, recipe, number)
        cleaning, job = running.ask(session, user(), library, version)
        run = Run(cleaning, library, recipe, version, job)
        told = shown(run)
    queues.announce(installation(), [job.id])
    return payloads.answer(told, 202)


@routes.get("/api/cleanings/<int:cleaning_id>/")
@allows("library.read")
def show(cleaning_id: int) -> Response:
    """Return a cleaning: the recipe that it ran, its job, and what each step saw and did."""
    with installation().database.read() as session:
        return payloads.answer(shown(reading.get(session, user(), cleaning_id)))


@routes.get("/api/cleanings/<int:cleaning_id>/records/")
@allows("library.read")
def records(cleaning_id: int) -> Response:
    """List what became of each record, both texts up to 4,000 characters, `after` an id.

    Narrowed by `state` (kept, changed, dropped), `step` (from 0) and `reason`.
    """
    size = payloads.page_size(PAGE, 200)
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
        rows = reading.records(session, run.cleaning, chosen(), after=after, limit=size)
    names = names_of(run)
    return payloads.answer([{**traces.told(row, names), "is_cut": row.is_cut} for row in rows])


@routes.get("/api/cleanings/<int:cleaning_id>/duplicates/")
@allows("library.read")
def duplicates(cleaning_id: int) -> Response:
    """List groups of duplicates: the record that was kept, and the first of those left out.

    `after` the asset that a group kept gives the next page.
    """
    size = payloads.page_size(20, 100)
    after = payloads.number(request.args, "after", 0)
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
        found = reading.groups(session, run.cleaning, after=after, limit=size)
    names = names_of(run)
    return payloads.answer([_group(group, names) for group in found])


@routes.get("/api/cleanings/<int:cleaning_id>/trace")
@allows("library.read")
def trace(cleaning_id: int) -> Response:
    """Send what became of all records, whole, as `format` jsonl or csv; narrowed as the list."""
    form = payloads.choice(request.args, "format", "jsonl", traces.FORMATS)
    with installation().database.read() as session:
        run = reading.get(session, user(), cleaning_id)
    content = traces.lines(installation().database, run, chosen(), form)
    response = Response(content, content_type=traces.FORMATS[form])
    name = f"cleaning-{run.cleaning.id}.{form}"
    response.headers["Content-Disposition"] = disposition(name, as_attachment=True)
    return response


def begin(session: Session, library_id: int, version_id: int) -> tuple[Run, Job]:
    """Ask for a cleaning of a library by a recipe version, by its own id."""
    library = libraries.get(session, user(), library_id, "cleaning.run")
    recipe, version = recipes.get_version(session, user(), version_id)
    cleaning, job = running.ask(session, user(), library, version)
    return Run(cleaning, library, recipe, version, job), job


def chosen() -> Chosen:
    """Return which records the address asks for."""
    state = payloads.choice(request.args, "state", "", ("", *RecordState))
    has_step = request.args.get("step", "") != ""
    return Chosen(
        RecordState(state) if state else None,
        payloads.number(request.args, "step", highest=1000) if has_step else None,
        payloads.text(request.args, "reason", "", longest=60),
    )


def names_of(run: Run) -> list[str]:
    """List the operators of a cleaning's steps."""
    return [str(step["operator"]) for step in run.version.step_values]


def shown(run: Run) -> dict[str, Any]:
    """Return a cleaning as the API tells of it."""
    row, job = run.cleaning, run.job
    return {
        "id": row.id,
        "uid": row.uid,
        "library": row.library_id,
        "recipe": {
            "id": run.recipe.id,
            "name": run.recipe.name,
            "version": run.version.number,
            "digest": run.version.digest,
        },
        "state": None if job is None else job.state,
        "job": row.job_id,
        "records": row.records,
        "kept": row.kept,
        "changed": row.changed,
        "dropped": row.dropped,
        "steps": [
            {"operator": step["operator"], **count}
            for step, count in zip(run.version.step_values, row.count_values, strict=False)
        ],
        "created_at": payloads.time(row.created_at),
        "ended_at": payloads.time(row.ended_at),
    }


def _group(group: Group, names: list[str]) -> dict[str, Any]:
    return {
        "kept_asset": group.kept_asset_id,
        "left_out": group.number,
        "kept": None if group.kept is None else traces.told(group.kept, names),
        "first": [traces.told(row, names) for row in group.others],
    }
