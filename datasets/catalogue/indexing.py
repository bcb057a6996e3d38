"""Keep what the catalogue is searched by in step with its datasets, in the same transaction."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, object_session

from ..db import insert_many
from . import facets, words
from .entry import Dataset
from .facets import DatasetFacets
from .files import entries
from .releases import Release, lock_dataset
from .words import DatasetWord

_CHANGED = "changed datasets"
MOST_FOLDERS = 100


def index(session: Session, dataset: Dataset) -> None:
    """Write down the words and facets of a published dataset in place of those before."""
    # As it is now, and one at a time: whoever else writes them is waited for.
    lock_dataset(session, dataset)
    session.execute(
        sa.delete(DatasetWord)
        .where(DatasetWord.dataset_id == dataset.id)
        .execution_options(synchronize_session=False)
    )
    release = session.get(Release, dataset.newest_id) if dataset.newest_id else None
    if release is None:
        return
    said = facets.values_of(dataset, _formats(session, release), _languages(release))
    rows = {facets.token(facet, value): 0 for facet, value in said}
    rows |= words.weighed(_fields(dataset))
    insert_many(
        session,
        DatasetWord,
        [
            {"token": token, "dataset_id": dataset.id, "weight": weight}
            for token, weight in sorted(rows.items())
        ],
    )
    facets.keep(session, dataset, said)


def unindexed(session: Session, limit: int = 50) -> list[Dataset]:
    """List published datasets that were never indexed, as those from before there was an index."""
    there = sa.exists().where(DatasetFacets.dataset_id == Dataset.id)
    query = sa.select(Dataset).where(Dataset.newest_id.is_not(None), ~there)
    return list(session.scalars(query.order_by(Dataset.id).limit(limit)))


def _fields(dataset: Dataset) -> list[tuple[str, int]]:
    home = dataset.organisation
    return [
        (dataset.title, words.TITLE),
        (dataset.title_en, words.TITLE),
        *((word, words.KEYWORD) for word in dataset.keyword_list),
        (dataset.name.replace("_", " "), words.NAME),
        (f"{home.slug.replace('_', ' ')} {home.name} {dataset.provider or ''}", words.OWNER),
        (dataset.description, words.DESCRIPTION),
    ]


def _formats(session: Session, release: Release) -> list[str]:
    found = entries(session, release, limit=MOST_FOLDERS)
    return facets.formats_of(each for each in found if isinstance(each, str))


def _languages(release: Release) -> list[str]:
    card = msgspec.json.decode(release.card or "{}")
    told = card.get("language") if isinstance(card, dict) else None
    names = [told] if isinstance(told, str) else told or []
    return [name for name in names if isinstance(name, str)]


@event.listens_for(Dataset, "after_update")
def _note(_mapper: Any, _connection: Any, dataset: Dataset) -> None:
    """Remember which datasets a transaction changed, whoever changed them."""
    session = object_session(dataset)
    if session is not None:
        session.info.setdefault(_CHANGED, set()).add(dataset.id)


@event.listens_for(Session, "before_commit")
def _index_changed(session: Session) -> None:
    session.flush()
    changed = session.info.pop(_CHANGED, None)
    for dataset_id in sorted(changed or ()):
        dataset = session.get(Dataset, dataset_id)
        if dataset is not None:
            index(session, dataset)
