"""Make items of a task list: a JSON array, JSON objects one after another, or JSON lines.

A task is Label Studio's `{"data": {…}, "annotations": […], "predictions": […], "meta": {…}}`
or a flat object, which then is the data.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ..errors import Invalid, Problem, _
from . import names, quick, values
from .folders import Tree, join
from .items import BytesMedia, Draft, Item, Opener, Reject, SourceLimits, rejected, row_of, shown

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DATA_URI = re.compile(r"data:image/(png|jpeg|gif|webp|bmp|tiff);base64,", re.IGNORECASE)
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}\.?", re.IGNORECASE)


@dataclass(frozen=True)
class TaskList:
    """Read a list whose relative paths are looked up in `tree`, below `folder`."""

    tree: Tree
    folder: str
    keys: tuple[str, ...]
    media_keys: frozenset[str]
    limits: SourceLimits

    def drafts(self, stream: BinaryIO, by_line: bool) -> Iterator[Draft]:
        """Give a draft for every line that is not blank, or for every value of an array."""
        if by_line and values.first_character(stream) != "[":
            parser = values.Parser(self.limits.depth)
            for number, line in values.lines(stream, self.limits.task_bytes):
                yield self._line_draft(f"line {number}", line, parser)
            return
        found = values.values(stream, self.limits.task_bytes, self.limits.depth)
        for number, (value, problem) in enumerate(found, 1):
            yield self._value_draft(f"item {number}", value, problem)

    def _line_draft(self, place: str, line: str | Problem, parser: values.Parser) -> Draft:
        if isinstance(line, Problem):
            return rejected(place, line.message, **line.values)
        return lambda number: self._parsed(number, place, line, parser)

    def _parsed(self, number: int, place: str, line: str, parser: values.Parser) -> Item | Reject:
        text = line.strip(" \t\r\n")
        try:
            return self._item(number, place, quick.value(text, self.limits.depth))
        except quick.Doubtful:
            pass
        try:
            value, end, problem = parser.value(text)
        except RecursionError:
            problem = Problem("", _("the JSON is nested too deeply"))
            return Reject(number, place, problem, row=row_of(text))
        except ValueError as error:
            reason = getattr(error, "msg", _("a number is too long"))
            problem = Problem("", _("this is not JSON: %(reason)s"), {"reason": reason})
            return Reject(number, place, problem, row=row_of(text))
        if end < len(text):
            problem = Problem("", _("there is more than one value in the line"))
        if problem:
            return Reject(number, place, problem, row=row_of(text))
        return self._item(number, place, value)

    def draft(self, place: str, values: dict[str, Any]) -> Draft:
        """Give a draft for a task whose data were read already."""
        return self._value_draft(place, values, None)

    def _value_draft(self, place: str, value: Any, problem: Problem | None) -> Draft:
        if problem:
            reason = Problem("", problem.message, problem.values)
            return lambda number: Reject(number, shown(place), reason, row=row_of(value))
        return lambda number: self._item(number, place, value)

    def _item(self, number: int, place: str, value: Any) -> Item | Reject:
        try:
            task = _task(value)
            media: dict[str, Opener] = {}
            for key in self.keys:
                if key not in task["data"]:
                    raise Invalid(_("the data has no %(key)s"), key=key)
                if key in self.media_keys:
                    opener = self._medium(key, task["data"][key])
                    if opener is not None:
                        media[key] = opener
                        task["data"][key] = opener.name
        except Invalid as error:
            reason = Problem("", error.message, error.values)
            return Reject(number, place, reason, row=row_of(value))
        first = next(iter(media.values())).name if media else ""
        meta = task["meta"]
        return Item(
            number,
            place,
            # A list may name its tasks, and say which belong together.
            _line(meta.get("name")) or (PurePosixPath(first).name if first else "") or place,
            task["data"],
            media,
            _line(meta.get("group")) or first.rpartition("/")[0],
            task["annotations"],
            task["predictions"],
            task["meta"],
            value,
        )

    def _medium(self, key: str, value: Any) -> Opener | None:
        """Return the medium of a value, None for a remote address that stays a text."""
        if not isinstance(value, str) or not value.strip():
            raise Invalid(_("%(key)s must name a file"), key=key)
        if found := _DATA_URI.match(value):
            return _inline(key, found.group(1).lower(), value[found.end() :])
        if value.lower().startswith(("http://", "https://")):
            if not self.limits.allow_remote_urls:
                raise Invalid(_("%(key)s: remote addresses are not accepted"), key=key)
            _check_remote(key, value)
            return None
        if _SCHEME.match(value):
            raise Invalid(_("%(key)s: this kind of address is not accepted"), key=key)
        path = names.safe(value)
        if isinstance(path, Problem):
            raise Invalid(
                _("%(key)s: only files beside the list are accepted (%(reason)s)"),
                key=key,
                reason=path.message,
            )
        opener = self.tree.medium(join(self.folder, path))
        if opener is None:
            raise Invalid(_("%(key)s: there is no file %(name)s"), key=key, name=path)
        return opener


def _task(value: Any) -> dict[str, Any]:
    """Return data, annotations, predictions and meta; raise Invalid for another shape."""
    if not isinstance(value, dict):
        raise Invalid(_("a task is an object"))
    if not value:
        raise Invalid(_("the task is empty"))
    if not isinstance(value.get("data"), dict):
        if "annotations" in value or "predictions" in value:
            raise Invalid(_("the task has no data"))
        return {"data": dict(value), "annotations": [], "predictions": [], "meta": {}}
    task: dict[str, Any] = {"data": dict(value["data"]), "meta": value.get("meta")}
    task["meta"] = {} if task["meta"] is None else task["meta"]
    if not isinstance(task["meta"], dict):
        raise Invalid(_("%(key)s must be an object"), key="meta")
    for key in ("annotations", "predictions"):
        task[key] = [] if value.get(key) is None else value[key]
        if not isinstance(task[key], list) or not all(isinstance(x, dict) for x in task[key]):
            raise Invalid(_("%(key)s must be a list of objects"), key=key)
    return task


def _inline(key: str, kind: str, text: str) -> BytesMedia:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(_("%(key)s: the base64 content is damaged"), key=key) from error
    extension = {"jpeg": "jpg", "tiff": "tif"}.get(kind, kind)
    return BytesMedia(f"{key}.{extension}", content)


def _check_remote(key: str, value: str) -> None:
    """Refuse addresses that would make a browser probe its own machine or a cloud's metadata.

    The picture server of a private network (10/8, 192.168/16 …) is a normal place for pictures.
    """
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        named = "@" not in parts.netloc and parts.port != 0
    except ValueError:
        host, named = "", False
    if not named or not host or "\\" in value or not value.isprintable() or _is_local(host):
        raise Invalid(_("%(key)s: this address is not accepted"), key=key)


def _is_local(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(_NUMERIC_HOST.fullmatch(host))
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def _line(value: Any) -> str:
    return shown(value.strip()) if isinstance(value, str) else ""
