"""Find published datasets by name, words, owner and category."""

from __future__ import annotations

import datetime as dt

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..people import Organisation
from .entry import Dataset
from .releases import Release

ORDERS = {
    "modified": Dataset.modified_at,
    "created": Dataset.created_at,
    "downloads": Dataset.downloads,
}


def find(session: Session, full_name: str) -> Dataset | None:
    """Return the published dataset `organisation/name`; None when nothing is released."""
    slug, _slash, name = full_name.partition("/")
    return session.scalar(
        _published()
        .join(Organisation, Organisation.id == Dataset.organisation_id)
        .where(Organisation.slug == slug, Dataset.name == name)
    )


def search(
    session: Session,
    *,
    words: str = "",
    author: str | None = None,
    category: str | None = None,
    before: tuple[dt.datetime, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets, last changed first; every word must occur.

    `before` is the (modified_at, id) of the last one seen: keyset paging.
    """
    query = _having(words, author)
    if category:
        quoted = msgspec.json.encode(category).decode()
        query = query.where(Dataset.task_categories.contains(quoted, autoescape=True))
    return _page(session, query, "modified", before, limit)


def ranked(
    session: Session,
    *,
    words: str = "",
    author: str | None = None,
    order: str = "modified",
    before: tuple[dt.datetime | int, int] | None = None,
    limit: int = 20,
) -> list[Dataset]:
    """List published datasets by `order`, highest first; every word must occur.

    `order` is `modified`, `created` or `downloads`; `before` is its (value, id) of the last
    one seen: keyset paging.
    """
    return _page(session, _having(words, author), order, before, limit)


def _published() -> sa.Select[Dataset]:
    return sa.select(Dataset).where(sa.exists().where(Release.dataset_id == Dataset.id))


def _having(words: str, author: str | None) -> sa.Select[Dataset]:
    query = _published()
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
