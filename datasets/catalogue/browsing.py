"""Browse published datasets: by words, by facets, in an order, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..errors import _
from ..people import User
from . import facets
from .entry import Dataset
from .facets import DatasetFacets
from .search import ORDERS, visible_to
from .words import Asked, DatasetWord, asked

SORTS = ("relevance", "modified", "created", "downloads")
CHUNK = 60  # of the best, looked at at a time
Mark = tuple[dt.datetime | int, int]
_Matched = sa.Select[int, int]


@dataclass(frozen=True)
class Question:
    """What somebody looks for: words, one value of each chosen facet, an order."""

    words: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    sort: str = "modified"

    def __post_init__(self) -> None:
        """Check the facets and the order.

        Raises:
            errors.Invalid: one is not known.
        """
        strange = [facet for facet in self.chosen if facet not in facets.FACETS]
        if strange or self.sort not in SORTS:
            raise errors.Invalid(
                _("must be one of %(names)s"),
                place="facet" if strange else "sort",
                names=", ".join(facets.FACETS if strange else SORTS),
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """Return what of the words is looked for; the same for two questions that mean the same."""
        wanted = asked(self.words)
        return (*wanted.tokens, *wanted.phrases) or tuple(self.words.split())

    @property
    def by_score(self) -> bool:
        """Tell whether the order is that of relevance: without words there is none."""
        return self.sort == "relevance" and bool(asked(self.words).tokens)

    @property
    def by_time(self) -> bool:
        """Tell whether the order is one of times."""
        return not self.by_score and self.sort != "downloads"


@dataclass(frozen=True)
class Page:
    """A page of datasets, the mark that the next one begins after (None: the last page)."""

    datasets: list[Dataset]
    following: Mark | None


def browse(
    session: Session,
    question: Question,
    *,
    viewer: User | None = None,
    after: Mark | None = None,
    limit: int = 20,
) -> Page:
    """List published datasets that have every word and every chosen value.

    Without words the most relevant are those that changed last. `after` is the (value, id)
    of the last one seen.
    """
    wanted = asked(question.words)
    if question.words.strip() and wanted.is_hopeless:
        return Page([], None)
    if after is not None and question.by_time != isinstance(after[0], dt.datetime):
        raise errors.Invalid(_("is not a mark of this list"), place="before")
    matched = _matched(wanted, question.chosen)
    if question.by_score and matched is not None:
        rows = _best(session, matched, wanted, viewer, after, limit + 1)
    else:
        rows = _in_order(session, matched, wanted, question.sort, viewer, after, limit + 1)
    following = None
    if len(rows) > limit:
        last, at = rows[limit - 1]
        following = (at, last.id)
    return Page([dataset for dataset, _value in rows[:limit]], following)


def _in_order(
    session: Session,
    matched: _Matched | None,
    wanted: Asked,
    sort: str,
    viewer: User | None,
    after: Mark | None,
    limit: int,
) -> list[tuple[Dataset, Any]]:
    """Return datasets with the value that they are ordered by."""
    value: Any = ORDERS.get(sort, Dataset.modified_at)
    query = sa.select(Dataset, value).where(Dataset.newest_id.is_not(None), visible_to(viewer))
    if matched is not None:
        found = matched.subquery()
        query = query.join(found, found.c.dataset_id == Dataset.id)
    for phrase in wanted.phrases:
        query = query.where(Dataset.search_text.contains(phrase, autoescape=True))
    if after is not None:
        place, dataset_id = after
        query = query.where(sa.or_(value < place, sa.and_(value == place, Dataset.id < dataset_id)))
    rows = session.execute(query.order_by(value.desc(), Dataset.id.desc()).limit(limit))
    return [(dataset, at) for dataset, at in rows]


def _best(
    session: Session,
    matched: _Matched,
    wanted: Asked,
    viewer: User | None,
    after: Mark | None,
    limit: int,
) -> list[tuple[Dataset, Any]]:
    """Return the best datasets with their scores.

    The narrow tables alone say which come first; only those are read and held against the
    longer words.
    """
    found = matched.subquery()
    score, number = found.c.score, found.c.dataset_id
    query = (
        sa.select(number, score)
        .join(DatasetFacets, DatasetFacets.dataset_id == number)
        .where(facets.visible_to(viewer))
        .order_by(score.desc(), number.desc())
        .limit(CHUNK)
    )
    rows: list[tuple[Dataset, Any]] = []
    while len(rows) < limit:
        chunk = query
        if after is not None:
            place, dataset_id = after
            chunk = query.where(sa.or_(score < place, sa.and_(score == place, number < dataset_id)))
        ranks = session.execute(chunk).all()
        wide = sa.select(Dataset).where(Dataset.id.in_([row[0] for row in ranks]))
        for phrase in wanted.phrases:
            wide = wide.where(Dataset.search_text.contains(phrase, autoescape=True))
        there = {dataset.id: dataset for dataset in session.scalars(wide)}
        rows += [(there[row[0]], int(row[1])) for row in ranks if row[0] in there]
        if len(ranks) < CHUNK:
            break
        after = (int(ranks[-1][1]), int(ranks[-1][0]))
    return rows[:limit]


def counts(
    session: Session, question: Question, viewer: User | None = None
) -> dict[str, list[tuple[str, int]]]:
    """Count what `browse` lists by the values of each facet, the most first."""
    wanted = asked(question.words)
    if question.words.strip() and wanted.is_hopeless:
        return {facet: [] for facet in facets.FACETS}
    matched = _matched(wanted, question.chosen)
    if matched is None:
        return facets.count(session, viewer)
    found = matched.subquery()
    within = sa.select(found.c.dataset_id)
    if wanted.phrases:
        within = within.join(Dataset, Dataset.id == found.c.dataset_id)
        for phrase in wanted.phrases:
            within = within.where(Dataset.search_text.contains(phrase, autoescape=True))
    return facets.count(session, viewer, within)


def _matched(wanted: Asked, chosen: Mapping[str, str]) -> _Matched | None:
    """Select dataset id and score of those that have all tokens; None where all do."""
    tokens = [*wanted.tokens, *(facets.token(facet, value) for facet, value in chosen.items())]
    if not tokens:
        return None
    return (
        sa.select(DatasetWord.dataset_id, sa.func.sum(DatasetWord.weight).label("score"))
        .where(DatasetWord.token.in_(tokens))
        .group_by(DatasetWord.dataset_id)
        .having(sa.func.count() == len(tokens))
    )
