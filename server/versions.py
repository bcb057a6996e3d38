"""Versions: freezing, looking, publishing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import (
    catalogue,
    clearance,
    errors,
    exports,
    findings,
    permissions,
    personal_information,
    projects,
    quality,
    splits,
    versions,
)
from ..datasets.catalogue import Facts
from ..datasets.errors import _
from ..datasets.jobs import Job
from ..datasets.projects import Project
from ..datasets.versions import Version
from ..exporters.formats import FORMATS, RELEASE_FORMATS, chosen, unsuited
from ..workers import clearing
from . import files, jobs, links, payloads
from .auth import allows, installation, user

routes = Blueprint("versions", __name__)

# Records that changed since they were frozen and are held against their tasks while somebody
# waits; the job looks at all of them.
LOOKED_AT = 10_000


@routes.get("/versions/<int:version_id>")
@allows("version.read")
def show(version_id: int) -> str:
    """Show a version: counts, splits, its first records, its exports, publishing."""
    with installation().database.read() as session:
        version, project = versions.get(session, user(), version_id, "version.read")
        written = {row.format: row for row in exports.of_version(session, version)}
        frozen = versions.opened(session, installation().database, installation().store, version.id)
        published = catalogue.of_version(session, version)
        earlier = catalogue.of_project(session, project.id, 1)
        return render_template(
            "versions/show.html",
            version=version,
            project=project,
            exports=written,
            formats=FORMATS,
            release_formats=RELEASE_FORMATS,
            unsuited=unsuited(frozen.config),
            licences=catalogue.LICENCES,
            published=published,
            earlier=earlier,
            **_level(session, project, (published or earlier)[:1]),
            records=[links.preview(record) for record in islice(frozen.records(), 12)],
            config=frozen.config,
            fractions=frozen.fractions,
            gates=quality.gate(session, project),
        )


@routes.post("/projects/<int:project_id>/versions")
@allows("version.freeze")
def freeze(project_id: int) -> Response:
    """Start freezing, from the page."""
    return _see(_freeze(project_id))


@routes.post("/versions/<int:version_id>/publish")
@allows("dataset.publish")
def publish(version_id: int) -> Response:
    """Start publishing, from the page."""
    return _see(_publish(version_id))


@routes.get("/versions/<int:version_id>/manifest")
@allows("version.read")
def manifest(version_id: int) -> Response:
    """Send the manifest, to the byte."""
    with installation().database.read() as session:
        version, _project = versions.get(session, user(), version_id, "version.read")
    if version.manifest_digest is None:
        raise errors.NotFound(_("this version is not complete yet"))
    return files.send(
        installation().store,
        version.manifest_digest,
        version.manifest_size or 0,
        content_type="text/plain",
        file_name=f"manifest-{version.tag}.jsonl",
        etag=version.manifest_digest,
        as_attachment=True,
    )


@routes.get("/api/projects/<int:project_id>/versions/")
@allows("version.read")
def api_index(project_id: int) -> Response:
    """List a project's versions, newest first."""
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "version.read")
        rows = versions.of_project(session, project)
    return payloads.answer([payloads.version(row) for row in rows])


@routes.post("/api/projects/<int:project_id>/versions/")
@allows("version.freeze")
def api_freeze(project_id: int) -> Response:
    """Start freezing; the job's result names the version."""
    return payloads.answer(payloads.job(_freeze(project_id)), 202)


@routes.get("/api/versions/<int:version_id>/")
@allows("version.read")
def api_show(version_id: int) -> Response:
    """Return a version."""
    with installation().database.read() as session:
        version, _project = versions.get(session, user(), version_id, "version.read")
    return payloads.answer(payloads.version(version))


@routes.post("/api/versions/<int:version_id>/publish")
@allows("dataset.publish")
def api_publish(version_id: int) -> Response:
    """Start publishing a version as `name`, in `formats`; the job's result names the dataset."""
    return payloads.answer(payloads.job(_publish(version_id)), 202)


def _level(session: Session, project: Project, last: list[catalogue.Dataset]) -> dict[str, Any]:
    """Return the data level that the form to publish chooses beforehand, and what proposes it."""
    if not permissions.would(user(), "dataset.publish", project):
        return {"proposal": None, "level": None}
    proposal = findings.level(session, project)
    known = last[0].data_level if last else None
    return {"proposal": proposal, "level": findings.chosen_level(proposal, known)}


def _freeze(project_id: int) -> Job:
    values = payloads.body()
    asked: dict[str, Any] = {
        "tag": payloads.optional_text(values, "tag"),
        "seed": payloads.number(values, "seed", 0, highest=2**31 - 1),
        "fractions": _fractions(values),
    }
    # What cannot be used is told now, not by the job.
    with installation().database.read() as session:
        project = projects.get(session, user(), project_id, "version.freeze")
        versions.checked_tag(session, project, asked["tag"])
    return jobs.start(project_id, "freeze", "version.freeze", asked)


def _fractions(values: dict[str, Any]) -> dict[str, float] | None:
    given = values.get("fractions")
    if given is not None:
        if not isinstance(given, dict):
            raise errors.Invalid(_("must be an object of shares"), place="fractions")
        return splits.check_fractions(given)
    shares = {name: values.get(name) for name in splits.SPLITS}
    if all(share in (None, "") for share in shares.values()):
        return None
    # The page asks for whole percents.
    return splits.check_fractions(
        {
            name: payloads.number({name: share}, name, 0, highest=100) / 100
            for name, share in shares.items()
        }
    )


def _publish(version_id: int) -> Job:
    values = payloads.body()
    given = {each: values[each] for each in catalogue.NAMES if each in values}
    with installation().database.read() as session:
        version, project = versions.get(session, user(), version_id, "dataset.publish")
        name = catalogue.checked_name(payloads.text(values, "name", ""))
        formats = _formats(session, version, values)
        facts = _facts(session, project, version, name, given)
    asked = {
        "version": version.id,
        "name": name,
        "facts": catalogue.as_json(facts),
        "title": payloads.text(values, "title", project.title),
        "title_en": payloads.text(values, "title_en", ""),
        "description": payloads.text(values, "description", project.description, longest=20_000),
        "licence": payloads.choice(values, "licence", "CC-BY-4.0", catalogue.LICENCES),
        "keywords": _words(values, "keywords"),
        "task_categories": _words(values, "task_categories"),
        "notes": payloads.text(values, "notes", "", longest=5000),
        "kind": payloads.choice(values, "kind", "release", ("release", "erratum")),
        "corrects": payloads.words(values, "corrects", 500),
        "formats": formats,
    }
    return jobs.start(project.id, "publish", "dataset.publish", asked)


def _formats(session: Session, version: Version, values: dict[str, Any]) -> list[str]:
    """Return the formats that are asked for, none where nothing was said of them."""
    if values.get("formats") is None:
        return []
    # A form names each box that is ticked, and nothing beside them.
    ticked = request.form.getlist("formats")
    names = payloads.words({"formats": ticked or values["formats"]}, "formats")
    frozen = versions.opened(session, installation().database, installation().store, version.id)
    return chosen([name for name in names if name], frozen.config)


def _facts(
    session: Session, project: Project, version: Version, name: str, given: dict[str, Any]
) -> Facts:
    """Return the facts to publish with; refuse with all reasons that are known by now."""
    held: list[errors.Problem] = []
    if findings.is_fresh(session, project, personal_information.DETECTOR):
        if clearance.is_searched(session, version.id):
            held = clearance.faults(session, project, version.id, most=LOOKED_AT)
        else:
            held = findings.faults(session, project, version.created_at)
    held = held + catalogue.level_faults(session, project, name, given, version.id)
    if not held:
        return catalogue.facts_for(session, project, name, given)
    said: list[errors.Problem] = []
    try:
        catalogue.facts_for(session, project, name, given)
    except errors.Invalid as problem:
        said = problem.problems or [errors.Problem(problem.place, problem.message, problem.values)]
    raise clearing.refusal([*said, *held])


def _words(values: dict[str, Any], name: str) -> list[str]:
    """Return a list of words, given as one or as a text with commas."""
    given = values.get(name)
    if not isinstance(given, list):
        text = payloads.text(values, name, "", longest=2000)
        given = text.replace("，", ",").replace("、", ",").split(",")
    if len(given) > 30:
        raise errors.TooLarge(_("must be at most %(limit)s words"), place=name, limit=30)
    words = [payloads.text({name: word}, name, longest=100).strip() for word in given]
    return [word for word in words if word]


def _see(job: Job) -> Response:
    if request.headers.get("HX-Request"):
        return flask.Response(headers={"HX-Redirect": flask.url_for("jobs.show", job_id=job.id)})
    return flask.redirect(flask.url_for("jobs.show", job_id=job.id))  # type: ignore[return-value]
