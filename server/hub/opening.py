"""Ask for access to a dataset under conditions, and decide on it, as the Hub's clients do.

Each route is a way to the same applications as the pages have: the same right to decide,
the same reasons, the same agreement, the same term.
"""

from __future__ import annotations

import re
from typing import Any

import flask
from sqlalchemy.orm import Session

from ...datasets import errors, opening, people
from ...datasets.catalogue import Dataset
from ...datasets.people import User
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .info import moment
from .protocol import (
    NOBODY,
    HubError,
    after_cursor,
    answer,
    bad_cursor,
    find_dataset,
    next_page,
    page_size,
    routes,
    sent,
    writer,
)

PAGE = 100
# What of an application a list shows to whoever decides on it.
_FIELDS = (
    "applicant_type",
    "organisation_name",
    "organisation_code",
    "purpose",
    "scenario",
    "requested_items",
    "access_method",
    "term_days",
    "security_statement",
)


@routes.post("/datasets/<owner>/<name>/ask-access")
@allows(PUBLIC)
def ask(owner: str, name: str) -> flask.Response:
    """Apply for a dataset: fields as JSON or as a form, the same as on its page.

    With `signature`, the contact's name, the agreement is signed in advance, so that the
    files open as soon as the provider accepts.
    """
    applicant = writer()
    with installation().database.write() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        days = installation().settings.application_days
        opening.ask(session, applicant, dataset, sent(), working_days=days)
    return answer({})


@routes.get("/api/datasets/<owner>/<name>/user-access-request/<status>")
@allows(PUBLIC)
def list_requests(owner: str, name: str, status: str) -> flask.Response:
    """List applications that wait, were accepted or were rejected, the oldest first."""
    actor, states = visitor(), opening.HUB_STATES.get(status)
    if actor is None:
        raise HubError(401, None, NOBODY)
    if states is None:
        raise HubError(404, None, f"The lists are {', '.join(opening.HUB_STATES)}")
    cursor, size = after_cursor(), page_size(PAGE, 1000)
    if cursor is not None and not (len(cursor) == 1 and type(cursor[0]) is int):
        raise bad_cursor()
    with installation().database.read() as session:
        dataset = _own(session, actor, owner, name)
        after = cursor[0] if cursor else 0
        found = opening.of_dataset(
            session, actor, dataset, states, after, size + 1, newest_only=True
        )
        listed = [_told(application, status) for application in found[:size]]
        more = next_page([found[size - 1].id]) if len(found) > size else None
    return answer(listed, next_page=more)


def _told(application: opening.Application, status: str) -> dict[str, Any]:
    said = {name: getattr(application, name) for name in _FIELDS}
    # What the applicant said to the provider, and nothing that only their account knows: whoever
    # was given access without asking has said nothing.
    name = application.applicant.username
    return {
        "requestId": str(application.id),
        "user": {
            "user": name,
            "fullname": application.contact_name or name,
            "email": application.contact_email,
        },
        "status": status,
        "timestamp": moment(application.submitted_at or application.created_at),
        "fields": {name: str(value) for name, value in said.items() if value is not None},
    }


@routes.post("/api/datasets/<owner>/<name>/user-access-request/handle")
@allows(PUBLIC)
def decide(owner: str, name: str) -> flask.Response:
    """Accept or refuse somebody's application; to refuse needs a reason."""
    actor, told = writer(), sent()
    status, reason = told.get("status"), told.get("rejectionReason")
    with installation().database.write() as session:
        dataset = _own(session, actor, owner, name)
        if not isinstance(status, str) or status not in opening.HUB_STATES:
            raise HubError(400, None, f'"status" must be one of {", ".join(opening.HUB_STATES)}')
        if reason is not None and not isinstance(reason, str):
            raise HubError(400, None, '"rejectionReason" must be a text')
        application = _asked_for(session, actor, dataset, told)
        if status != "pending":
            opening.decide(session, actor, application, status == "accepted", reason)
        elif application.current not in opening.HUB_STATES["pending"]:
            raise HubError(400, None, "What was decided is not opened again: reject the request")
    return answer({})


@routes.post("/api/datasets/<owner>/<name>/user-access-request/grant")
@allows(PUBLIC)
def grant(owner: str, name: str) -> flask.Response:
    """Give somebody access who has not applied."""
    actor, told = writer(), sent()
    with installation().database.write() as session:
        dataset = _own(session, actor, owner, name)
        user = people.get_user(session, _text(told, "user"))
        opening.grant(session, actor, dataset, user)
    return answer({})


def _own(session: Session, actor: User, owner: str, name: str) -> Dataset:
    """Return a dataset that the actor decides for."""
    dataset = find_dataset(session, f"{owner}/{name}")
    if not opening.may_decide(actor, dataset.organisation_id):
        raise HubError(403, None, "You do not have the right to decide on this dataset")
    return dataset


def _asked_for(
    session: Session, actor: User, dataset: Dataset, told: dict[str, Any]
) -> opening.Application:
    """Return the application that a request names by its person or by its number."""
    if "user" in told:
        name = _text(told, "user")
        try:
            found = opening.find(session, dataset, people.get_user(session, name))
        except errors.NotFound:
            # As for everybody who has not applied: this is no list of who has an account.
            found = None
        number = None if found is None else found.id
    else:
        text = _text(told, "requestId")
        number = int(text) if re.fullmatch(r"[0-9]{1,17}", text) else None
    if number is not None:
        application = opening.get(session, actor, number)
        if application.dataset_id == dataset.id:
            return application
    raise HubError(404, None, "There is no such access request")


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or "\0" in value:
        raise HubError(400, None, f'"{name}" is needed: a text of at most 200 characters')
    return value
