"""Sign people in with a password, and keep their browsers signed in."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors
from ..db import Base, now
from ..errors import _
from ..settings import Settings
from . import passwords
from .users import User


class WebSession(Base):
    """A signed-in browser; only the digest of its cookie is kept."""

    __tablename__ = "web_sessions"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


def set_password(session: Session, user: User, password: str) -> None:
    """Give a user a new password and end all their sessions.

    Raises:
        errors.Invalid: as `check_password`.
    """
    user.password_hash = passwords.hashed(passwords.check_password(password))
    user.password_is_temporary = False
    user.failed_logins, user.locked_until = 0, None
    session.execute(sa.delete(WebSession).where(WebSession.user_id == user.id))


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
    that the count of failures is kept.

    Raises:
        errors.LockedOut: too many failures; the message says until when.
    """
    user = session.scalar(sa.select(User).where(User.username == username).with_for_update(of=User))
    if user is None or not user.is_active:
        return None
    if user.locked_until is not None and user.locked_until > now():
        minutes = int((user.locked_until - now()).total_seconds() // 60) + 1
        raise errors.LockedOut(
            _("too many failed attempts: try again in %(minutes)s minutes"), minutes=minutes
        )
    # A password that was changed since it was proved proves nothing.
    if proof is not None and proof == user.password_hash:
        user.failed_logins, user.locked_until = 0, None
        return user
    user.failed_logins += 1
    if user.failed_logins >= settings.lockout_attempts:
        user.failed_logins = 0
        user.locked_until = now() + dt.timedelta(minutes=settings.lockout_minutes)
    return None


def open_session(session: Session, settings: Settings, user: User) -> str:
    """Open a browser session and return the secret for its cookie."""
    session.execute(sa.delete(WebSession).where(WebSession.expires_at < now()))
    secret = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            digest=digest(secret),
            user_id=user.id,
            expires_at=now() + dt.timedelta(hours=settings.session_hours),
        )
    )
    return secret


def user_of_session(session: Session, secret: str) -> User | None:
    """Return who holds this session cookie, if it is alive and they are active."""
    found = session.get(WebSession, digest(secret))
    if found is None or found.expires_at < now() or not found.user.is_active:
        return None
    return found.user


def close_session(session: Session, secret: str) -> None:
    """End a browser session."""
    session.execute(sa.delete(WebSession).where(WebSession.digest == digest(secret)))


def digest(secret: str) -> str:
    """Return what is stored of a secret."""
    # The secrets are random and long, so a plain digest cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()
