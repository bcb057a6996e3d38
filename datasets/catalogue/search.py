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
from .words import DatasetWord, asked

LEAST_BEGINNING = 3  # letters that find what begins with them
_LAST = "\U0010ffff"  # what no word goes beyond
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


def with_words(*texts: str, beginnings: Collection[str] = ()) -> list[sa.ColumnElement[bool]]:
    """Return the conditions, never unknown, that a dataset has all words of all texts.

    Chinese is cut as on the catalogue's page; of other words the beginning is enough, if it is
    not too short or one of `beginnings`. The index of words answers, in one subquery however
    many there are; only signs that no word holds (`%`) are looked for in the texts.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    parts, whole, phrases = set[str](), set[str](), set[str]()
    for text in texts:
        wanted = asked(text)
        signs = text.lower().split()[:10] if wanted.is_hopeless else ()
        phrases |= {*wanted.phrases, *signs}
        for place, token in enumerate(wanted.tokens, 1):
            is_last = place == len(wanted.tokens) and text in beginnings
            (parts if _is_beginning(token, is_last) else whole).add(token)
    if parts or whole:
        conditions.append(Dataset.id.in_(_having_tokens(whole - parts, parts)))
    for phrase in sorted(phrases):
        conditions.append(Dataset.search_text.contains(phrase, autoescape=True))
    return conditions


def _having_tokens(whole: Collection[str], parts: Collection[str]) -> sa.Select[int]:
    token = DatasetWord.token
    # A facet's value is of weight 0: no word of a text.
    begun = [
        sa.and_(token >= part, token < part + _LAST, DatasetWord.weight > 0)
        for part in sorted(parts)
    ]
    there = token.in_(sorted(whole))
    query = sa.select(DatasetWord.dataset_id).where(sa.or_(there, *begun) if begun else there)
    number = sa.func.sum(sa.case((there, 1), else_=0)) if begun else sa.func.count()
    return query.group_by(DatasetWord.dataset_id).having(
        number == len(whole), *(sa.func.max(sa.case((each, 1), else_=0)) == 1 for each in begun)
    )


def _is_beginning(token: str, is_marked: bool) -> bool:
    long = len(token) >= LEAST_BEGINNING and not token.isdecimal()
    return token.isascii() and (is_marked or long)


def _having(words: str, author: str | None, viewer: User | None) -> sa.Select[Dataset]:
    query = _published(viewer).where(*with_words(words))
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
