"""Find published datasets by name, words, owner and category."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import permissions
from ..people import Organisation, User
from .entry import Dataset
from .facts import Openness
from .releases import Release

ORDERS = {
    "modified": Dataset.modified_at,
    "created": Dataset.created_at,
    "downloads": Dataset.downloads,
}


def visible_to(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the condition that a dataset may be known to somebody; None is a stranger.

    Closed datasets (不予开放) are known to the people of their organisation only.
    """
    if viewer is not None and permissions.is_everywhere(viewer):
        return sa.true()
    known: sa.ColumnElement[bool] = Dataset.openness != Openness.CLOSED
    if viewer is not None:
        known = sa.or_(known, Dataset.organisation_id == viewer.organisation_id)
    return known


def may_know(viewer: User | None, dataset: Dataset) -> bool:
    """Tell of one dataset what `visible_to` asks of many."""
    if viewer is not None and permissions.is_everywhere(viewer):
        return True
    own = viewer is not None and viewer.organisation_id == dataset.organisation_id
    return own or dataset.openness != Openness.CLOSED


def find(session: Session, full_name: str, viewer: User | None = None) -> Dataset | None:
    """Return the published dataset `organisation/name` if the viewer may know of it.

    None when nothing is released, or it is closed to the viewer.
    """
    slug, _slash, name = full_name.partition("/")
    return session.scalar(
        _published(viewer)
        .join(Organisation, Organisation.id == Dataset.organisation_id)
        .where(Organisation.slug == slug, Dataset.name == name)
    )


def of_uid(
    session: Session, uid: str, viewer: User | None = None
) -> tuple[Dataset, Release | None] | None:
    """Return what a lasting id stands for: a dataset, and the release if it is one version's."""
    dataset = session.scalar(_published(viewer).where(Dataset.uid == uid))
    if dataset is not None:
        return dataset, None
    release = session.scalar(sa.select(Release).where(Release.uid == uid))
    if release is None:
        return None
    dataset = numbered(session, release.dataset_id, viewer)
    return None if dataset is None else (dataset, release)


def numbered(session: Session, dataset_id: int, viewer: User | None = None) -> Dataset | None:
    """Return the published dataset of this number if the viewer may know of it."""
    return session.scalar(_published(viewer).where(Dataset.id == dataset_id))


def search(
    session: Session,
    *,
    viewer: User | None = None,
    words: str = "",
    author: str | None = None,
    category: str | None = None,
    before: tuple[dt.datetime, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets, last changed first; every word must occur.

    `before` is the (modified_at, id) of the last one seen: keyset paging.
    """
    query = _having(words, author, viewer)
    if category:
        quoted = msgspec.json.encode(category).decode()
        query = query.where(Dataset.task_categories.contains(quoted, autoescape=True))
    return _page(session, query, "modified", before, limit)


def ranked(
    session: Session,
    *,
    viewer: User | None = None,
    words: str = "",
    author: str | None = None,
    openness: Collection[str] = (),
    licences: Collection[str] = (),
    categories: Collection[str] = (),
    keywords: Collection[str] = (),
    on_cards: Collection[str] = (),
    order: str = "modified",
    before: tuple[dt.datetime | int, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets by `order`, highest first; every word must occur.

    Of `openness` and `licences` a dataset has one of those named, of `categories` and
    `keywords` all; all of `on_cards` stand somewhere on the card of its newest release.
    `order` is `modified`, `created` or `downloads`; `before` is its (value, id) of the last
    one seen: keyset paging.
    """
    query = _having(words, author, viewer)
    query = _narrowed(query, openness, licences, categories, keywords)
    for value in on_cards:
        quoted = msgspec.json.encode(value).decode()
        holds = Release.card.contains(quoted, autoescape=True)
        query = query.where(sa.exists().where(Release.id == Dataset.newest_id, holds))
    return _page(session, query, order, before, limit)


def how_many(
    session: Session,
    *,
    viewer: User | None = None,
    words: str = "",
    author: str | None = None,
    licences: Collection[str] = (),
    categories: Collection[str] = (),
) -> int:
    """Count the published datasets that `ranked` lists, page after page."""
    query = _narrowed(_having(words, author, viewer), (), licences, categories, ())
    ids = query.with_only_columns(Dataset.id).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(ids)) or 0


def _narrowed(
    query: sa.Select[Dataset],
    openness: Collection[str],
    licences: Collection[str],
    categories: Collection[str],
    keywords: Collection[str],
) -> sa.Select[Dataset]:
    if openness:
        query = query.where(Dataset.openness.in_(openness))
    if licences:
        query = query.where(Dataset.licence.in_(licences))
    for column, named in ((Dataset.task_categories, categories), (Dataset.keywords, keywords)):
        for name in named:
            # Lists are kept as JSON: the quotes keep a part of another name out.
            quoted = msgspec.json.encode(name).decode()
            query = query.where(column.contains(quoted, autoescape=True))
    return query


def _published(viewer: User | None) -> sa.Select[Dataset]:
    return sa.select(Dataset).where(Dataset.newest_id.is_not(None), visible_to(viewer))


def _having(words: str, author: str | None, viewer: User | None) -> sa.Select[Dataset]:
    query = _published(viewer)
    for word in words.lower().split()[:10]:
        query = query.where(Dataset.search_text.contains(word, autoescape=True))
    if author:
        owner = sa.select(Organisation.id).where(Organisation.slug == author).scalar_subquery()
        query = query.where(Dataset.organisation_id == owner)
    return query


def _page(
    session: Session,
    query: sa.Select[Dataset],
    order: str,
    before: tuple[dt.datetime | int, int] | None,
    limit: int,
) -> list[Dataset]:
    column = ORDERS[order]
    if before is not None:
        value, dataset_id = before
        query = query.where(
            sa.or_(column < value, sa.and_(column == value, Dataset.id < dataset_id))
        )
    query = query.order_by(column.desc(), Dataset.id.desc()).limit(limit)
    return list(session.scalars(query))
