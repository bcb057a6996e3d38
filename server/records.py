"""Records of a published dataset: pages of them, one of them, and withdrawing one."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import (
    discussions,
    errors,
    jobs,
    opening,
    records,
    tombstones,
    versions,
)
from ..datasets.catalogue import Dataset, Release
from ..datasets.errors import _
from ..datasets.jobs import Job
from ..datasets.splits import SPLITS
from ..datasets.tombstones import Tombstone
from ..workers import queues
from . import links, payloads
from .auth import PUBLIC, allows, installation, user
from .catalogue import resolved
from .visitors import visitor

routes = Blueprint("records", __name__)
PAGE = 24


@routes.get("/datasets/<organisation>/<name>/records")
@allows(PUBLIC)
def index(organisation: str, name: str) -> str:
    """Show the records of a version with their labels drawn, by split and by label."""
    with installation().database.read() as session:
        dataset, release = _readable(session, organisation, name)
        frozen = _frozen(session, release)
        chosen = _chosen(frozen)
        page = records.page(session, release, frozen.config, **chosen, limit=PAGE)
    return render_template(
        "catalogue/records.html",
        dataset=dataset,
        release=release,
        version=frozen,
        chosen=chosen,
        splits=frozen.splits,
        page=page,
        previews=[links.preview(record) for record in page.records],
    )


@routes.get("/datasets/<organisation>/<name>/records/<key>")
@allows(PUBLIC)
def show(organisation: str, name: str, key: str) -> str:
    """Show one record of a version, and what is said of it."""
    with installation().database.read() as session:
        dataset, release = _readable(session, organisation, name)
        frozen = _frozen(session, release)
        record = records.get(session, release, key)
        return render_template(
            "catalogue/record.html",
            dataset=dataset,
            release=release,
            version=frozen,
            each=links.preview(record),
            talks=discussions.of_dataset(session, dataset, key=key),
            owns=discussions.is_owner(session, visitor(), dataset),
        )


@routes.get("/api/catalogue/<organisation>/<name>/records")
@allows(PUBLIC)
def api_index(organisation: str, name: str) -> Response:
    """List the records of a version by `split` and `label`, from after the place `after`."""
    with installation().database.read() as session:
        _dataset, release = _readable(session, organisation, name)
        frozen = _frozen(session, release)
        page = records.page(
            session, release, frozen.config, **_chosen(frozen), limit=payloads.page_size(100, 100)
        )
    return payloads.answer({"results": list(page.records), "next": page.following})


@routes.get("/api/catalogue/<organisation>/<name>/records/<key>")
@allows(PUBLIC)
def api_show(organisation: str, name: str, key: str) -> Response:
    """Return one record of a version."""
    with installation().database.read() as session:
        _dataset, release = _readable(session, organisation, name)
        return payloads.answer(records.get(session, release, key))


@routes.get("/datasets/<organisation>/<name>/withdrawn")
@allows(PUBLIC)
def withdrawn(organisation: str, name: str) -> str:
    """Show which records were withdrawn from a dataset, why and when."""
    with installation().database.read() as session:
        dataset, release = resolved(session, organisation, name, "main")
        before = payloads.before()
        found = tombstones.of_dataset(session, dataset, before=before, limit=PAGE + 1)
    return render_template(
        "catalogue/withdrawn.html",
        dataset=dataset,
        release=release,
        tombstones=found[:PAGE],
        next=found[PAGE - 1].id if len(found) > PAGE else None,
    )


@routes.post("/datasets/<organisation>/<name>/records/<key>/withdraw")
@allows("dataset.publish")
def withdraw(organisation: str, name: str, key: str) -> AnyResponse:
    """Withdraw a record, from its page."""
    reason = payloads.text(payloads.body(), "reason", "", longest=tombstones.LONGEST_REASON)
    _withdraw(organisation, name, key, reason)
    place: dict[str, Any] = {"organisation": organisation, "name": name}
    return flask.redirect(flask.url_for("records.withdrawn", **place), 303)


@routes.get("/api/catalogue/<organisation>/<name>/withdrawn")
@allows(PUBLIC)
def api_withdrawn(organisation: str, name: str) -> Response:
    """List the records that were withdrawn, newest first, from before the id `before`."""
    with installation().database.read() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        found = tombstones.of_dataset(session, dataset, before=payloads.before(), limit=100)
    return payloads.answer([_plain(row) for row in found])


@routes.post("/api/catalogue/<organisation>/<name>/withdrawn")
@allows("dataset.publish")
def api_withdraw(organisation: str, name: str) -> Response:
    """Withdraw the record `key` from all versions for a `reason`; a job finds its files."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"key", "reason"})
    reason = payloads.text(values, "reason", "", longest=tombstones.LONGEST_REASON)
    row, job = _withdraw(organisation, name, payloads.text(values, "key", longest=72), reason)
    return payloads.answer({**_plain(row), "job": payloads.job(job)}, 202)


def _withdraw(organisation: str, name: str, key: str, reason: str) -> tuple[Tombstone, Job]:
    with installation().database.write() as session:
        dataset, _release = resolved(session, organisation, name, "main")
        row = tombstones.withdraw(session, user(), dataset, key, reason)
        job = jobs.add(
            session,
            user(),
            "withdraw_record",
            {"tombstone": row.id, "name": dataset.full_name},
            project_id=dataset.project_id,
            organisation_id=dataset.organisation_id,
        )
    queues.announce(installation(), [job.id])
    return row, job


def _readable(session: Session, organisation: str, name: str) -> tuple[Dataset, Release]:
    """Return a dataset whose records the asker may see, and the release that is asked for.

    Raises:
        errors.NotFound: there is none.
        errors.NotSignedIn, errors.Forbidden: it is under conditions that are not met.
    """
    revision = request.args.get("revision", "main")
    dataset, release = resolved(session, organisation, name, revision)
    if not opening.may_download(session, visitor(), dataset):
        if visitor() is None:
            raise errors.NotSignedIn(_("this dataset is open under conditions: sign in to apply"))
        raise errors.Forbidden(_("this dataset is open under conditions: apply for it first"))
    return dataset, release


def _frozen(session: Session, release: Release) -> versions.FrozenVersion:
    parts = installation()
    return versions.opened(session, parts.database, parts.store, release.version_id)


def _chosen(frozen: versions.FrozenVersion) -> dict[str, Any]:
    """Return which records the address asks for."""
    given = request.args
    split = payloads.choice(given, "split", "", ("", *SPLITS)) or None
    label = payloads.choice(given, "label", "", ("", *frozen.config.all_labels)) or None
    after = payloads.number(given, "after", highest=2**31) if given.get("after") else -1
    return {"split": split, "label": label, "after": after}


def _plain(row: Tombstone) -> dict[str, Any]:
    return {
        "key": row.key,
        "reason": row.reason,
        "withdrawn_at": payloads.time(row.created_at),
        "files_found_at": payloads.time(row.searched_at),
        "id": row.id,
    }
