"""Add people, change their roles, shut them out and let them in again; all of it audited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from .. import audit, errors, people, permissions
from ..errors import _
from ..people import Organisation, Role, User
from ..settings import Settings
from .seeing import check_manages, select_active

# Role → user name of the three administrators where nothing else is said.
THE_THREE = {
    Role.SYSTEM_ADMIN: "system",
    Role.SECURITY_ADMIN: "security",
    Role.AUDIT_ADMIN: "audit",
}


def add(
    session: Session,
    settings: Settings,
    actor: User,
    username: str,
    *,
    role: str,
    organisation: Organisation,
    **described: Any,
) -> tuple[User, str | None]:
    """Add a person; return them and, where no password is given, a one-time one.

    `described` is what `people.add_user` takes besides.

    Raises:
        errors.Forbidden: the actor may not give that role there.
        errors.Invalid: as `check_holds` and `people.add_user`.
    """
    permissions.require(actor, "people.manage")
    _check_grant(actor, settings, role, organisation)
    described.setdefault("rules", people.rules_of(settings))
    added, password = people.add_user(
        session, username, role=role, organisation=organisation, **described
    )
    audit.record(
        session,
        actor,
        "person.create",
        f"user/{added.username}",
        role=role,
        organisation=organisation.slug,
    )
    return added, password


def change_role(session: Session, settings: Settings, actor: User, user: User, role: str) -> None:
    """Give somebody another role, and end their sessions: they sign in again with new rights.

    Raises:
        errors.Refused: it is the actor's own.
        errors.Forbidden: the actor does not manage them, or may not give that role there.
        errors.Invalid: as `check_holds`.
    """
    permissions.require(actor, "people.manage")
    if user.id == actor.id:
        raise errors.Refused(_("nobody changes their own role"))
    check_manages(actor, user)
    _check_grant(actor, settings, role, user.organisation)
    if role == user.role:
        return
    before, user.role = user.role, role
    if before == Role.TEAM_LEADER:
        people.stop_leading(session, user)
    people.close_all(session, user)
    audit.record(session, actor, "person.role", f"user/{user.username}", role=role, before=before)
    session.flush()


def shut_out(session: Session, actor: User, user: User) -> None:
    """Shut somebody out at once; their work stays and keeps their name.

    Raises:
        errors.Refused: it is the actor themselves.
        errors.Forbidden: the actor does not manage them.
    """
    permissions.require(actor, "people.manage")
    if user.id == actor.id:
        raise errors.Refused(_("you cannot shut yourself out"))
    check_manages(actor, user)
    people.deactivate(session, user)
    people.stop_leading(session, user)
    people.close_all(session, user)
    audit.record(session, actor, "person.deactivate", f"user/{user.username}")


def let_in(session: Session, settings: Settings, actor: User, user: User) -> None:
    """Let somebody in again who was shut out, or was locked after too many failures.

    Raises:
        errors.Forbidden: the actor does not manage them.
        errors.Invalid: as `check_holds`, for what their organisation is now.
    """
    permissions.require(actor, "people.manage")
    check_manages(actor, user)
    check_holds(settings, user.role, user.organisation)
    user.is_active = True
    user.failed_logins, user.locked_until = 0, None
    audit.record(session, actor, "person.let_in", f"user/{user.username}")
    session.flush()


def check_holds(settings: Settings, role: str, home: Organisation) -> None:
    """Refuse a role that an organisation of this kind does not hold.

    Raises:
        errors.Invalid: it does not, or the administrators are separate and this is the one
            who is all three.
    """
    if settings.separate_administrators and role == Role.PLATFORM_ADMIN:
        raise errors.Invalid(
            _("the administrators are separate here: nobody is a platform administrator"),
            place="role",
        )
    if role not in permissions.HOLDS.get(home.kind, frozenset()):
        raise errors.Invalid(
            _("an organisation of the kind %(kind)s has nobody of the role %(role)s"),
            place="role",
            kind=home.kind,
            role=role,
        )


def _check_grant(actor: User, settings: Settings, role: str, home: Organisation) -> None:
    if role not in list(Role):
        raise errors.Invalid(_("must be one of %(names)s"), place="role", names=", ".join([*Role]))
    if not permissions.may_grant(actor, role, home.id):
        raise errors.Forbidden(_("you may not give the role %(role)s there"), role=role)
    check_holds(settings, role, home)


def add_administrators(session: Session, names: Mapping[Role, str]) -> list[tuple[User, str]]:
    """Add those of the three administrators whom nobody is yet; `names` is role → user name.

    Nobody gives these roles over the network: this is for the command at the machine. Returns
    them with their one-time passwords.

    Raises:
        errors.Invalid: as `people.add_user`.
    """
    platform = people.find_organisation(session, "platform")
    if platform is None:
        platform = people.add_organisation(session, "platform", "平台", kind="platform")
    there = select_active(session, list(names))
    made = []
    for role, username in names.items():
        if role in there:
            continue
        added, password = people.add_user(session, username, role=role, organisation=platform)
        audit.record(
            session,
            "jinbiao",
            "person.create",
            f"user/{username}",
            role=role,
            organisation="platform",
        )
        made.append((added, password or ""))
    return made
