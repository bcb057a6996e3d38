"""Say who may do what: one table that every route and command asks.

Two questions are asked, in this order: is the thing visible to this person at all
(another organisation's project answers "not found"), and does their role allow the act.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from . import errors
from .errors import _
from .people import Role, User

_READ = {
    "project.read",
    "task.read",
    "annotation.read",
    "prediction.read",
    "job.read",
    "version.read",
    "dataset.read",
    "account.use",
}

# Platform administrators may do everything; nobody may review their own work, but that
# is a rule of reviews, not a right.
ALLOWED: dict[str, frozenset[str]] = {
    Role.REQUESTER: frozenset(
        _READ
        | {
            "project.create",
            "project.change",
            "task.import",
            "task.change",
            "prelabel.run",
            "annotation.review",
            "annotation.write",
            "annotation.change",
            "annotation.export",
            "prediction.write",
            "connection.manage",
            "view.change",
            "version.freeze",
            "version.export",
            "dataset.publish",
            "job.cancel",
        }
    ),
    Role.VENDOR_ADMIN: frozenset(
        _READ
        | {
            "prelabel.run",
            "task.import",
            "annotation.write",
            "annotation.export",
            "prediction.write",
            "view.change",
            "job.cancel",
            "people.manage",
        }
    ),
    Role.ANNOTATOR: frozenset(
        {"project.read", "task.read", "task.claim", "annotation.write", "account.use"}
    ),
    Role.REVIEWER: frozenset(
        {
            "project.read",
            "task.read",
            "annotation.read",
            "annotation.review",
            "prediction.read",
            "view.change",
            "account.use",
        }
    ),
}

ADMIN_ONLY = frozenset({"organisation.manage", "audit.read", "platform.operate"})

ACTIONS = frozenset().union(*ALLOWED.values(), ADMIN_ONLY, {"task.claim", "people.manage"})


# What a token may be limited to; it never gives a right that its person lacks.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset(_READ),
    "label": frozenset(_READ | {"task.claim", "annotation.write"}),
    "review": frozenset(_READ | {"annotation.review"}),
    "import": frozenset(_READ | {"task.import", "prediction.write", "prelabel.run"}),
    "export": frozenset(_READ | {"annotation.export", "version.export"}),
}


class Owned(Protocol):
    """Something that belongs to an organisation and may be worked on by a vendor."""

    @property
    def organisation_id(self) -> int:
        """Return the owner's id."""

    @property
    def vendor_id(self) -> int | None:
        """Return the id of the annotation company that works on it."""


def is_everywhere(user: User) -> bool:
    """Tell whether the user sees every organisation's things."""
    return user.role == Role.PLATFORM_ADMIN


def allows(user: User, action: str) -> bool:
    """Tell whether the user's role has the right, wherever it applies."""
    if action not in ACTIONS:
        raise KeyError(action)
    if user.scopes and not any(action in SCOPES.get(scope, ()) for scope in user.scopes):
        return False
    return user.role == Role.PLATFORM_ADMIN or action in ALLOWED.get(user.role, frozenset())


def checked_scopes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes in order, each once; "all" or none at all means no limit.

    Raises:
        errors.Invalid: one is not known.
    """
    wanted = tuple(dict.fromkeys(names))
    if "all" in wanted:
        return ()
    strange = [name for name in wanted if name not in SCOPES]
    if strange:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="scopes", names=", ".join([*SCOPES, "all"])
        )
    return wanted


def sees(user: User, owned: Owned) -> bool:
    """Tell whether the user's organisation owns the thing or works on it."""
    return user.role == Role.PLATFORM_ADMIN or user.organisation_id in (
        owned.organisation_id,
        owned.vendor_id,
    )


def require(user: User | None, action: str, owned: Owned | None = None) -> User:
    """Return the user if they may do this.

    Raises:
        errors.NotSignedIn: nobody is signed in.
        errors.NotFound: the thing belongs to an organisation that the user is not part of.
        errors.Forbidden: their role does not have the right.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if owned is not None and not sees(user, owned):
        raise errors.NotFound(_("there is no such thing here"))
    if not allows(user, action):
        raise errors.Forbidden(
            _("the role %(role)s does not have the right %(action)s"), role=user.role, action=action
        )
    return user
