"""Add and change organisations, which hold only the roles of their kind; audited."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, people, permissions
from ..errors import _
from ..people import Organisation, User


def add_organisation(
    session: Session, actor: User, slug: str, name: str, **described: str
) -> Organisation:
    """Add an organisation.

    Raises:
        errors.Forbidden: the actor does not manage organisations.
        errors.Invalid: as `people.add_organisation`.
    """
    permissions.require(actor, "organisation.manage")
    made = people.add_organisation(session, slug, name, **described)
    audit.record(session, actor, "organisation.create", f"organisation/{made.slug}", **described)
    return made


def change_organisation(
    session: Session, actor: User, found: Organisation, **described: str | None
) -> None:
    """Change what is known of an organisation.

    Its name may be changed by those who manage its people; what it is there for, and what
    the statistics are made of, by who manages organisations.

    Raises:
        errors.Forbidden: the actor may not.
        errors.Invalid: a value is not one of its kind, or somebody there has a role that an
            organisation of that kind does not hold.
    """
    only_name = set(described) <= {"name"}
    permissions.require(actor, "people.manage" if only_name else "organisation.manage")
    people.describe_organisation(session, found, **described)
    _check_people_fit(session, found)
    audit.record(session, actor, "organisation.change", f"organisation/{found.slug}", **described)
    session.flush()


def _check_people_fit(session: Session, found: Organisation) -> None:
    held = permissions.HOLDS.get(found.kind, frozenset())
    query = sa.select(User.username, User.role).where(
        User.organisation_id == found.id, User.is_active, User.role.not_in(held)
    )
    with session.no_autoflush:
        stranger = session.execute(query.order_by(User.username).limit(1)).first()
    if stranger is not None:
        raise errors.Invalid(
            _("%(username)s has the role %(role)s, which an organisation of this kind has not"),
            place="kind",
            username=stranger.username,
            role=stranger.role,
        )
