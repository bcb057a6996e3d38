"""Keep organisations: agencies, annotation companies, the platform itself."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from .credit_codes import checked_credit_code
from .names import clean_line

# The sections of GB/T 4754-2017 that an organisation's industry is named by.
INDUSTRIES = "ABCDEFGHIJKLMNOPQRST"


class OrganisationKind(StrEnum):
    """What an organisation is there for; "" in the table where nobody has said it yet."""

    REQUESTER = "requester"
    VENDOR = "vendor"
    BUILDER = "builder"
    BUREAU = "bureau"
    PLATFORM = "platform"


class Organisation(Base):
    """An agency, an annotation company, or the platform itself."""

    __tablename__ = "organisations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str]
    # One of OrganisationKind, "" while nobody has said it.
    kind: Mapped[str] = mapped_column(sa.String(20), default="")
    # Six digits of GB/T 2260, "" where it is not known.
    district: Mapped[str] = mapped_column(sa.String(6), default="")
    # A section of GB/T 4754, "" where it is not known.
    industry: Mapped[str] = mapped_column(sa.String(1), default="")
    credit_code: Mapped[str | None] = mapped_column(sa.String(18), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def add_organisation(
    session: Session,
    slug: str,
    name: str,
    *,
    kind: str = "",
    district: str = "",
    industry: str = "",
    credit_code: str = "",
) -> Organisation:
    """Add an organisation; its slug (`[a-z0-9-]`) is its name in catalogue addresses.

    Raises:
        errors.Invalid: the slug is malformed or taken, or as `describe_organisation`.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", slug) or "--" in slug:
        raise errors.Invalid(
            _("must be 1 to 40 of a–z, 0–9 and single hyphens, not “%(slug)s”"),
            place="slug",
            slug=slug[:80],
        )
    if find_organisation(session, slug) is not None:
        raise errors.Invalid(_("“%(slug)s” is taken"), place="slug", slug=slug)
    organisation = Organisation(slug=slug, name=clean_line(name or slug, "name", 200))
    describe_organisation(
        session,
        organisation,
        kind=kind,
        district=district,
        industry=industry,
        credit_code=credit_code,
    )
    session.add(organisation)
    session.flush()
    return organisation


def describe_organisation(
    session: Session,
    organisation: Organisation,
    *,
    name: str | None = None,
    kind: str | None = None,
    district: str | None = None,
    industry: str | None = None,
    credit_code: str | None = None,
) -> None:
    """Change what is known of an organisation; None leaves it, "" takes it away.

    Raises:
        errors.Invalid: a value is not one of its kind, or another has the credit code.
    """
    if name is not None:
        organisation.name = clean_line(name, "name", 200)
    if kind is not None:
        organisation.kind = _one_of(kind, "kind", [*OrganisationKind])
    if industry is not None:
        organisation.industry = _one_of(industry.upper(), "industry", [*INDUSTRIES])
    if district is not None:
        if not re.fullmatch(r"(?:[1-9][0-9]{5})?", district):
            raise errors.Invalid(_("must be six digits of GB/T 2260"), place="district")
        organisation.district = district
    if credit_code is not None:
        code = checked_credit_code(credit_code)
        owner = None if code is None else _owner_of(session, code)
        if owner is not None and owner is not organisation:
            raise errors.Invalid(_("another organisation has this code"), place="credit_code")
        organisation.credit_code = code


def _one_of(value: str, place: str, known: list[str]) -> str:
    if value and value not in known:
        names = ", ".join(known)
        raise errors.Invalid(_("must be one of %(names)s"), place=place, names=names)
    return str(value)


def _owner_of(session: Session, credit_code: str) -> Organisation | None:
    with session.no_autoflush:
        return session.scalar(
            sa.select(Organisation).where(Organisation.credit_code == credit_code)
        )


def find_organisation(session: Session, slug: str) -> Organisation | None:
    """Return the organisation of that slug."""
    return session.scalar(sa.select(Organisation).where(Organisation.slug == slug))


def get_organisation(session: Session, slug: str) -> Organisation:
    """Return the organisation of that slug.

    Raises:
        errors.NotFound: there is none.
    """
    organisation = find_organisation(session, slug)
    if organisation is None:
        raise errors.NotFound(_("there is no organisation “%(slug)s”"), slug=slug[:80])
    return organisation


def names_by_slug(session: Session, slugs: Iterable[str]) -> dict[str, str]:
    """Return slug → name of those of the slugs that there are, in one query."""
    rows = session.execute(
        sa.select(Organisation.slug, Organisation.name).where(Organisation.slug.in_(list(slugs)))
    )
    return {slug: name for slug, name in rows}


def organisation_by_id(session: Session, organisation_id: int) -> Organisation:
    """Return the organisation of that number.

    Raises:
        errors.NotFound: there is none.
    """
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise errors.NotFound(_("there is no organisation %(id)s"), id=organisation_id)
    return organisation


def organisations(session: Session) -> list[Organisation]:
    """List all organisations by slug."""
    return list(session.scalars(sa.select(Organisation).order_by(Organisation.slug)))
