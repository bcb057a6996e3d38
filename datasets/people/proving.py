"""Sign people in: a name and a password, a lock after too many failures, what is still due."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..db import now
from ..errors import _
from ..settings import Settings
from . import passwords
from .passwords import PasswordRules
from .sessions import close_all
from .users import Role, User

ADMINISTRATORS = frozenset(
    {Role.PLATFORM_ADMIN, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}
)
PASSWORD_DUE, FACTOR_DUE = "password", "second_factor"


@dataclass(frozen=True)
class NewPassword:
    """A password that was found good, hashed, and the hash that it takes the place of."""

    before: str
    after: str


def new_password(
    session: Session, user: User, password: str, rules: PasswordRules | None = None
) -> NewPassword:
    """Check and hash a new password; slow, so it belongs into a reading session.

    Raises:
        errors.Invalid: as `check_password`, or it is one of the last that the person had.
    """
    asked = rules or PasswordRules()
    passwords.check_password(password, user.username, asked)
    passwords.check_new(session, user.id, user.password_hash, password, asked.history)
    return NewPassword(user.password_hash, passwords.hashed(password))


def keep_password(
    session: Session, user: User, chosen: NewPassword, rules: PasswordRules | None = None
) -> None:
    """Give a user the password that was found good, and end all their sessions.

    Raises:
        errors.Stale: their password was changed since.
    """
    if user.password_hash != chosen.before:
        raise errors.Stale(_("the password was changed meanwhile: try again"))
    asked = rules or PasswordRules()
    if chosen.before and not user.password_is_temporary:
        passwords.remember(session, user.id, chosen.before, asked.history)
    user.password_hash = chosen.after
    user.password_is_temporary = False
    user.password_changed_at = now()
    user.failed_logins, user.locked_until = 0, None
    close_all(session, user)


def set_password(
    session: Session, user: User, password: str, rules: PasswordRules | None = None
) -> None:
    """Give a user a new password and end all their sessions.

    Raises:
        errors.Invalid: as `new_password`.
    """
    keep_password(session, user, new_password(session, user, password, rules), rules)


def prove(session: Session, username: str, password: str) -> str | None:
    """Check a name and password and return the proof that `sign_in` takes, or None.

    Slow on purpose, so it belongs into a reading session: one that writes would hold
    everybody else up meanwhile. An unknown name takes as long as a known one.
    """
    user = session.scalar(sa.select(User).where(User.username == username))
    known = user.password_hash if user is not None and user.is_active else None
    return known if passwords.matches(known, password) else None


def sign_in(session: Session, settings: Settings, username: str, proof: str | None) -> User | None:
    """Sign in somebody who proved their password; count failures, lock after too many.

    Returns the user, or None when nothing was proved: the caller commits either way, so
    that the count of failures is kept. Who `has_factor` is not in yet: their failures are
    forgotten by the code alone, or a known password would give endless tries at codes.

    Raises:
        errors.LockedOut: too many failures; the message says until when.
    """
    user = locked_row(session, User.username == username)
    if user is None or not user.is_active or is_set_aside(settings, user):
        return None
    check_lock(user)
    # A password that was changed since it was proved proves nothing.
    if proof is not None and proof == user.password_hash:
        if not has_factor(settings, user):
            user.failed_logins, user.locked_until = 0, None
        return user
    count_failure(settings, user)
    return None


def is_set_aside(settings: Settings, user: User) -> bool:
    """Tell whether somebody is all administrators in one where three share no right."""
    return settings.separate_administrators and user.role == Role.PLATFORM_ADMIN


def locked_row(session: Session, condition: sa.ColumnElement[bool]) -> User | None:
    """Return a user whose row nobody else changes until this transaction ends."""
    query = sa.select(User).where(condition).with_for_update(of=User)
    return session.scalar(query.execution_options(populate_existing=True))


def check_lock(user: User) -> None:
    """Refuse somebody who failed too often.

    Raises:
        errors.LockedOut: they did; the message says until when.
    """
    if user.locked_until is not None and user.locked_until > now():
        minutes = int((user.locked_until - now()).total_seconds() // 60) + 1
        raise errors.LockedOut(
            _("too many failed attempts: try again in %(minutes)s minutes"), minutes=minutes
        )


def count_failure(settings: Settings, user: User) -> bool:
    """Count a wrong password or code; lock after too many, and tell whether it did."""
    user.failed_logins += 1
    if user.failed_logins < settings.lockout_attempts:
        return False
    user.failed_logins = 0
    user.locked_until = now() + dt.timedelta(minutes=settings.lockout_minutes)
    return True


def has_factor(settings: Settings, user: User) -> bool:
    """Tell whether somebody is asked for a code when they sign in."""
    return settings.second_factor != "off" and user.second_factor_at is not None


def needs_factor(settings: Settings, user: User) -> bool:
    """Tell whether the settings ask this person for a second factor."""
    if settings.second_factor == "everybody":
        return True
    return settings.second_factor == "administrators" and user.role in ADMINISTRATORS


def due(settings: Settings, user: User, means: str = "password") -> str | None:
    """Return what somebody has to do before anything else is open to them.

    PASSWORD_DUE: choose a password, for theirs was given to them or is too old; who came by
    another means has no use for one. FACTOR_DUE: set up a second factor.
    """
    if means == "password":
        chosen = user.password_changed_at or user.created_at
        days = settings.password_days
        if user.password_is_temporary or (days and chosen < now() - dt.timedelta(days=days)):
            return PASSWORD_DUE
    if needs_factor(settings, user) and user.second_factor_at is None:
        return FACTOR_DUE
    return None
