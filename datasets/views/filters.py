"""Read what somebody wants to see and turn it into conditions.

The grammar is Label Studio's: `{"filters": {"conjunction": "and", "items": [{"filter":
"filter:tasks:id", "operator": "equal", "type": "Number", "value": 5}]}, "ordering":
["-tasks:id"], "selectedItems": {"all": true, "excluded": []}}`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from .. import errors
from ..errors import _
from ..tasks import Task
from .columns import ABOUT_OTHERS, TELLING, WHO, Column, Kind, column

MOST_ITEMS = 50
MOST_VALUES = 10_000
MOST_ORDERS = 10
LONGEST_TEXT = 5_000  # characters
# What a database compares as a whole number lies below it, what it holds as an id below this.
LARGEST_WHOLE, LARGEST_ID = 2**31, 2**63


@dataclass(frozen=True)
class Item:
    """One condition, as it was asked for."""

    name: str
    operator: str
    type: str
    value: Any
    place: str


@dataclass(frozen=True)
class Query:
    """What somebody wants to see: the conditions, how they are joined, the order, the choice."""

    items: tuple[Item, ...] = ()
    joined_by: str = "and"
    ordering: tuple[str, ...] = ()
    # None for all; else the ids that are meant, or (with `is_exclusion`) that are not.
    ids: tuple[int, ...] | None = None
    is_exclusion: bool = False
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Tell whether it asks for all tasks."""
        return not self.items and self.ids is None

    @property
    def is_telling(self) -> bool:
        """Tell whether it asks by anything that people did with the tasks."""
        return bool(self._names & TELLING)

    @property
    def _names(self) -> set[str]:
        names = [item.name for item in self.items]
        names += [name.removeprefix("-") for name in self.ordering]
        return {name.removeprefix("filter:").removeprefix("tasks:") for name in names}

    @property
    def is_about_others(self) -> bool:
        """Tell whether it asks who answered tasks, or what they said."""
        return bool(self._names & ABOUT_OTHERS)

    @property
    def asks_who(self) -> bool:
        """Tell whether it asks who answered tasks."""
        return bool(self._names & WHO)

    def condition(self, dialect: str) -> sa.ColumnElement[bool]:
        """Return the condition on a task.

        Raises:
            errors.Invalid: a column, operator or value is not usable; its place is named.
        """
        found = [_compiled(item, dialect) for item in self.items]
        joined: sa.ColumnElement[bool] = sa.true()
        if found:
            joined = sa.or_(*found) if self.joined_by == "or" else sa.and_(*found)
        if self.ids is None:
            return joined
        chosen = Task.id.not_in(self.ids) if self.is_exclusion else Task.id.in_(self.ids)
        return sa.and_(joined, chosen)

    def order(self, dialect: str) -> list[Any]:
        """Return the order: what was asked for, then by id; what is missing comes last."""
        found: list[Any] = []
        for number, name in enumerate(self.ordering):
            plain = name.removeprefix("-")
            value = column(plain, Kind.TEXT, dialect, f"ordering[{number}]").value
            falls = name.startswith("-")
            found.append((value.desc() if falls else value.asc()).nulls_last())
        if [name.removeprefix("-") for name in self.ordering[:1]] == ["tasks:id"]:
            return [Task.id.desc() if self.ordering[0].startswith("-") else Task.id]
        return [*found, Task.id]


def decoded(text: str, place: str) -> Any:
    """Return what a JSON text says.

    Raises:
        errors.Invalid: it is no JSON.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as problem:
        reason = str(problem)[:200]
        raise errors.Invalid(_("is not JSON: %(reason)s"), place=place, reason=reason) from problem


def parse_query(values: Any, place: str = "query") -> Query:
    """Return the query that an object describes; what it does not say is not asked for.

    Raises:
        errors.Invalid: it is no such object.
    """
    if not isinstance(values, Mapping):
        raise errors.Invalid(_("must be an object"), place=place)
    filters = values.get("filters") or {}
    if not isinstance(filters, Mapping):
        raise errors.Invalid(_("must be an object"), place="filters")
    joined_by = filters.get("conjunction") or "and"
    if joined_by not in ("and", "or"):
        raise errors.Invalid(_("must be one of %(names)s"), place="conjunction", names="and, or")
    listed = filters.get("items") or []
    if not isinstance(listed, list) or len(listed) > MOST_ITEMS:
        raise errors.Invalid(
            _("must be a list of at most %(most)s conditions"), place="items", most=MOST_ITEMS
        )
    items = tuple(_item(each, f"items[{number}]") for number, each in enumerate(listed))
    ids, is_exclusion = _chosen(values.get("selectedItems"))
    return Query(items, joined_by, _ordering(values.get("ordering")), ids, is_exclusion)


def _item(values: Any, place: str) -> Item:
    if not isinstance(values, Mapping) or not isinstance(values.get("filter"), str):
        raise errors.Invalid(_("must name a filter"), place=place)
    return Item(
        values["filter"],
        str(values.get("operator", "")),
        str(values.get("type", "")),
        values.get("value"),
        place,
    )


def _ordering(values: Any) -> tuple[str, ...]:
    listed = values or []
    if isinstance(listed, str):
        listed = [listed]
    usable = isinstance(listed, list) and len(listed) <= MOST_ORDERS
    if not usable or not all(isinstance(name, str) and len(name) < 300 for name in listed):
        raise errors.Invalid(
            _("must be a list of at most %(most)s columns"), place="ordering", most=MOST_ORDERS
        )
    return tuple(name for name in listed if name)


def _chosen(values: Any) -> tuple[tuple[int, ...] | None, bool]:
    if values is None:
        return None, False
    if not isinstance(values, Mapping):
        raise errors.Invalid(_("must be an object"), place="selectedItems")
    everything = values.get("all") is True
    listed = values.get("excluded" if everything else "included") or []
    usable = isinstance(listed, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 2**53
        for each in listed
    )
    if not usable or len(listed) > MOST_VALUES:
        raise errors.Invalid(
            _("must be a list of at most %(most)s ids"), place="selectedItems", most=MOST_VALUES
        )
    if everything and not listed:
        return None, False
    return tuple(listed), everything


def _compiled(item: Item, dialect: str) -> sa.ColumnElement[bool]:
    found = column(item.name, item.type, dialect, item.place)
    operators = _LISTS if found.has is not None else _OPERATORS[found.kind]
    operator = operators.get(item.operator)
    if operator is None:
        raise errors.Invalid(
            _("%(name)s cannot be filtered by “%(operator)s”, only by %(names)s"),
            place=item.place,
            name=found.name,
            operator=item.operator[:40],
            names=", ".join(operators),
        )
    try:
        return operator(found, item.value)
    except errors.Invalid as problem:
        problem.place = problem.place or item.place
        raise


def _value(kind: Kind, value: Any) -> Any:
    """Return a filter's value in the column's kind."""
    try:
        if kind == Kind.NUMBER:
            return _number(value)
        if kind == Kind.TIME:
            found = dt.datetime.fromisoformat(str(value))
            # The first and the last day have zones whose time is no UTC.
            return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError) as problem:
        raise errors.Invalid(_("the value is no %(kind)s"), kind=str(kind)) from problem
    text = "" if value is None else str(value)
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise errors.Invalid(_("the value is too long"))
    return text


def _number(value: Any) -> int | float:
    """Return a number that a database can hold; raise ValueError or OverflowError for others."""
    if isinstance(value, int) and abs(value) < LARGEST_WHOLE:
        return int(value)
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(value)
    return found


def _values(kind: Kind, value: Any) -> list[Any]:
    listed = value if isinstance(value, list) else str(value or "").split(",")
    if len(listed) > MOST_VALUES:
        raise errors.Invalid(_("must have at most %(most)s entries"), most=MOST_VALUES)
    found = [_value(kind, each.strip() if isinstance(each, str) else each) for each in listed]
    # A database takes a list for one of whole numbers when its first is one.
    return [float(each) for each in found] if any(type(each) is float for each in found) else found


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")


Operator = Callable[[Column, Any], sa.ColumnElement[bool]]


def _compare(compare: Callable[[Any, Any], Any]) -> Operator:
    return lambda found, value: compare(found.value, _value(found.kind, value))


def _between(found: Column, value: Any) -> sa.ColumnElement[bool]:
    if not isinstance(value, Mapping):
        raise errors.Invalid(_("must be an object with min and max"))
    lowest, highest = _value(found.kind, value.get("min")), _value(found.kind, value.get("max"))
    return sa.and_(found.value >= lowest, found.value <= highest)


def _outside(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return sa.not_(_between(found, value))


def _in_list(found: Column, value: Any) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = found.value.in_(_values(found.kind, value))
    return inside


def _not_in_list(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return sa.or_(found.value.is_(None), ~_in_list(found, value))


def _empty(found: Column, value: Any) -> sa.ColumnElement[bool]:
    nothing: sa.ColumnElement[bool] = found.value.is_(None)
    if found.kind == Kind.TEXT:
        nothing = sa.or_(nothing, found.value == "")
    return nothing if _flag(value) else ~nothing


def _differs(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return sa.or_(found.value.is_(None), found.value != _value(found.kind, value))


def _contains(found: Column, value: Any) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = found.value.icontains(
        _value(found.kind, value), autoescape=True
    )
    return inside


def _lacks(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return sa.or_(found.value.is_(None), ~_contains(found, value))


def _starts(found: Column, value: Any) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = found.value.istartswith(
        _value(found.kind, value), autoescape=True
    )
    return inside


def _ends(found: Column, value: Any) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = found.value.iendswith(
        _value(found.kind, value), autoescape=True
    )
    return inside


def _is(found: Column, value: Any) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = found.value
    return inside if _flag(value) else ~inside


def _is_not(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return _is(found, not _flag(value))


def _has(found: Column, value: Any) -> sa.ColumnElement[bool]:
    assert found.has is not None
    if isinstance(found.element.type, sa.Integer):
        numbers = _values(Kind.NUMBER, value)
        listed = [int(each) for each in numbers if abs(each) < LARGEST_ID]
        return found.has(found.element.in_(listed))
    if found.kind == Kind.LIST:
        return found.has(found.element.in_(_values(Kind.TEXT, value)))
    text = _value(Kind.TEXT, value)
    return found.has(found.element.icontains(text, autoescape=True))


def _has_not(found: Column, value: Any) -> sa.ColumnElement[bool]:
    return ~_has(found, value)


def _has_none(found: Column, value: Any) -> sa.ColumnElement[bool]:
    assert found.has is not None
    nothing = ~found.has(sa.true())
    return nothing if _flag(value) else ~nothing


_ORDERED: dict[str, Operator] = {
    "equal": _compare(lambda a, b: a == b),
    "not_equal": _differs,
    "less": _compare(lambda a, b: a < b),
    "greater": _compare(lambda a, b: a > b),
    "less_or_equal": _compare(lambda a, b: a <= b),
    "greater_or_equal": _compare(lambda a, b: a >= b),
    "in": _between,
    "not_in": _outside,
    "in_list": _in_list,
    "not_in_list": _not_in_list,
    "contains": _in_list,
    "not_contains": _not_in_list,
    "empty": _empty,
}
_TEXTS: dict[str, Operator] = {
    "equal": _compare(lambda a, b: a == b),
    "not_equal": _differs,
    "contains": _contains,
    "not_contains": _lacks,
    "starts_with": _starts,
    "ends_with": _ends,
    "in_list": _in_list,
    "not_in_list": _not_in_list,
    "empty": _empty,
}
_LISTS: dict[str, Operator] = {
    "contains": _has,
    "not_contains": _has_not,
    "equal": _has,
    "not_equal": _has_not,
    "in_list": _has,
    "not_in_list": _has_not,
    "empty": _has_none,
}
_OPERATORS: dict[Kind, dict[str, Operator]] = {
    Kind.NUMBER: _ORDERED,
    Kind.TIME: _ORDERED,
    Kind.TEXT: _TEXTS,
    Kind.FLAG: {"equal": _is, "not_equal": _is_not},
    Kind.LIST: _LISTS,
}
