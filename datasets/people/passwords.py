"""Hash passwords with Argon2, check them, and remember which ones are used up."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from ..settings import Settings

_hasher = PasswordHasher()

MINIMUM_PASSWORD = Settings.password_length
LONGEST_PASSWORD = 256
# Of upper case, lower case, digits and others; letters without case are a kind of their own.
KINDS = 3


@dataclass(frozen=True)
class PasswordRules:
    """What an installation asks of passwords."""

    length: int = Settings.password_length
    history: int = Settings.password_history


class PastPassword(Base):
    """A password that somebody had; only its hash is kept, and no more than are asked for."""

    __tablename__ = "past_passwords"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    password_hash: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


@cache
def nobodys_hash() -> str:
    """Return what is verified when a user name is unknown: the answer takes as long as any.

    It takes a tenth of a second to make: whoever serves sign-ins calls this before the first.
    """
    return _hasher.hash(secrets.token_hex(16))


def rules_of(settings: Settings) -> PasswordRules:
    """Return what the settings ask of passwords."""
    return PasswordRules(settings.password_length, settings.password_history)


def check_password(
    password: str, username: str = "", rules: PasswordRules | None = None, place: str = "password"
) -> str:
    """Return the password if it may be used.

    Raises:
        errors.Invalid: it is too short or too long, of too few kinds of characters, the same
            few over and over, or holds the user's name.
    """
    least = (rules or PasswordRules()).length
    if not least <= len(password) <= LONGEST_PASSWORD or len(set(password)) < 4:
        raise errors.Invalid(
            _("must have %(least)s to 256 characters, at least 4 of them different"),
            place=place,
            least=least,
        )
    if len({_kind(character) for character in password}) < KINDS:
        raise errors.Invalid(
            _("must mix three kinds of upper case, lower case, digits and other characters"),
            place=place,
        )
    if len(username) >= 3 and username.casefold() in password.casefold():
        raise errors.Invalid(_("must not hold the user name"), place=place)
    return password


def check_new(session: Session, user_id: int, present_hash: str, password: str, most: int) -> None:
    """Refuse a password that is one of the last `most`, the present one among them.

    Raises:
        errors.Invalid: it is.
    """
    if most == 0:
        return
    query = sa.select(PastPassword.password_hash).where(PastPassword.user_id == user_id)
    past = session.scalars(query.order_by(PastPassword.id.desc()).limit(most - 1))
    if any(matches(each, password) for each in (present_hash, *past)):
        raise errors.Invalid(
            _("must not be one of your last %(number)s passwords"), place="password", number=most
        )


def remember(session: Session, user_id: int, used_hash: str, most: int) -> None:
    """Keep a used password's hash, and forget those beyond the last `most - 1`."""
    session.add(PastPassword(user_id=user_id, password_hash=used_hash))
    session.flush()
    mine = sa.select(PastPassword.id).where(PastPassword.user_id == user_id)
    kept = list(session.scalars(mine.order_by(PastPassword.id.desc()).limit(max(0, most - 1))))
    session.execute(
        sa.delete(PastPassword).where(PastPassword.user_id == user_id, PastPassword.id.not_in(kept))
    )


def hashed(password: str) -> str:
    """Return the Argon2 hash of a password, with its salt and cost."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash; without a hash it takes as long."""
    try:
        return (
            _hasher.verify(password_hash or nobodys_hash(), password) and password_hash is not None
        )
    except (VerificationError, InvalidHashError):
        return False


def _kind(character: str) -> str:
    if character.isupper():
        return "upper"
    if character.islower():
        return "lower"
    if character.isdigit():
        return "digit"
    return "letter" if character.isalpha() else "other"
