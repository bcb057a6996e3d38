"""Users: Label Studio's API."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ..datasets import audit, errors, people
from ..datasets.errors import _
from ..datasets.people import Role, User
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("users", __name__)
_GIVEN = ("email", "first_name", "last_name", "phone")
_KNOWN = {*_GIVEN, "username", "name", "password", "role", "organization", "organization_name"}
_READ_ONLY = {
    "id",
    "last_activity",
    "custom_hotkeys",
    "avatar",
    "initials",
    "active_organization",
    "active_organization_meta",
    "allow_newsletters",
    "date_joined",
}
LONGEST_HOTKEYS = 20_000  # bytes


@routes.get("/api/current-user/whoami")
@allows("account.use")
def whoami() -> Response:
    """Return who is asking, with what they may do."""
    return payloads.answer(payloads.asker(user()))


@routes.get("/api/users/")
@allows("annotation.read")
def index() -> Response:
    """List the people of one's organisation; an administrator sees all."""
    with installation().database.read() as session:
        found = people.users(session, own_organisation())
    return payloads.answer([payloads.user(each) for each in found])


@routes.post("/api/users/")
@allows("people.manage")
def create() -> Response:
    """Add a person; without a password the answer holds a one-time one, once."""
    values = payloads.body()
    payloads.refuse_unknown(values, _KNOWN | _READ_ONLY)
    with installation().database.write() as session:
        added, password = add(session, values)
        once = {} if password is None else {"password": password}
        return payloads.answer({**payloads.user(added), **once}, 201)


@routes.get("/api/users/<int:user_id>/")
@allows("annotation.read")
def show(user_id: int) -> Response:
    """Return a person of one's organisation."""
    with installation().database.read() as session:
        return payloads.answer(payloads.user(_colleague(session, user_id)))


@routes.patch("/api/users/<int:user_id>/")
@allows("people.manage")
def change(user_id: int) -> Response:
    """Change what is known of a person of one's organisation."""
    values = payloads.body()
    payloads.refuse_unknown(values, {*_GIVEN, *_READ_ONLY, "username"})
    with installation().database.write() as session:
        found = _colleague(session, user_id)
        people.describe(session, found, **_given(values))
        audit.record(session, user(), "person.change", f"user/{found.username}")
        return payloads.answer(payloads.user(found))


@routes.delete("/api/users/<int:user_id>/")
@allows("people.manage")
def delete(user_id: int) -> Response:
    """Shut a person out; their work stays."""
    with installation().database.write() as session:
        found = _colleague(session, user_id)
        if found.id == user().id:
            raise errors.Refused(_("you cannot shut yourself out"))
        _check_role(found.role, found.organisation.slug)
        people.deactivate(session, found)
        audit.record(session, user(), "person.deactivate", f"user/{found.username}")
    return flask.Response(status=204)


@routes.get("/api/current-user/hotkeys/")
@allows("account.use")
def hotkeys() -> Response:
    """Return the keys that somebody chose."""
    return payloads.answer({"custom_hotkeys": msgspec.json.decode(user().custom_hotkeys)})


@routes.patch("/api/current-user/hotkeys/")
@allows("account.use")
def change_hotkeys() -> Response:
    """Keep the keys that somebody chose."""
    chosen = payloads.body().get("custom_hotkeys")
    text = msgspec.json.encode(chosen).decode()
    if not isinstance(chosen, dict) or len(text) > LONGEST_HOTKEYS:
        raise errors.Invalid(
            _("must be an object of at most %(longest)s bytes"),
            place="custom_hotkeys",
            longest=LONGEST_HOTKEYS,
        )
    with installation().database.write() as session:
        me = people.get_user(session, user().username)
        me.custom_hotkeys = text
    return payloads.answer({"custom_hotkeys": chosen})


def add(session: Session, values: dict[str, Any]) -> tuple[User, str | None]:
    """Add the person that a form or a program describes; return them and a one-time password.

    Raises:
        errors.Forbidden: the asker may not add such a person, or not there.
        errors.Invalid: a value is not usable.
    """
    slug = payloads.optional_text(values, "organization") or user().organisation.slug
    role = payloads.optional_text(values, "role") or Role.ANNOTATOR
    _check_role(role, slug)
    added, password = people.add_user(
        session,
        payloads.optional_text(values, "username") or payloads.text(values, "email", ""),
        role=role,
        organisation=_home(session, slug, values),
        name=payloads.text(values, "name", ""),
        password=payloads.optional_text(values, "password", longest=1000),
    )
    people.describe(session, added, **_given(values))
    audit.record(
        session, user(), "person.create", f"user/{added.username}", role=role, organisation=slug
    )
    return added, password


def own_organisation() -> int | None:
    """Return the organisation whose people the asker sees, None for all."""
    return None if user().role == Role.PLATFORM_ADMIN else user().organisation_id


def _check_role(role: str, slug: str) -> None:
    below = (Role.ANNOTATOR, Role.REVIEWER, Role.VENDOR_ADMIN)
    at_home = slug == user().organisation.slug
    if user().role != Role.PLATFORM_ADMIN and not (at_home and role in below):
        raise errors.Forbidden(_("you can add annotators and reviewers of your organisation"))


def _home(session: Session, slug: str, values: dict[str, Any]) -> people.Organisation:
    found = people.find_organisation(session, slug)
    if found is None:
        # Only an administrator comes here with a slug that is not their own.
        name = payloads.text(values, "organization_name", slug)
        found = people.add_organisation(session, slug, name)
        audit.record(session, user(), "organisation.create", f"organisation/{slug}")
    return found


def _given(values: dict[str, Any]) -> dict[str, str | None]:
    return {name: payloads.given_text(values, name, longest=254) for name in _GIVEN}


def _colleague(session: Session, user_id: int) -> User:
    found = people.by_ids(session, [user_id]).get(user_id)
    if found is None or own_organisation() not in (None, found.organisation_id):
        raise errors.NotFound(_("there is no user %(id)s"), id=user_id)
    return found
