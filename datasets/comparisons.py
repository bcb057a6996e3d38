"""Compare two versions record by record: added, removed, changed, and what changed of each.

Records are met by their key, and told apart by the digests of their parts; no line is read
but those that a page shows. What was withdrawn is left out.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from . import tombstones
from .catalogue import Release
from .versions import Record, VersionRecord

KINDS = ("added", "removed", "changed")
# The parts of a record and where their digest lies in `VersionRecord.digest`.
PARTS = {"labels": 1, "media": 17, "data": 33, "making": 49}
LENGTH = 16
ASPECTS = ("labels", "split", "media", "data", "making")


@dataclass(frozen=True)
class Counts:
    """How many records were added, removed, changed or stayed; changed ones by what changed."""

    added: int
    removed: int
    changed: int
    same: int
    aspects: dict[str, int]


@dataclass(frozen=True)
class Difference:
    """One record that differs: its key, what changed, and it before and after (None: not there)."""

    key: str
    aspects: tuple[str, ...]
    before: Record | None
    after: Record | None


def count(session: Session, old: Release, new: Release) -> Counts:
    """Count the differences between two releases of a dataset, in the database alone."""
    before, after = aliased(VersionRecord), aliased(VersionRecord)
    totals = [_records(session, release) for release in (old, new)]
    differs = _differs(before, after)
    aspects = [differs[name] for name in ASPECTS]
    sums = [sa.func.sum(sa.case((each, 1), else_=0)) for each in (*aspects, sa.or_(*aspects))]
    row = session.execute(
        sa.select(sa.func.count(), *sums)
        .select_from(before)
        .join(after, sa.and_(after.version_id == new.version_id, after.key == before.key))
        .where(before.version_id == old.version_id, _stays(session, old, before))
    ).one()
    common, *found = [int(value or 0) for value in row]
    changed = found.pop()
    return Counts(
        added=totals[1] - common,
        removed=totals[0] - common,
        changed=changed,
        same=common - changed,
        aspects=dict(zip(ASPECTS, found, strict=True)),
    )


def lonely_keys(
    session: Session, old: Release, new: Release, kind: str, *, most: int
) -> tuple[str, ...] | None:
    """Return the keys of all records that were `added` or `removed`, by key; None above `most`.

    They are found by looking at every record, which a page of few must not do each time.
    """
    mine, other = aliased(VersionRecord), aliased(VersionRecord)
    here, there = (new, old) if kind == "added" else (old, new)
    met = sa.and_(other.version_id == there.version_id, other.key == mine.key)
    query = (
        sa.select(mine.key)
        .outerjoin(other, met)
        .where(mine.version_id == here.version_id, other.key.is_(None), _stays(session, here, mine))
        .order_by(mine.key)
        .limit(most + 1)
    )
    found = tuple(session.scalars(query))
    return None if len(found) > most else found


def differences(
    session: Session,
    old: Release,
    new: Release,
    kind: str,
    *,
    after: str = "",
    limit: int = 50,
    keys: Sequence[str] | None = None,
) -> list[Difference]:
    """List the records that were `added`, `removed` or `changed`, by key, from after a key.

    `keys`, where they are known (`lonely_keys`), are all that need to be looked at.
    """
    mine, other = aliased(VersionRecord), aliased(VersionRecord)
    here, there = (new, old) if kind == "added" else (old, new)
    met = sa.and_(other.version_id == there.version_id, other.key == mine.key)
    query = (
        sa.select(mine, other)
        .outerjoin(other, met)
        .where(mine.version_id == here.version_id, mine.key > after, _stays(session, here, mine))
    )
    if keys is not None:
        first = bisect.bisect_right(keys, after)
        query = query.where(mine.key.in_(keys[first : first + limit]))
    if kind == "changed":
        query = query.where(other.key.is_not(None), sa.or_(*_differs(mine, other).values()))
    else:
        query = query.where(other.key.is_(None))
    rows = session.execute(query.order_by(mine.key).limit(limit)).all()
    found = []
    for row, twin in rows:
        if kind == "added":
            found.append(Difference(row.key, (), None, _read(row)))
        elif kind == "removed":
            found.append(Difference(row.key, (), _read(row), None))
        else:
            found.append(Difference(row.key, _aspects(row, twin), _read(row), _read(twin)))
    return found


def changed_keys(session: Session, old: Release, version_id: int, keys: list[str]) -> set[str]:
    """Return those of the keys whose record a release has, and a version has not, or not so."""
    found: list[dict[str, Any]] = []
    for number in (old.version_id, version_id):
        rows = session.execute(
            sa.select(VersionRecord.key, VersionRecord.digest, VersionRecord.split).where(
                VersionRecord.version_id == number, VersionRecord.key.in_(keys)
            )
        )
        found.append({row.key: tuple(row) for row in rows})
    before, after = found
    return {key for key in before if before[key] != after.get(key)}


def _records(session: Session, release: Release) -> int:
    withdrawn = tombstones.withdrawn_keys(session, release.dataset_id)
    gone = session.scalar(
        sa.select(sa.func.count()).where(
            VersionRecord.version_id == release.version_id, VersionRecord.key.in_(withdrawn)
        )
    )
    return release.records - int(gone or 0)


def _stays(session: Session, release: Release, row: Any) -> sa.ColumnElement[bool]:
    withdrawn = tombstones.withdrawn_keys(session, release.dataset_id)
    key: sa.ColumnElement[str] = row.key
    return sa.not_(key.in_(withdrawn))


def _differs(one: Any, other: Any) -> dict[str, sa.ColumnElement[bool]]:
    found: dict[str, sa.ColumnElement[bool]] = {
        name: sa.func.substr(one.digest, start, LENGTH)
        != sa.func.substr(other.digest, start, LENGTH)
        for name, start in PARTS.items()
    }
    found["split"] = one.split != other.split
    return found


def _aspects(one: VersionRecord, other: VersionRecord) -> tuple[str, ...]:
    differing = {
        name
        for name, start in PARTS.items()
        if (one.digest or "")[start - 1 : start - 1 + LENGTH]
        != (other.digest or "")[start - 1 : start - 1 + LENGTH]
    }
    if one.split != other.split:
        differing.add("split")
    return tuple(name for name in ASPECTS if name in differing)


def _read(row: VersionRecord) -> Record:
    return msgspec.json.decode(str(row.line), type=Record)
