"""Keep webhooks: which address is told of what, of one project or of all of an organisation.

The headers that travel with a message and the key that signs it are sealed; only who may
manage connections reads them.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors, outside, permissions, seals
from ..db import Base, Id, now
from ..errors import _
from ..people import User
from ..settings import Settings
from .actions import ACTIONS

MOST_HOOKS = 100  # of one organisation
MOST_HEADERS, LONGEST_HEADER = 20, 4096
RIGHT = "connection.manage"

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# These say how the message travels, or whether it is ours.
_OURS = re.compile(
    r"host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect"
    r"|proxy-.*|accept-encoding|x-jinbiao-.*",
    re.IGNORECASE,
)


class Place(Protocol):
    """A project, as far as webhooks need to know one."""

    @property
    def id(self) -> int:
        """Return its number."""

    @property
    def organisation_id(self) -> int:
        """Return the number of its owner."""


class Webhook(Base):
    """An address that is told what happens."""

    __tablename__ = "webhooks"
    __table_args__ = (sa.Index("ix_webhooks_listening", "organisation_id", "is_active"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    # None: all projects that the organisation owns.
    project_id: Mapped[int | None] = mapped_column(Id, index=True)
    url: Mapped[str]
    send_payload: Mapped[bool] = mapped_column(default=True)
    send_for_all_actions: Mapped[bool] = mapped_column(default=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    # JSON list of names in ACTIONS, in order.
    actions: Mapped[str] = mapped_column(default="[]")
    # Sealed JSON object, and the sealed key of the signature.
    headers: Mapped[str] = mapped_column(default="")
    secret: Mapped[str]
    # The model backend that it was made with, and with which it goes.
    backend_id: Mapped[int | None] = mapped_column(Id, index=True)
    # How often it failed to answer since it last did, and until when it is left alone.
    failures: Mapped[int] = mapped_column(default=0)
    rests_until: Mapped[dt.datetime | None]
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def vendor_id(self) -> int | None:
        """Return None: only the owner's people see a connection."""
        return None

    @property
    def action_names(self) -> list[str]:
        """Return the names of what it is told of, where it is not told of everything."""
        return list(msgspec.json.decode(self.actions))

    def hears(self, project_id: int, action: str) -> bool:
        """Tell whether it is told of this action in this project."""
        if self.project_id is not None and self.project_id != project_id:
            return False
        if ACTIONS[action].organisation_only and self.project_id is not None:
            return False
        return self.send_for_all_actions or action in self.action_names


def add(
    session: Session,
    settings: Settings,
    actor: User,
    project: Place | None,
    *,
    url: str,
    headers: Any = None,
    actions: Any = None,
    send_payload: bool = True,
    send_for_all_actions: bool = True,
    is_active: bool = True,
    backend_id: int | None = None,
) -> Webhook:
    """Add a webhook of a project, or of the actor's whole organisation.

    The address was asked before (`outside.check`): that may take time, so it happens outside
    the transaction.

    Raises:
        errors.Invalid: a value is not usable, or there are MOST_HOOKS already.
    """
    home = actor.organisation_id if project is None else project.organisation_id
    hook = Webhook(
        organisation_id=home,
        project_id=None if project is None else project.id,
        url=outside.parse(url).url,
        headers=_sealed(settings, headers),
        actions=_actions(actions, project is not None),
        send_payload=send_payload,
        send_for_all_actions=send_for_all_actions,
        is_active=is_active,
        secret=seals.seal(settings, secrets.token_hex(32)),
        backend_id=backend_id,
        created_by=actor.id,
    )
    permissions.require(actor, RIGHT, hook)
    there = sa.select(sa.func.count()).where(Webhook.organisation_id == home)
    if (session.scalar(there) or 0) >= MOST_HOOKS:
        raise errors.Invalid(_("an organisation has at most %(most)s webhooks"), most=MOST_HOOKS)
    session.add(hook)
    session.flush()
    _record(session, actor, "webhook.create", hook)
    return hook


def get(session: Session, user: User | None, webhook_id: int) -> Webhook:
    """Return a webhook for somebody who manages it.

    Raises:
        errors.NotFound: there is none, or not for this person.
    """
    hook = session.get(Webhook, webhook_id)
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if hook is None or not permissions.sees(user, hook):
        raise errors.NotFound(_("there is no webhook %(id)s"), id=webhook_id)
    permissions.require(user, RIGHT, hook)
    return hook


def listing(session: Session, user: User, project: Place | None = None) -> list[Webhook]:
    """List the webhooks of a project, or all that somebody manages, oldest first."""
    permissions.require(user, RIGHT)
    query = sa.select(Webhook).order_by(Webhook.id)
    if not permissions.is_everywhere(user):
        query = query.where(Webhook.organisation_id == user.organisation_id)
    if project is not None:
        query = query.where(Webhook.project_id == project.id)
    return list(session.scalars(query))


def of_backend(session: Session, backend_id: int) -> Webhook | None:
    """Return the webhook that was made with a model backend."""
    return session.scalar(sa.select(Webhook).where(Webhook.backend_id == backend_id))


def change(
    session: Session,
    settings: Settings,
    actor: User,
    hook: Webhook,
    *,
    url: str | None = None,
    headers: Any = None,
    actions: Any = None,
    send_payload: bool | None = None,
    send_for_all_actions: bool | None = None,
    is_active: bool | None = None,
) -> None:
    """Change what is given of a webhook; a new address gets the chance of a new one.

    Raises:
        errors.Invalid: a value is not usable, or a new host would be sent the old headers.
    """
    permissions.require(actor, RIGHT, hook)
    if url is not None:
        _check_move(settings, hook, url, headers)
        hook.url, hook.failures, hook.rests_until = outside.parse(url).url, 0, None
    if headers is not None:
        hook.headers = _sealed(settings, headers)
    if actions is not None:
        hook.actions = _actions(actions, hook.project_id is not None)
    if send_payload is not None:
        hook.send_payload = send_payload
    if send_for_all_actions is not None:
        hook.send_for_all_actions = send_for_all_actions
    if is_active is not None:
        hook.is_active = is_active
        hook.failures, hook.rests_until = 0, None
    hook.updated_at = now()
    _record(session, actor, "webhook.change", hook)


def renew_secret(session: Session, settings: Settings, actor: User, hook: Webhook) -> str:
    """Give a webhook a new key for its signatures; return it."""
    permissions.require(actor, RIGHT, hook)
    made = secrets.token_hex(32)
    hook.secret, hook.updated_at = seals.seal(settings, made), now()
    _record(session, actor, "webhook.renew_secret", hook)
    return made


def secret_of(settings: Settings, hook: Webhook) -> str:
    """Return the key that signs a webhook's messages."""
    return seals.unseal(settings, hook.secret)


def headers_of(settings: Settings, hook: Webhook) -> dict[str, str]:
    """Return the headers that travel with a webhook's messages."""
    text = seals.unseal(settings, hook.headers)
    return dict(msgspec.json.decode(text)) if text else {}


def _record(session: Session, actor: User, action: str, hook: Webhook) -> None:
    # The origin alone: paths and queries of such addresses often are secrets.
    origin = outside.parse(hook.url).origin
    subject = f"webhook/{hook.id}"
    audit.record(session, actor, action, subject, project=hook.project_id, origin=origin)


def delete(session: Session, actor: User, hook: Webhook) -> None:
    """Delete a webhook and what waits to be told to it."""
    permissions.require(actor, RIGHT, hook)
    _record(session, actor, "webhook.delete", hook)
    session.delete(hook)
    session.flush()


def _check_move(settings: Settings, hook: Webhook, url: str, headers: Any) -> None:
    """Refuse to send headers, which may be keys, to a host that they were not meant for."""
    moves = outside.parse(url).origin != outside.parse(hook.url).origin
    if moves and headers is None and headers_of(settings, hook):
        raise errors.Invalid(_("give the headers again for another host"), place="headers")


def _actions(given: Any, of_project: bool) -> str:
    """Return the names as JSON, each once, in the order of the alphabet."""
    names = [] if given is None else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise errors.Invalid(_("must be a list of texts"), place="actions")
    known = _names(of_project)
    if not set(names) <= set(known):
        raise errors.Invalid(_("must be one of %(names)s"), place="actions", names=", ".join(known))
    return msgspec.json.encode(sorted(set(names))).decode()


def _names(of_project: bool) -> Iterable[str]:
    return [n for n, action in ACTIONS.items() if not (of_project and action.organisation_only)]


def _sealed(settings: Settings, headers: Any) -> str:
    """Return headers as sealed JSON; "" for none."""
    given = {} if headers is None else headers
    if not isinstance(given, Mapping) or len(given) > MOST_HEADERS:
        raise errors.Invalid(
            _("must be an object of at most %(most)s headers"), place="headers", most=MOST_HEADERS
        )
    for name, value in given.items():
        usable = isinstance(value, str) and len(value) <= LONGEST_HEADER
        if not usable or not value.isascii() or (value and not value.isprintable()):
            raise errors.Invalid(
                _("the header %(name)s must be a printable ASCII text"),
                place="headers",
                name=str(name)[:80],
            )
        if not _HEADER.fullmatch(name) or _OURS.fullmatch(name):
            raise errors.Invalid(
                _("the header %(name)s cannot be chosen"), place="headers", name=str(name)[:80]
            )
    return seals.seal(settings, msgspec.json.encode(given).decode()) if given else ""
