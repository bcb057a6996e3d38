"""Keep the tokens that programs use in a person's name.

Two kinds in one table, of which only digests are kept: a plain token of 40 hex digits, and
a signed refresh token (JWT) that is exchanged for access tokens of five minutes. An access
token names the refresh token it came from, and dies with it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import jwt
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from .names import clean_line
from .sessions import digest
from .users import User

ACCESS_SECONDS = 300
USED_EVERY = dt.timedelta(minutes=10)
# A refresh token needs an end; one without a limit of its own has this.
LONGEST_DAYS = 36_500
_ALGORITHM = "HS256"


class TokenKind(StrEnum):
    """How a token is used."""

    PLAIN = "plain"
    REFRESH = "refresh"


class Token(Base):
    """An API token; only its digest is kept."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    kind: Mapped[str] = mapped_column(sa.String(10), default=TokenKind.PLAIN)
    # Of the plain token, or of the id inside the refresh token.
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str]
    # What it may be used for, divided by spaces; "" for all that its person may do.
    scopes: Mapped[str] = mapped_column(sa.String(200), default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    # To ten minutes, not to the second: who reads must not write all the time.
    last_used_at: Mapped[dt.datetime | None]

    @property
    def scope_list(self) -> tuple[str, ...]:
        """Return what it is limited to; empty for no limit."""
        return tuple(self.scopes.split())

    @property
    def is_good(self) -> bool:
        """Tell whether it may be used now."""
        alive = self.revoked_at is None and self.user.is_active
        return alive and (self.expires_at is None or self.expires_at > now())


def add_token(
    session: Session,
    user: User,
    name: str = "api",
    days: int | None = None,
    scopes: Iterable[str] = (),
) -> tuple[Token, str]:
    """Give a user an API token of 40 hex digits; it is shown once, only its digest is kept."""
    secret = secrets.token_hex(20)
    return _add(session, user, TokenKind.PLAIN, secret, name, days, scopes), secret


def add_refresh_token(
    session: Session,
    key: str,
    user: User,
    name: str = "api",
    days: int | None = None,
    scopes: Iterable[str] = (),
) -> tuple[Token, str]:
    """Give a user a refresh token signed with `key`; it is shown once."""
    number = secrets.token_hex(16)
    token = _add(session, user, TokenKind.REFRESH, number, name, days, scopes)
    until = token.expires_at or now() + dt.timedelta(days=LONGEST_DAYS)
    return token, _signed(key, "refresh", number, user, until)


def access_token(session: Session, key: str, refresh: str) -> str:
    """Return an access token of five minutes for a refresh token.

    Raises:
        errors.NotSignedIn: the refresh token is not ours, has ended or was revoked.
    """
    token, claims = _refresh_token(session, key, refresh)
    until = now() + dt.timedelta(seconds=ACCESS_SECONDS)
    return _signed(key, "access", str(claims["jti"]), token.user, until)


def rotate_token(session: Session, key: str, refresh: str) -> tuple[Token, str]:
    """Replace a refresh token by a new one of the same name, limits and end.

    Raises:
        errors.NotSignedIn: the refresh token is not ours, has ended or was revoked.
    """
    old, _claims = _refresh_token(session, key, refresh)
    old.revoked_at = now()
    token, secret = add_refresh_token(session, key, old.user, old.name, None, old.scope_list)
    if old.expires_at is not None:
        token.expires_at = old.expires_at
        number = str(_claims_of(key, secret)["jti"])
        secret = _signed(key, "refresh", number, old.user, old.expires_at)
    session.flush()
    return token, secret


def blacklist_token(session: Session, key: str, refresh: str) -> Token:
    """Make a refresh token and all its access tokens worthless.

    Raises:
        errors.NotSignedIn: the refresh token is not ours, has ended or was revoked.
    """
    token, _claims = _refresh_token(session, key, refresh)
    token.revoked_at = now()
    return token


def user_of_token(session: Session, secret: str, key: str = "") -> User | None:
    """Return who holds this plain or access token, with the token's limits, if it is good."""
    try:
        return good_token(session, secret, key).user
    except errors.NotSignedIn:
        return None


def good_token(session: Session, secret: str, key: str = "") -> Token:
    """Return the token that a program sent, plain or by an access token; its user is limited.

    Raises:
        errors.NotSignedIn: it is not ours, has ended or was revoked, or its person is shut
            out; the message says which, to whoever holds the secret itself.
    """
    if secret.count(".") == 2:
        claims = _claims_of(key, secret)
        if claims.get("token_type") != "access":
            raise errors.NotSignedIn(_("the token is not valid"))
        token = _by_digest(session, str(claims["jti"]), TokenKind.REFRESH)
    else:
        token = _by_digest(session, secret, TokenKind.PLAIN)
    if token is None or not token.user.is_active:
        raise errors.NotSignedIn(_("the token is not valid"))
    if token.revoked_at is not None:
        raise errors.NotSignedIn(_("the token was revoked: make a new one on your account page"))
    if not token.is_good:
        raise errors.NotSignedIn(_("the token has ended: make a new one on your account page"))
    token.user.limit(token.scope_list)
    return token


def token_used_now(session: Session, token_id: int) -> None:
    """Write down that a token was used."""
    session.execute(sa.update(Token).where(Token.id == token_id).values(last_used_at=now()))


def tokens(session: Session, user: User, kind: str | None = None) -> list[Token]:
    """List a user's tokens that were not revoked, newest first, of one kind or of both."""
    query = sa.select(Token).where(Token.user_id == user.id, Token.revoked_at.is_(None))
    if kind is not None:
        query = query.where(Token.kind == kind)
    return list(session.scalars(query.order_by(Token.id.desc())))


def revoke_token(session: Session, user: User, token_id: int) -> None:
    """Make one of the user's own tokens worthless.

    Raises:
        errors.NotFound: they have no such token.
    """
    token = session.get(Token, token_id)
    if token is None or token.user_id != user.id:
        raise errors.NotFound(_("there is no token %(id)s of yours"), id=token_id)
    token.revoked_at = now()


def revoke_plain_tokens(session: Session, user: User) -> None:
    """Make all plain tokens of a user worthless."""
    session.execute(
        sa.update(Token)
        .where(
            Token.user_id == user.id,
            Token.kind == TokenKind.PLAIN,
            Token.revoked_at.is_(None),
        )
        .values(revoked_at=now())
    )


def _add(
    session: Session,
    user: User,
    kind: TokenKind,
    secret: str,
    name: str,
    days: int | None,
    scopes: Iterable[str],
) -> Token:
    # A limited token must not make one that may do more.
    wanted = tuple(dict.fromkeys(scopes)) or user.scopes
    if user.scopes and not set(wanted) <= set(user.scopes):
        raise errors.Forbidden(_("a token cannot make one that may do more"))
    token = Token(
        user_id=user.id,
        kind=kind,
        name=clean_line(name, "name", 100),
        digest=digest(secret),
        scopes=" ".join(wanted),
        expires_at=None if days is None else now() + dt.timedelta(days=days),
    )
    session.add(token)
    session.flush()
    return token


# Asked with every request: made once, since that takes as long as running it.
_BY_DIGEST = sa.select(Token).where(
    Token.digest == sa.bindparam("digest"), Token.kind == sa.bindparam("kind")
)


def _by_digest(session: Session, secret: str, kind: TokenKind) -> Token | None:
    return session.scalar(_BY_DIGEST, {"digest": digest(secret), "kind": kind})


def _refresh_token(session: Session, key: str, refresh: str) -> tuple[Token, dict[str, Any]]:
    claims = _claims_of(key, refresh)
    if claims.get("token_type") != "refresh":
        raise errors.NotSignedIn(_("Token is invalid"))
    token = _by_digest(session, str(claims["jti"]), TokenKind.REFRESH)
    if token is None or not token.is_good:
        raise errors.NotSignedIn(_("Token is blacklisted"))
    return token, claims


def _signed(key: str, kind: str, number: str, user: User, until: dt.datetime) -> str:
    claims = {
        "token_type": kind,
        "exp": int(until.timestamp()),
        "iat": int(now().timestamp()),
        "jti": number,
        "user_id": str(user.id),
    }
    return jwt.encode(claims, _signing_key(key), algorithm=_ALGORITHM)


def _claims_of(key: str, text: str) -> dict[str, Any]:
    """Return what a signed token says, nothing where it is not ours or has ended."""
    try:
        claims: dict[str, Any] = jwt.decode(
            text,
            _signing_key(key),
            algorithms=[_ALGORITHM],
            options={"require": ["exp", "jti", "token_type"]},
        )
    except (jwt.InvalidTokenError, ValueError):
        return {}
    return claims


def _signing_key(key: str) -> bytes:
    # Not the key of cookies and links itself: what one of them signs, the other never made.
    return hashlib.sha256(b"jinbiao tokens\0" + key.encode()).digest()
