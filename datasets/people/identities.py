"""Know people by what an outside provider calls them: by issuer and subject, not by e-mail."""

from __future__ import annotations

import datetime as dt
import re
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from ..settings import OpenIDSettings
from .claims import Claims
from .organisations import get_organisation
from .proving import ADMINISTRATORS, check_lock, locked_row
from .users import Role, User, add_user, find_user


class OutsideIdentity(Base):
    """A person, as a provider knows them."""

    __tablename__ = "outside_identities"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    issuer: Mapped[str] = mapped_column(sa.String(500))
    subject: Mapped[str] = mapped_column(sa.String(255))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def admit(session: Session, chosen: OpenIDSettings, claims: Claims) -> tuple[User, str]:
    """Return whom a provider's claims stand for, and how: "known", "linked" or "created".

    Raises:
        errors.Refused: nobody here belongs to them, or the person is shut out.
        errors.LockedOut: the person is locked out.
    """
    found = find_identity(session, claims)
    how = "known"
    if found is None:
        user = _by_email(session, chosen, claims)
        how = "linked"
        if user is None:
            user, how = _created(session, chosen, claims), "created"
        link_identity(session, user, claims)
    else:
        user = locked_row(session, User.id == found.user_id) or session.get_one(User, found.user_id)
    if not user.is_active:
        raise errors.Refused(_("your account here is closed"))
    check_lock(user)
    return user, how


def find_identity(session: Session, claims: Claims) -> OutsideIdentity | None:
    """Return the identity of this issuer and subject."""
    return session.scalar(
        sa.select(OutsideIdentity).where(
            OutsideIdentity.issuer == claims.issuer, OutsideIdentity.subject == claims.subject
        )
    )


def link_identity(session: Session, user: User, claims: Claims) -> OutsideIdentity:
    """Let a person sign in as the provider knows them.

    Raises:
        errors.Refused: somebody else is known by it.
    """
    found = find_identity(session, claims)
    if found is not None and found.user_id != user.id:
        raise errors.Refused(_("somebody else signs in with this identity"))
    if found is None:
        found = OutsideIdentity(user_id=user.id, issuer=claims.issuer, subject=claims.subject)
        session.add(found)
        session.flush()
    return found


def identities_of(session: Session, user: User) -> list[OutsideIdentity]:
    """List how providers know a person."""
    query = sa.select(OutsideIdentity).where(OutsideIdentity.user_id == user.id)
    return list(session.scalars(query.order_by(OutsideIdentity.id)))


def unlink_identity(session: Session, user: User, identity_id: int) -> None:
    """Take one of a person's identities away.

    Raises:
        errors.NotFound: they have no such identity.
        errors.Refused: it is the only way in that they have.
    """
    mine = identities_of(session, user)
    found = next((each for each in mine if each.id == identity_id), None)
    if found is None:
        raise errors.NotFound(_("there is no such identity of yours"))
    if not user.password_hash and len(mine) == 1:
        raise errors.Refused(_("you have no password: this is the only way in for you"))
    session.delete(found)


def _by_email(session: Session, chosen: OpenIDSettings, claims: Claims) -> User | None:
    if not chosen.link_email or not claims.email:
        return None
    user = locked_row(session, User.email == claims.email)
    # Administrators link by hand, while they are signed in: an address is not enough.
    return None if user is None or user.role in ADMINISTRATORS else user


def _created(session: Session, chosen: OpenIDSettings, claims: Claims) -> User:
    if not chosen.create_role:
        raise errors.Refused(
            _(
                "nobody here belongs to this identity: sign in with your password and link it "
                "on your account page, or ask the administrator of your organisation"
            )
        )
    if chosen.create_role not in list(Role) or chosen.create_role in ADMINISTRATORS:
        raise errors.Unavailable(
            _("%(name)s must name a role that is no administrator's"),
            name="JINBIAO_OIDC_CREATE_ROLE",
        )
    home = get_organisation(session, chosen.create_organisation)
    username = re.sub(r"[^A-Za-z0-9_.@-]", "", claims.username).lstrip(".@-")[:40]
    if not username or find_user(session, username) is not None:
        username = f"{username or 'person'}-{secrets.token_hex(4)}"
    user, _password = add_user(
        session,
        username,
        role=chosen.create_role,
        organisation=home,
        name=claims.name or username,
    )
    # They have no password and need none: no text matches an empty hash.
    user.password_hash, user.password_is_temporary = "", False
    session.flush()
    return user
