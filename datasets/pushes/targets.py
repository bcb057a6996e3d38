"""Keep where an organisation sends its releases: catalogues and hubs, with a sealed token."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, outside, permissions, seals
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..settings import Settings
from .rows import Push, PushState

RIGHT = "release.push"
MOST_TARGETS = 50  # of one organisation
LONGEST_TOKEN = 4096


class TargetKind(StrEnum):
    """What is spoken there."""

    CKAN = "ckan"
    HUGGING_FACE = "hugging_face"


KINDS = tuple(TargetKind)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?")
_OWNERS = {
    TargetKind.CKAN: re.compile(r"[a-z0-9_-]{2,100}"),
    TargetKind.HUGGING_FACE: re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"),
}


class Target(Base):
    """A place that releases of an organisation are sent to."""

    __tablename__ = "push_targets"
    __table_args__ = (sa.UniqueConstraint("organisation_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(20))
    url: Mapped[str]
    # Who the datasets belong to there: an organisation or a person.
    owner: Mapped[str] = mapped_column(sa.String(100))
    # Sealed; nobody is shown it again.
    token: Mapped[str]
    is_private: Mapped[bool] = mapped_column(default=False)
    # CKAN: whether the files are sent, rather than linked to.
    uploads: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def vendor_id(self) -> int | None:
        """Return None: only the organisation's own people see a connection."""
        return None

    @property
    def sends_files(self) -> bool:
        """Tell whether the files themselves leave the house."""
        return self.kind == TargetKind.HUGGING_FACE or self.uploads


def add(
    session: Session,
    settings: Settings,
    actor: User,
    *,
    name: str,
    kind: str,
    url: str,
    owner: str,
    token: str,
    is_private: bool = False,
    uploads: bool = False,
) -> Target:
    """Add a place to send releases of the actor's organisation to.

    The address was asked before (`outside.check`): that may take time, so it happens outside
    the transaction.

    Raises:
        errors.Invalid: a value is not usable, the name is taken, or there are MOST_TARGETS.
    """
    row = Target(
        organisation_id=actor.organisation_id,
        name=_named(name),
        kind=_kind(kind),
        url=_address(url),
        owner=_owner(kind, owner),
        token=_sealed(settings, token),
        is_private=is_private,
        uploads=uploads,
        created_by=actor.id,
    )
    permissions.require(actor, RIGHT, row)
    there = session.scalars(
        sa.select(Target.name).where(Target.organisation_id == row.organisation_id)
    ).all()
    if len(there) >= MOST_TARGETS:
        raise errors.Invalid(_("an organisation has at most %(most)s targets"), most=MOST_TARGETS)
    _check_free(row.name, there)
    session.add(row)
    _write(session, row)
    _record(session, actor, "target.create", row)
    return row


def get(session: Session, user: User, target_id: int) -> Target:
    """Return a target for somebody who sends releases there.

    Raises:
        errors.NotFound: there is none, or it is another organisation's.
    """
    row = session.get(Target, target_id)
    if row is None or not permissions.sees(user, row):
        raise errors.NotFound(_("there is no target %(id)s"), id=target_id)
    permissions.require(user, RIGHT, row)
    return row


def find(session: Session, user: User, organisation_id: int, name: str) -> Target:
    """Return the target of an organisation by its name.

    Raises:
        errors.NotFound: there is none of that name.
    """
    row = session.scalar(
        sa.select(Target).where(Target.organisation_id == organisation_id, Target.name == name)
    )
    if row is None or not permissions.sees(user, row):
        raise errors.NotFound(_("there is no target “%(name)s”"), name=name[:80])
    permissions.require(user, RIGHT, row)
    return row


def listing(session: Session, user: User, organisation_id: int | None = None) -> list[Target]:
    """List the targets of an organisation by name; of one's own unless told."""
    home = user.organisation_id if organisation_id is None else organisation_id
    query = sa.select(Target).where(Target.organisation_id == home).order_by(Target.name)
    permissions.require(user, RIGHT)
    return [row for row in session.scalars(query) if permissions.sees(user, row)]


def change(
    session: Session, settings: Settings, actor: User, row: Target, given: dict[str, Any]
) -> None:
    """Change what is given of a target: name, url, owner, token, is_private, uploads.

    Raises:
        errors.Invalid: a value is not usable, or a new host would be sent the old token.
    """
    permissions.require(actor, RIGHT, row)
    lock(session, row)
    if given.get("name") is not None and given["name"] != row.name:
        others = sa.select(Target.name).where(Target.organisation_id == row.organisation_id)
        row.name = _check_free(_named(given["name"]), session.scalars(others).all())
    if given.get("url") is not None:
        moved = _address(given["url"])
        if outside.parse(moved).origin != outside.parse(row.url).origin and not given.get("token"):
            raise errors.Invalid(_("give the token again for another host"), place="token")
        row.url = moved
    if given.get("owner") is not None:
        row.owner = _owner(row.kind, given["owner"])
    if given.get("token"):
        row.token = _sealed(settings, given["token"])
    for flag in ("is_private", "uploads"):
        if given.get(flag) is not None:
            setattr(row, flag, bool(given[flag]))
    row.updated_at = now()
    _write(session, row)
    _record(session, actor, "target.change", row)


def delete(session: Session, actor: User, row: Target) -> None:
    """Delete a target with its token; what was sent there stays written down, and there.

    Raises:
        errors.Refused: something is on its way there.
    """
    permissions.require(actor, RIGHT, row)
    # What is just being asked for is waited for, and ends with the others.
    lock(session, row)
    _record(session, actor, "target.delete", row)
    open_states = (PushState.WAITING, PushState.RUNNING)
    session.execute(
        sa.update(Push)
        .where(Push.target_id == row.id, Push.state.in_(open_states))
        .values(
            state=PushState.FAILED,
            ended_at=now(),
            error=errors.to_json(errors.Refused(_("the target was deleted"))),
        )
    )
    session.execute(sa.update(Push).where(Push.target_id == row.id).values(target_id=None))
    session.delete(row)
    session.flush()


def lock(session: Session, row: Target) -> None:
    """Read a target again, and let nobody else change, delete or use it until the commit.

    Raises:
        errors.NotFound: it was deleted meanwhile.
    """
    session.flush()
    if session.get(Target, row.id, with_for_update=True, populate_existing=True) is None:
        raise errors.NotFound(_("there is no target %(id)s"), id=row.id)


def token_of(settings: Settings, row: Target) -> str:
    """Return the token of a target, for sending only."""
    return seals.unseal(settings, row.token)


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise errors.Invalid(
            _("must be 1 to 40 letters, digits, - . or _"), place="name", name=name[:80]
        )
    return name


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise errors.Invalid(_("must be one of %(names)s"), place="kind", names=", ".join(KINDS))
    return kind


def _address(url: str) -> str:
    found = outside.parse(url)
    if "?" in found.url or "#" in found.url:
        raise errors.Invalid(_("must be an address such as https://host/path"), place="url")
    return found.url.rstrip("/")


def _owner(kind: str, owner: str) -> str:
    if not _OWNERS[TargetKind(kind)].fullmatch(owner):
        raise errors.Invalid(
            _("is not a name that this kind of catalogue knows: letters, digits, - and _"),
            place="owner",
        )
    return owner


def _sealed(settings: Settings, token: str) -> str:
    token = token.strip()
    if not 1 <= len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise errors.Invalid(
            _("must be 1 to %(longest)s printable ASCII characters"),
            place="token",
            longest=LONGEST_TOKEN,
        )
    return seals.seal(settings, token)


def _write(session: Session, row: Target) -> None:
    name = row.name
    try:
        session.flush()
    except sa.exc.IntegrityError as problem:
        # Somebody else has taken the name since it was free.
        raise _taken(name) from problem


def _check_free(name: str, taken: Any) -> str:
    if name in taken:
        raise _taken(name)
    return name


def _taken(name: str) -> errors.Invalid:
    return errors.Invalid(_("there is another target called “%(name)s”"), place="name", name=name)


def _record(session: Session, actor: User, action: str, row: Target) -> None:
    audit.record(
        session,
        actor,
        action,
        f"target/{row.id}",
        organisation=row.organisation_id,
        name=row.name,
        kind=row.kind,
        origin=outside.parse(row.url).origin,
        owner=row.owner,
    )
