"""Look through values for personal information; what comes out holds no value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from .. import personal_information, seals
from ..libraries import Asset
from ..settings import Settings, secret_key
from ..tasks import MEDIA_PREFIX, Task

LONGEST_PLACE = 200
NAME, GROUP, FILE, KEY = "task:name", "task:group", "file:", "key:"
# What an answer draws, and no text is in.
_DRAWN = ("rle", "points", "vertices", "sequence", "maskDataURL")
# Hits of one text that are kept; what is beyond is found when these were treated.
MOST = 1000
# A telephone or card number may stand in JSON as a number.
_SHORTEST_NUMBER = 10**9
_JOINTS = re.compile(r"_|\.(?=[A-Za-z0-9]{1,5}$)|(?<=^[0-9a-f]{8})-")


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit in one record: where, of what kind, how it may be shown, and its keyed hash."""

    place: str
    kind: str
    masked: str
    confidence: float
    detector: str
    fingerprint: str | None = None
    start: int | None = None
    end: int | None = None
    region: str | None = None


def key_of(settings: Settings, organisation_id: int) -> bytes:
    """Return the key of an organisation's fingerprints and pseudonyms."""
    purpose = f"personal information of organisation {organisation_id}"
    return seals.derived_key(secret_key(settings), purpose)


def task_texts(task: Task) -> Iterator[tuple[str, str]]:
    """Yield every text that a task tells by now, as `told_texts`."""
    files = msgspec.json.decode(task.media_names)
    return told_texts(task.data_values, name=task.name, group=task.group, files=files)


def told_texts(
    data: Mapping[str, Any], *, name: str, group: str, files: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield every text that a task tells, with its place, such as `text` or `rows[0].phone`.

    Of its name and group the places are NAME and GROUP, of the names of its `files` (by data key)
    they begin with FILE. Keys that tell of somebody themselves have places that begin with KEY.
    """
    yield from texts(data)
    if name:
        yield NAME, name
    if group:
        yield GROUP, group
    for key, file in files.items():
        if file:
            yield _file_place(key), file


def texts(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every text in a task's data with its place, keys that tell of somebody among them."""
    yield from _entries("", data)


def _entries(before: str, values: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        place = before + _said(name)
        if _said(name) != str(name):
            yield f"{KEY}{place}"[:LONGEST_PLACE], str(name)
        yield from _texts(place, value)


@lru_cache(4096)
def _shown_name(name: str) -> str:
    return personal_information.mask(name)


def _said(name: Any) -> str:
    """Return how a place calls a key: places are shown, and a key may tell of somebody as well."""
    # Hardly any is long, and no long one is kept here.
    text = str(name)
    return _shown_name(text) if len(text) <= LONGEST_PLACE else personal_information.mask(text)


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value and not value.startswith(MEDIA_PREFIX):
            yield place[:LONGEST_PLACE], value
    elif isinstance(value, bool):
        return
    elif isinstance(value, int) and abs(value) >= _SHORTEST_NUMBER:
        yield place[:LONGEST_PLACE], str(value)
    elif isinstance(value, Mapping):
        yield from _entries(f"{place}.", value)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(f"{place}[{number}]", inner)


def asset_texts(asset: Asset) -> Iterator[tuple[str, str]]:
    """Yield the text of an asset, those beside it in the row that it came in, and its name."""
    yield from texts({"text": asset.text or "", "facts": asset.fact_values})
    yield NAME, asset.name


def rewritten(data: Mapping[str, Any], change: Callable[[str, str], str]) -> dict[str, Any]:
    """Return a task's data with what `change` makes of each (place, text) of `texts`.

    Keys stay as they are.
    """
    return {name: _rewritten(_said(name), value, change) for name, value in data.items()}


def renamed(files: Mapping[str, str], change: Callable[[str, str], str]) -> dict[str, str]:
    """Return the names of a task's files with what `change` makes of each, by data key."""
    return {key: change(_file_place(key), file) for key, file in files.items()}


def _file_place(key: str) -> str:
    return f"{FILE}{_said(key)}"[:LONGEST_PLACE]


def _rewritten(place: str, value: Any, change: Callable[[str, str], str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _rewritten(f"{place}.{_said(name)}", inner, change)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(f"{place}[{at}]", inner, change) for at, inner in enumerate(value)]
    for at, text in _texts(place, value):
        changed = change(at, text)
        return value if changed == text else changed
    return value


def written_texts(
    place: str, result: Sequence[Any], known: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield the texts that somebody wrote in an answer: transcriptions, answers, notes.

    The words of a marked stretch that stand in a `known` text, one of the task's, are not given
    again. Places begin with `place`, such as `annotation:7`.
    """
    for number, region in enumerate(result):
        if not isinstance(region, dict):
            continue
        kind, value = str(region.get("type")), region.get("value")
        of_labels = kind.endswith("labels")
        if isinstance(value, dict):
            written = value.get("text")
            if not (of_labels and "start" in value and _stands_in(written, known)):
                for at, text in enumerate(written if isinstance(written, list) else [written]):
                    if isinstance(text, str) and text:
                        yield f"{place}[{number}][{at}]", text
            aside = (*_DRAWN, "text", kind) if of_labels else (*_DRAWN, "text")
            rest = {name: each for name, each in value.items() if name not in aside}
            for inner, text in texts(rest):
                yield f"{place}[{number}].{inner}"[:LONGEST_PLACE], text
        meta = region.get("meta")
        if isinstance(meta, dict):
            for inner, text in texts(meta):
                yield f"{place}[{number}].meta.{inner}"[:LONGEST_PLACE], text


def _stands_in(written: Any, known: Collection[str]) -> bool:
    return isinstance(written, str) and any(written in text for text in known)


def readable(place: str, text: str) -> str:
    """Return a text as it is looked at; no place moves.

    In names an underscore parts words, and neither a file's ending nor what uploads begin with
    belongs to what stands beside it.
    """
    if not place.startswith((NAME, GROUP, FILE)):
        return text
    return _JOINTS.sub(" ", text) if "@" not in text else text


def look_through(
    found: Iterable[tuple[str, str]], key: bytes, most: int | None = MOST
) -> list[Seen]:
    """Return what some (place, text) hold."""
    return [seen for place, text in found for seen in look(place, text, key, most)]


def look(place: str, text: str, key: bytes, most: int | None = MOST) -> list[Seen]:
    """Return what one text holds, `most` hits of it (None: all)."""
    return [
        Seen(
            place,
            hit.kind,
            hit.masked[:200],
            hit.confidence,
            personal_information.DETECTOR,
            personal_information.fingerprint(hit.kind, value, key),
            hit.start,
            hit.end,
        )
        for hit, value in personal_information.find_values(readable(place, text))[:most]
    ]
