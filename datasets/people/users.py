"""Keep users: who they are, what they are there for, and their passwords."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from . import passwords
from .names import clean_line
from .organisations import Organisation


class Role(StrEnum):
    """What somebody is there for; one role a person, so that duties stay apart."""

    # Everything at once, for an installation of a few people.
    PLATFORM_ADMIN = "platform_admin"
    # The three administrators of GB/T 22239, none of whom has the rights of another.
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    REQUESTER = "requester"
    ACCEPTANCE_INSPECTOR = "acceptance_inspector"
    ANNOTATION_MANAGER = "annotation_manager"
    VENDOR_ADMIN = "vendor_admin"
    TEAM_LEADER = "team_leader"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ARBITRATOR = "arbitrator"
    SPEED_TESTER = "speed_tester"
    MODEL_BUILDER = "model_builder"
    REGULATOR = "regulator"
    INDUSTRY_OFFICER = "industry_officer"


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
    email: Mapped[str | None] = mapped_column(sa.String(254), unique=True)
    first_name: Mapped[str] = mapped_column(sa.String(150), default="")
    last_name: Mapped[str] = mapped_column(sa.String(150), default="")
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    # JSON: what keys somebody chose for what.
    custom_hotkeys: Mapped[str] = mapped_column(default="{}")
    # To the minute, not to the second: who reads must not write all the time.
    last_activity: Mapped[dt.datetime | None]
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[dt.datetime | None]
    # When the password was chosen, and when a second factor was confirmed.
    password_changed_at: Mapped[dt.datetime | None] = mapped_column(default=now)
    second_factor_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return what the token that somebody came with is limited to; empty for no limit."""
        found: tuple[str, ...] = self.__dict__.get("_scopes", ())
        return found

    def limit(self, scopes: tuple[str, ...]) -> None:
        """Remember, for this request, the limits of the token that somebody came with."""
        self.__dict__["_scopes"] = scopes

    @property
    def initials(self) -> str:
        """Return two letters for a badge."""
        if self.first_name or self.last_name:
            return (self.first_name[:1] + self.last_name[:1]).lower()
        return (self.email or self.username)[:2].lower()


def add_user(
    session: Session,
    username: str,
    *,
    role: str,
    organisation: Organisation,
    name: str = "",
    password: str | None = None,
    language: str = "zh",
    email: str | None = None,
    first_name: str = "",
    last_name: str = "",
    rules: passwords.PasswordRules | None = None,
) -> tuple[User, str | None]:
    """Add a user; without a password a one-time one is made and returned once.

    Raises:
        errors.Invalid: the name is malformed or taken, the role unknown, the password no good,
            the e-mail address no address or taken.
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
    generated = secrets.token_urlsafe(12) if password is None else None
    user = User(
        username=username,
        name=clean_line(name or username, "name", 200),
        role=role,
        organisation_id=organisation.id,
        pseudonym=f"person-{secrets.token_hex(6)}",
        password_hash=passwords.hashed(
            generated or passwords.check_password(password or "", username, rules)
        ),
        password_is_temporary=generated is not None,
        language=language,
    )
    describe(session, user, email=email, first_name=first_name, last_name=last_name)
    user.organisation = organisation
    session.add(user)
    session.flush()
    return user, generated


def describe(
    session: Session,
    user: User,
    *,
    email: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    phone: str | None = None,
) -> None:
    """Change what is known of a person; None leaves it, an empty e-mail takes it away.

    Raises:
        errors.Invalid: a value is too long or malformed, or another person has the e-mail.
    """
    for place, value, longest in (
        ("first_name", first_name, 150),
        ("last_name", last_name, 150),
        ("phone", phone, 40),
    ):
        if value is not None:
            setattr(user, place, clean_line(value, place, longest) if value.strip() else "")
    if email is not None:
        user.email = _email(session, user, email.strip().lower()) if email.strip() else None


def _email(session: Session, user: User, email: str) -> str:
    if len(email) > 254 or not re.fullmatch(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+", email):
        raise errors.Invalid(_("must be an e-mail address"), place="email")
    other = session.scalar(sa.select(User.id).where(User.email == email))
    if other is not None and other != user.id:
        raise errors.Invalid(_("“%(email)s” is taken"), place="email", email=email)
    return email


def deactivate(session: Session, user: User) -> None:
    """Shut somebody out; their work stays and keeps their name."""
    user.is_active = False
    session.flush()


def seen_now(session: Session, user_id: int) -> None:
    """Write down that somebody was here."""
    session.execute(sa.update(User).where(User.id == user_id).values(last_activity=now()))


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


def by_ids(session: Session, ids: Iterable[int]) -> dict[int, User]:
    """Return id → user for those of the ids that there are, in one query."""
    wanted = set(ids)
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(sa.select(User).where(User.id.in_(wanted)))}


def of_organisations(session: Session, organisation_ids: Iterable[int]) -> list[User]:
    """List the people of several organisations by name."""
    query = sa.select(User).where(User.organisation_id.in_(list(organisation_ids)))
    return list(session.scalars(query.order_by(User.username)))


def users(session: Session, organisation_id: int | None = None) -> list[User]:
    """List users by name, of one organisation or of all."""
    query = sa.select(User).order_by(User.username)
    if organisation_id is not None:
        query = query.where(User.organisation_id == organisation_id)
    return list(session.scalars(query))


def password_matches(user: User, password: str) -> bool:
    """Tell whether this is the user's password."""
    return passwords.matches(user.password_hash, password)
