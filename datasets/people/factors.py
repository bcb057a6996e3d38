"""Keep second factors: codes that change every 30 seconds (RFC 6238) and recovery codes."""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
from base64 import b32encode

import pyotp
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from ..seals import seal, unseal
from ..settings import Settings
from .proving import check_lock, count_failure, has_factor, locked_row
from .sessions import close_all, digest
from .users import User

STEP_SECONDS = 30
# A clock may be off by a step: the code before and the one after count as well.
NEIGHBOURS = 1
UNCONFIRMED_FOR = dt.timedelta(hours=1)
RECOVERY_CODES = 10
# 80 bits: a plain digest of one cannot be searched.
_RECOVERY_BYTES = 10


class SecondFactor(Base):
    """The secret that somebody's telephone shares with this installation, sealed."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    sealed_secret: Mapped[str]
    # The newest step whose code was used: it and all before it are worth nothing more.
    last_step: Mapped[int] = mapped_column(Id, default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    confirmed_at: Mapped[dt.datetime | None]


class RecoveryCode(Base):
    """A code that lets somebody in once without their telephone; only its digest is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (sa.UniqueConstraint("user_id", "digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    digest: Mapped[str] = mapped_column(sa.String(64))


def code_at(secret: str, step: int, digits: int = 6) -> str:
    """Return the code of a base32 secret at a time step (RFC 4226 section 5.3, SHA-1)."""
    return pyotp.HOTP(secret, digits=digits).at(step)


def step_of(moment: dt.datetime) -> int:
    """Return the time step of a moment (RFC 6238 section 4.2)."""
    return int(moment.timestamp()) // STEP_SECONDS


def matching_step(secret: str, code: str, moment: dt.datetime, after: int) -> int | None:
    """Return the step that a code belongs to, none at or before `after`."""
    middle = step_of(moment)
    for step in range(middle - NEIGHBOURS, middle + NEIGHBOURS + 1):
        if step > after and hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def begin_factor(session: Session, settings: Settings, user: User) -> str:
    """Return the base32 secret to enter into an app; the same one until it is confirmed.

    Raises:
        errors.Refused: second factors are off here, or the person has one.
    """
    if settings.second_factor == "off":
        raise errors.Refused(_("second factors are switched off here"))
    if user.second_factor_at is not None:
        raise errors.Refused(_("you have a second factor: remove it first"))
    found = session.get(SecondFactor, user.id)
    if found is not None and found.created_at > now() - UNCONFIRMED_FOR:
        return unseal(settings, found.sealed_secret)
    secret = pyotp.random_base32()
    if found is None:
        found = SecondFactor(user_id=user.id)
        session.add(found)
    # One that was shown and left lying about is none that somebody should confirm later.
    found.sealed_secret, found.created_at = seal(settings, secret), now()
    return secret


def factor_address(secret: str, username: str, issuer: str) -> str:
    """Return the otpauth: address that an app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def confirm_factor(
    session: Session, settings: Settings, user: User, code: str, *, here: str = ""
) -> list[str]:
    """Switch the second factor on, once a code proves that it works; return recovery codes.

    All other sessions of the person end: they were opened without it. `here` is the digest
    of the one that stays.

    Raises:
        errors.Invalid: the code is wrong.
        errors.Refused: nothing was begun.
    """
    found = session.get(SecondFactor, user.id)
    if found is None or user.second_factor_at is not None:
        raise errors.Refused(_("there is no second factor to confirm"))
    step = matching_step(unseal(settings, found.sealed_secret), _digits(code), now(), 0)
    if step is None:
        raise errors.Invalid(
            _("the code is wrong: is the clock of the telephone right?"), place="code"
        )
    found.last_step, found.confirmed_at = step, now()
    user.second_factor_at = found.confirmed_at
    close_all(session, user, but=here)
    return renew_recovery_codes(session, user)


def renew_recovery_codes(session: Session, user: User) -> list[str]:
    """Replace a person's recovery codes; the new ones are shown once."""
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [
        b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
        for _number in range(RECOVERY_CODES)
    ]
    session.add_all(RecoveryCode(user_id=user.id, digest=digest(code)) for code in codes)
    session.flush()
    return ["-".join(re.findall("....", code)) for code in codes]


def recovery_codes_left(session: Session, user: User) -> int:
    """Count the recovery codes that were not used."""
    query = sa.select(sa.func.count()).select_from(RecoveryCode)
    return session.scalar(query.where(RecoveryCode.user_id == user.id)) or 0


def prove_code(session: Session, settings: Settings, user_id: int, code: str) -> str | None:
    """Take a code once; return how it was proved, "code" or "recovery", or None.

    Failures count together with those of passwords. The caller commits either way.

    Raises:
        errors.LockedOut: too many failures; the message says until when.
    """
    user = locked_row(session, User.id == user_id)
    if user is None or not user.is_active or not has_factor(settings, user):
        return None
    check_lock(user)
    proved = _take(session, settings, user, code)
    if proved is None:
        count_failure(settings, user)
        return None
    user.failed_logins, user.locked_until = 0, None
    return proved


def remove_factor(session: Session, user: User) -> None:
    """Take a person's second factor and recovery codes away.

    Raises:
        errors.Refused: they have none.
    """
    found = session.get(SecondFactor, user.id)
    if found is None:
        raise errors.Refused(_("there is no second factor"))
    session.delete(found)
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    user.second_factor_at = None
    session.flush()


def _take(session: Session, settings: Settings, user: User, code: str) -> str | None:
    found = session.get(SecondFactor, user.id)
    if found is None:
        return None
    given = _digits(code)
    if re.fullmatch(r"[0-9]{6}", given):
        step = matching_step(unseal(settings, found.sealed_secret), given, now(), found.last_step)
        if step is None:
            return None
        found.last_step = step
        return "code"
    # The row goes with its use, so that two who come at once cannot both have it.
    query = sa.delete(RecoveryCode).where(
        RecoveryCode.user_id == user.id, RecoveryCode.digest == digest(given.lower())
    )
    return "recovery" if session.execute(query.returning(RecoveryCode.id)).first() else None


def _digits(code: str) -> str:
    """Return a code as it was shown, without what people put between its parts."""
    return re.sub(r"[\s-]", "", code)[:100]
