"""People by team, one person, organisations: the pages of those who manage them."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ..datasets import errors, people, permissions, staff
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.people import Organisation, OrganisationKind, Role, Team, User
from . import payloads, users
from .auth import allows, installation, user
from .errors import words

routes = Blueprint("staff", __name__)
_DESCRIBED = ("kind", "district", "industry", "credit_code")


@routes.get("/people")
@allows("team.read")
def index() -> str:
    """Show the people whom one sees, team by team."""
    return _people()


@routes.post("/people")
@allows("people.manage")
def add() -> str | tuple[str, int]:
    """Add a person; their one-time password is shown once."""
    values = payloads.body()
    try:
        with installation().database.write() as session:
            added, password = users.add(session, values)
            number = payloads.number(values, "team", 0) if values.get("team") else 0
            if number:
                staff.move(session, user(), added, staff.team(session, user(), number))
    except errors.Invalid as problem:
        return _people(problem=words(problem), place=problem.place, values=values), 400
    return _people(added=added, password=password)


@routes.get("/people/<int:user_id>")
@allows("people.manage")
def show(user_id: int) -> str:
    """Show one person: role, team, whether they may come in."""
    return _person(user_id)


@routes.post("/people/<int:user_id>")
@allows("people.manage")
def change(user_id: int) -> Response | tuple[str, int]:
    """Change a person's role or team, shut them out or let them in again."""
    values = payloads.body()
    act = payloads.choice(values, "act", "role", ["role", "team", "shut_out", "let_in"])
    try:
        with installation().database.write() as session:
            found = staff.person(session, user(), user_id)
            _change(session, act, found, values)
    except errors.Invalid as problem:
        return _person(user_id, problem=words(problem)), 400
    return flask.redirect(flask.url_for("staff.show", user_id=user_id))


def _change(session: Session, act: str, found: User, values: dict[str, Any]) -> None:
    settings = installation().settings
    if act == "role":
        staff.change_role(session, settings, user(), found, payloads.text(values, "role", ""))
    elif act == "team":
        number = payloads.number(values, "team", 0) if values.get("team") else 0
        team = staff.team(session, user(), number, "team.manage") if number else None
        staff.move(session, user(), found, team)
    elif act == "shut_out":
        staff.shut_out(session, user(), found)
    else:
        staff.let_in(session, settings, user(), found)


@routes.post("/people/teams")
@allows("team.manage")
def add_team() -> Response | tuple[str, int]:
    """Add a team to one's organisation, or to the one that is named."""
    values = payloads.body()
    try:
        with installation().database.write() as session:
            slug = payloads.optional_text(values, "organization") or user().organisation.slug
            home = people.get_organisation(session, slug)
            name = payloads.text(values, "name", "")
            made = staff.add_team(session, user(), home, name, _leader(session, values))
    except errors.Invalid as problem:
        return _people(team_problem=words(problem), team_values=values), 400
    return flask.redirect(flask.url_for("staff.index", team=made.id))


@routes.post("/people/teams/<int:team_id>")
@allows("team.manage")
def change_team(team_id: int) -> Response | tuple[str, int]:
    """Rename a team, give it a leader, or remove it."""
    values = payloads.body()
    act = payloads.choice(values, "act", "change", ["change", "remove"])
    try:
        with installation().database.write() as session:
            found = staff.team(session, user(), team_id, "team.manage")
            if act == "remove":
                staff.remove_team(session, user(), found)
                return flask.redirect(flask.url_for("staff.index"))
            name, leader = payloads.text(values, "name", ""), _leader(session, values)
            staff.change_team(session, user(), found, name=name, leader=leader)
    except errors.Invalid as problem:
        return _people(team_id, team_problem=words(problem), team_values=values), 400
    return flask.redirect(flask.url_for("staff.index", team=team_id))


def _leader(session: Session, values: dict[str, Any]) -> User | None:
    if not values.get("leader"):
        return None
    return staff.person(session, user(), payloads.number(values, "leader"))


@routes.get("/organisations")
@allows("organisation.manage")
def organisations() -> str:
    """Show all organisations and what is known of them."""
    return _organisations()


@routes.post("/organisations")
@allows("organisation.manage")
def add_organisation() -> Response | tuple[str, int]:
    """Add an organisation."""
    values = payloads.body()
    slug, name = payloads.text(values, "slug", ""), payloads.text(values, "name", "")
    described = {field: payloads.text(values, field, "") for field in _DESCRIBED}
    try:
        with installation().database.write() as session:
            if not described["kind"]:
                raise errors.Invalid(_("say what the organisation is there for"), place="kind")
            staff.add_organisation(session, user(), slug, name, **described)
    except errors.Invalid as problem:
        return _organisations(problem=words(problem), place=problem.place, values=values), 400
    return flask.redirect(flask.url_for("staff.organisations"))


@routes.get("/organisations/<int:organisation_id>")
@allows("organisation.manage")
def organisation(organisation_id: int) -> str:
    """Show one organisation, to change what is known of it."""
    return _organisation(organisation_id)


@routes.post("/organisations/<int:organisation_id>")
@allows("organisation.manage")
def change_organisation(organisation_id: int) -> Response | tuple[str, int]:
    """Change what is known of an organisation."""
    values = payloads.body()
    described = {field: payloads.given_text(values, field) for field in ("name", *_DESCRIBED)}
    try:
        with installation().database.write() as session:
            found = people.organisation_by_id(session, organisation_id)
            staff.change_organisation(session, user(), found, **described)
    except errors.Invalid as problem:
        page = _organisation(
            organisation_id, problem=words(problem), place=problem.place, values=values
        )
        return page, 400
    return flask.redirect(flask.url_for("staff.organisations"))


def _people(team_id: int | None = None, **values: object) -> str:
    given = request.args if request.method == "GET" else {}
    team = team_id if given.get("team") is None else payloads.number(given, "team")
    wanted = staff.Wanted(
        team=team,
        search=payloads.text(given, "search", ""),
        is_locked=payloads.flag(given, "locked"),
    )
    after = payloads.text(given, "after", "")
    with installation().database.read() as session:
        found = staff.visible(session, user(), wanted, after=after, limit=staff.PAGE + 1)
        teams = staff.visible_teams(session, user())
        homes = people.organisations(session) if permissions.sees_everybody(user()) else []
        places = people.teams_of(session, [each.id for each in found])
        chosen = next((each for each in teams if each.id == wanted.team), None)
        leaders = people.by_ids(session, [each.leader_id for each in teams if each.leader_id])
        could_lead = _could_lead(session, chosen)
    return render_template(
        "staff/index.html",
        people=found[: staff.PAGE],
        next_after=found[staff.PAGE - 1].username if len(found) > staff.PAGE else None,
        teams=teams,
        team_of={each.id: each for each in teams},
        places=places,
        chosen=chosen,
        leaders=leaders,
        could_lead=could_lead,
        wanted=wanted,
        organisations=homes,
        home_of={each.id: each for each in homes},
        roles=permissions.grantable(user()),
        now=now(),
        **values,
    )


def _could_lead(session: Session, chosen: Team | None) -> list[User]:
    home = user().organisation_id if chosen is None else chosen.organisation_id
    return [
        each
        for each in people.users(session, home)
        if each.role == Role.TEAM_LEADER and each.is_active
    ]


def _person(user_id: int, **values: object) -> str:
    with installation().database.read() as session:
        found = staff.person(session, user(), user_id)
        teams = people.teams(session, [found.organisation_id])
        place = people.teams_of(session, [found.id]).get(found.id)
    home = found.organisation
    held = permissions.HOLDS.get(home.kind, frozenset())
    return render_template(
        "staff/person.html",
        person=found,
        teams=teams,
        place=place,
        roles=[role for role in permissions.grantable(user()) if role in held],
        manages=permissions.may_grant(user(), found.role, home.id),
        now=now(),
        **values,
    )


def _organisations(**values: object) -> str:
    with installation().database.read() as session:
        found = people.organisations(session)
    return render_template(
        "staff/organisations.html", organisations=found, kinds=[*OrganisationKind], **values
    )


def _organisation(organisation_id: int, **values: object) -> str:
    with installation().database.read() as session:
        found: Organisation = people.organisation_by_id(session, organisation_id)
    return render_template(
        "staff/organisation.html", organisation=found, kinds=[*OrganisationKind], **values
    )
