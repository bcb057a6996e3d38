"""Say who may do what: one table that every route and command asks.

Three questions are asked, in this order: is the thing visible to this person at all
(another organisation's project answers "not found"), does their role allow the act, and is
it one that only the owner's people do. Who may give whom which role is a table too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from . import errors
from .errors import _
from .people import OrganisationKind, Role, User

_READ = {
    "project.read",
    "task.read",
    "annotation.read",
    "prediction.read",
    "job.read",
    "version.read",
    "dataset.read",
    "people.read",
    "account.use",
}

# Raw material before anybody labels it: what may be seen, and what may be done with it.
_SEE_MATERIAL = {"library.read", "finding.read"}
_KEEP_MATERIAL = _SEE_MATERIAL | {
    "library.bring",
    "library.change",
    "feed.manage",
    "recipe.write",
    "cleaning.run",
    "finding.scan",
    "finding.decide",
    "finding.reveal",
    "storage.read",
}

# Asking for a dataset that is open under conditions.
_APPLY = {"dataset.apply"}
_LABEL = {"project.read", "task.read", "task.claim", "task.flag", "annotation.write", "account.use"}
_REVIEW = {
    "project.read",
    "task.read",
    "task.flag",
    "annotation.read",
    "annotation.review",
    "prediction.read",
    "people.read",
    "view.change",
    "account.use",
}
# What it takes to lead a project's people and to answer for the quality of their work.
_LEAD = {
    "assignment.manage",
    "exam.manage",
    "gold.manage",
    "guideline.publish",
    "integrity.decide",
    "quality.read",
    "team.read",
}
_STATISTICS = {"statistics.read", "dataset.read", "account.use"} | _APPLY

# A platform administrator may do everything; nobody may review their own work, but that is a
# rule of reviews, not a right.
ALLOWED: dict[str, frozenset[str]] = {
    Role.REQUESTER: frozenset(
        _READ
        | _LEAD
        | _APPLY
        | _KEEP_MATERIAL
        | {
            "project.create",
            "project.change",
            "task.import",
            "task.change",
            "task.flag",
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
            "dataset.open",
            "dataset.publish",
            "release.push",
            "job.cancel",
            "review.arbitrate",
        }
    ),
    Role.ACCEPTANCE_INSPECTOR: frozenset(
        _READ | _APPLY | _SEE_MATERIAL | {"lot.inspect", "quality.read", "view.change"}
    ),
    Role.ANNOTATION_MANAGER: frozenset(
        _READ
        | _LEAD
        | _APPLY
        | _SEE_MATERIAL
        | {"cleaning.run", "finding.scan", "finding.decide"}
        | {
            "project.change",
            "task.import",
            "task.change",
            "task.flag",
            "prelabel.run",
            "annotation.export",
            "prediction.write",
            "view.change",
            "job.cancel",
        }
    ),
    Role.VENDOR_ADMIN: frozenset(
        _READ
        | _APPLY
        | {
            "prelabel.run",
            "task.import",
            "annotation.write",
            "annotation.export",
            "prediction.write",
            "view.change",
            "job.cancel",
            "people.manage",
            "team.manage",
            "team.read",
            "assignment.manage",
            "quality.read",
        }
    ),
    Role.TEAM_LEADER: frozenset(
        _READ | _APPLY | {"view.change", "assignment.manage", "quality.read", "team.read"}
    ),
    Role.ANNOTATOR: frozenset(_LABEL | _APPLY),
    Role.SPEED_TESTER: frozenset(_LABEL | _APPLY | {"quality.read"}),
    Role.REVIEWER: frozenset(_REVIEW | _APPLY),
    Role.ARBITRATOR: frozenset(
        _REVIEW | _APPLY | {"review.arbitrate", "gold.manage", "quality.read"}
    ),
    Role.MODEL_BUILDER: frozenset({"dataset.read", "account.use"} | _APPLY),
    Role.REGULATOR: frozenset(_STATISTICS),
    Role.INDUSTRY_OFFICER: frozenset(_STATISTICS),
    Role.SYSTEM_ADMIN: frozenset(
        {"platform.operate", "job.read", "job.cancel", "storage.manage", "account.use"}
    ),
    Role.SECURITY_ADMIN: frozenset(
        {
            "people.read",
            "people.manage",
            "team.read",
            "team.manage",
            "organisation.manage",
            "account.use",
        }
    ),
    Role.AUDIT_ADMIN: frozenset({"audit.read", "account.use"}),
}

# Whoever has an account may speak about what is published, but for the three administrators,
# who do their own part and nothing else.
_ADMINISTERING = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
ALLOWED.update(
    {
        role: rights | {"discussion.write"}
        for role, rights in ALLOWED.items()
        if role not in _ADMINISTERING
    }
)

# Files are uploaded in pieces by whoever may bring them somewhere. To change or delete what
# they go to is another right, which a token that only brings does not have.
_BRINGING = frozenset({"task.import", "library.bring"})
ALLOWED.update(
    {role: rights | {"transfer.write"} for role, rights in ALLOWED.items() if rights & _BRINGING}
)

ACTIONS = frozenset().union(*ALLOWED.values())

# What the people of a company that works on a project never do there, whatever their role:
# these acts belong to its owner, or judge the company's own work.
OWNERS_ONLY = frozenset(
    {
        "annotation.change",
        "connection.manage",
        "dataset.open",
        "dataset.publish",
        "exam.manage",
        "finding.decide",
        "finding.reveal",
        "finding.scan",
        "gold.manage",
        "guideline.publish",
        "integrity.decide",
        "lot.inspect",
        "project.change",
        "release.push",
        "task.change",
        "version.freeze",
    }
)

# The three administrators of GB/T 22239. Nobody gives these roles to anybody: they are made
# at the machine, so that none of the three can make itself another.
THREE_ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})

# Who may give which roles, and manage those who have them.
GRANTS: dict[str, frozenset[str]] = {
    Role.PLATFORM_ADMIN: frozenset(Role) - THREE_ADMINISTRATORS,
    Role.SECURITY_ADMIN: frozenset(Role) - THREE_ADMINISTRATORS - {Role.PLATFORM_ADMIN},
    Role.VENDOR_ADMIN: frozenset(
        {
            Role.VENDOR_ADMIN,
            Role.TEAM_LEADER,
            Role.ANNOTATOR,
            Role.REVIEWER,
            Role.SPEED_TESTER,
        }
    ),
}

# Those who label for others, and those who may also label for themselves.
_CREW = frozenset(
    {
        Role.ANNOTATION_MANAGER,
        Role.TEAM_LEADER,
        Role.ANNOTATOR,
        Role.REVIEWER,
        Role.SPEED_TESTER,
    }
)
_ASKING = _CREW | {Role.REQUESTER, Role.ACCEPTANCE_INSPECTOR, Role.ARBITRATOR}

# Which roles people of an organisation have, by what it is there for: a company that labels
# has nobody who accepts, and only the platform has administrators. Where nobody has said what
# it is, it holds any role, as an installation of a few people needs.
HOLDS: dict[str, frozenset[str]] = {
    OrganisationKind.REQUESTER: _ASKING,
    OrganisationKind.VENDOR: _CREW | {Role.VENDOR_ADMIN},
    OrganisationKind.BUILDER: _ASKING | {Role.MODEL_BUILDER},
    OrganisationKind.BUREAU: frozenset(
        {
            Role.REGULATOR,
            Role.INDUSTRY_OFFICER,
            Role.REQUESTER,
            Role.ACCEPTANCE_INSPECTOR,
            Role.ANNOTATION_MANAGER,
            Role.ARBITRATOR,
        }
    ),
    OrganisationKind.PLATFORM: frozenset(
        THREE_ADMINISTRATORS | {Role.PLATFORM_ADMIN, Role.ANNOTATION_MANAGER, Role.ARBITRATOR}
    ),
    "": frozenset(Role),
}

# What a token may be limited to; it never gives a right that its person lacks.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset(_READ),
    "label": frozenset(_READ | {"task.claim", "task.flag", "annotation.write"}),
    "review": frozenset(_READ | {"annotation.review", "review.arbitrate"}),
    "import": frozenset(
        _READ | _BRINGING | {"prediction.write", "prelabel.run", "library.read", "transfer.write"}
    ),
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


def sees_everybody(user: User) -> bool:
    """Tell whether the user sees and manages the people of every organisation."""
    return allows(user, "organisation.manage")


def operates(user: User) -> bool:
    """Tell whether the user looks after every organisation's jobs, though not their data."""
    return allows(user, "platform.operate")


def may_grant(user: User, role: str, organisation_id: int) -> bool:
    """Tell whether the user may give this role to people of that organisation."""
    if not allows(user, "people.manage") or role not in GRANTS.get(user.role, frozenset()):
        return False
    return sees_everybody(user) or organisation_id == user.organisation_id


def grantable(user: User) -> list[str]:
    """List the roles that the user may give, in the order of `Role`."""
    return [role for role in Role if role in GRANTS.get(user.role, frozenset())]


def allows(user: User, action: str) -> bool:
    """Tell whether the user's role has the right, wherever it applies."""
    if action not in ACTIONS:
        raise KeyError(action)
    if user.scopes and not any(action in SCOPES.get(scope, ()) for scope in user.scopes):
        return False
    return user.role == Role.PLATFORM_ADMIN or action in ALLOWED.get(user.role, frozenset())


def would(user: User, action: str, owned: Owned) -> bool:
    """Tell whether `require` would let the user do this with a thing that they see."""
    return allows(user, action) and (action not in OWNERS_ONLY or _is_owner(user, owned))


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
        errors.Forbidden: their role does not have the right, or only the owner's people do.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if owned is not None and not sees(user, owned):
        raise errors.NotFound(_("there is no such thing here"))
    if not allows(user, action):
        if user.scopes and action in ALLOWED.get(user.role, ACTIONS):
            raise errors.Forbidden(
                _("this token is limited to %(scopes)s, which does not give %(action)s"),
                scopes=", ".join(user.scopes),
                action=action,
            )
        raise errors.Forbidden(
            _("the role %(role)s does not have the right %(action)s"), role=user.role, action=action
        )
    if owned is not None and action in OWNERS_ONLY and not _is_owner(user, owned):
        raise errors.Forbidden(_("only the people of the project's owner do this"))
    return user


def _is_owner(user: User, owned: Owned) -> bool:
    return is_everywhere(user) or user.organisation_id == owned.organisation_id
