"""Organisations and who belongs to them: Label Studio's API."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from ..datasets import errors, people, staff
from ..datasets.errors import _
from ..datasets.people import Organisation, User
from . import payloads, users
from .auth import allows, installation, user

routes = Blueprint("organisations", __name__)
PAGE, LARGEST_PAGE = 100, 1000


@routes.get("/api/organizations/")
@allows("account.use")
def index() -> Response:
    """List one's organisation; an administrator sees all."""
    with installation().database.read() as session:
        if users.own_organisation() is None:
            found = people.organisations(session)
        else:
            found = [people.organisation_by_id(session, user().organisation_id)]
    return payloads.answer([payloads.organisation(row) for row in found])


@routes.get("/api/organizations/<int:organisation_id>")
@allows("account.use")
def show(organisation_id: int) -> Response:
    """Return an organisation that one belongs to."""
    with installation().database.read() as session:
        return payloads.answer(payloads.organisation(_own(session, organisation_id)))


@routes.patch("/api/organizations/<int:organisation_id>")
@allows("people.manage")
def change(organisation_id: int) -> Response:
    """Change an organisation's title."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"title", "id", "created_at"})
    with installation().database.write() as session:
        found = _own(session, organisation_id)
        title = payloads.given_text(values, "title")
        if title is not None:
            clean = people.clean_line(title, "title", 200)
            staff.change_organisation(session, user(), found, name=clean)
        return payloads.answer(payloads.organisation(found))


@routes.get("/api/organizations/<int:organisation_id>/memberships")
@allows("people.read")
def members(organisation_id: int) -> Response:
    """List the people of an organisation, by pages."""
    size = payloads.page_size(PAGE, LARGEST_PAGE)
    page = payloads.page_number()
    with installation().database.read() as session:
        found = people.users(session, _own(session, organisation_id).id)
    rows = [_member(row) for row in found[(page - 1) * size : page * size]]
    return payloads.answer(payloads.paged(len(found), rows, page, size))


@routes.get("/api/organizations/<int:organisation_id>/memberships/<int:user_id>/")
@allows("people.read")
def member(organisation_id: int, user_id: int) -> Response:
    """Return one member of an organisation."""
    with installation().database.read() as session:
        return payloads.answer(_member(_of(session, organisation_id, user_id)))


@routes.delete("/api/organizations/<int:organisation_id>/memberships/<int:user_id>/")
@allows("people.manage")
def remove(organisation_id: int, user_id: int) -> Response:
    """Shut a member out; their work stays."""
    with installation().database.read() as session:
        _of(session, organisation_id, user_id)
    return users.delete(user_id)


def _own(session: Session, organisation_id: int) -> Organisation:
    if users.own_organisation() not in (None, organisation_id):
        raise errors.NotFound(_("there is no organisation %(id)s"), id=organisation_id)
    return people.organisation_by_id(session, organisation_id)


def _of(session: Session, organisation_id: int, user_id: int) -> User:
    home = _own(session, organisation_id)
    found = people.by_ids(session, [user_id]).get(user_id)
    if found is None or found.organisation_id != home.id:
        raise errors.NotFound(_("there is no user %(id)s"), id=user_id)
    return found


def _member(row: User) -> dict[str, Any]:
    unknown = {"created_projects": None, "contributed_to_projects": None}
    return {
        "id": row.id,
        "organization": row.organisation_id,
        "user": {**payloads.user(row), **unknown},
        **unknown,
    }
