"""Sort published datasets by what they are: domain, openness, licence, format and so on.

Each dataset has one row with all its values; counting is one pass over those narrow rows.
What is counted without a search is kept, by a stamp that every change of the catalogue moves.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import permissions
from ..db import Base, Id, insert_new
from ..people import User
from .entry import Dataset
from .facts import Openness
from .words import Token

FACETS = (
    "domain",
    "openness",
    "licence",
    "format",
    "task",
    "organisation",
    "class",
    "lang",
)
MOST_KEPT = 2000  # questions
SHOWN = 12  # values of a facet, the most frequent first
LONGEST_VALUE = 30  # characters, so that `facet=value` is a token
# The folders of a release say which formats it has.
_FOLDERS = {
    "data": "parquet",
    "annotations": "coco",
    "Annotations": "voc",
    "labels": "yolo",
    "records": "jsonl",
    "label_studio": "label_studio",
    "webdataset": "webdataset",
    "conll": "conll",
    "tc609": "tc609",
}


class DatasetFacets(Base):
    """The values of a published dataset, `facet=value` a line."""

    __tablename__ = "dataset_facets"

    dataset_id: Mapped[int] = mapped_column(
        Id, sa.ForeignKey("datasets.id"), primary_key=True, autoincrement=False
    )
    # Copied from the dataset, so that counting needs no other table.
    organisation_id: Mapped[int] = mapped_column(Id)
    openness: Mapped[str] = mapped_column(sa.String(12))
    said: Mapped[str]


class CatalogueStamp(Base):
    """How often the catalogue has changed; one row."""

    __tablename__ = "catalogue_stamps"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Id)


class FacetCount(Base):
    """Counts as they were at a stamp, for one kind of reader."""

    __tablename__ = "facet_counts"

    asked: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    stamp: Mapped[int] = mapped_column(Id)
    counts: Mapped[str]


def token(facet: str, value: str) -> str:
    """Return how a facet's value stands among the tokens; no word holds an equals sign."""
    return f"{facet}={value[:LONGEST_VALUE]}"[: Token.length]


def values_of(
    dataset: Dataset, formats: Iterable[str], languages: Iterable[str]
) -> list[tuple[str, str]]:
    """List (facet, value) of a dataset; what is not known is left out."""
    found: list[tuple[str, str | None]] = [
        ("domain", dataset.domain),
        ("openness", dataset.openness),
        ("licence", dataset.licence),
        ("class", dataset.dataset_class),
        ("organisation", dataset.organisation.slug),
    ]
    found += [("task", task) for task in dataset.task_category_list]
    found += [("format", name) for name in formats]
    found += [("lang", name) for name in languages]
    known = [(facet, value) for facet, value in found if value and "\n" not in value]
    return list(dict.fromkeys(known))


def formats_of(folders: Iterable[str]) -> list[str]:
    """Name the formats that a release with these folders is in."""
    return sorted({_FOLDERS[name] for name in folders if name in _FOLDERS})


def keep(session: Session, dataset: Dataset, values: Sequence[tuple[str, str]]) -> None:
    """Write down the values of a dataset in place of those before, and move the stamp."""
    row = session.get(DatasetFacets, dataset.id)
    if row is None:
        row = DatasetFacets(dataset_id=dataset.id)
        session.add(row)
    row.organisation_id, row.openness = dataset.organisation_id, dataset.openness
    row.said = "\n".join(token(facet, value) for facet, value in values)
    session.flush()
    move_stamp(session)


def move_stamp(session: Session) -> None:
    """Note that the catalogue has changed."""
    insert_new(session, CatalogueStamp, [{"id": 1, "number": 0}])
    session.execute(
        sa.update(CatalogueStamp)
        .values(number=CatalogueStamp.number + 1)
        .execution_options(synchronize_session=False)
    )


def visible_to(viewer: User | None) -> sa.ColumnElement[bool]:
    """Return the same condition as that of datasets, on the rows here."""
    if viewer is not None and permissions.is_everywhere(viewer):
        return sa.true()
    known: sa.ColumnElement[bool] = DatasetFacets.openness != Openness.CLOSED
    if viewer is not None:
        known = sa.or_(known, DatasetFacets.organisation_id == viewer.organisation_id)
    return known


def count(
    session: Session, viewer: User | None, within: sa.Select[int] | None = None
) -> dict[str, list[tuple[str, int]]]:
    """Count the datasets of each value that the viewer may know of, the most first.

    `within` selects the ids of the datasets to count; None counts all.
    """
    query = sa.select(DatasetFacets.said, sa.func.count()).group_by(DatasetFacets.said)
    if within is not None:
        query = query.where(DatasetFacets.dataset_id.in_(within))
    query = query.where(visible_to(viewer))
    totals: Counter[str] = Counter()
    for said, number in session.execute(query):
        for line in said.split("\n"):
            totals[line] += number
    return _sorted(totals)


def kept_counts(
    session: Session, viewer: User | None, words: Sequence[str], chosen: Mapping[str, str]
) -> tuple[str, int, dict[str, list[tuple[str, int]]] | None]:
    """Return the key of a question, the stamp, and the counts if they are kept."""
    if viewer is None:
        who = "anybody"
    else:
        who = "all" if permissions.is_everywhere(viewer) else str(viewer.organisation_id)
    asked = msgspec.json.encode([who, sorted(words), sorted(chosen.items())])
    key = hashlib.sha256(asked).hexdigest()
    stamp = session.scalar(sa.select(CatalogueStamp.number)) or 0
    row = session.scalar(sa.select(FacetCount.counts).filter_by(asked=key, stamp=stamp))
    if row is None:
        return key, stamp, None
    return key, stamp, msgspec.json.decode(row, type=dict[str, list[tuple[str, int]]])


def keep_counts(
    session: Session, key: str, stamp: int, counts: Mapping[str, list[tuple[str, int]]]
) -> None:
    """Keep counts for those who ask the same; those of another stamp are forgotten.

    No more than MOST_KEPT are kept, so that nobody fills the table by asking.
    """
    session.execute(
        sa.delete(FacetCount)
        .where(FacetCount.stamp != stamp)
        .execution_options(synchronize_session=False)
    )
    if int(session.scalar(sa.select(sa.func.count()).select_from(FacetCount)) or 0) >= MOST_KEPT:
        return
    told = msgspec.json.encode(counts).decode()
    insert_new(session, FacetCount, [{"asked": key, "stamp": stamp, "counts": told}])


def _sorted(totals: Counter[str]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {facet: [] for facet in FACETS}
    for line, number in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        facet, _equals, value = line.partition("=")
        if facet in found and len(found[facet]) < SHOWN:
            found[facet].append((value, number))
    return found
