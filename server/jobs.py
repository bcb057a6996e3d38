"""Jobs: what runs, how far it is, how it ended; and starting the slow steps."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request, stream_with_context
from sqlalchemy.orm import Session

from ..datasets import errors, jobs, permissions, projects, workers
from ..datasets.errors import _
from ..datasets.feeds import Feed
from ..datasets.jobs import Job, JobState
from ..datasets.libraries import Library
from ..workers import ingest, queues
from ..workers.models import MODELS
from . import files, payloads, reject_files
from .auth import allows, installation, user

routes = Blueprint("jobs", __name__)
PAGE = 40
# What a job works on that has rights of its own: the name in its request, and the right.
_MATERIAL: tuple[tuple[str, Any, str], ...] = (
    ("library", Library, "library.read"),
    ("feed", Feed, "feed.manage"),
)


@routes.get("/jobs")
@allows("job.read")
def index() -> str:
    """Show the jobs of the person's organisation, newest first."""
    with installation().database.read() as session:
        found = _visible(session, PAGE)
        kinds = jobs.kinds(session, _own())
        served = workers.served(session)
    chosen = _chosen()
    return render_template(
        "jobs/index.html",
        jobs=found,
        served=served,
        states=list(JobState),
        kinds=[name for name in jobs.KINDS if name in kinds],
        state=chosen["state"],
        kind=chosen["kind"],
        project_id=chosen["project_id"],
    )


@routes.get("/jobs/<job_id>")
@allows("job.read")
def show(job_id: str) -> str:
    """Show one job; its card refreshes itself while the job runs."""
    return render_template("jobs/show.html", **_shown(job_id))


@routes.get("/jobs/<job_id>/card")
@allows("job.read")
def card(job_id: str) -> str:
    """Return the job's card alone, for refreshing."""
    return render_template("jobs/refreshed.html", **_shown(job_id))


@routes.post("/jobs/<job_id>/cancel")
@allows("job.cancel")
def cancel(job_id: str) -> Response:
    """Ask a job to stop, from the page."""
    _cancel(job_id)
    return flask.redirect(flask.url_for("jobs.show", job_id=job_id))  # type: ignore[return-value]


@routes.post("/jobs/<job_id>/retry")
@allows("job.cancel")
def retry(job_id: str) -> Response:
    """Let a failed job run again, from the page."""
    _retry(job_id)
    return flask.redirect(flask.url_for("jobs.show", job_id=job_id))  # type: ignore[return-value]


@routes.get("/jobs/<job_id>/rejects")
@allows("job.read")
def rejects(job_id: str) -> Response:
    """Send an import's reject file: JSON lines, or with `form=csv` a table for a spreadsheet."""
    job, _project = _job(job_id, "job.read")
    # Who looks after all jobs sees how they end, not the data in them.
    permissions.require(user(), "job.read", job)
    if not _sees_rejects(job):
        raise errors.NotFound(_("this job has no reject file"))
    digest = job.result_values.get("reject_file")
    if not digest:
        raise errors.NotFound(_("this job has no reject file"))
    store = installation().store
    if payloads.choice(request.args, "form", "jsonl", ("jsonl", "csv")) == "csv":
        return _reject_table(job.id, digest)
    return files.send(
        store,
        digest,
        store.size(digest) or 0,
        content_type="text/plain",
        file_name=f"rejects-{job.id[:8]}.jsonl",
        etag=digest,
        as_attachment=True,
    )


def _reject_table(job_id: str, digest: str) -> Response:
    stream = installation().store.open(digest)
    answer = Response(stream_with_context(reject_files.table(stream)), mimetype="text/csv")
    answer.call_on_close(stream.close)
    name = f"rejects-{job_id[:8]}.csv"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@routes.post("/projects/<int:project_id>/prelabel")
@allows("prelabel.run")
def prelabel(project_id: int) -> Response:
    """Start pre-labelling, from the page."""
    job = _start_prelabel(project_id)
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id))  # type: ignore[return-value]


@routes.post("/api/projects/<int:project_id>/prelabel")
@allows("prelabel.run")
def api_prelabel(project_id: int) -> Response:
    """Start pre-labelling with `model`."""
    job = _start_prelabel(project_id)
    return payloads.answer(payloads.job(job), 202)


@routes.get("/api/jobs/")
@allows("job.read")
def api_index() -> Response:
    """List jobs, newest first.

    Of one `state`, `kind` or `project` where the address says so; `before` a time gives the
    next page.
    """
    size = payloads.page_size(PAGE, 500)
    with installation().database.read() as session:
        found = _visible(session, size)
    return payloads.answer([payloads.job(job) for job in found])


@routes.get("/api/jobs/<job_id>/")
@allows("job.read")
def api_show(job_id: str) -> Response:
    """Return one job."""
    job, _project = _job(job_id, "job.read")
    return payloads.answer(payloads.job(job))


@routes.post("/api/jobs/<job_id>/cancel")
@allows("job.cancel")
def api_cancel(job_id: str) -> Response:
    """Ask a job to stop."""
    return payloads.answer(payloads.job(_cancel(job_id)))


@routes.post("/api/jobs/<job_id>/retry")
@allows("job.cancel")
def api_retry(job_id: str) -> Response:
    """Let a failed or cancelled job run again from its last checkpoint."""
    return payloads.answer(payloads.job(_retry(job_id)))


def start(
    project_id: int, kind: str, action: str, asked: dict[str, Any], queue: str | None = None
) -> Job:
    """Write down a job of a project and announce it; its kind says where it waits, or `queue`."""
    with installation().database.write() as session:
        project = projects.get(session, user(), project_id, action)
        job = jobs.add(
            session,
            user(),
            kind,
            asked,
            project_id=project.id,
            organisation_id=project.organisation_id,
            vendor_id=project.vendor_id,
            queue=queue,
        )
    queues.announce(installation(), [job.id])
    return job


def _start_prelabel(project_id: int) -> Job:
    name = payloads.choice(payloads.body(), "model", "golden_difference", MODELS)
    asked = {"model": name}
    return start(project_id, "prelabel", "prelabel.run", asked, MODELS[name].queue)


def _visible(session: Session, limit: int) -> list[Job]:
    before = request.args.get("before")
    at = None if before is None else payloads.moment("before", before)
    return jobs.recent(session, organisation_id=_own(), before=at, limit=limit, **_chosen())


def _own() -> int | None:
    """Return the organisation whose jobs the person sees; None for all."""
    return None if permissions.operates(user()) else user().organisation_id


def _chosen() -> dict[str, Any]:
    """Return which jobs the address asks for."""
    given = request.args
    return {
        "state": payloads.choice(given, "state", "", ["", *JobState]) or None,
        "kind": payloads.choice(given, "kind", "", ["", *jobs.KINDS]) or None,
        "project_id": payloads.number(given, "project") if given.get("project") else None,
    }


def _shown(job_id: str) -> dict[str, Any]:
    """Return what the page of a job shows."""
    job, project = _job(job_id, "job.read")
    with installation().database.read() as session:
        served = workers.served(session)
    sees = permissions.sees(user(), job)
    return {
        "job": job,
        "project": project if sees else None,
        "sees": sees,
        "rejects": _rejects(job) if sees and _sees_rejects(job) else [],
        "sees_rejects": sees and _sees_rejects(job),
        "served": served,
    }


def _job(job_id: str, action: str) -> tuple[Job, projects.Project | None]:
    with installation().database.read() as session:
        job = jobs.get(session, job_id)
        permissions.require(user(), action, None if permissions.operates(user()) else job)
        project = None
        if job.project_id is not None:
            project = session.get(projects.Project, job.project_id)
        return job, project


def _cancel(job_id: str) -> Job:
    job, _project = _job(job_id, "job.cancel")
    with installation().database.write() as session:
        row = jobs.get(session, job.id)
        jobs.cancel(session, user(), row)
        return row


def _retry(job_id: str) -> Job:
    job, _project = _job(job_id, "job.cancel")
    with installation().database.write() as session:
        row = jobs.get(session, job.id)
        jobs.retry(session, user(), row)
    queues.announce(installation(), [row.id])
    return row


def _sees_rejects(job: Job) -> bool:
    """Tell whether the person may see what a job left out.

    Of a library's material that is for those who see the library: not for a company that works
    on the project that some of it went to, nor for roles that see jobs and no libraries.
    """
    given = job.request_values
    for name, table, action in _MATERIAL:
        if given.get(name):
            with installation().database.read() as session:
                row = session.get(table, given[name])
            return (
                row is not None
                and permissions.sees(user(), row)
                and permissions.allows(user(), action)
            )
    return True


def _rejects(job: Job) -> list[dict[str, Any]]:
    """Return the first lines of the reject file, in the reader's language."""
    digest = job.result_values.get("reject_file")
    if not digest:
        return []
    with installation().store.open(digest, 0, 200_000) as stream:
        content = stream.read()
    whole = content[: content.rfind(b"\n") + 1]
    lines = ingest.reject_lines(whole)[:100]
    return [reject_files.described(line) for line in lines]
