"""Ask for a cleaning, write down what it made of each record, and end it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection, Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from .. import audit, errors, jobs, permissions
from ..db import Base, insert_columns, now
from ..errors import _
from ..jobs import Job, JobState
from ..libraries.rows import Asset, AssetState, Library
from ..people import User
from .rows import CleanedRecord, Cleaning, Recipe, RecipeVersion, RecordState
from .stepping import steps_of

KIND = "clean"
RIGHT = "cleaning.run"


class AssetRow(NamedTuple):
    """What a cleaning looks at of an asset, as its columns say it."""

    id: int
    kind: str
    name: str
    text: str | None
    digest: str
    size: int
    content_type: str | None
    facts: str


def ask(
    session: Session, actor: User, library: Library, version: RecipeVersion
) -> tuple[Cleaning, Job]:
    """Write down a run of a recipe version over a library; announce its job after the commit.

    Raises:
        errors.NotFound: the library or the recipe is another organisation's, or gone.
        errors.Forbidden: the actor may not run cleanings.
        errors.Refused: the library is empty, the same run is under way, an operator is gone.
    """
    permissions.require(actor, RIGHT, library)
    recipe = session.get_one(Recipe, version.recipe_id)
    permissions.require(actor, RIGHT, recipe)
    if recipe.organisation_id != library.organisation_id:
        raise errors.NotFound(_("there is no recipe %(id)s"), id=recipe.id)
    steps_of(version.step_values)
    # Whoever asks second waits here for the first one's commit.
    session.refresh(library, with_for_update=True)
    if library.deleted_at is not None:
        raise errors.NotFound(_("there is no library %(id)s"), id=library.id)
    last = _last_asset(session, library.id)
    if not last:
        raise errors.Refused(_("the library holds nothing yet"))
    if _is_under_way(session, library, version):
        raise errors.Refused(_("this recipe is being run over this library already"))
    cleaning = Cleaning(
        uid=str(uuid.uuid4()),
        library_id=library.id,
        recipe_version_id=version.id,
        job_id="",
        last_asset_id=last,
        created_by=actor.id,
    )
    cleaning.job_id = cleaning.uid
    session.add(cleaning)
    session.flush()
    job = jobs.add(
        session,
        actor,
        KIND,
        {"cleaning": cleaning.id},
        organisation_id=library.organisation_id,
    )
    cleaning.job_id = job.id
    session.flush()
    audit.record(
        session,
        actor,
        "library.clean",
        f"library/{library.id}",
        cleaning=cleaning.id,
        recipe=recipe.id,
        version=version.number,
        digest=version.digest,
    )
    return cleaning, job


def begin(session: Session, cleaning_id: int) -> tuple[Cleaning, Library, RecipeVersion]:
    """Return a cleaning whose job begins or goes on, its library and its recipe version.

    Raises:
        errors.NotFound: the library was deleted meanwhile.
        errors.Refused: it has ended before.
    """
    cleaning = session.get_one(Cleaning, cleaning_id)
    library = session.get_one(Library, cleaning.library_id)
    if library.deleted_at is not None:
        raise errors.NotFound(_("there is no library %(id)s"), id=library.id)
    if cleaning.ended_at is not None:
        raise errors.Refused(_("this cleaning has ended before"))
    return cleaning, library, session.get_one(RecipeVersion, cleaning.recipe_version_id)


def sizes_after(
    session: Session, cleaning: Cleaning, last: int, limit: int
) -> list[tuple[int, int]]:
    """Return the ids of the next assets of a cleaning's input, and their sizes in bytes."""
    query = _input(cleaning, last).add_columns(_asset_columns().size)
    return [(number, size) for number, size in session.execute(query.limit(limit))]


def assets_between(session: Session, cleaning: Cleaning, last: int, end: int) -> list[AssetRow]:
    """Return the assets of a cleaning's input above one id and up to another.

    In the order of their ids, without what was withdrawn meanwhile.
    """
    return _rows(session, _input(cleaning, last).where(_asset_columns().id <= end))


def sample(
    session: Session,
    library: Library,
    number: int,
    seed: int | None,
    *,
    largest: int,
    kinds: Collection[str],
) -> list[AssetRow]:
    """Return so many assets of these kinds as `assets_between` does: spread evenly, or by a seed.

    Assets above `largest` bytes are passed over.
    """
    held = (
        Asset.kind.in_(sorted(kinds)),
        Asset.library_id == library.id,
        Asset.state == AssetState.HELD,
        Asset.size <= largest,
    )
    query = sa.select(Asset.id).where(*held).order_by(Asset.id)
    bounds = sa.select(sa.func.min(Asset.id), sa.func.max(Asset.id)).where(*held)
    least, most = session.execute(bounds).one()
    if least is None:
        return []
    if seed is None:
        query = query.where(Asset.id.in_(_spread(session, query, number, least, most)))
    else:
        chosen = random.Random(seed)
        ids = {chosen.randint(least, most) for _turn in range(20 * number)}
        there = session.scalars(sa.select(Asset.id).where(*held, Asset.id.in_(ids))).all()
        if len(there) >= number:
            query = query.where(Asset.id.in_(chosen.sample(sorted(there), number)))
    return _rows(session, query.limit(number))


def _spread(
    session: Session, query: sa.Select[int], number: int, least: int, most: int
) -> set[int]:
    """Return ids that the query gives: one for each even step from `least` to `most`."""
    found: list[int] = []
    for place in range(number):
        from_here = least + (most - least) * place // max(number - 1, 1)
        if found:
            from_here = max(from_here, found[-1] + 1)
        each = session.scalar(query.where(Asset.id >= from_here).limit(1))
        if each is None:
            break
        found.append(each)
    lacking = number - len(found)
    rest = query.where(Asset.id.not_in(found)).limit(lacking)
    return {*found, *session.scalars(rest)} if lacking else set(found)


def under_way(session: Session, uids: Sequence[str]) -> set[str]:
    """Return which of these cleanings may still go on: not ended, and their job neither."""
    query = (
        sa.select(Cleaning.uid)
        .join(Job, Job.id == Cleaning.job_id)
        .where(
            Cleaning.uid.in_(uids),
            Cleaning.ended_at.is_(None),
            Job.state.in_((JobState.WAITING, JobState.RUNNING)),
        )
    )
    return set(session.scalars(query))


def advance(session: Session, cleaning: Cleaning, columns: Mapping[str, Sequence[Any]]) -> int:
    """Write records of a cleaning in bulk; return how many were written.

    All columns of CleanedRecord are given but `id` and `cleaning_id`. What belongs to an asset
    that was deleted meanwhile is left out.
    """
    ids = columns["asset_id"]
    if not ids:
        return 0
    own = _asset_columns()
    query = sa.select(own.id).where(
        own.library_id == cleaning.library_id, own.id.between(min(ids), max(ids))
    )
    # Those that are there stay until the commit.
    query = query.order_by(own.id).with_for_update(read=True, key_share=True)
    there = {found for (found,) in session.execute(query)}
    if not there.issuperset(ids):
        is_there = [asset in there for asset in ids]
        columns = {name: list(compress(values, is_there)) for name, values in columns.items()}
    written = len(columns["asset_id"])
    insert_columns(session, CleanedRecord, {"cleaning_id": [cleaning.id] * written, **columns})
    return written


def finish(
    session: Session, actor: User, cleaning: Cleaning, counts: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """End a cleaning well: count its records by what became of them; they count from now on.

    The answer has `records`, `kept` (whether changed or not), `changed` and `dropped`.
    """
    by_state = {
        str(state): number
        for state, number in session.execute(
            sa.select(CleanedRecord.state, sa.func.count())
            .where(CleanedRecord.cleaning_id == cleaning.id)
            .group_by(CleanedRecord.state)
        )
    }
    cleaning.records = sum(by_state.values())
    cleaning.changed = by_state.get(RecordState.CHANGED, 0)
    cleaning.dropped = by_state.get(RecordState.DROPPED, 0)
    cleaning.kept = cleaning.records - cleaning.dropped
    cleaning.counts = msgspec.json.encode(list(counts)).decode()
    cleaning.ended_at = now()
    session.flush()
    result = {
        "records": cleaning.records,
        "kept": cleaning.kept,
        "changed": cleaning.changed,
        "dropped": cleaning.dropped,
    }
    audit.record(
        session,
        actor,
        "library.cleaned",
        f"library/{cleaning.library_id}",
        cleaning=cleaning.id,
        **result,
    )
    return result


def take_back(session: Session, cleaning: Cleaning, limit: int = 5_000) -> int:
    """Delete up to so many records of a cleaning that begins anew or was cancelled."""
    some = sa.select(CleanedRecord.id).where(CleanedRecord.cleaning_id == cleaning.id).limit(limit)
    ids = list(session.scalars(some))
    if ids:
        session.execute(sa.delete(CleanedRecord).where(CleanedRecord.id.in_(ids)))
    return len(ids)


def _asset_columns() -> ReadOnlyColumnCollection[str, sa.Column[Any]]:
    # The table's own: rows in bulk are spared the care that mapped ones get.
    return Base.metadata.tables[Asset.__tablename__].c


def _rows(session: Session, query: sa.Select[Any]) -> list[AssetRow]:
    columns = _asset_columns()
    found = session.execute(query.with_only_columns(*(columns[n] for n in AssetRow._fields)))
    return cast(list[AssetRow], found.all())


def _input(cleaning: Cleaning, last: int) -> sa.Select[Any]:
    """Select the assets of a cleaning's input above an id, in the order of their ids."""
    own = _asset_columns()
    return (
        sa.select(own.id)
        .where(
            own.library_id == cleaning.library_id,
            own.id > last,
            own.id <= cleaning.last_asset_id,
            own.state == AssetState.HELD,
        )
        .order_by(own.id)
    )


def _last_asset(session: Session, library_id: int) -> int:
    return (
        session.scalar(
            sa.select(sa.func.max(Asset.id)).where(
                Asset.library_id == library_id, Asset.state == AssetState.HELD
            )
        )
        or 0
    )


def _is_under_way(session: Session, library: Library, version: RecipeVersion) -> bool:
    query = (
        sa.select(Cleaning.id)
        .join(Job, Job.id == Cleaning.job_id)
        .where(
            Cleaning.library_id == library.id,
            Cleaning.recipe_version_id == version.id,
            Cleaning.ended_at.is_(None),
            Job.state.in_((JobState.WAITING, JobState.RUNNING)),
        )
    )
    return session.execute(query.limit(1)).first() is not None
