"""Findings of personal information: scans, lists, decisions, treatment: the API."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request
from flask_babel import gettext
from sqlalchemy.orm import Session

from ...datasets import findings, libraries
from ...datasets.findings import Finding, Owned, Scan
from .. import payloads
from ..auth import allows, installation, user
from . import asked

routes = Blueprint("findings_api", __name__)
PAGE = 50


@routes.get("/api/projects/<int:project_id>/findings/")
@allows("finding.read")
def of_project(project_id: int) -> Response:
    """List findings of a project by id; `after` an id goes on.

    Filters: `state`, `kind`, `least` (confidence), `task`, `fingerprint`.
    """
    with installation().database.read() as session:
        return _listed(session, asked.project_for(session, project_id, "finding.read"))


@routes.get("/api/libraries/<int:library_id>/findings/")
@allows("finding.read")
def of_library(library_id: int) -> Response:
    """List findings of a library by id, as those of a project; the filter is `asset`."""
    with installation().database.read() as session:
        return _listed(session, libraries.get(session, user(), library_id, "finding.read"))


@routes.get("/api/projects/<int:project_id>/findings/values")
@allows("finding.read")
def values_of_project(project_id: int) -> Response:
    """List the different values in a project's findings, masked, with how often each is there."""
    with installation().database.read() as session:
        return _values(session, asked.project_for(session, project_id, "finding.read"))


@routes.get("/api/libraries/<int:library_id>/findings/values")
@allows("finding.read")
def values_of_library(library_id: int) -> Response:
    """List the different values in a library's findings, masked, with how often each is there."""
    with installation().database.read() as session:
        return _values(session, libraries.get(session, user(), library_id, "finding.read"))


@routes.post("/api/projects/<int:project_id>/findings/decide")
@allows("finding.decide")
def decide_in_project(project_id: int) -> Response:
    """Confirm, dismiss or open again the findings that the filters choose; a `decision`, a `note`.

    Which are meant is said by `ids`, `fingerprint` or other filters of the list.
    """
    with installation().database.write() as session:
        return asked.decided(session, asked.project_for(session, project_id, "finding.decide"))


@routes.post("/api/libraries/<int:library_id>/findings/decide")
@allows("finding.decide")
def decide_in_library(library_id: int) -> Response:
    """Confirm, dismiss or open again findings of a library."""
    with installation().database.write() as session:
        return asked.decided(session, libraries.get(session, user(), library_id, "finding.decide"))


@routes.post("/api/projects/<int:project_id>/findings/treat")
@allows("finding.decide")
def api_treat(project_id: int) -> Response:
    """Treat open and confirmed findings by a job; `action` is mask, pseudonym, … or withdraw."""
    return payloads.answer(payloads.job(asked.treat(project_id)), 202)


@routes.get("/api/projects/<int:project_id>/scans/")
@allows("finding.read")
def scans_of_project(project_id: int) -> Response:
    """Return the scans of a project, what is left to do, and the data level that is proposed."""
    with installation().database.read() as session:
        project = asked.project_for(session, project_id, "finding.read")
        standing = findings.standing(session, project)
        level = findings.level(session, project)
        told = {
            "results": [_scan(row) for row in findings.scans(session, project)],
            "fresh": standing.is_fresh,
            "clear": standing.is_clear,
            "counts": findings.counts(session, project),
            "level": {
                "proposed": level.level,
                "confidence": level.confidence,
                "reason": gettext(level.reason) % level.values,
            },
        }
        return payloads.answer(told)


@routes.post("/api/projects/<int:project_id>/scans/")
@allows("finding.scan")
def scan_project(project_id: int) -> Response:
    """Scan a project by a job: what changed since the last scan, or `again` everything."""
    return payloads.answer(payloads.job(asked.start(project_id=project_id)), 202)


@routes.get("/api/libraries/<int:library_id>/scans/")
@allows("finding.read")
def scans_of_library(library_id: int) -> Response:
    """Return the scans of a library and its findings counted by state."""
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "finding.read")
        rows = [_scan(row) for row in findings.scans(session, library)]
        return payloads.answer({"results": rows, "counts": findings.counts(session, library)})


@routes.post("/api/libraries/<int:library_id>/scans/")
@allows("finding.scan")
def scan_library(library_id: int) -> Response:
    """Scan a library by a job: what came since the last scan, or `again` everything."""
    return payloads.answer(payloads.job(asked.start(library_id=library_id)), 202)


@routes.get("/api/findings/<int:hit_id>/")
@allows("finding.read")
def show_one(hit_id: int) -> Response:
    """Return a finding with what stands around it, everything masked."""
    with installation().database.read() as session:
        row, _owned = findings.get(session, user(), hit_id, "finding.read")
        return payloads.answer({**_finding(row), "excerpt": findings.excerpt(session, row)})


@routes.post("/api/findings/<int:hit_id>/reveal")
@allows("finding.reveal")
def api_reveal(hit_id: int) -> Response:
    """Return the value itself, read from where it stands now; who looked is audited."""
    return asked.private(payloads.answer({"id": hit_id, "value": asked.revealed(hit_id)}))


def _listed(session: Session, owned: Owned) -> Response:
    size = payloads.page_size(PAGE, 1000)
    after = payloads.number(request.args, "after", 0)
    found = findings.page(
        session, owned, asked.wanted_of(request.args), after=after, limit=size + 1
    )
    following = found[size - 1].id if len(found) > size else None
    rows = [_finding(row) for row in found[:size]]
    return payloads.answer({"results": rows, "next": following})


def _values(session: Session, owned: Owned) -> Response:
    size = payloads.page_size(PAGE, 1000)
    after = payloads.number(request.args, "after", 0)
    found = findings.groups(
        session, owned, asked.wanted_of(request.args), after=after, limit=size + 1
    )
    rows = [
        {
            "kind": each.kind,
            "masked": each.masked,
            "fingerprint": each.fingerprint,
            "findings": each.number,
            "records": each.records,
            "confidence": each.confidence,
            "first": each.finding.id,
        }
        for each in found[:size]
    ]
    following = found[size - 1].finding.id if len(found) > size else None
    return payloads.answer({"results": rows, "next": following})


def _finding(row: Finding) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "task": row.task_id,
        "asset": row.asset_id,
        "place": row.place,
        "start": row.start,
        "end": row.end,
        "region": row.region and flask.json.loads(row.region),
        "masked": row.masked,
        "fingerprint": row.fingerprint,
        "confidence": row.confidence,
        "state": row.state,
        "note": row.note,
        "decided_at": payloads.time(row.decided_at),
    }


def _scan(row: Scan) -> dict[str, Any]:
    return {
        "id": row.id,
        "job": row.job_id,
        "detector": row.detector,
        "records": row.records,
        "found": row.found,
        "unseen": row.unseen,
        "created_at": payloads.time(row.created_at),
        "ended_at": payloads.time(row.ended_at),
    }
