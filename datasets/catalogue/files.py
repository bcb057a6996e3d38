"""Walk the file tree of a release, however large it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..exports import WrittenFile
from .releases import Release, ReleaseFile


def file(session: Session, release: Release, path: str) -> WrittenFile | None:
    """Return one file of a release."""
    row = session.get(ReleaseFile, (release.id, path))
    return None if row is None else WrittenFile(row.path, row.digest, row.size)


def files(
    session: Session,
    release: Release,
    *,
    folder: str = "",
    after: str = "",
    limit: int | None = None,
    skip: int = 0,
) -> list[WrittenFile]:
    """List the files of a release below a folder by path, from after `after`.

    `skip` is for protocols that count pages: it walks over an index, `after` jumps.
    """
    query = sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size).where(
        ReleaseFile.release_id == release.id, ReleaseFile.path > after
    )
    if folder:
        # "0" follows "/": the range holds all paths that begin with the folder.
        query = query.where(ReleaseFile.path > f"{folder}/", ReleaseFile.path < f"{folder}0")
    query = query.order_by(ReleaseFile.path)
    if limit is not None:
        query = query.limit(limit).offset(skip)
    return [WrittenFile(*row) for row in session.execute(query)]


def files_at(session: Session, release: Release, paths: Sequence[str]) -> dict[str, WrittenFile]:
    """Return those of the paths that are files of the release, 500 a query."""
    found: dict[str, WrittenFile] = {}
    for start in range(0, len(paths), 500):
        rows = session.execute(
            sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size).where(
                ReleaseFile.release_id == release.id,
                ReleaseFile.path.in_(paths[start : start + 500]),
            )
        )
        found |= {row.path: WrittenFile(*row) for row in rows}
    return found


def folders_at(session: Session, release: Release, paths: Sequence[str]) -> set[str]:
    """Return those of the paths that are folders of the release, 500 a query."""
    found: set[str] = set()
    for start in range(0, len(paths), 500):
        asked = (
            sa.values(sa.column("path", sa.String), name="asked")
            .data([(path,) for path in paths[start : start + 500]])
            .cte()
        )
        inside = sa.exists().where(
            ReleaseFile.release_id == release.id,
            ReleaseFile.path > asked.c.path + "/",
            ReleaseFile.path < asked.c.path + "0",
        )
        found.update(session.scalars(sa.select(asked.c.path).where(inside)))
    return found


def entries(
    session: Session, release: Release, *, folder: str = "", after: str = "", limit: int
) -> list[WrittenFile | str]:
    """List what is directly in a folder by path: files, and the paths of folders.

    `after` is the last entry seen: the path of a file, or of a folder with a `/` behind it.
    Each entry costs one step in the index, however many files the folders hold.
    """
    inside = f"{folder}/" if folder else ""
    start = max(inside, f"{after[:-1]}0" if after.endswith("/") else f"{after}\x01")

    def next_path(at_least: str | sa.ColumnElement[str]) -> sa.Select[str]:
        query = sa.select(ReleaseFile.path).where(
            ReleaseFile.release_id == release.id, ReleaseFile.path >= at_least
        )
        if folder:
            query = query.where(ReleaseFile.path < f"{folder}0")
        return query.order_by(ReleaseFile.path).limit(1)

    seen = sa.select(
        next_path(start).scalar_subquery().label("path"), sa.literal(1).label("number")
    ).cte("seen", recursive=True)
    sqlite = session.get_bind().dialect.name == "sqlite"
    place = sa.func.instr if sqlite else sa.func.strpos
    slash = place(sa.func.substr(seen.c.path, len(inside) + 1), "/", type_=sa.Integer)
    # "0" follows "/" and U+0001 is the lowest character: nothing lies between.
    beyond = sa.case(
        (slash > 0, sa.func.substr(seen.c.path, 1, len(inside) + slash - 1) + "0"),
        else_=seen.c.path + "\x01",
    )
    step = sa.select(next_path(beyond).correlate(seen).scalar_subquery(), seen.c.number + 1)
    seen = seen.union_all(step.where(seen.c.path.is_not(None), seen.c.number < limit))
    rows = session.execute(
        sa.select(ReleaseFile.path, ReleaseFile.digest, ReleaseFile.size)
        .join(seen, seen.c.path == ReleaseFile.path)
        .where(ReleaseFile.release_id == release.id)
        .order_by(seen.c.number)
    )
    return [
        inside + rest.split("/")[0]
        if "/" in (rest := row.path[len(inside) :])
        else WrittenFile(*row)
        for row in rows
    ]


def first_files(
    session: Session, releases: Iterable[Release], limit: int
) -> dict[int, list[WrittenFile]]:
    """Return the first `limit` files of each release by release id, in one query."""
    parts = [
        sa.select(ReleaseFile)
        .where(ReleaseFile.release_id == release.id)
        .order_by(ReleaseFile.path)
        .limit(limit)
        .subquery()
        for release in releases
    ]
    found: dict[int, list[WrittenFile]] = {}
    if parts:
        for row in session.execute(sa.union_all(*(sa.select(part) for part in parts))):
            found.setdefault(row.release_id, []).append(WrittenFile(row.path, row.digest, row.size))
    return found
