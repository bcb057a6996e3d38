"""Users: Label Studio's API."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ..datasets import assignments, audit, people, permissions, staff
from ..datasets import hotkeys as hotkey_rows
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


@routes.get("/api/current-user/whoami")
@allows("account.use")
def whoami() -> Response:
    """Return who is asking, with what they may do."""
    return payloads.answer(payloads.asker(user()))


@routes.get("/api/users/")
@allows("people.read")
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
@allows("people.read")
def show(user_id: int) -> Response:
    """Return a person of one's organisation."""
    with installation().database.read() as session:
        return payloads.answer(payloads.user(staff.person(session, user(), user_id)))


@routes.patch("/api/users/<int:user_id>/")
@allows("people.manage")
def change(user_id: int) -> Response:
    """Change what is known of a person whom one manages, or the `role` that they have."""
    values = payloads.body()
    payloads.refuse_unknown(values, {*_GIVEN, *_READ_ONLY, "username", "role"})
    role = payloads.optional_text(values, "role")
    with installation().database.write() as session:
        found = staff.managed(session, user(), user_id)
        people.describe(session, found, **_given(values))
        audit.record(session, user(), "person.change", f"user/{found.username}")
        if role is not None:
            staff.change_role(session, installation().settings, user(), found, role)
        return payloads.answer(payloads.user(found))


@routes.delete("/api/users/<int:user_id>/")
@allows("people.manage")
def delete(user_id: int) -> Response:
    """Shut a person out; their work stays."""
    with installation().database.write() as session:
        gone = staff.person(session, user(), user_id)
        staff.shut_out(session, user(), gone)
        assignments.release(session, gone)
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
    values = payloads.body()
    payloads.refuse_unknown(values, {"custom_hotkeys"})
    chosen = values.get("custom_hotkeys")
    text = hotkey_rows.checked(chosen)
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
    settings = installation().settings
    slug = payloads.optional_text(values, "organization") or user().organisation.slug
    added, password = staff.add(
        session,
        settings,
        user(),
        payloads.optional_text(values, "username") or payloads.text(values, "email", ""),
        role=payloads.optional_text(values, "role") or Role.ANNOTATOR,
        organisation=_home(session, slug, values),
        name=payloads.text(values, "name", ""),
        password=payloads.optional_text(values, "password", longest=1000),
        rules=people.rules_of(settings),
    )
    people.describe(session, added, **_given(values))
    return added, password


def own_organisation() -> int | None:
    """Return the organisation whose people the asker sees, None for all."""
    return None if permissions.sees_everybody(user()) else user().organisation_id


def _home(session: Session, slug: str, values: dict[str, Any]) -> people.Organisation:
    found = people.find_organisation(session, slug)
    if found is None:
        name = payloads.text(values, "organization_name", slug)
        found = staff.add_organisation(session, user(), slug, name)
    return found


def _given(values: dict[str, Any]) -> dict[str, str | None]:
    return {name: payloads.given_text(values, name, longest=254) for name in _GIVEN}
