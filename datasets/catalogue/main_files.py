"""Pick the files of many releases that stand for their formats, without walking the media."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..exports import WrittenFile
from .releases import Release, ReleaseFile

# Entries at the root of a release that are looked at: folders count.
MOST_ROOTS = 200
# Files of one folder of a release, so that somebody's thousands of shards fill no list.
MOST_INSIDE = 50


def main_files(
    session: Session, releases: Iterable[Release], folders: Collection[str]
) -> dict[int, list[WrittenFile]]:
    """Return the files at the root and in `folders` of each release by release id, by path.

    Two queries for any number of releases; each other folder, however full, costs one step.
    """
    ids = [release.id for release in releases]
    if not ids:
        return {}
    found: dict[int, list[WrittenFile]] = {number: [] for number in ids}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        for row in session.execute(_at_root(session, some)):
            found[row.release_id].append(WrittenFile(row.path, row.digest, row.size))
        inside = [_inside(some, folder) for folder in sorted(set(folders))]
        if inside:
            for row in session.execute(sa.union_all(*inside)):
                found[row.release_id].append(WrittenFile(row.path, row.digest, row.size))
    return {number: sorted(files, key=lambda f: f.path) for number, files in found.items()}


def _columns() -> sa.Select[int, str, str, int]:
    return sa.select(ReleaseFile.release_id, ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size)


def _inside(releases: list[int], folder: str) -> sa.Select[int, str, str, int]:
    number = sa.func.row_number().over(
        partition_by=ReleaseFile.release_id, order_by=ReleaseFile.path
    )
    # "0" follows "/": the range holds all paths that begin with the folder.
    part = (
        _columns()
        .add_columns(number.label("number"))
        .where(
            ReleaseFile.release_id.in_(releases),
            ReleaseFile.path > f"{folder}/",
            ReleaseFile.path < f"{folder}0",
        )
        .subquery()
    )
    columns = (part.c.release_id, part.c.path, part.c.digest, part.c.size)
    return sa.select(*columns).where(part.c.number <= MOST_INSIDE)


def _at_root(session: Session, releases: list[int]) -> sa.Select[int, str, str, int]:
    """Step from entry to entry at the root of each release, over whole folders at once."""
    asked = sa.values(sa.column("id", sa.BigInteger), name="asked")
    releases_asked = asked.data([(number,) for number in releases]).cte()

    def next_path(
        release: sa.ColumnElement[int], at_least: sa.ColumnElement[str]
    ) -> sa.Select[str]:
        query = sa.select(ReleaseFile.path).where(
            ReleaseFile.release_id == release, ReleaseFile.path >= at_least
        )
        return query.order_by(ReleaseFile.path).limit(1)

    first = next_path(releases_asked.c.id, sa.literal(""))
    seen = sa.select(
        releases_asked.c.id.label("release_id"),
        first.correlate(releases_asked).scalar_subquery().label("path"),
        sa.literal(1).label("number"),
    ).cte("seen", recursive=True)
    sqlite = session.get_bind().dialect.name == "sqlite"
    place = sa.func.instr if sqlite else sa.func.strpos
    slash = place(seen.c.path, "/", type_=sa.Integer)
    # "0" follows "/" and U+0001 is the lowest character: nothing lies between.
    beyond = sa.case(
        (slash > 0, sa.func.substr(seen.c.path, 1, slash - 1) + "0"), else_=seen.c.path + "\x01"
    )
    following = next_path(seen.c.release_id, beyond).correlate(seen).scalar_subquery()
    step = sa.select(seen.c.release_id, following, seen.c.number + 1)
    seen = seen.union_all(step.where(seen.c.path.is_not(None), seen.c.number < MOST_ROOTS))
    return (
        _columns()
        .join(
            seen,
            sa.and_(seen.c.path == ReleaseFile.path, seen.c.release_id == ReleaseFile.release_id),
        )
        .where(place(seen.c.path, "/", type_=sa.Integer) == 0)
    )
