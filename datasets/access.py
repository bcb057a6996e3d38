"""Say who may work on a project: everybody of its organisations, or only those named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import audit, errors, people, permissions
from .db import Base, Id, insert_new, now
from .errors import _
from .people import User
from .projects import ACCESSES, Project, set_option

EVERYBODY, NAMED = ACCESSES


class Admission(Base):
    """One person, team or company that a project is open to."""

    __tablename__ = "project_admissions"
    __table_args__ = (
        sa.UniqueConstraint(
            "project_id",
            "user_id",
            "team_id",
            "organisation_id",
            name="uq_project_admissions_whom",
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    # One of the three; 0 stands for none, so that they are unique in both databases.
    user_id: Mapped[int] = mapped_column(Id, default=0)
    team_id: Mapped[int] = mapped_column(Id, default=0)
    organisation_id: Mapped[int] = mapped_column(Id, default=0)
    added_by: Mapped[int] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def admits(session: Session, person: User, project: Project) -> bool:
    """Tell whether the project is open to somebody; asks the database only where it is named."""
    return person.id in admitted(session, [person], project)


def admitted(session: Session, persons: Iterable[User], project: Project) -> set[int]:
    """Return the ids of those people that the project is open to."""
    everybody = {person.id: person for person in persons}
    if project.option("access") == EVERYBODY:
        return set(everybody)
    found = of_project(session, project)
    users = {row.user_id for row in found if row.user_id}
    homes = {row.organisation_id for row in found if row.organisation_id}
    teams = {row.team_id for row in found if row.team_id}
    if teams:
        belong = people.teams_of(session, everybody)
        users |= {number for number, team in belong.items() if team in teams}
    return {
        number
        for number, person in everybody.items()
        if number in users or person.organisation_id in homes
    }


def check(session: Session, person: User, project: Project) -> None:
    """Raise where the project is not open to somebody.

    Raises:
        errors.Forbidden: it is open to others only.
    """
    if not admits(session, person, project):
        raise errors.Forbidden(
            _("this project is not open to you; ask whoever leads it to let you in")
        )


def of_project(session: Session, project: Project) -> list[Admission]:
    """List whom the project is open to, in the order in which they were let in."""
    query = sa.select(Admission).where(Admission.project_id == project.id)
    return list(session.scalars(query.order_by(Admission.id)))


def set_access(session: Session, actor: User, project: Project, access: str) -> None:
    """Open the project to everybody of its organisations, or only to those named.

    Raises:
        errors.Invalid: it is neither "everybody" nor "named".
        errors.Forbidden: the actor may not change the project.
    """
    permissions.require(actor, "project.change", project)
    set_option(project, "access", access)
    audit.record(session, actor, "access.change", f"project/{project.id}", access=access)


def add(
    session: Session,
    actor: User,
    project: Project,
    *,
    users: Sequence[int] = (),
    teams: Sequence[int] = (),
    organisations: Sequence[int] = (),
) -> int:
    """Let people, teams and companies in; return how many are new.

    Whoever calls has seen to it that they are of the project's organisations.
    """
    permissions.require(actor, "assignment.manage", project)
    nobody = {"user_id": 0, "team_id": 0, "organisation_id": 0}
    chosen = [("user_id", n) for n in users] + [("team_id", n) for n in teams]
    chosen += [("organisation_id", n) for n in organisations]
    common = {"project_id": project.id, "added_by": actor.id, "created_at": now()}
    number = insert_new(
        session, Admission, [{**common, **nobody, kind: n} for kind, n in sorted(set(chosen))]
    )
    audit.record(session, actor, "access.add", f"project/{project.id}", number=number)
    return number


def remove(session: Session, actor: User, project: Project, ids: Sequence[int]) -> int:
    """Take entries of the list away; return how many.

    Whoever calls gives back what the people hold whom the project is then not open to.
    """
    permissions.require(actor, "assignment.manage", project)
    gone = session.execute(
        sa.delete(Admission)
        .where(Admission.project_id == project.id, Admission.id.in_(list(ids)))
        .returning(Admission.id)
        .execution_options(synchronize_session=False)
    ).all()
    audit.record(session, actor, "access.remove", f"project/{project.id}", number=len(gone))
    return len(gone)
