"""Keep the tokens that programs use in a person's name."""

from __future__ import annotations

import datetime as dt
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from .names import clean_line
from .sessions import digest
from .users import User


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


def add_token(
    session: Session, user: User, name: str = "api", days: int | None = None
) -> tuple[Token, str]:
    """Give a user an API token of 40 hex digits; it is shown once, only its digest is kept."""
    secret = secrets.token_hex(20)
    token = Token(
        user_id=user.id,
        name=clean_line(name, "name", 100),
        digest=digest(secret),
        expires_at=None if days is None else now() + dt.timedelta(days=days),
    )
    session.add(token)
    session.flush()
    return token, secret


def user_of_token(session: Session, secret: str) -> User | None:
    """Return who holds this API token, if it is alive and they are active."""
    token = session.scalar(sa.select(Token).where(Token.digest == digest(secret)))
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
