"""Make libraries, find them, change them, and put them away."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..db import now
from ..errors import _
from ..people import Organisation, User
from ..people.names import clean_line
from .rows import MIXED, Asset, AssetKind, Library, TaskOrigin

KINDS = (MIXED, *AssetKind)
# Data levels of GB/T 43697, the highest first.
LEVELS = ("core", "important", "general")
LASTING = ("core", "important")  # where tasks come from is never forgotten
LONGEST_DESCRIPTION = 20_000
MOST_DAYS = 36_500
CHANGEABLE = ("title", "description", "level", "text_key", "retention_days")


def create(
    session: Session,
    actor: User,
    *,
    title: str,
    description: str | None = None,
    kind: str = MIXED,
    level: str | None = None,
    text_key: str | None = None,
    retention_days: int | None = None,
    organisation: Organisation | None = None,
) -> Library:
    """Make a library of the actor's organisation (or, for an administrator, of another).

    Raises:
        errors.Invalid: a value is not usable; names the field.
        errors.Forbidden: the actor may not, or not for that organisation.
    """
    permissions.require(actor, "library.change")
    owner = organisation or actor.organisation
    if owner.id != actor.organisation_id and not permissions.is_everywhere(actor):
        raise errors.Forbidden(_("only an administrator makes libraries for other organisations"))
    given = {
        "title": title,
        "description": description,
        "level": level,
        "text_key": text_key,
        "retention_days": retention_days,
    }
    library = Library(
        uid=str(uuid.uuid4()),
        organisation_id=owner.id,
        kind=_one_of(kind, "kind", KINDS),
        created_by=actor.id,
        assets=0,
        size=0,
        **_checked(given),
    )
    session.add(library)
    session.flush()
    audit.record(
        session,
        actor,
        "library.create",
        f"library/{library.id}",
        title=library.title,
        level=library.level,
    )
    return library


def get(session: Session, user: User | None, library_id: int, action: str) -> Library:
    """Return a library for somebody who wants to do `action`.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    library = session.get(Library, library_id)
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if (
        library is None
        or library.deleted_at is not None
        or not (permissions.is_everywhere(user) or user.organisation_id == library.organisation_id)
    ):
        raise errors.NotFound(_("there is no library %(id)s"), id=library_id)
    permissions.require(user, action, library)
    return library


def listing(
    session: Session,
    user: User,
    *,
    title: str = "",
    kind: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Library]:
    """List the libraries that somebody sees, newest first, by keyset: with ids below `before`."""
    permissions.require(user, "library.read")
    query = sa.select(Library).where(Library.deleted_at.is_(None))
    if not permissions.is_everywhere(user):
        query = query.where(Library.organisation_id == user.organisation_id)
    if title:
        query = query.where(Library.title.icontains(title, autoescape=True))
    if kind is not None:
        query = query.where(Library.kind == kind)
    if before is not None:
        query = query.where(Library.id < before)
    return list(session.scalars(query.order_by(Library.id.desc()).limit(limit)))


def change(session: Session, actor: User, library: Library, **values: Any) -> None:
    """Change a library's title, description, level, text_key or retention_days.

    Raises:
        errors.Invalid: a value is not usable, or cannot be changed; names the field.
    """
    permissions.require(actor, "library.change", library)
    for name in values:
        if name not in CHANGEABLE:
            raise errors.Invalid(
                _("must be one of %(names)s"), place=name[:40], names=", ".join(CHANGEABLE)
            )
    checked = _checked(values)
    # What is published is held against it: who changed it, and from what, is written down.
    told = {"level": [library.level, checked["level"]]} if "level" in checked else {}
    for name, value in checked.items():
        setattr(library, name, value)
    library.updated_at = now()
    session.flush()
    audit.record(
        session, actor, "library.change", f"library/{library.id}", fields=sorted(checked), **told
    )


def remove(session: Session, actor: User, library: Library, *, confirmed: bool = False) -> None:
    """Put a library away: nobody sees it any more; its rows go by a job that the caller asks for.

    Tasks that were made of it stay; what they came from is forgotten, so that takes a word.
    Of important and core data it is never forgotten: what is published is held against it.

    Raises:
        errors.NotFound: somebody else has removed it meanwhile.
        errors.Refused: tasks come from it, and nobody has confirmed, or its level forbids it.
    """
    permissions.require(actor, "library.change", library)
    lock(session, library)
    if not confirmed and has_tasks(session, library):
        raise errors.Refused(
            _("tasks come from this library; confirm that their origin may be forgotten")
        )
    if library.level in LASTING and has_tasks(session, library):
        raise errors.Refused(
            _(
                "tasks come from this library of important or core data: their origin is not "
                "forgotten; delete the tasks first, or put the level right if it is wrong"
            )
        )
    library.deleted_at = now()
    session.flush()
    audit.record(
        session,
        actor,
        "library.delete",
        f"library/{library.id}",
        title=library.title,
        assets=library.assets,
    )


def lock(session: Session, library: Library) -> None:
    """Let those who remove a library and who make tasks of it follow one another until the commit.

    Raises:
        errors.NotFound: it was removed meanwhile.
    """
    session.flush()
    found = session.get(
        Library, library.id, with_for_update={"key_share": True}, populate_existing=True
    )
    if found is None or found.deleted_at is not None:
        raise errors.NotFound(_("there is no library %(id)s"), id=library.id)


def has_tasks(session: Session, library: Library) -> bool:
    """Tell whether tasks were made of a library's assets."""
    found = (
        sa.select(TaskOrigin.task_id)
        .join(Asset, Asset.id == TaskOrigin.asset_id)
        .where(Asset.library_id == library.id)
        .limit(1)
    )
    return session.scalar(found) is not None


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = _CHECKS[name](value)
    return found


def _title(value: Any) -> str:
    return clean_line(_text(value, "title") or "", "title", 200)


def _description(value: Any) -> str | None:
    text = _text(value, "description")
    if text is not None and len(text) > LONGEST_DESCRIPTION:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"),
            place="description",
            longest=LONGEST_DESCRIPTION,
        )
    return text


def _level(value: Any) -> str | None:
    text = _text(value, "level")
    return None if text is None else _one_of(text, "level", LEVELS)


def _text_key(value: Any) -> str | None:
    text = _text(value, "text_key")
    return None if text is None else clean_line(text, "text_key", 200)


def _days(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_DAYS:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="retention_days",
            lowest=1,
            highest=MOST_DAYS,
        )
    return value


_CHECKS = {
    "title": _title,
    "description": _description,
    "level": _level,
    "text_key": _text_key,
    "retention_days": _days,
}


def _text(value: Any, place: str) -> str | None:
    """Return a text, None for none or an empty one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"), place=place)
    return value.replace("\x00", "").strip() or None


def _one_of(value: str, place: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise errors.Invalid(_("must be one of %(names)s"), place=place, names=", ".join(allowed))
    return value
