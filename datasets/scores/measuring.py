"""Count in the records of a version what the indicators of TC609 ask of its data.

Every count has what it is out of; what cannot be told from the records is not counted.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from .. import labels
from ..versions import FrozenVersion, Record

PATH = "quality.json"
FORMAT = "jinbiao-quality/1"
LEAST_SIDE = 32  # pixels; what is smaller shows nothing
# What a text from a page or a broken conversion leaves behind.
_RESIDUE = ("<div", "<span", "<p>", "<br", "&nbsp;", "&amp;", "&lt;", "\ufffd")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn"})
_ALLOWED = frozenset("\n\r\t\u200d")
# What the first bytes of a medium said at its import, and the endings that go with it.
_ENDINGS = {
    "image/jpeg": {"jpg", "jpeg"},
    "image/tiff": {"tif", "tiff"},
    "audio/mpeg": {"mp3"},
    "audio/mp4": {"m4a", "mp4"},
    "audio/wav": {"wav"},
    "video/mp4": {"mp4", "m4v"},
    "text/plain": {"txt"},
}


class Count(msgspec.Struct, frozen=True):
    """So many of so many."""

    count: int
    of: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in the records of a version."""

    format: str = FORMAT
    commit: str
    records: int
    # Of all records: the line is as the manifest's format says; all data is there that the
    # labelling config names; the sources are told; media are what their names say; clean.
    formatted: Count
    complete: Count
    traceable: Count
    typed: Count
    clean: Count
    # Of labelled records: the result follows the labelling config.
    compliant: Count
    # Of reviewed records: accepted as they were, without a change by the reviewer.
    accepted: Count
    # Why records are not clean; a record may have several reasons.
    unclean: dict[str, int]
    # Labels of the config that occur, of all there are.
    labels: Count
    # Records that say when they came into being: of these, the earliest and the latest day.
    dated: int
    first_day: str | None = None
    last_day: str | None = None


def measure(version: FrozenVersion) -> Measured:
    """Go through the records once, at the memory of their digests."""
    counting = _Counting(version.config)
    for line in version.lines():
        counting.add(line)
    return counting.told(version)


class _Counting:
    def __init__(self, config: labels.LabelConfig) -> None:
        self._config = config
        self._needed = [item for item in config.objects if item.key]
        self._decode = msgspec.json.Decoder(Record, strict=True).decode
        self._counts: Counter[str] = Counter()
        self._unclean: Counter[str] = Counter()
        self._labels: set[str] = set()
        self._seen: set[bytes] = set()
        self._days: list[str] = []

    def add(self, line: str) -> None:
        counts = self._counts
        counts["records"] += 1
        try:
            record = self._decode(line)
        except msgspec.DecodeError:
            return
        counts["formatted"] += 1
        counts["complete"] += self._is_complete(record)
        counts["traceable"] += _is_traceable(record)
        counts["typed"] += all(map(_is_typed, record.media.values()))
        reasons = set(self._reasons(record))
        counts["clean"] += not reasons
        self._unclean.update(reasons)
        if record.result:
            counts["labelled"] += 1
            data = {**record.data, **dict.fromkeys(record.media, "")}
            problems = labels.check_result(self._config, record.result, data=data)
            counts["compliant"] += not problems
            found = labels.label_counts(self._config, record.result)
            self._labels.update(label for label, number in found.items() if number)
        if record.review is not None:
            counts["reviewed"] += 1
            counts["accepted"] += record.review.verdict == "accept"
        day = record.data.get("original_time")
        if isinstance(day, str) and len(day) >= 10:
            counts["dated"] += 1
            self._days = [min([*self._days[:1], day[:10]]), max([*self._days[1:], day[:10]])]

    def told(self, version: FrozenVersion) -> Measured:
        counts, every = self._counts, self._counts["records"]
        known = set(version.config.all_labels)
        return Measured(
            commit=version.commit_id,
            records=every,
            formatted=Count(counts["formatted"], every),
            complete=Count(counts["complete"], every),
            traceable=Count(counts["traceable"], every),
            typed=Count(counts["typed"], every),
            clean=Count(counts["clean"], every),
            compliant=Count(counts["compliant"], counts["labelled"]),
            accepted=Count(counts["accepted"], counts["reviewed"]),
            unclean=dict(sorted(self._unclean.items())),
            labels=Count(len(self._labels & known), len(known)),
            dated=counts["dated"],
            first_day=self._days[0] if self._days else None,
            last_day=self._days[1] if self._days else None,
        )

    def _is_complete(self, record: Record) -> bool:
        return all(
            item.key in record.media or _is_there(record.data.get(item.key))
            for item in self._needed
        )

    def _reasons(self, record: Record) -> Iterator[str]:
        """Name what is not clean: twins, empty or dirty texts, pictures that show nothing."""
        content = [media.source for media in record.media.values()]
        content += [str(value) for _key, value in sorted(record.data.items())]
        digest = _digest("\0".join(content))
        if digest in self._seen:
            yield "duplicate"
        self._seen.add(digest)
        for item in self._needed:
            text = record.data.get(item.key)
            if item.tag in ("Text", "HyperText") and isinstance(text, str):
                yield from _of_text(text, is_markup=item.tag == "HyperText")
        for media in record.media.values():
            if not media.size:
                yield "empty"
            if media.width is not None and min(media.width, media.height or 0) < LEAST_SIDE:
                yield "small_picture"


def _of_text(text: str, *, is_markup: bool) -> Iterator[str]:
    if not text.strip():
        yield "empty"
    if any(unicodedata.category(one) in _HIDDEN and one not in _ALLOWED for one in text):
        yield "hidden_characters"
    if not is_markup and any(residue in text.lower() for residue in _RESIDUE):
        yield "residue"


def _is_there(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value not in (None, [], {})


def _is_traceable(record: Record) -> bool:
    """Tell whether it is known who labelled it, from which bytes, and what a model gave."""
    sources = all(len(media.source) == 64 for media in record.media.values())
    return bool(record.annotator) and sources and bool(record.media or record.data)


def _is_typed(media: Any) -> bool:
    ending = PurePosixPath(media.file).suffix.lstrip(".").lower()
    kind, _slash, name = media.content_type.partition("/")
    allowed: Mapping[str, set[str]] = _ENDINGS
    return ending in allowed.get(media.content_type, {name.removeprefix("x-")}) and bool(kind)


def _digest(text: str) -> bytes:
    # Sixteen bytes each: two hundred thousand records are three megabytes.
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
