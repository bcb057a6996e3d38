"""Select published datasets by a query of many fields, as harvesters page through them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors
from ..errors import _
from ..people import Organisation, User
from . import words
from .entry import Dataset
from .facts import DOMAINS, Openness
from .moments import moment
from .queries import AllOf, AnyOf, Everything, Not, Query, Range, Term
from .search import visible_to, with_words

# Identifiers of what has no row with one: the same for ever, and not the same elsewhere.
_ORGANISATIONS = uuid.UUID("6f2ae0a2-3b39-4a6f-9d4e-5f3f4ad0c1b7")
_DOMAINS = uuid.UUID("0f0f0d06-0e3c-4b6e-8f5a-2a7f1f1c9a55")

ORDERS: dict[str, sa.orm.InstrumentedAttribute[Any]] = {
    "id": Dataset.uid,
    "name": Dataset.ckan_name,
    "title": Dataset.title,
    "metadata_created": Dataset.created_at,
    "metadata_modified": Dataset.modified_at,
}
_TIMES = {"metadata_created": Dataset.created_at, "metadata_modified": Dataset.modified_at}
# What every dataset of a catalogue is, so that a query may say it.
_ALWAYS = {
    "state": "active",
    "type": "dataset",
    "dataset_type": "dataset",
    "entity_type": "package",
}
# Fields of a term that is looked for among all words of a dataset.
_ANYWHERE = (None, "text")
# Of all queries of one request together: SQLite takes no expression deeper than 1000.
MOST_CONDITIONS = 800
# Keywords are counted by reading them all.
FACETS = ("organization", "groups", "tags", "license_id")


@dataclass(frozen=True)
class Selection:
    """One page of datasets, and how many there are in all."""

    count: int
    datasets: list[Dataset]


def organisation_uid(organisation: Organisation) -> str:
    """Return an organisation's identifier; it stays when the organisation is renamed."""
    made = organisation.created_at.astimezone(dt.UTC)
    # The moment keeps two installations' first organisations apart where both are harvested.
    return str(uuid.uuid5(_ORGANISATIONS, f"{organisation.id} {made.isoformat()}"))


def domain_uid(domain: str) -> str:
    """Return a domain's identifier, the same on every installation."""
    return str(uuid.uuid5(_DOMAINS, domain))


def select(
    session: Session,
    viewer: User | None,
    queries: Sequence[Query] = (),
    *,
    order: Sequence[tuple[str, bool]] = (),
    start: int = 0,
    limit: int = 100,
) -> Selection:
    """Return the datasets that fulfil all queries; `order` names fields, True for downward.

    Equal ones follow each other by identifier, so that pages neither overlap nor leave gaps.

    Raises:
        errors.Invalid: a query or the order names a field that is not there.
    """
    conditions = _conditions(session, viewer, queries)
    count = session.scalar(sa.select(sa.func.count(Dataset.id)).where(*conditions)) or 0
    if not count or start >= count or not limit:
        return Selection(count, [])
    found = sa.select(Dataset).where(*conditions).order_by(*_order(order))
    return Selection(count, list(session.scalars(found.offset(start).limit(limit))))


def names(
    session: Session, viewer: User | None, *, start: int = 0, limit: int | None = None
) -> list[str]:
    """List the CKAN names of datasets by name."""
    query = sa.select(Dataset.ckan_name).where(*_conditions(session, viewer, ()))
    return list(session.scalars(query.order_by(Dataset.ckan_name).offset(start).limit(limit)))


def named(session: Session, viewer: User | None, name: str) -> Dataset | None:
    """Return the dataset of a CKAN name or concept id, if the viewer may know of it."""
    known = sa.or_(Dataset.ckan_name == name, Dataset.uid == name.lower())
    return session.scalar(sa.select(Dataset).where(known, *_conditions(session, viewer, ())))


def beginning(session: Session, viewer: User | None, start_of_uid: str) -> list[Dataset]:
    """List the datasets whose concept id begins so."""
    query = sa.select(Dataset).where(Dataset.uid >= start_of_uid, Dataset.uid < start_of_uid + "g")
    return list(session.scalars(query.where(*_conditions(session, viewer, ())).limit(20)))


def organisations(
    session: Session, viewer: User | None, queries: Sequence[Query] = ()
) -> list[tuple[Organisation, int]]:
    """List the organisations that have datasets, with how many, by name."""
    counted = (
        sa.select(Dataset.organisation_id, sa.func.count().label("number"))
        .where(*_conditions(session, viewer, queries))
        .group_by(Dataset.organisation_id)
        .subquery()
    )
    found = session.execute(
        sa.select(Organisation, counted.c.number)
        .join(counted, counted.c.organisation_id == Organisation.id)
        .order_by(Organisation.slug)
    )
    return [(organisation, number) for organisation, number in found]


def counts(
    session: Session, viewer: User | None, field: str, queries: Sequence[Query] = ()
) -> dict[str, int]:
    """Count datasets by each value of one of FACETS; the most frequent first.

    Raises:
        errors.Invalid: the field is another one.
    """
    if field == "organization":
        found = {org.slug: number for org, number in organisations(session, viewer, queries)}
    elif field == "tags":
        columns = sa.select(Dataset.keywords, Dataset.task_categories)
        rows = session.execute(columns.where(*_conditions(session, viewer, queries)))
        found = dict(Counter(word for row in rows for word in _words(*row)))
    elif field in FACETS:
        column = Dataset.domain if field == "groups" else Dataset.licence
        query = sa.select(column, sa.func.count()).group_by(column)
        counted = session.execute(query.where(*_conditions(session, viewer, queries)))
        found = {value: number for value, number in counted if value is not None}
    else:
        raise errors.Invalid(
            _("must be among %(names)s"), place="facet.field", names=", ".join(FACETS)
        )
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _words(*lists: str) -> set[str]:
    decode = msgspec.json.decode
    return {word.strip() for text in lists for word in decode(text, type=list[str])}


def _order(order: Sequence[tuple[str, bool]]) -> list[sa.ColumnElement[Any]]:
    columns: list[sa.ColumnElement[Any]] = []
    for field, downward in order:
        if field not in ORDERS:
            raise errors.Invalid(
                _("must be among %(names)s"), place="sort", names=", ".join(ORDERS)
            )
        columns.append(ORDERS[field].desc() if downward else ORDERS[field].asc())
    return [*(columns or [Dataset.modified_at.desc()]), Dataset.uid.asc()]


def _conditions(
    session: Session, viewer: User | None, queries: Sequence[Query]
) -> list[sa.ColumnElement[bool]]:
    if sum(_weight(query) for query in queries) > MOST_CONDITIONS:
        raise errors.Invalid(_("has more than %(most)s parts"), place="fq", most=MOST_CONDITIONS)
    asked = _all_of(session, queries)
    return [Dataset.newest_id.is_not(None), visible_to(viewer), *asked]


def _all_of(session: Session, queries: Sequence[Query]) -> list[sa.ColumnElement[bool]]:
    """Look for the words of all parts at once: PostgreSQL plans no hundred subqueries."""
    parts = list(_flat(queries))
    terms = [part for part in parts if isinstance(part, Term) and part.field in _ANYWHERE]
    begun = {term.value for term in terms if term.is_prefix}
    found = with_words(*(term.value for term in terms), beginnings=begun)
    return found + [_condition(session, part) for part in parts if part not in terms]


def _flat(queries: Sequence[Query]) -> Iterator[Query]:
    for query in queries:
        yield from _flat(query.parts) if isinstance(query, AllOf) else (query,)


def _weight(query: Query) -> int:
    """Return how many conditions a query is made of: each word of a value is one."""
    match query:
        case AllOf(parts) | AnyOf(parts):
            return sum(_weight(part) for part in parts)
        case Not(part):
            return _weight(part)
        case Term(field, value) if field in _ANYWHERE:
            wanted = words.asked(value)
            return max(1, len(wanted.tokens) + len(wanted.phrases))
        case Term():
            return max(1, len(query.value.split()))
    return 1


def _condition(session: Session, query: Query) -> sa.ColumnElement[bool]:
    """Return a condition that is true or false, never unknown, so that `-` turns it."""
    match query:
        case AllOf(parts):
            return sa.and_(sa.true(), *_all_of(session, parts))
        case AnyOf(parts):
            return sa.or_(*(_condition(session, part) for part in parts))
        case Not(part):
            return sa.not_(_condition(session, part))
        case Range():
            return _between(query)
        case Everything(field):
            return _everything(field)
        case Term():
            return _term(session, query)


def _everything(field: str | None) -> sa.ColumnElement[bool]:
    if field == "groups":
        return Dataset.domain.is_not(None)
    if field == "tags":
        return sa.or_(Dataset.keywords != "[]", Dataset.task_categories != "[]")
    if field is not None and field not in _FIELDS and field not in _TIMES:
        raise _no_field(field)
    return sa.true()


def _between(query: Range) -> sa.ColumnElement[bool]:
    column = _TIMES.get(query.field)
    if column is None:
        raise errors.Invalid(
            _("“%(field)s” has no ranges here; %(names)s have"),
            place="fq",
            field=query.field[:40],
            names=", ".join(_TIMES),
        )
    bounds: list[sa.ColumnElement[bool]] = [sa.true()]
    if query.lowest is not None:
        low = moment(query.lowest, query.field)
        bounds.append(column >= low if query.with_lowest else column > low)
    if query.highest is not None:
        high = moment(query.highest, query.field)
        bounds.append(column <= high if query.with_highest else column < high)
    return sa.and_(*bounds)


def _term(session: Session, query: Term) -> sa.ColumnElement[bool]:
    if query.field in _ANYWHERE:
        return sa.and_(sa.true(), *_all_of(session, [query]))
    if query.field in _TIMES:
        return _TIMES[query.field] == moment(query.value, query.field)
    if query.field not in _FIELDS:
        raise _no_field(query.field)
    return _FIELDS[query.field](session, query)


def _no_field(field: str) -> errors.Invalid:
    return errors.Invalid(
        _("there is no field “%(field)s” to search by; there are %(names)s"),
        place="fq",
        field=field[:40],
        names=", ".join([*_FIELDS, *_TIMES]),
    )


def _text(
    column: sa.orm.InstrumentedAttribute[str], _session: Session, query: Term
) -> sa.ColumnElement[bool]:
    """Find each word somewhere in a text, small and large letters alike."""
    named = query.value.lower().split()
    lower = sa.func.lower(column)
    return sa.and_(sa.true(), *(lower.contains(word, autoescape=True) for word in named))


def _exact(
    column: sa.SQLColumnExpression[str], _session: Session, query: Term
) -> sa.ColumnElement[bool]:
    if query.is_prefix:
        return column.startswith(query.value, autoescape=True)
    return column == query.value


def _in_list(session: Session, query: Term) -> sa.ColumnElement[bool]:
    """Find a keyword or category in the JSON lists; the quotes keep parts of others out."""
    quoted = msgspec.json.encode(query.value).decode()
    sqlite = session.get_bind().dialect.name == "sqlite"
    place = sa.func.instr if sqlite else sa.func.strpos
    part = quoted[:-1] if query.is_prefix else quoted
    return sa.or_(place(Dataset.keywords, part) > 0, place(Dataset.task_categories, part) > 0)


def _owner(session: Session, query: Term) -> sa.ColumnElement[bool]:
    """Find by the organisation's short name or identifier."""
    owners = sa.select(Organisation.id)
    if query.is_prefix:
        owners = owners.where(Organisation.slug.startswith(query.value, autoescape=True))
    elif len(query.value) == 36:
        known = session.scalars(sa.select(Organisation))
        same = [each.id for each in known if organisation_uid(each) == query.value.lower()]
        return Dataset.organisation_id.in_(same)
    else:
        owners = owners.where(Organisation.slug == query.value)
    return Dataset.organisation_id.in_(owners)


def _domain(_session: Session, query: Term) -> sa.ColumnElement[bool]:
    named = {domain_uid(each): each for each in DOMAINS}.get(query.value, query.value)
    said = sa.func.coalesce(Dataset.domain, "")
    return _exact(said, _session, Term(None, named, query.is_prefix))


def _fixed(field: str, _session: Session, query: Term) -> sa.ColumnElement[bool]:
    return sa.true() if query.value == _ALWAYS[field] else sa.false()


def _private(_session: Session, query: Term) -> sa.ColumnElement[bool]:
    closed = Dataset.openness == Openness.CLOSED
    wanted = query.value.lower() in ("true", "private", "1")
    return closed if wanted else sa.not_(closed)


_Field = Callable[[Session, Term], sa.ColumnElement[bool]]
_FIELDS: dict[str, _Field] = {
    "id": partial(_exact, Dataset.uid),
    "name": partial(_exact, Dataset.ckan_name),
    "title": partial(_text, Dataset.title),
    "notes": partial(_text, Dataset.description),
    "license_id": partial(_exact, Dataset.licence),
    "openness": partial(_exact, Dataset.openness),
    "organization": _owner,
    "owner_org": _owner,
    "groups": _domain,
    "tags": _in_list,
    "private": _private,
    "capacity": _private,
    **{field: partial(_fixed, field) for field in _ALWAYS},
}
