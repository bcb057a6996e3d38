"""Keep browsers signed in, until they are idle, closed or over."""

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
from .users import User

# An open page is written down once in so long, however much is done on it.
SEEN_EVERY = dt.timedelta(minutes=1)
MARK = 16  # characters of the digest that tell one's sessions apart


class WebSession(Base):
    """A signed-in browser; only the digest of its cookie is kept."""

    __tablename__ = "web_sessions"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    # None in sessions that are older than this column.
    last_seen_at: Mapped[dt.datetime | None] = mapped_column(default=now)
    # By what somebody came in: "password" or "openid".
    means: Mapped[str] = mapped_column(sa.String(20), default="password", server_default="password")
    # Where from, and with what.
    address: Mapped[str] = mapped_column(sa.String(45), default="", server_default="")
    browser: Mapped[str] = mapped_column(sa.String(200), default="", server_default="")

    @property
    def mark(self) -> str:
        """Return what names this session to its owner; it opens nothing."""
        return self.digest[:MARK]

    @property
    def seen_at(self) -> dt.datetime:
        """Return when somebody was last at work in it, to the minute."""
        return self.last_seen_at or self.created_at


def open_session(
    session: Session,
    settings: Settings,
    user: User,
    *,
    means: str = "password",
    address: str = "",
    browser: str = "",
) -> str:
    """Open a browser session and return the secret for its cookie."""
    moment = now()
    session.execute(
        sa.delete(WebSession).where(
            sa.or_(
                WebSession.expires_at < moment, WebSession.last_seen_at < _idle(settings, moment)
            )
        )
    )
    secret = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            digest=digest(secret),
            user_id=user.id,
            expires_at=moment + dt.timedelta(hours=settings.session_hours),
            means=means,
            address=address[:45],
            browser=browser[:200],
        )
    )
    return secret


def find_session(session: Session, secret: str) -> WebSession | None:
    """Return the session of this cookie, if it is not over and its person is active."""
    found = session.get(WebSession, digest(secret))
    if found is None or found.expires_at < now() or not found.user.is_active:
        return None
    return found


def user_of_session(session: Session, secret: str) -> User | None:
    """Return who holds this session cookie, if it is alive and they are active."""
    found = find_session(session, secret)
    return None if found is None else found.user


def is_idle(settings: Settings, found: WebSession) -> bool:
    """Tell whether nobody has been at work in a session for too long."""
    return found.seen_at < _idle(settings, now())


def seen_in_session(session: Session, found: WebSession) -> None:
    """Write down that somebody is at work in a session."""
    session.execute(
        sa.update(WebSession).where(WebSession.digest == found.digest).values(last_seen_at=now())
    )


def close_session(session: Session, secret: str) -> None:
    """End a browser session."""
    session.execute(sa.delete(WebSession).where(WebSession.digest == digest(secret)))


def close_idle(session: Session, settings: Settings, found: WebSession) -> bool:
    """End a session that is idle; false where somebody was seen in it meanwhile."""
    idle = WebSession.last_seen_at < _idle(settings, now())
    unseen = sa.or_(idle, WebSession.last_seen_at.is_(None))
    query = sa.delete(WebSession).where(WebSession.digest == found.digest, unseen)
    return bool(session.execute(query.returning(WebSession.digest)).first())


def close_one(session: Session, user: User, mark: str) -> WebSession:
    """End one of a person's own sessions, named by its mark.

    Raises:
        errors.NotFound: they have no such session.
    """
    for found in sessions_of(session, user):
        if found.mark == mark:
            session.delete(found)
            return found
    raise errors.NotFound(_("there is no such session of yours"))


def close_all(session: Session, user: User, *, but: str = "") -> int:
    """End all sessions of a person but the one of that digest; return how many."""
    query = sa.delete(WebSession).where(WebSession.user_id == user.id, WebSession.digest != but)
    return len(session.execute(query.returning(WebSession.digest)).all())


def sessions_of(session: Session, user: User) -> list[WebSession]:
    """List a person's sessions that are not over, the one seen last first."""
    query = sa.select(WebSession).where(
        WebSession.user_id == user.id, WebSession.expires_at >= now()
    )
    return sorted(session.scalars(query), key=lambda one: one.seen_at, reverse=True)


def digest(secret: str) -> str:
    """Return what is stored of a secret."""
    # The secrets are random and long, so a plain digest cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()


def _idle(settings: Settings, moment: dt.datetime) -> dt.datetime:
    return moment - dt.timedelta(minutes=settings.session_idle_minutes)
