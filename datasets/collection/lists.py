"""Read the list of tasks that a program sends: fast, all or nothing.

A task is Label Studio's `{"data": {…}, "annotations": […], "predictions": […], "meta": {…}}`
or a flat object, which then is the data. Values stay as they are: addresses are texts that
nobody here fetches.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .. import errors, labels, media, sources
from ..errors import Problem, _
from ..projects import Project
from ..storage import ObjectStore
from ..tasks import MEDIA_PREFIX
from .keeping import keep
from .prepared import Brought, Prepared, checked, media_keys, refuse_stored

MOST_TASKS = 100_000  # in one request
TASK_BYTES = sources.SourceLimits.task_bytes  # of one task's JSON, as in an import by a job
MOST_PROBLEMS = 20  # that one answer lists
_DATA_URI = re.compile(r"data:([a-z]+)/([a-z0-9.+-]+);base64,", re.IGNORECASE)
# A backslash that is one itself, written twice, says nothing of what follows it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_EXTENSIONS = {"jpeg": "jpg", "tiff": "tif", "mpeg": "mp3", "x-wav": "wav"}


class _Item(msgspec.Struct):
    data: Any = None
    annotations: Any = None
    predictions: Any = None
    meta: Any = None


@dataclass
class ListReader:
    """Read lists for one project.

    `stored` turns an address of our own into the digest it stands for, where the sender may
    see that medium; None for any other text.
    """

    store: ObjectStore
    project: Project
    limits: media.MediaLimits
    stored: Callable[[str], str | None]
    preannotated: Sequence[str] = ()
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out which keys are media."""
        self._media_keys = media_keys(self.project)

    def read(self, content: bytes) -> list[Prepared]:
        """Return the tasks of a JSON list, or of one object.

        Raises:
            errors.Invalid: it is no such list, or an item is not usable; the first are named.
            errors.TooLarge: there are more than MOST_TASKS.
        """
        return self.prepared(_split(content))

    def prepared(self, items: Sequence[Any]) -> list[Prepared]:
        """Return the tasks of decoded or raw items; see `read`."""
        if not items:
            raise errors.Invalid(_("there is no task in it"))
        if len(items) > MOST_TASKS:
            raise errors.TooLarge(
                _("at most %(most)s tasks in one request, not %(number)s"),
                most=MOST_TASKS,
                number=len(items),
            )
        found: list[Prepared] = []
        problems: list[Problem] = []
        for number, item in enumerate(items):
            try:
                found.append(self._one(number + 1, item))
            except errors.Invalid as problem:
                place = f"[{number}].{problem.place}" if problem.place else f"[{number}]"
                problems.append(Problem(place, problem.message, problem.values))
                if len(problems) >= MOST_PROBLEMS:
                    break
        if problems:
            raise errors.Invalid(_("nothing was imported"), problems=problems)
        return found

    def _one(self, number: int, item: Any) -> Prepared:
        task = _task(item)
        data = task.data
        refuse_stored(data)
        facts, names = self._keep_media(data)
        predictions = task.predictions
        if self.preannotated:
            result = labels.regions_from_fields(self.project.config, data, self.preannotated)
            predictions = [*predictions, {"result": result}]
        return checked(
            self.project,
            Brought(
                number,
                data,
                task.annotations,
                predictions,
                task.meta,
                self._name(number, data, names),
                "",
                facts,
                names,
            ),
        )

    def _keep_media(self, data: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Store inline media, and take our own addresses back for what they stand for."""
        facts: list[dict[str, Any]] = []
        names: dict[str, str] = {}
        for key in self._media_keys:
            value = data.get(key)
            if not isinstance(value, str):
                continue
            if value[:5].lower() == "data:":
                opener = _inline(key, value)
                row = keep(self.store, opener, self.limits, self._known)
                facts.append(row)
                names[key] = opener.name
                data[key] = f"{MEDIA_PREFIX}{row['digest']}"
            elif "/data/upload/" in value:
                digest = self.stored(value)
                if digest is not None:
                    names[key] = value.rpartition("/")[2]
                    data[key] = f"{MEDIA_PREFIX}{digest}"
        return facts, names

    def _name(self, number: int, data: dict[str, Any], names: dict[str, str]) -> str:
        for key in self._media_keys:
            value = names.get(key) or data.get(key)
            if isinstance(value, str) and value:
                end = value.partition("?")[0].rstrip("/").rpartition("/")[2]
                plain = end.isprintable()
                return end if plain else "".join(c if c.isprintable() else "_" for c in end)
        return f"item {number}"


def _split(content: bytes) -> list[Any]:
    try:
        if content.lstrip()[:1] == b"{":
            return [msgspec.Raw(content)]
        return msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.Invalid(
            _("the body is not a JSON list of tasks: %(reason)s"), reason=str(problem)[:200]
        ) from problem


def _task(item: Any) -> _Item:
    """Return data, annotations, predictions and meta of an item in any of its forms."""
    values = _values(item)
    if not isinstance(values.get("data"), dict):
        if "annotations" in values or "predictions" in values:
            raise errors.Invalid(_("the task has no data"), place="data")
        return _Item(dict(values), [], [], {})
    task = _Item(values["data"])
    for name in ("annotations", "predictions"):
        listed = values.get(name) or []
        usable = isinstance(listed, list) and all(isinstance(each, dict) for each in listed)
        if not usable:
            raise errors.Invalid(_("must be a list of objects"), place=name)
        setattr(task, name, listed)
    task.meta = values.get("meta") or {}
    if not isinstance(task.meta, dict):
        raise errors.Invalid(_("must be an object"), place="meta")
    return task


def _values(item: Any) -> dict[str, Any]:
    if isinstance(item, msgspec.Raw):
        size = len(memoryview(item))
        if size > TASK_BYTES:
            raise errors.Invalid(_("it is larger than %(limit)s MB"), limit=TASK_BYTES // 1024**2)
        if b"\\u0000" in bytes(item) and _NUL.search(item):
            raise errors.Invalid(_("a text holds a NUL character"))
        try:
            item = msgspec.json.decode(item)
        except (msgspec.DecodeError, RecursionError) as problem:
            reason = str(problem)[:200]
            raise errors.Invalid(_("this is not JSON: %(reason)s"), reason=reason) from problem
    if not isinstance(item, dict) or not item:
        raise errors.Invalid(_("a task is an object"))
    return item


def _inline(key: str, value: str) -> sources.BytesMedia:
    found = _DATA_URI.match(value)
    if found is None:
        raise errors.Invalid(_("this kind of address is not accepted"), place=f"data.{key}")
    try:
        content = base64.b64decode(value[found.end() :], validate=True)
    except (binascii.Error, ValueError) as problem:
        raise errors.Invalid(_("the base64 content is damaged"), place=f"data.{key}") from problem
    kind = found[2].lower()
    return sources.BytesMedia(f"{key}.{_EXTENSIONS.get(kind, kind)}", content)
