"""Teams: who works together in an organisation, and who leads them; for programs."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from ..datasets import people, projects, staff
from ..datasets.people import Team, User
from . import payloads
from .auth import allows, installation, user

routes = Blueprint("teams", __name__)
_KNOWN = {"name", "leader", "organization"}


@routes.get("/api/teams/")
@allows("team.read")
def index() -> Response:
    """List the teams that one sees: of one's organisation, or those one leads.

    With `project` those of its owner and of the company that works on it, for who hands its
    tasks out.
    """
    with installation().database.read() as session:
        if request.args.get("project"):
            number = payloads.number(request.args, "project")
            project = projects.get(session, user(), number, "assignment.manage")
            homes = [each for each in (project.organisation_id, project.vendor_id) if each]
            own = {team.id for team in staff.visible_teams(session, user())}
            found = people.teams(session, homes)
            if user().role == people.Role.TEAM_LEADER:
                found = [team for team in found if team.id in own]
        else:
            found = staff.visible_teams(session, user())
        return payloads.answer(_teams(session, found))


@routes.post("/api/teams/")
@allows("team.manage")
def create() -> Response:
    """Add a team with a `name` and perhaps a `leader`, the number of a team leader."""
    values = payloads.body()
    payloads.refuse_unknown(values, _KNOWN)
    with installation().database.write() as session:
        slug = payloads.optional_text(values, "organization") or user().organisation.slug
        home = people.get_organisation(session, slug)
        leader = _leader(session, values)
        name = payloads.text(values, "name", "")
        made = staff.add_team(session, user(), home, name, leader)
        return payloads.answer(_teams(session, [made])[0], 201)


@routes.get("/api/teams/<int:team_id>/")
@allows("team.read")
def show(team_id: int) -> Response:
    """Return a team."""
    with installation().database.read() as session:
        found = staff.team(session, user(), team_id)
        return payloads.answer(_teams(session, [found])[0])


@routes.patch("/api/teams/<int:team_id>/")
@allows("team.manage")
def change(team_id: int) -> Response:
    """Rename a team, give it another `leader`, or none with null."""
    values = payloads.body()
    payloads.refuse_unknown(values, _KNOWN - {"organization"})
    with installation().database.write() as session:
        found = staff.team(session, user(), team_id, "team.manage")
        name = payloads.given_text(values, "name")
        leader = _leader(session, values) if "leader" in values else ""
        staff.change_team(session, user(), found, name=name, leader=leader)
        return payloads.answer(_teams(session, [found])[0])


@routes.delete("/api/teams/<int:team_id>/")
@allows("team.manage")
def delete(team_id: int) -> Response:
    """Remove a team; its people stay."""
    with installation().database.write() as session:
        staff.remove_team(session, user(), staff.team(session, user(), team_id, "team.manage"))
    return flask.Response(status=204)


@routes.put("/api/teams/<int:team_id>/members/<int:user_id>/")
@allows("team.manage")
def put_in(team_id: int, user_id: int) -> Response:
    """Put somebody into a team, and out of the one they were in."""
    with installation().database.write() as session:
        found = staff.team(session, user(), team_id, "team.manage")
        staff.move(session, user(), staff.person(session, user(), user_id), found)
        return payloads.answer(_teams(session, [found])[0])


@routes.delete("/api/teams/<int:team_id>/members/<int:user_id>/")
@allows("team.manage")
def take_out(team_id: int, user_id: int) -> Response:
    """Take somebody out of a team; who is not in it stays where they are."""
    with installation().database.write() as session:
        found = staff.team(session, user(), team_id, "team.manage")
        member = staff.person(session, user(), user_id)
        if people.teams_of(session, [member.id]).get(member.id) == found.id:
            staff.move(session, user(), member, None)
    return flask.Response(status=204)


def _leader(session: Session, values: dict[str, Any]) -> User | None:
    if values.get("leader") is None:
        return None
    return staff.person(session, user(), payloads.number(values, "leader"))


def _teams(session: Session, found: list[Team]) -> list[dict[str, Any]]:
    crews = people.team_members(session, [team.id for team in found])
    return [
        {
            "id": team.id,
            "name": team.name,
            "organization": team.organisation_id,
            "leader": team.leader_id,
            "members": [member.id for member in crews[team.id]],
            "created_at": payloads.time(team.created_at),
        }
        for team in found
    ]
