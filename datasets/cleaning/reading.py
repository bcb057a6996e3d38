"""Read cleanings and what became of each record: in pages, as a trace, duplicates by groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, libraries, permissions
from ..errors import _
from ..jobs import Job
from ..libraries import Asset, Library
from ..people import User
from .rows import CleanedRecord, Cleaning, Recipe, RecipeVersion, RecordState

# Characters of a text that a page shows; a trace has all of it.
SHOWN_CHARACTERS = 4000
SHOWN_OF_GROUP = 6


@dataclass(frozen=True)
class Run:
    """A cleaning with what it ran, on what, and its job (None once that was cleared away)."""

    cleaning: Cleaning
    library: Library
    recipe: Recipe
    version: RecipeVersion
    job: Job | None


@dataclass(frozen=True)
class Chosen:
    """Which records are meant: of a state, touched by a step (from 0), left out for a reason."""

    state: RecordState | None = None
    step: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one record; texts of things that are stored bytes are None.

    `before` and `after` are texts, `is_cut` tells whether they were longer; `digests` are those
    before and after, `sizes` in bytes.
    """

    id: int
    asset_id: int
    part: int
    name: str
    kind: str
    state: RecordState
    before: str | None
    after: str | None
    is_cut: bool
    digests: tuple[str, str | None]
    sizes: tuple[int, int | None]
    changed_steps: tuple[int, ...]
    dropped_step: int | None
    reason: str | None
    duplicate_of: int | None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Records that were taken for the same: the one that was kept, and some of the others."""

    kept_asset_id: int
    number: int
    kept: Trace | None
    others: list[Trace] = field(default_factory=list)


def get(session: Session, user: User, cleaning_id: int, action: str = "library.read") -> Run:
    """Return a cleaning of a library of the user's organisation.

    Raises:
        errors.NotFound: there is none, or it is another organisation's.
        errors.Forbidden: the user's role may not do this.
    """
    found = session.execute(_runs().where(Cleaning.id == cleaning_id)).first()
    if found is None or found[1].deleted_at is not None:
        raise errors.NotFound(_("there is no such thing here"))
    permissions.require(user, action, found[1])
    return Run(*found)


def of_library(
    session: Session, library: Library, *, before: int | None = None, limit: int = 20
) -> list[Run]:
    """List the cleanings of a library, newest first, before an id."""
    query = _runs().where(Cleaning.library_id == library.id)
    if before is not None:
        query = query.where(Cleaning.id < before)
    return [Run(*row) for row in session.execute(query.order_by(Cleaning.id.desc()).limit(limit))]


def of_recipe(session: Session, recipe: Recipe, *, limit: int = 20) -> list[Run]:
    """List the newest cleanings that ran any version of a recipe."""
    query = _runs().where(RecipeVersion.recipe_id == recipe.id, Library.deleted_at.is_(None))
    return [Run(*row) for row in session.execute(query.order_by(Cleaning.id.desc()).limit(limit))]


def records(
    session: Session,
    cleaning: Cleaning,
    chosen: Chosen | None = None,
    *,
    after: int = 0,
    limit: int = 50,
    longest: int | None = SHOWN_CHARACTERS,
) -> list[Trace]:
    """List what became of records, in order of ids, after one; texts cut at `longest`.

    Whole texts (`longest` None) come as many as fit into memory together, at least one while
    there are any.
    """
    wanted = chosen or Chosen()
    query = _records(longest)
    if longest is None:
        sizes = sa.select(CleanedRecord.id, held_bytes()).join(
            Asset, Asset.id == CleanedRecord.asset_id
        )
        found = session.execute(_page(sizes, cleaning, wanted, after, limit))
        ids = libraries.fitting((number, size) for number, size in found)
        query = query.where(CleanedRecord.id.in_(ids)).order_by(CleanedRecord.id)
    else:
        query = _page(query, cleaning, wanted, after, limit)
    return _traces(session.execute(query), longest)


def groups(session: Session, cleaning: Cleaning, *, after: int = 0, limit: int = 20) -> list[Group]:
    """List groups of duplicates in order of the assets that were kept, after one of them."""
    counted = (
        sa.select(CleanedRecord.duplicate_of, sa.func.count())
        .where(CleanedRecord.cleaning_id == cleaning.id, CleanedRecord.duplicate_of > after)
        .group_by(CleanedRecord.duplicate_of)
        .order_by(CleanedRecord.duplicate_of)
        .limit(limit)
    )
    numbers = {int(asset or 0): int(number) for asset, number in session.execute(counted)}
    if not numbers:
        return []
    # A few of each: a group may have any number of members.
    few = [
        sa.select(
            sa.select(CleanedRecord.id)
            .where(CleanedRecord.cleaning_id == cleaning.id, CleanedRecord.duplicate_of == asset)
            .order_by(CleanedRecord.id)
            .limit(SHOWN_OF_GROUP)
            .subquery()
        )
        for asset in numbers
    ]
    members = _traces(
        session.execute(
            _records(SHOWN_CHARACTERS)
            .where(CleanedRecord.id.in_(sa.union_all(*few).subquery().select()))
            .order_by(CleanedRecord.id)
        ),
        SHOWN_CHARACTERS,
    )
    kept = {
        row.asset_id: row
        for row in _traces(
            session.execute(
                _records(SHOWN_CHARACTERS).where(
                    CleanedRecord.cleaning_id == cleaning.id,
                    CleanedRecord.asset_id.in_(list(numbers)),
                    CleanedRecord.part == 0,
                )
            ),
            SHOWN_CHARACTERS,
        )
    }
    return [
        Group(
            asset, number, kept.get(asset), [each for each in members if each.duplicate_of == asset]
        )
        for asset, number in numbers.items()
    ]


def held_bytes() -> sa.ColumnElement[int]:
    """Return the expression of the bytes of a record and its asset, for `libraries.fitting`."""
    size = sa.func.coalesce(CleanedRecord.size, Asset.size)
    text = sa.case((CleanedRecord.text.is_not(None), size), else_=0)
    return libraries.held_bytes() + text + sa.func.length(CleanedRecord.facts)


def _runs() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(Cleaning, Library, Recipe, RecipeVersion, Job)
        .join(Library, Library.id == Cleaning.library_id)
        .join(RecipeVersion, RecipeVersion.id == Cleaning.recipe_version_id)
        .join(Recipe, Recipe.id == RecipeVersion.recipe_id)
        .outerjoin(Job, Job.id == Cleaning.job_id)
    )


def _page(
    query: sa.Select[*tuple[Any, ...]], cleaning: Cleaning, chosen: Chosen, after: int, limit: int
) -> sa.Select[*tuple[Any, ...]]:
    mine = query.where(CleanedRecord.cleaning_id == cleaning.id, CleanedRecord.id > after)
    return _narrowed(mine, chosen).order_by(CleanedRecord.id).limit(limit)


def _records(longest: int | None) -> sa.Select[*tuple[Any, ...]]:
    texts = [Asset.text, CleanedRecord.text]
    if longest is not None:
        texts = [sa.func.substr(each, 1, longest + 1) for each in texts]  # type: ignore[misc]
    return sa.select(
        CleanedRecord.id,
        CleanedRecord.asset_id,
        CleanedRecord.part,
        Asset.name,
        Asset.kind,
        CleanedRecord.state,
        *texts,
        Asset.digest,
        CleanedRecord.digest,
        Asset.size,
        CleanedRecord.size,
        CleanedRecord.changed_steps,
        CleanedRecord.dropped_step,
        CleanedRecord.reason,
        CleanedRecord.duplicate_of,
        CleanedRecord.facts,
    ).join(Asset, Asset.id == CleanedRecord.asset_id)


def _traces(rows: Sequence[Any] | sa.Result[Any], longest: int | None) -> list[Trace]:
    found = []
    for row in rows:
        number, asset, part, name, kind, state, before, text, digest, digest_after, *rest = tuple(
            row
        )
        size, size_after, changed, dropped, reason, duplicate, facts = rest
        # What no step changed is as it came.
        after = before if text is None else text
        is_cut = longest is not None and max(len(before or ""), len(after or "")) > longest
        found.append(
            Trace(
                number,
                asset,
                part,
                name,
                kind,
                RecordState(state),
                before[:longest] if before is not None else None,
                after[:longest] if after is not None else None,
                is_cut,
                (digest, digest_after),
                (size, size_after),
                tuple(msgspec.json.decode(changed)),
                dropped,
                reason,
                duplicate,
                dict(msgspec.json.decode(facts)),
            )
        )
    return found


def _narrowed(query: sa.Select[*tuple[Any, ...]], chosen: Chosen) -> sa.Select[*tuple[Any, ...]]:
    if chosen.state is not None:
        query = query.where(CleanedRecord.state == chosen.state)
    if chosen.reason:
        query = query.where(CleanedRecord.reason == chosen.reason)
    if chosen.step is not None:
        step = int(chosen.step)
        # The list of places as JSON: [1], [1,3] …
        listed = [f"[{step}]", f"[{step},%", f"%,{step},%", f"%,{step}]"]
        query = query.where(
            sa.or_(
                CleanedRecord.dropped_step == step,
                *(CleanedRecord.changed_steps.like(pattern) for pattern in listed),
            )
        )
    return query
