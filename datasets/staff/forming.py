"""Form teams and move people between them; all of it audited."""

from __future__ import annotations

from sqlalchemy.orm import Session

from .. import audit, errors, people, permissions
from ..errors import _
from ..people import Organisation, Team, User


def add_team(
    session: Session,
    actor: User,
    organisation: Organisation,
    name: str,
    leader: User | None = None,
) -> Team:
    """Add a team to an organisation.

    Raises:
        errors.Forbidden: the actor does not manage teams there.
        errors.Invalid: as `people.add_team`.
    """
    permissions.require(actor, "team.manage")
    if organisation.id != actor.organisation_id and not permissions.sees_everybody(actor):
        raise errors.Forbidden(_("you manage the teams of your own organisation"))
    made = people.add_team(session, organisation, name, leader)
    audit.record(session, actor, "team.create", f"team/{made.id}", name=made.name)
    return made


def change_team(
    session: Session, actor: User, found: Team, *, name: str | None, leader: User | None | str
) -> None:
    """Rename a team, give it a leader or none; "" leaves the leader.

    Raises:
        errors.Forbidden: the actor does not manage teams.
        errors.Invalid: as `people.rename_team` and `people.lead`.
    """
    permissions.require(actor, "team.manage")
    if name is not None:
        people.rename_team(session, found, name)
    if not isinstance(leader, str):
        people.lead(found, leader)
    audit.record(
        session, actor, "team.change", f"team/{found.id}", name=found.name, leader=found.leader_id
    )
    session.flush()


def remove_team(session: Session, actor: User, found: Team) -> None:
    """Remove a team; its people stay.

    Raises:
        errors.Forbidden: the actor does not manage teams.
    """
    permissions.require(actor, "team.manage")
    audit.record(session, actor, "team.delete", f"team/{found.id}", name=found.name)
    people.remove_team(session, found)


def move(session: Session, actor: User, user: User, found: Team | None) -> None:
    """Put somebody into a team and out of any other, or into none.

    Raises:
        errors.Forbidden: the actor does not manage teams.
        errors.Invalid: they are of another organisation than the team.
    """
    permissions.require(actor, "team.manage")
    people.put_in_team(session, user, found)
    number = None if found is None else found.id
    audit.record(session, actor, "person.team", f"user/{user.username}", team=number)
