"""Count who downloaded what, and remember it for those who have to be told later.

A download is one file or one archive whose first byte was sent. A visitor is an account, or
an address, on one day of Beijing time: the same one on the same day counts once, however many
files it takes. Of an address only a digest is kept, under a salt that is forgotten with the
day, so that it can never be found again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from . import catalogue
from .db import Base, Id, Path500, insert_new, now
from .people import User

ZONE = ZoneInfo("Asia/Shanghai")
RECENT = 30  # days


class DownloadDay(Base):
    """The downloads of a dataset on one day by one protocol."""

    __tablename__ = "download_days"

    dataset_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("datasets.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    downloads: Mapped[int]
    # Those who came on this day for the first time, and by this protocol.
    visitors: Mapped[int]


class DownloadVisit(Base):
    """Somebody who downloaded from a dataset today; forgotten when the day is over."""

    __tablename__ = "download_visits"
    __table_args__ = (sa.Index("ix_download_visits_day", "day"),)

    dataset_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("datasets.id"), primary_key=True, autoincrement=False
    )
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    visitor: Mapped[str] = mapped_column(sa.String(40), primary_key=True)


class DownloadSalt(Base):
    """What the digests of a day's addresses are made with."""

    __tablename__ = "download_salts"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    salt: Mapped[str] = mapped_column(sa.String(64))


class DownloadedFile(Base):
    """A file that somebody with an account has; path "" is all files of the release."""

    __tablename__ = "downloaded_files"

    release_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("releases.id"), primary_key=True, autoincrement=False
    )
    path: Mapped[str] = mapped_column(Path500, primary_key=True)
    user_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("users.id"), primary_key=True, autoincrement=False
    )
    at: Mapped[dt.datetime]


@dataclass(frozen=True)
class Counts:
    """Downloads and visitors, of all time and of the last 30 days, and by protocol."""

    downloads: int
    visitors: int
    recent_downloads: int
    recent_visitors: int
    by_client: Mapping[str, int]


def note(
    session: Session,
    *,
    dataset_id: int,
    release_id: int,
    path: str,
    visitor: User | None,
    address: str,
    client: str,
    times: int = 1,
) -> None:
    """Count a download of a file, or of all (path ""), by a person or an address.

    `client` is the protocol that it came by. Only the day and a digest of the address are
    kept, never the address itself.
    """
    day = today()
    who = _digest(session, day, address) if visitor is None else f"person {visitor.id}"
    visit = {"dataset_id": dataset_id, "day": day, "visitor": who}
    is_new = insert_new(session, DownloadVisit, [visit])
    _add(session, dataset_id, day, client[:20], times, is_new)
    catalogue.count_download(session, dataset_id, times)
    if visitor is not None:
        kept = {"release_id": release_id, "path": path, "user_id": visitor.id, "at": now()}
        insert_new(session, DownloadedFile, [kept])


def counts(session: Session, dataset_id: int) -> Counts:
    """Return how often a dataset was downloaded, and by how many visitors."""
    since = today() - dt.timedelta(days=RECENT - 1)
    recent = DownloadDay.day >= since
    rows = session.execute(
        sa.select(
            DownloadDay.client,
            sa.func.sum(DownloadDay.downloads),
            sa.func.sum(DownloadDay.visitors),
            sa.func.sum(sa.case((recent, DownloadDay.downloads), else_=0)),
            sa.func.sum(sa.case((recent, DownloadDay.visitors), else_=0)),
        )
        .where(DownloadDay.dataset_id == dataset_id)
        .group_by(DownloadDay.client)
        .order_by(DownloadDay.client)
    ).all()
    every, visitors, lately, lately_visitors = (
        sum(int(row[place]) for row in rows) for place in (1, 2, 3, 4)
    )
    by_client = {row[0]: int(row[1]) for row in rows}
    return Counts(every, visitors, lately, lately_visitors, by_client)


def owners(session: Session, release_id: int, paths: Iterable[str]) -> set[int]:
    """Return the ids of people who have one of these files of a release, or all of it."""
    wanted = ["", *paths]
    found: set[int] = set()
    for start in range(0, len(wanted), 500):
        found.update(
            session.scalars(
                sa.select(DownloadedFile.user_id).where(
                    DownloadedFile.release_id == release_id,
                    DownloadedFile.path.in_(wanted[start : start + 500]),
                )
            )
        )
    return found


def taken_paths(session: Session, release_id: int) -> set[str]:
    """Return the paths of a release that people with accounts have; "" is all of it."""
    query = sa.select(DownloadedFile.path).where(DownloadedFile.release_id == release_id)
    return set(session.scalars(query.distinct()))


def today() -> dt.date:
    """Return the day in Beijing."""
    return now().astimezone(ZONE).date()


def _add(
    session: Session, dataset_id: int, day: dt.date, client: str, times: int, visitors: int
) -> None:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert(DownloadDay) if on_sqlite else postgresql.insert(DownloadDay)
    row = {"dataset_id": dataset_id, "day": day, "client": client}
    session.execute(
        insert.values(**row, downloads=times, visitors=visitors).on_conflict_do_update(
            index_elements=list(row),
            set_={
                "downloads": DownloadDay.downloads + times,
                "visitors": DownloadDay.visitors + visitors,
            },
        )
    )


def _digest(session: Session, day: dt.date, address: str) -> str:
    """Return what stands for an address on one day and is worth nothing on the next."""
    query = sa.select(DownloadSalt.salt).where(DownloadSalt.day == day)
    salt = session.scalar(query)
    if salt is None:
        # The first of a day: those of the days before are forgotten, with their salts.
        for table in (DownloadVisit, DownloadSalt):
            session.execute(
                sa.delete(table).where(table.day < day).execution_options(synchronize_session=False)
            )
        insert_new(session, DownloadSalt, [{"day": day, "salt": secrets.token_hex(32)}])
        salt = session.scalars(query).one()
    keyed = hashlib.blake2b(address.encode(), key=bytes.fromhex(salt), digest_size=16)
    return keyed.hexdigest()
