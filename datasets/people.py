"""Say who somebody is: organisations, users, passwords, tokens, sessions."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from enum import StrEnum

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from . import errors
from .db import Base, Id, now
from .errors import _
from .settings import Settings

_passwords = PasswordHasher()
# Verified when a user name is unknown, so that the answer takes as long as for a known one.
_NOBODY = _passwords.hash(secrets.token_hex(16))

MINIMUM_PASSWORD = 10


class Role(StrEnum):
    """What somebody is there for."""

    PLATFORM_ADMIN = "platform_admin"
    REQUESTER = "requester"
    VENDOR_ADMIN = "vendor_admin"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"


class Organisation(Base):
    """An agency, an annotation company, or the platform itself."""

    __tablename__ = "organisations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class User(Base):
    """A person, or a program acting under its own name."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(sa.String(40))
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    # What published records call this person; it says nothing about who it is.
    pseudonym: Mapped[str] = mapped_column(sa.String(40), unique=True)
    password_hash: Mapped[str]
    password_is_temporary: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(sa.String(8), default="zh")
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Token(Base):
    """An API token; only its digest is kept."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]


class WebSession(Base):
    """A signed-in browser; only the digest of its cookie is kept."""

    __tablename__ = "web_sessions"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


def add_organisation(session: Session, slug: str, name: str) -> Organisation:
    """Add an organisation; its slug (`[a-z0-9-]`) is its name in catalogue addresses.

    Raises:
        errors.Invalid: the slug is malformed or taken.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", slug) or "--" in slug:
        raise errors.Invalid(
            _("must be 1 to 40 of a–z, 0–9 and single hyphens, not “%(slug)s”"),
            place="slug",
            slug=slug[:80],
        )
    if find_organisation(session, slug) is not None:
        raise errors.Invalid(_("“%(slug)s” is taken"), place="slug", slug=slug)
    organisation = Organisation(slug=slug, name=clean_line(name or slug, "name", 200))
    session.add(organisation)
    session.flush()
    return organisation


def find_organisation(session: Session, slug: str) -> Organisation | None:
    """Return the organisation of that slug."""
    return session.scalar(sa.select(Organisation).where(Organisation.slug == slug))


def get_organisation(session: Session, slug: str) -> Organisation:
    """Return the organisation of that slug.

    Raises:
        errors.NotFound: there is none.
    """
    organisation = find_organisation(session, slug)
    if organisation is None:
        raise errors.NotFound(_("there is no organisation “%(slug)s”"), slug=slug[:80])
    return organisation


def organisations(session: Session) -> list[Organisation]:
    """List all organisations by slug."""
    return list(session.scalars(sa.select(Organisation).order_by(Organisation.slug)))


def add_user(
    session: Session,
    username: str,
    *,
    role: str,
    organisation: Organisation,
    name: str = "",
    password: str | None = None,
    language: str = "zh",
) -> tuple[User, str | None]:
    """Add a user; without a password a one-time one is made and returned once.

    Raises:
        errors.Invalid: the name is malformed or taken, the role unknown, the password short.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}", username):
        raise errors.Invalid(
            _("must be 1 to 64 letters, digits or _ . @ -, not “%(username)s”"),
            place="username",
            username=username[:80],
        )
    if role not in list(Role):
        raise errors.Invalid(
            _("must be one of %(roles)s, not “%(role)s”"),
            place="role",
            roles=", ".join(Role),
            role=role[:80],
        )
    if find_user(session, username) is not None:
        raise errors.Invalid(_("“%(username)s” is taken"), place="username", username=username)
    generated = None if password is not None else secrets.token_urlsafe(12)
    user = User(
        username=username,
        name=clean_line(name or username, "name", 200),
        role=role,
        organisation_id=organisation.id,
        pseudonym=f"person-{secrets.token_hex(6)}",
        password_hash=_passwords.hash(check_password(password) if password else str(generated)),
        password_is_temporary=generated is not None,
        language=language,
    )
    user.organisation = organisation
    session.add(user)
    session.flush()
    return user, generated


def find_user(session: Session, username: str) -> User | None:
    """Return the user of that name."""
    return session.scalar(sa.select(User).where(User.username == username))


def get_user(session: Session, username: str) -> User:
    """Return the user of that name.

    Raises:
        errors.NotFound: there is none.
    """
    user = find_user(session, username)
    if user is None:
        raise errors.NotFound(_("there is no user “%(username)s”"), username=username[:80])
    return user


def users(session: Session, organisation_id: int | None = None) -> list[User]:
    """List users by name, of one organisation or of all."""
    query = sa.select(User).order_by(User.username)
    if organisation_id is not None:
        query = query.where(User.organisation_id == organisation_id)
    return list(session.scalars(query))


def check_password(password: str) -> str:
    """Return the password if it may be used.

    Raises:
        errors.Invalid: it is too short, too long, or one character over and over.
    """
    if not MINIMUM_PASSWORD <= len(password) <= 256 or len(set(password)) < 4:
        raise errors.Invalid(
            _("must have %(least)s to 256 characters, at least 4 of them different"),
            place="password",
            least=MINIMUM_PASSWORD,
        )
    return password


def set_password(session: Session, user: User, password: str) -> None:
    """Give a user a new password and end all their sessions.

    Raises:
        errors.Invalid: as `check_password`.
    """
    user.password_hash = _passwords.hash(check_password(password))
    user.password_is_temporary = False
    user.failed_logins, user.locked_until = 0, None
    session.execute(sa.delete(WebSession).where(WebSession.user_id == user.id))


def password_matches(user: User, password: str) -> bool:
    """Tell whether this is the user's password."""
    try:
        return _passwords.verify(user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def sign_in(session: Session, settings: Settings, username: str, password: str) -> User | None:
    """Check a name and password; count failures and lock after too many.

    Returns the user, or None when the pair is wrong: the caller commits either way, so
    that the count of failures is kept.

    Raises:
        errors.LockedOut: too many failures; the message says until when.
    """
    user = session.scalar(sa.select(User).where(User.username == username).with_for_update(of=User))
    if user is None or not user.is_active:
        try:
            _passwords.verify(_NOBODY, password)
        except VerificationError:
            pass
        return None
    if user.locked_until is not None and user.locked_until > now():
        minutes = int((user.locked_until - now()).total_seconds() // 60) + 1
        raise errors.LockedOut(
            _("too many failed attempts: try again in %(minutes)s minutes"), minutes=minutes
        )
    if password_matches(user, password):
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
            digest=_digest(secret),
            user_id=user.id,
            expires_at=now() + dt.timedelta(hours=settings.session_hours),
        )
    )
    return secret


def user_of_session(session: Session, secret: str) -> User | None:
    """Return who holds this session cookie, if it is alive and they are active."""
    found = session.get(WebSession, _digest(secret))
    if found is None or found.expires_at < now() or not found.user.is_active:
        return None
    return found.user


def close_session(session: Session, secret: str) -> None:
    """End a browser session."""
    session.execute(sa.delete(WebSession).where(WebSession.digest == _digest(secret)))


def add_token(
    session: Session, user: User, name: str = "api", days: int | None = None
) -> tuple[Token, str]:
    """Give a user an API token of 40 hex digits; it is shown once, only its digest is kept."""
    secret = secrets.token_hex(20)
    token = Token(
        user_id=user.id,
        name=clean_line(name, "name", 100),
        digest=_digest(secret),
        expires_at=None if days is None else now() + dt.timedelta(days=days),
    )
    session.add(token)
    session.flush()
    return token, secret


def user_of_token(session: Session, secret: str) -> User | None:
    """Return who holds this API token, if it is alive and they are active."""
    token = session.scalar(sa.select(Token).where(Token.digest == _digest(secret)))
    if token is None or token.revoked_at is not None or not token.user.is_active:
        return None
    if token.expires_at is not None and token.expires_at < now():
        return None
    return token.user


def tokens(session: Session, user: User) -> list[Token]:
    """List a user's tokens that were not revoked, newest first."""
    return list(
        session.scalars(
            sa.select(Token)
            .where(Token.user_id == user.id, Token.revoked_at.is_(None))
            .order_by(Token.id.desc())
        )
    )


def revoke_token(session: Session, user: User, token_id: int) -> None:
    """Make one of the user's own tokens worthless.

    Raises:
        errors.NotFound: they have no such token.
    """
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise errors.NotFound(_("there is no token %(id)s of yours"), id=token_id)
    token.revoked_at = now()


def clean_line(text: str, place: str, longest: int) -> str:
    """Return one line of text, trimmed.

    Raises:
        errors.Invalid: it is empty, too long, or holds control characters.
    """
    text = text.strip()
    if not text or len(text) > longest or any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise errors.Invalid(
            _("must be one line of 1 to %(longest)s characters"), place=place, longest=longest
        )
    return text


def _digest(secret: str) -> str:
    # The secrets are random and long, so a plain digest cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()
