"""Say what differs between two results, region by region."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Region = Mapping[str, Any]
# Sizes of the medium, and what editors keep of how a region came about: no difference.
_ASIDE = frozenset({"origin", "score", "original_width", "original_height", "image_rotation"})
_PLACES = 1e-6


@dataclass(frozen=True)
class Changed:
    """A region that is in both results, and what of it is not the same."""

    before: Region
    after: Region
    # "geometry" (where it is), "labels", "text" or another control's type, in this order.
    what: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """What one result has that another has not, in the order of the results."""

    added: list[Region] = field(default_factory=list)
    removed: list[Region] = field(default_factory=list)
    changed: list[Changed] = field(default_factory=list)
    same: int = 0

    @property
    def any(self) -> bool:
        """Tell whether there is a difference."""
        return bool(self.added or self.removed or self.changed)


def differences(before: Sequence[Region], after: Sequence[Region]) -> Differences:
    """Compare two results: entries belong together by id and control, else by equal content.

    Numbers that differ by less than a millionth are the same.
    """
    left: dict[tuple[Any, ...], deque[Region]] = {}
    for region in before:
        left.setdefault(_key(region), deque()).append(region)
    paired: list[tuple[Region, Region]] = []
    fresh: list[Region] = []
    for region in after:
        same_key = left.get(_key(region))
        if same_key:
            paired.append((same_key.popleft(), region))
        else:
            fresh.append(region)
    alone = {id(region) for rest in left.values() for region in rest}
    gone = [region for region in before if id(region) in alone]
    twins = _twins(gone, fresh)
    changed = [Changed(one, other, _what(one, other)) for one, other in paired]
    changed = [each for each in changed if each.what]
    return Differences(
        [region for region in fresh if id(region) not in twins],
        [region for region in gone if id(region) not in twins],
        changed,
        len(twins) // 2 + len(paired) - len(changed),
    )


def _twins(gone: Sequence[Region], fresh: Sequence[Region]) -> set[int]:
    """Return the identities of entries that stand in both lists with equal content.

    Only entries of one fingerprint are compared: thousands of regions may differ.
    """
    places: dict[str, list[Region]] = {}
    for region in fresh:
        places.setdefault(_fingerprint(region), []).append(region)
    found: set[int] = set()
    for one in gone:
        rest = places.get(_fingerprint(one), [])
        twin = next((n for n, other in enumerate(rest) if not _what(one, other)), None)
        if twin is not None:
            found |= {id(one), id(rest.pop(twin))}
    return found


def _fingerprint(region: Region) -> str:
    """Return a text that is the same of entries in which `_what` finds no difference."""
    value = {key: each for key, each in sorted(_value(region).items()) if each is not None}
    return repr((value, region.get("from_name"), region.get("to_name"), region.get("labels")))


def _key(region: Region) -> tuple[Any, ...]:
    is_relation = region.get("type") == "relation"
    ends = (region.get("from_id"), region.get("to_id")) if is_relation else ()
    return (region.get("id"), region.get("from_name"), region.get("to_name"), *ends)


def _what(one: Region, other: Region) -> tuple[str, ...]:
    """Return what is not the same of two entries."""
    mine, theirs = _value(one), _value(other)
    named = {str(one.get("type")), str(other.get("type"))}
    found = []
    if {key: mine.get(key) for key in mine if key not in named} != {
        key: theirs.get(key) for key in theirs if key not in named
    }:
        found.append("geometry")
    for name in sorted(named):
        if mine.get(name) != theirs.get(name):
            found.append("labels" if name.endswith("labels") else name)
    keys = ("from_name", "to_name", "item_index", "direction", "labels", "from_id", "to_id")
    if any(one.get(key) != other.get(key) for key in keys):
        found.append("control")
    return tuple(found)


def _value(region: Region) -> dict[str, Any]:
    value = region.get("value")
    if not isinstance(value, Mapping):
        return {}
    return {key: _rounded(each) for key, each in value.items() if key not in _ASIDE}


def _rounded(value: Any) -> Any:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return round(value / _PLACES)
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value
