"""Say which people and teams somebody sees, and whom they manage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, people, permissions
from ..db import now
from ..errors import _
from ..people import Role, Team, TeamMember, User

PAGE = 100


@dataclass(frozen=True)
class Wanted:
    """Which of the people somebody sees are asked for; nothing said, nobody left out."""

    # The id of a team, 0 for those in none.
    team: int | None = None
    # A part of the name or of the user name.
    search: str = ""
    # Only those who are locked out now after too many failures.
    is_locked: bool = False


def visible(
    session: Session,
    actor: User,
    wanted: Wanted | None = None,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[User]:
    """List the people whom the actor sees by user name, those after `after`.

    They are everybody, those of the actor's organisation, or, for who leads teams and manages
    nobody, those of the teams and the actor.

    Raises:
        errors.Forbidden: the actor sees no teams.
    """
    permissions.require(actor, "team.read")
    query = _wanted(_seen(actor), wanted or Wanted())
    if after:
        query = query.where(User.username > after)
    return list(session.scalars(query.order_by(User.username).limit(limit)))


def _seen(actor: User) -> sa.Select[User]:
    query = sa.select(User)
    if permissions.sees_everybody(actor):
        return query
    if actor.role != Role.TEAM_LEADER:
        return query.where(User.organisation_id == actor.organisation_id)
    crew = (
        sa.select(TeamMember.user_id)
        .join(Team, Team.id == TeamMember.team_id)
        .where(Team.leader_id == actor.id)
    )
    return query.where(sa.or_(User.id == actor.id, User.id.in_(crew)))


def _wanted(query: sa.Select[User], wanted: Wanted) -> sa.Select[User]:
    if wanted.team is not None:
        members = sa.select(TeamMember.user_id)
        if wanted.team:
            query = query.where(User.id.in_(members.where(TeamMember.team_id == wanted.team)))
        else:
            query = query.where(User.id.not_in(members))
    if wanted.search:
        texts = (User.username, User.name)
        found = (text.icontains(wanted.search, autoescape=True) for text in texts)
        query = query.where(sa.or_(*found))
    if wanted.is_locked:
        query = query.where(User.locked_until > now())
    return query


def visible_teams(session: Session, actor: User) -> list[Team]:
    """List the teams that the actor sees: everybody's, their organisation's, or those they lead.

    Raises:
        errors.Forbidden: the actor sees no teams.
    """
    permissions.require(actor, "team.read")
    if permissions.sees_everybody(actor):
        return people.teams(session)
    led_by = actor.id if actor.role == Role.TEAM_LEADER else None
    return people.teams(session, [actor.organisation_id], led_by)


def team(session: Session, actor: User, team_id: int, action: str = "team.read") -> Team:
    """Return a team for somebody who wants to do `action` with it.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    permissions.require(actor, action)
    found = people.get_team(session, team_id)
    at_home = found.organisation_id == actor.organisation_id
    sees = at_home and (actor.role != Role.TEAM_LEADER or found.leader_id == actor.id)
    if not sees and not permissions.sees_everybody(actor):
        raise errors.NotFound(_("there is no team %(id)s"), id=team_id)
    return found


def person(session: Session, actor: User, user_id: int) -> User:
    """Return somebody of the actor's organisation, or anybody to who sees everybody.

    Raises:
        errors.NotFound: there is nobody of that number, or not for this person.
    """
    found = people.by_ids(session, [user_id]).get(user_id)
    at_home = found is not None and found.organisation_id == actor.organisation_id
    if found is None or not (at_home or permissions.sees_everybody(actor)):
        raise errors.NotFound(_("there is no user %(id)s"), id=user_id)
    return found


def managed(session: Session, actor: User, user_id: int) -> User:
    """Return somebody whom the actor manages.

    Raises:
        errors.NotFound: there is nobody of that number, or not for this person.
        errors.Forbidden: the actor does not manage people of that role.
    """
    permissions.require(actor, "people.manage")
    found = person(session, actor, user_id)
    check_manages(actor, found)
    return found


def check_manages(actor: User, user: User) -> None:
    """Refuse who does not manage people of that role and organisation.

    Raises:
        errors.Forbidden: the actor does not.
    """
    if not permissions.may_grant(actor, user.role, user.organisation_id):
        raise errors.Forbidden(
            _("you do not manage people of the role %(role)s there"), role=user.role
        )


def select_active(session: Session, roles: Sequence[str]) -> dict[str, User]:
    """Return role → the first active person who has it, by user name, for those who are there."""
    query = sa.select(User).where(User.role.in_(roles), User.is_active)
    found: dict[str, User] = {}
    for user in session.scalars(query.order_by(User.username)):
        found.setdefault(user.role, user)
    return found
