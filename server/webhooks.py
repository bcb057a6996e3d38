"""Webhooks: Label Studio's API, with how messages went and the key that signs them."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request

from ..datasets import outside, projects, webhooks
from ..datasets.webhooks import ACTIONS, Delivery, Webhook
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("webhooks", __name__)
_FLAGS = ("send_payload", "send_for_all_actions", "is_active")
_SENT_BACK = ("id", "organization", "project", "created_at", "updated_at")
_KNOWN = {"url", "headers", "actions", *_FLAGS, *_SENT_BACK}


@routes.get("/api/webhooks/")
@allows("connection.manage")
def index() -> Response:
    """List the webhooks of a project, or all of one's organisation."""
    with installation().database.read() as session:
        project = None
        if request.args.get("project"):
            number = payloads.number(request.args, "project")
            project = projects.get(session, user(), number, "connection.manage")
        rows = webhooks.listing(session, user(), project)
    return payloads.answer([_shown(row) for row in rows])


@routes.post("/api/webhooks/")
@allows("connection.manage")
def create() -> Response:
    """Add a webhook to a project, or to one's whole organisation."""
    values = _values()
    url = _url(values.get("url"))
    with installation().database.write() as session:
        project = None
        if values.get("project") is not None:
            number = payloads.number(values, "project")
            project = projects.get(session, user(), number, "connection.manage")
        row = webhooks.add(
            session,
            installation().settings,
            user(),
            project,
            url=url,
            headers=values.get("headers"),
            actions=values.get("actions"),
            **{name: payloads.flag(values, name, True) for name in _FLAGS},
        )
    return payloads.answer(_shown(row), 201)


@routes.get("/api/webhooks/info/")
@allows("connection.manage")
def info() -> Response:
    """Tell what webhooks can be told of."""
    only = payloads.given_flag(request.args, "organization-only")
    told = {
        name: {
            "name": action.name,
            "description": "",
            "key": action.key,
            "organization-only": action.organisation_only,
        }
        for name, action in ACTIONS.items()
        if only is None or action.organisation_only is only
    }
    return payloads.answer(told)


@routes.get("/api/webhooks/<int:webhook_id>/")
@allows("connection.manage")
def show(webhook_id: int) -> Response:
    """Return a webhook."""
    with installation().database.read() as session:
        return payloads.answer(_shown(webhooks.get(session, user(), webhook_id)))


@routes.route("/api/webhooks/<int:webhook_id>/", methods=["PATCH", "PUT"])
@allows("connection.manage")
def change(webhook_id: int) -> Response:
    """Change what is given of a webhook."""
    values = _values()
    url = None if values.get("url") is None else _url(values["url"])
    with installation().database.write() as session:
        row = webhooks.get(session, user(), webhook_id)
        webhooks.change(
            session,
            installation().settings,
            user(),
            row,
            url=url,
            headers=values.get("headers"),
            actions=values.get("actions"),
            **{name: payloads.given_flag(values, name) for name in _FLAGS},
        )
        return payloads.answer(_shown(row))


@routes.delete("/api/webhooks/<int:webhook_id>/")
@allows("connection.manage")
def delete(webhook_id: int) -> Response:
    """Delete a webhook and what it was still to be told."""
    with installation().database.write() as session:
        webhooks.delete(session, user(), webhooks.get(session, user(), webhook_id))
    return flask.Response(status=204)


@routes.get("/api/webhooks/<int:webhook_id>/secret")
@allows("connection.manage")
def secret(webhook_id: int) -> Response:
    """Return the key that signs a webhook's messages (`X-Jinbiao-Signature`)."""
    with installation().database.read() as session:
        row = webhooks.get(session, user(), webhook_id)
    return payloads.answer({"secret": webhooks.secret_of(installation().settings, row)})


@routes.post("/api/webhooks/<int:webhook_id>/secret")
@allows("connection.manage")
def renew_secret(webhook_id: int) -> Response:
    """Give a webhook a new key for its signatures."""
    with installation().database.write() as session:
        row = webhooks.get(session, user(), webhook_id)
        made = webhooks.renew_secret(session, installation().settings, user(), row)
    return payloads.answer({"secret": made}, 201)


@routes.get("/api/webhooks/<int:webhook_id>/deliveries/")
@allows("connection.manage")
def deliveries(webhook_id: int) -> Response:
    """List the messages of a webhook, the newest first, and how they went."""
    with installation().database.read() as session:
        row = webhooks.get(session, user(), webhook_id)
        found = webhooks.deliveries(session, row, payloads.page_size(100, 1000))
    return payloads.answer([_delivery(each) for each in found])


def _values() -> dict[str, Any]:
    values = payloads.body()
    payloads.refuse_unknown(values, _KNOWN)
    return values


def _url(given: Any) -> str:
    """Return the address, asked before the transaction: looking a name up may take time."""
    allowed = installation().settings.outside_allowed
    return outside.check(allowed, given, must_be_known=False).url


def _shown(row: Webhook) -> dict[str, Any]:
    return {
        "id": row.id,
        "organization": row.organisation_id,
        "project": row.project_id,
        "url": row.url,
        "send_payload": row.send_payload,
        "send_for_all_actions": row.send_for_all_actions,
        "headers": webhooks.headers_of(installation().settings, row),
        "is_active": row.is_active,
        "actions": row.action_names,
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.key,
        "action": row.action,
        "project": row.project_id,
        "state": row.state,
        "tries": row.tries,
        "status_code": row.code,
        "error": row.error,
        "created_at": payloads.time(row.created_at),
        "next_try_at": payloads.time(row.next_at) if row.ended_at is None else None,
        "ended_at": payloads.time(row.ended_at),
    }
