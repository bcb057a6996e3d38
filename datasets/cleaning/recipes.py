"""Keep recipes as named things in versions that never change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..db import now
from ..errors import _
from ..people import User
from .rows import Recipe, RecipeVersion
from .steps import Step, StepChange, canonical, changes, checked_steps, digest

__all__ = [
    "LONGEST_DESCRIPTION",
    "LONGEST_NAME",
    "LONGEST_NOTE",
    "Listed",
    "StepChange",
    "add_version",
    "archive",
    "canonical",
    "change",
    "changes",
    "checked_steps",
    "create",
    "digest",
    "find",
    "get",
    "get_version",
    "listing",
    "newest",
    "restore",
    "version",
    "versions",
]

LONGEST_NAME = 80
LONGEST_DESCRIPTION = 2000
LONGEST_NOTE = 500
MOST_RECIPES = 500  # of one organisation
LARGEST_NUMBER = 2**31 - 1  # of a version


@dataclass(frozen=True)
class Listed:
    """A recipe as lists show it, with its newest version."""

    recipe: Recipe
    newest: RecipeVersion


def create(
    session: Session, actor: User, *, name: str, steps: Any, description: str = "", note: str = ""
) -> tuple[Recipe, RecipeVersion]:
    """Add a recipe to the actor's organisation with its version 1.

    Raises:
        errors.Forbidden: the actor's role may not write recipes.
        errors.Invalid: the name is empty or taken, or the steps are wrong.
    """
    permissions.require(actor, "recipe.write")
    checked = checked_steps(steps)
    clean = _checked_name(session, actor.organisation_id, name)
    own = sa.select(sa.func.count()).where(Recipe.organisation_id == actor.organisation_id)
    if session.scalars(own).one() >= MOST_RECIPES:
        raise errors.TooLarge(
            _("an organisation has at most %(most)s recipes"), place="name", most=MOST_RECIPES
        )
    recipe = Recipe(
        organisation_id=actor.organisation_id,
        name=clean,
        description=_checked_description(description),
        created_by=actor.id,
    )
    session.add(recipe)
    try:
        session.flush()
    except sa.exc.IntegrityError as problem:
        raise _taken(clean) from problem
    first = _written(session, actor, recipe, 1, checked, note)
    audit.record(session, actor, "recipe.create", f"recipe/{recipe.id}", digest=first.digest)
    return recipe, first


def add_version(
    session: Session, actor: User, recipe: Recipe, steps: Any, *, note: str = "", after: int = 0
) -> RecipeVersion:
    """Add the next version of a recipe; `after`, if given, is the newest that the actor saw.

    Raises:
        errors.Forbidden, errors.NotFound: it is not the actor's to change.
        errors.Invalid: the steps are wrong.
        errors.Stale: somebody added a version meanwhile.
        errors.Refused: it is archived, or its newest version has the very same steps.
    """
    permissions.require(actor, "recipe.write", recipe)
    checked = checked_steps(steps)
    # Two who save at once come one after the other.
    session.refresh(recipe, with_for_update=True)
    if recipe.archived_at is not None:
        raise errors.Refused(_("the recipe is archived: restore it first"))
    last = newest(session, recipe)
    if after and last.number != after:
        raise errors.Stale(
            _("version %(number)s was added meanwhile: look at it first"), number=last.number
        )
    if last.digest == digest(checked):
        raise errors.Refused(_("version %(number)s has the same steps"), number=last.number)
    added = _written(session, actor, recipe, last.number + 1, checked, note)
    told = {"number": added.number, "digest": added.digest}
    audit.record(session, actor, "recipe.version", f"recipe/{recipe.id}", **told)
    return added


def change(
    session: Session,
    actor: User,
    recipe: Recipe,
    *,
    name: str | None = None,
    description: str | None = None,
) -> None:
    """Give a recipe another name or description; its versions stay what they are.

    Raises:
        errors.Forbidden, errors.NotFound: it is not the actor's to change.
        errors.Invalid: the name is empty or taken.
    """
    permissions.require(actor, "recipe.write", recipe)
    if name is not None and name.strip() != recipe.name:
        recipe.name = _checked_name(session, recipe.organisation_id, name)
    if description is not None:
        recipe.description = _checked_description(description)
    try:
        session.flush()
    except sa.exc.IntegrityError as problem:
        raise _taken(str(name)) from problem
    audit.record(session, actor, "recipe.change", f"recipe/{recipe.id}")


def archive(session: Session, actor: User, recipe: Recipe) -> None:
    """Take a recipe out of the lists; what it cleaned still names it."""
    permissions.require(actor, "recipe.write", recipe)
    if recipe.archived_at is None:
        recipe.archived_at = now()
        audit.record(session, actor, "recipe.archive", f"recipe/{recipe.id}")


def restore(session: Session, actor: User, recipe: Recipe) -> None:
    """Bring an archived recipe back into the lists."""
    permissions.require(actor, "recipe.write", recipe)
    if recipe.archived_at is not None:
        recipe.archived_at = None
        audit.record(session, actor, "recipe.restore", f"recipe/{recipe.id}")


def get(session: Session, user: User, recipe_id: int, action: str = "library.read") -> Recipe:
    """Return a recipe of the user's organisation.

    Raises:
        errors.NotFound: there is none, or it is another organisation's.
        errors.Forbidden: the user's role may not do this.
    """
    recipe = session.get(Recipe, recipe_id)
    if recipe is None:
        raise errors.NotFound(_("there is no such thing here"))
    permissions.require(user, action, recipe)
    return recipe


def find(session: Session, user: User, reference: str, action: str = "library.read") -> Recipe:
    """Return a recipe by its number, or by its name within the user's organisation.

    Raises:
        errors.NotFound: there is none.
    """
    if reference.isascii() and reference.isdigit() and len(reference) < 18:
        return get(session, user, int(reference), action)
    query = sa.select(Recipe).where(
        Recipe.organisation_id == user.organisation_id, Recipe.name == reference
    )
    recipe = session.scalars(query).first()
    if recipe is None:
        raise errors.NotFound(_("there is no recipe “%(name)s”"), name=reference[:80])
    permissions.require(user, action, recipe)
    return recipe


def version(session: Session, recipe: Recipe, number: int = 0) -> RecipeVersion:
    """Return a version by its number, the newest for 0.

    Raises:
        errors.NotFound: there is none of that number.
    """
    if number == 0:
        return newest(session, recipe)
    query = sa.select(RecipeVersion).where(
        RecipeVersion.recipe_id == recipe.id, RecipeVersion.number == number
    )
    # PostgreSQL takes no number that the column could not hold, not even to compare.
    found = session.scalars(query).first() if number <= LARGEST_NUMBER else None
    if found is None:
        raise errors.NotFound(_("the recipe has no version %(number)s"), number=number)
    return found


def get_version(
    session: Session, user: User, version_id: int, action: str = "library.read"
) -> tuple[Recipe, RecipeVersion]:
    """Return a version with its recipe, by the version's own id.

    Raises:
        errors.NotFound: there is none, or it is another organisation's.
    """
    found = session.get(RecipeVersion, version_id)
    if found is None:
        raise errors.NotFound(_("there is no such thing here"))
    return get(session, user, found.recipe_id, action), found


def newest(session: Session, recipe: Recipe) -> RecipeVersion:
    """Return the newest version of a recipe."""
    query = sa.select(RecipeVersion).where(RecipeVersion.recipe_id == recipe.id)
    return session.scalars(query.order_by(RecipeVersion.number.desc()).limit(1)).one()


def versions(
    session: Session, recipe: Recipe, *, before: int | None = None, limit: int = 50
) -> list[RecipeVersion]:
    """List the versions of a recipe, newest first, before a number."""
    query = sa.select(RecipeVersion).where(RecipeVersion.recipe_id == recipe.id)
    if before is not None:
        query = query.where(RecipeVersion.number < before)
    return list(session.scalars(query.order_by(RecipeVersion.number.desc()).limit(limit)))


def listing(
    session: Session,
    user: User,
    *,
    organisation_id: int | None = None,
    is_archived: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Listed]:
    """List the recipes that the user sees, newest first, before an id; of one owner if told."""
    permissions.require(user, "library.read")
    last = (
        sa.select(RecipeVersion.recipe_id, sa.func.max(RecipeVersion.number).label("number"))
        .group_by(RecipeVersion.recipe_id)
        .subquery()
    )
    query = (
        sa.select(Recipe, RecipeVersion)
        .join(last, last.c.recipe_id == Recipe.id)
        .join(
            RecipeVersion,
            sa.and_(RecipeVersion.recipe_id == Recipe.id, RecipeVersion.number == last.c.number),
        )
        .where(Recipe.archived_at.is_not(None) if is_archived else Recipe.archived_at.is_(None))
    )
    if not permissions.is_everywhere(user):
        query = query.where(Recipe.organisation_id == user.organisation_id)
    if organisation_id is not None:
        query = query.where(Recipe.organisation_id == organisation_id)
    if before is not None:
        query = query.where(Recipe.id < before)
    rows: Iterable[Any] = session.execute(query.order_by(Recipe.id.desc()).limit(limit))
    return [Listed(recipe, last_version) for recipe, last_version in rows]


def _written(
    session: Session, actor: User, recipe: Recipe, number: int, steps: list[Step], note: str
) -> RecipeVersion:
    if len(note) > LONGEST_NOTE:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place="note", longest=LONGEST_NOTE
        )
    added = RecipeVersion(
        recipe_id=recipe.id,
        number=number,
        steps=canonical(steps),
        digest=digest(steps),
        note=note.strip() or None,
        created_by=actor.id,
    )
    session.add(added)
    session.flush()
    return added


def _checked_name(session: Session, organisation_id: int, name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME:
        raise errors.Invalid(
            _("must have 1 to %(longest)s characters"), place="name", longest=LONGEST_NAME
        )
    if clean.isdigit():
        raise errors.Invalid(_("must not be a number only"), place="name")
    same = sa.select(Recipe.id).where(
        Recipe.organisation_id == organisation_id, Recipe.name == clean
    )
    if session.scalars(same).first() is not None:
        raise _taken(clean)
    return clean


def _taken(name: str) -> errors.Invalid:
    return errors.Invalid(
        _("there is a recipe “%(name)s” already, perhaps an archived one"), place="name", name=name
    )


def _checked_description(text: str) -> str | None:
    if len(text) > LONGEST_DESCRIPTION:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"),
            place="description",
            longest=LONGEST_DESCRIPTION,
        )
    return text.strip() or None
