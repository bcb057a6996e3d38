"""Keep the teams of an organisation: who leads them, who belongs to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from .names import clean_line
from .organisations import Organisation
from .users import Role, User


class Team(Base):
    """Some people of one organisation who work together, perhaps under a leader."""

    __tablename__ = "teams"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(100))
    leader_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class TeamMember(Base):
    """That somebody belongs to a team; to one at a time."""

    __tablename__ = "team_members"

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    team_id: Mapped[int] = mapped_column(sa.ForeignKey("teams.id"), index=True)
    joined_at: Mapped[dt.datetime] = mapped_column(default=now)


def add_team(
    session: Session, organisation: Organisation, name: str, leader: User | None = None
) -> Team:
    """Add a team.

    Raises:
        errors.Invalid: the name is malformed or taken, or as `lead`.
    """
    team = Team(
        organisation_id=organisation.id, name=_free_name(session, organisation.id, name, None)
    )
    lead(team, leader)
    session.add(team)
    session.flush()
    return team


def rename_team(session: Session, team: Team, name: str) -> None:
    """Call a team something else.

    Raises:
        errors.Invalid: the name is malformed or taken.
    """
    team.name = _free_name(session, team.organisation_id, name, team)


def _free_name(session: Session, organisation_id: int, name: str, own: Team | None) -> str:
    clean = clean_line(name, "name", 100)
    query = sa.select(Team).where(Team.organisation_id == organisation_id, Team.name == clean)
    with session.no_autoflush:
        other = session.scalar(query)
    if other is not None and other is not own:
        raise errors.Invalid(_("there is a team of this name"), place="name")
    return clean


def lead(team: Team, leader: User | None) -> None:
    """Give a team a leader, or none.

    Raises:
        errors.Invalid: they are of another organisation, no team leader, or shut out.
    """
    if leader is not None:
        good = leader.role == Role.TEAM_LEADER and leader.is_active
        if not good or leader.organisation_id != team.organisation_id:
            raise errors.Invalid(
                _("must be an active team leader of the same organisation"), place="leader"
            )
    team.leader_id = None if leader is None else leader.id


def get_team(session: Session, team_id: int) -> Team:
    """Return a team.

    Raises:
        errors.NotFound: there is none of that number.
    """
    team = session.get(Team, team_id)
    if team is None:
        raise errors.NotFound(_("there is no team %(id)s"), id=team_id)
    return team


def teams(
    session: Session, organisation_ids: Iterable[int] | None = None, led_by: int | None = None
) -> list[Team]:
    """List teams by organisation and name: of these organisations, led by this person."""
    query = sa.select(Team).order_by(Team.organisation_id, Team.name, Team.id)
    if organisation_ids is not None:
        query = query.where(Team.organisation_id.in_(list(organisation_ids)))
    if led_by is not None:
        query = query.where(Team.leader_id == led_by)
    return list(session.scalars(query))


def team_members(session: Session, team_ids: Iterable[int]) -> dict[int, list[User]]:
    """Return team id → its members by name, active or not, in one query."""
    found: dict[int, list[User]] = {number: [] for number in team_ids}
    query = (
        sa.select(TeamMember.team_id, User)
        .join(User, User.id == TeamMember.user_id)
        .where(TeamMember.team_id.in_(list(found)))
        .order_by(User.username)
    )
    for team_id, user in session.execute(query):
        found[team_id].append(user)
    return found


def teams_of(session: Session, user_ids: Iterable[int]) -> dict[int, int]:
    """Return user id → id of their team, for those who have one."""
    query = sa.select(TeamMember.user_id, TeamMember.team_id)
    rows = session.execute(query.where(TeamMember.user_id.in_(list(user_ids))))
    return {user_id: team_id for user_id, team_id in rows}


def put_in_team(session: Session, user: User, team: Team | None) -> None:
    """Let somebody belong to a team, and to no other; or to none.

    Raises:
        errors.Invalid: they are of another organisation than the team.
    """
    if team is not None and team.organisation_id != user.organisation_id:
        raise errors.Invalid(_("they are of another organisation than the team"), place="team")
    session.execute(sa.delete(TeamMember).where(TeamMember.user_id == user.id))
    if team is not None:
        session.add(TeamMember(user_id=user.id, team_id=team.id))
    session.flush()


def stop_leading(session: Session, user: User) -> None:
    """Leave the teams of somebody who leads no more without a leader."""
    session.execute(sa.update(Team).where(Team.leader_id == user.id).values(leader_id=None))


def remove_team(session: Session, team: Team) -> None:
    """Remove a team; its people stay, in none."""
    session.execute(sa.delete(TeamMember).where(TeamMember.team_id == team.id))
    session.delete(team)
    session.flush()
