"""Targets of an organisation, and versions that are sent to them: API and pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flask
from flask import Blueprint, Response, render_template
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import catalogue, errors, jobs, outside, permissions, pushes
from ..datasets.catalogue import Dataset, Release
from ..datasets.errors import _
from ..datasets.jobs import JobState
from ..datasets.pushes import Push, Target
from ..workers import queues
from . import payloads
from .auth import allows, installation, user
from .errors import words

routes = Blueprint("pushes", __name__)
FIELDS = ("name", "kind", "url", "owner", "token", "is_private", "uploads")
KIND_NAMES = {
    pushes.TargetKind.CKAN: _("CKAN catalogue"),
    pushes.TargetKind.HUGGING_FACE: _("Hugging Face compatible hub"),
}
SHOWN = 5


@dataclass(frozen=True)
class Standing:
    """What the page of a dataset shows of its pushes."""

    may_push: bool = False
    targets: list[Target] = field(default_factory=list)
    rows: list[tuple[Push, Release, JobState | None]] = field(default_factory=list)


def register(app: flask.Flask) -> None:
    """Make what the templates ask known to them."""
    app.jinja_env.globals.update(pushes_of=standing, push_under_way=pushes.under_way)
    app.jinja_env.filters["target_kind"] = target_kind
    app.jinja_env.filters["push_state"] = push_state


def standing(dataset: Dataset) -> Standing:
    """Return what somebody may see of the pushes of a dataset; nothing to strangers."""
    who = flask.g.user
    if who is None or not permissions.allows(who, pushes.RIGHT):
        return Standing()
    if not permissions.is_everywhere(who) and who.organisation_id != dataset.organisation_id:
        return Standing()
    with installation().database.read() as session:
        targets = pushes.listing(session, who, dataset.organisation_id)
        return Standing(True, targets, pushes.of_dataset(session, who, dataset, limit=SHOWN))


def target_kind(kind: str) -> str:
    """Return the word for a kind of target."""
    return gettext(KIND_NAMES[pushes.TargetKind(kind)])


def push_state(push: Push, job_state: JobState | None) -> str:
    """Return how a push stands: done, failed, running or waiting."""
    if push.state in (pushes.PushState.DONE, pushes.PushState.FAILED):
        return str(push.state)
    return str(job_state or pushes.PushState.FAILED)


@routes.get("/push-targets")
@allows("release.push")
def index() -> str:
    """Show where the organisation sends its versions, to add, change or delete a target."""
    with installation().database.read() as session:
        rows = pushes.listing(session, user())
    return render_template("pushes/targets.html", targets=rows, kinds=pushes.KINDS)


@routes.post("/push-targets")
@allows("release.push")
def create_here() -> AnyResponse:
    """Add a target, from the page."""
    _create()
    return flask.redirect(flask.url_for("pushes.index"), 303)


@routes.post("/push-targets/<int:target_id>")
@allows("release.push")
def change_here(target_id: int) -> AnyResponse:
    """Change a target or delete it, from the page."""
    values = _values(("act",))
    act = payloads.choice(values, "act", "change", ("change", "delete"))
    values.pop("act", None)
    if act == "delete":
        _delete(target_id)
    else:
        # A form does not send what is not ticked.
        ticked = {name: name in values for name in ("is_private", "uploads")}
        _change(target_id, {**values, **ticked})
    return flask.redirect(flask.url_for("pushes.index"), 303)


@routes.get("/api/push-targets/")
@allows("release.push")
def api_index() -> Response:
    """List where one's organisation sends its versions; tokens are never shown."""
    with installation().database.read() as session:
        return payloads.answer([_shown(row) for row in pushes.listing(session, user())])


@routes.post("/api/push-targets/")
@allows("release.push")
def api_create() -> Response:
    """Add a target: `kind` is ckan or hugging_face, `url` its address, `owner` whose it is there.

    `uploads` (CKAN) sends files instead of links to them.
    """
    return payloads.answer(_shown(_create()), 201)


@routes.get("/api/push-targets/<int:target_id>/")
@allows("release.push")
def api_show(target_id: int) -> Response:
    """Return a target without its token."""
    with installation().database.read() as session:
        return payloads.answer(_shown(pushes.get(session, user(), target_id)))


@routes.patch("/api/push-targets/<int:target_id>/")
@allows("release.push")
def api_change(target_id: int) -> Response:
    """Change what is given of a target; another host needs the token again."""
    return payloads.answer(_shown(_change(target_id, _values())))


@routes.delete("/api/push-targets/<int:target_id>/")
@allows("release.push")
def api_delete(target_id: int) -> Response:
    """Delete a target with its token; what was sent stays there."""
    _delete(target_id)
    return flask.Response(status=204)


@routes.post("/datasets/<organisation>/<name>/push")
@allows("release.push")
def push_here(organisation: str, name: str) -> AnyResponse:
    """Send a version to a target, from the dataset's page."""
    _push(organisation, name)
    where = flask.url_for("catalogue.show", organisation=organisation, name=name)
    return flask.redirect(f"{where}#push", 303)


@routes.get("/api/catalogue/<organisation>/<name>/pushes")
@allows("release.push")
def api_pushes(organisation: str, name: str) -> Response:
    """List where versions of a dataset were sent, what of it and how it went, newest first."""
    with installation().database.read() as session:
        dataset = _dataset(session, organisation, name)
        before = payloads.before()
        rows = pushes.of_dataset(session, user(), dataset, before=before, limit=100)
    return payloads.answer([_told(*row) for row in rows])


@routes.post("/api/catalogue/<organisation>/<name>/pushes")
@allows("release.push")
def api_push(organisation: str, name: str) -> Response:
    """Send the version `tag`, else the newest, to the `target` of that name, by a job."""
    push, release, job = _push(organisation, name)
    told = {**_told(push, release, JobState(job.state)), "job": payloads.job(job)}
    return payloads.answer(told, 202)


def _push(organisation: str, name: str) -> tuple[Push, Release, jobs.Job]:
    values = _values(("target", "tag"), ())
    with installation().database.write() as session:
        dataset = _dataset(session, organisation, name)
        wanted = payloads.text(values, "target", longest=100)
        tag = payloads.text(values, "tag", "", longest=60) or "main"
        target = pushes.find(session, user(), dataset.organisation_id, wanted)
        release = catalogue.resolve(session, dataset, tag)
        if release is None:
            raise errors.NotFound(
                _("the dataset has no revision “%(revision)s”"), revision=tag[:60]
            )
        push, job = pushes.ask(session, user(), dataset, release, target)
    queues.announce(installation(), [job.id])
    return push, release, job


def _dataset(session: Session, organisation: str, name: str) -> Dataset:
    """Return a dataset of the asker's own organisation.

    Raises:
        errors.NotFound: there is none, or it is somebody else's.
    """
    dataset = catalogue.find(session, f"{organisation}/{name}", user())
    is_own = dataset is not None and dataset.organisation_id == user().organisation_id
    if dataset is None or not (is_own or permissions.is_everywhere(user())):
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    return dataset


def _create() -> Target:
    values = _values()
    given: dict[str, Any] = {
        "name": payloads.text(values, "name", longest=100),
        "kind": payloads.text(values, "kind", longest=40),
        "url": _url(values.get("url")),
        "owner": payloads.text(values, "owner", longest=200),
        "token": payloads.text(values, "token", longest=8192),
        "is_private": payloads.flag(values, "is_private"),
        "uploads": payloads.flag(values, "uploads"),
    }
    with installation().database.write() as session:
        return pushes.add(session, installation().settings, user(), **given)


def _change(target_id: int, values: dict[str, Any]) -> Target:
    with installation().database.read() as session:
        # Who may not see it learns nothing of what they sent.
        pushes.get(session, user(), target_id)
    if values.get("kind") is not None:
        raise errors.Invalid(_("cannot be changed: add another target"), place="kind")
    given: dict[str, Any] = {
        name: payloads.given_text(values, name, longest=8192) for name in ("name", "owner", "token")
    }
    if values.get("url"):
        given["url"] = _url(values["url"])
    given |= {name: payloads.given_flag(values, name) for name in ("is_private", "uploads")}
    with installation().database.write() as session:
        row = pushes.get(session, user(), target_id)
        pushes.change(session, installation().settings, user(), row, given)
        return row


def _delete(target_id: int) -> None:
    with installation().database.write() as session:
        pushes.delete(session, user(), pushes.get(session, user(), target_id))


def _values(more: tuple[str, ...] = (), known: tuple[str, ...] = FIELDS) -> dict[str, Any]:
    values = payloads.body()
    payloads.refuse_unknown(values, {*known, *more})
    return values


def _url(given: Any) -> str:
    """Return the address, asked before the transaction: looking a name up may take time."""
    allowed = installation().settings.outside_allowed
    return outside.check(allowed, given, must_be_known=False).url


def _shown(row: Target) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "url": row.url,
        "owner": row.owner,
        "is_private": row.is_private,
        "uploads": row.uploads,
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
    }


def _told(push: Push, release: Release, job_state: JobState | None) -> dict[str, Any]:
    return {
        "id": push.id,
        "target": push.target_name,
        "kind": push.kind,
        "tag": release.tag,
        "state": push_state(push, job_state),
        "remote_name": push.remote_name,
        "address": push.address,
        "remote_commit": push.remote_commit,
        "remote_tag": push.remote_tag,
        "files": push.files,
        "sent": push.sent,
        "there": push.there,
        "removed": push.removed,
        "withheld": push.withheld,
        "size": push.size,
        "sent_bytes": push.sent_bytes,
        "changed": push.has_changed,
        "error": None if push.problem is None else words(push.problem),
        "job_id": push.job_id,
        "created_at": payloads.time(push.created_at),
        "ended_at": payloads.time(push.ended_at),
    }
