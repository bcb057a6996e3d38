"""Check what an item brings and put it into the form in which it is written.

A fault makes a reject, never an error: one bad item does not stop the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .. import errors, labels, media, sources
from ..errors import Problem, _
from ..labels.tags import WORD_TAGS
from ..projects import Project
from ..storage import ObjectStore
from ..tasks import MEDIA_PREFIX
from .keeping import keep

MEDIA_TAGS = frozenset({"Image", "Audio", "AudioPlus", "Video", "Pdf", "PDF", "TimeSeries"})
LONGEST_NAME = 500  # characters
MOST_META = 64 * 1024  # bytes


@dataclass(frozen=True)
class BroughtAnnotation:
    """An annotation that came with its task; `result` is JSON text that the config allows."""

    result: str
    was_cancelled: bool = False
    ground_truth: bool = False
    lead_time: float | None = None
    # Who it says made it; it counts only where that person sees the project.
    completed_by: int | None = None


@dataclass
class Prepared:
    """An item whose media are stored and whose values are checked, ready to be written."""

    number: int
    data: str
    digest: str
    name: str
    group: str
    media_names: str
    media: list[dict[str, Any]]
    annotations: list[BroughtAnnotation] = field(default_factory=list)
    predictions: list[tuple[str, float | None, str]] = field(default_factory=list)
    meta: str = "{}"
    file_upload_id: int | None = None

    @property
    def length(self) -> int:
        """Return how many characters will be written of it, roughly."""
        answers = sum(len(each.result) for each in self.annotations)
        return len(self.data) + answers + sum(len(each[2]) for each in self.predictions)


def media_size(batch: Iterable[Prepared]) -> int:
    """Return how many bytes of media a batch has, what is shown instead of them apart."""
    return sum(int(row["size"]) for each in batch for row in each.media)


@dataclass(frozen=True)
class Brought:
    """What an item says, its media stored already: `data` has `media:…` in their place."""

    number: int
    data: dict[str, Any]
    annotations: Sequence[Mapping[str, Any]] = ()
    predictions: Sequence[Mapping[str, Any]] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    group: str = ""
    media: Sequence[dict[str, Any]] = ()
    media_names: Mapping[str, str] = field(default_factory=dict)


def media_keys(project: Project) -> tuple[str, ...]:
    """Return the data keys whose values are media."""
    found = [item.key for item in project.config.objects if item.tag in MEDIA_TAGS]
    return tuple(dict.fromkeys(found))


def word_keys(project: Project) -> tuple[str, ...]:
    """Return the data keys that are shown as the words they are; a file of theirs is read."""
    linked = {item.key for item in project.config.objects if item.tag not in WORD_TAGS}
    linked |= {item.key for item in project.config.objects if item.value_type == "url"}
    found = [item.key for item in project.config.objects if item.key and item.key not in linked]
    return tuple(dict.fromkeys(found))


def prepare(
    store: ObjectStore,
    project: Project,
    item: sources.Item,
    limits: media.MediaLimits,
    known: dict[str, dict[str, Any]],
) -> Prepared | sources.Reject:
    """Store an item's media and check its values; a fault makes a reject, never an error.

    `known` remembers media rows by digest, so that bytes that come again are not looked
    at again; the caller bounds it.

    Raises:
        errors.Unavailable: the object store cannot be reached.
    """
    try:
        refuse_stored(item.data)
        data, facts, names = dict(item.data), [], {}
        for key, opener in item.media.items():
            found = keep(store, opener, limits, known)
            data[key] = f"{MEDIA_PREFIX}{found['digest']}"
            names[key] = opener.name
            facts.append(found)
        return checked(
            project,
            Brought(
                item.number,
                data,
                item.annotations,
                item.predictions,
                item.meta,
                item.name,
                item.group,
                facts,
                names,
            ),
        )
    except errors.Unavailable:
        raise
    except errors.JinbiaoError as problem:
        told, row = tuple(problem.problems), sources.row_of(item.origin)
        return sources.Reject(item.number, item.place, _as_one(problem), told, row)


def checked(project: Project, item: Brought) -> Prepared:
    """Return what an item brings, checked against the project's config.

    Raises:
        errors.Invalid: a data key is missing, or the config does not allow a result.
        errors.TooLarge: the meta is too large.
    """
    config = project.config
    missing = [key for key in config.data_keys if key not in item.data]
    if missing:
        raise errors.Invalid(
            _("the task's data lack %(keys)s"), place="data", keys=", ".join(missing)
        )
    text = msgspec.json.encode(item.data, order="sorted")
    meta = msgspec.json.encode(item.meta)
    if len(meta) > MOST_META:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"), place="meta", longest=MOST_META
        )
    return Prepared(
        number=item.number,
        data=text.decode(),
        digest=hashlib.sha256(text).hexdigest(),
        name=item.name[:LONGEST_NAME],
        group=item.group[:LONGEST_NAME],
        media_names=msgspec.json.encode(item.media_names).decode() if item.media_names else "{}",
        media=list(item.media),
        annotations=[
            _annotation(config, entry, item.data, f"annotations[{place}]")
            for place, entry in enumerate(item.annotations)
        ],
        predictions=[
            (
                str(entry.get("model_version") or "undefined")[:140],
                _score(entry.get("score")),
                _result(config, entry, item.data, f"predictions[{place}]"),
            )
            for place, entry in enumerate(item.predictions)
        ],
        meta=meta.decode(),
    )


def refuse_stored(data: Mapping[str, Any]) -> None:
    """Raise errors.Invalid for a value that would claim a stored medium by its digest.

    Who knows the digest of a foreign picture must not get to see it.
    """
    for key, value in data.items():
        if isinstance(value, str) and value.startswith(MEDIA_PREFIX):
            raise errors.Invalid(
                _("a value must not begin with %(prefix)s"),
                place=f"data.{key[:80]}",
                prefix=MEDIA_PREFIX,
            )


def _annotation(
    config: labels.LabelConfig, entry: Mapping[str, Any], data: dict[str, Any], place: str
) -> BroughtAnnotation:
    skipped = entry.get("was_cancelled") is True
    return BroughtAnnotation(
        "[]" if skipped else _result(config, entry, data, place),
        skipped,
        entry.get("ground_truth") is True,
        _seconds(entry.get("lead_time")),
        _person(entry.get("completed_by")),
    )


def _result(
    config: labels.LabelConfig, entry: Mapping[str, Any], data: dict[str, Any], place: str
) -> str:
    result = labels.named(entry.get("result"))
    problems = labels.check_result(config, result, data=data)
    if problems:
        first = problems[0]
        raise errors.Invalid(
            first.message, place=f"{place}.{first.place}", problems=problems, **first.values
        )
    return msgspec.json.encode(result).decode()


def _score(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if usable and abs(value) < 1e9 else None


def _seconds(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # Bounded before it is converted: JSON has whole numbers that no float can hold.
    return float(min(max(value, 0), 86_400)) if usable and value == value else None


def _person(value: Any) -> int | None:
    number = value.get("id") if isinstance(value, dict) else value
    usable = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**53
    return number if usable else None


def _as_one(problem: errors.JinbiaoError) -> Problem:
    """Return the problem with its place and, where there are several, their number."""
    return Problem(problem.place, problem.message, problem.values)
