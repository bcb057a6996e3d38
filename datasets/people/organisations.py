"""Keep organisations: agencies, annotation companies, the platform itself."""

from __future__ import annotations

import datetime as dt
import re

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import errors
from ..db import Base, Id, now
from ..errors import _
from .names import clean_line


class Organisation(Base):
    """An agency, an annotation company, or the platform itself."""

    __tablename__ = "organisations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


def add_organisation(session: Session, slug: str, name: str) -> Organisation:
    """Add an organisation; its slug (`[a-z0-9-]`) is its name in catalogue addresses.

    Raises:
        errors.Invalid: the slug is malformed or taken.
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
    session.add(organisation)
    session.flush()
    return organisation


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
