"""Fetch from addresses outside: each hop checked, sizes limited while they stream."""

from __future__ import annotations

import contextlib
import mimetypes
import posixpath
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import BinaryIO
from urllib.parse import unquote, urljoin

import urllib3

from ...datasets import errors, outside
from ...datasets.errors import _
from ...datasets.outside import Target
from ...datasets.settings import Settings
from .. import calls

MOST_REDIRECTS = 5
FETCH_SECONDS = 600.0  # for everything together, redirects too
_MOVED = (301, 302, 303, 307, 308)
# What tells the form of a thing, and how it is asked for with it.
VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
_SUFFIXES = {
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/jsonl": ".jsonl",
    "image/jpeg": ".jpg",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "text/csv": ".csv",
    "text/plain": ".txt",
    "text/tab-separated-values": ".tsv",
}


@dataclass(frozen=True)
class Answer:
    """What an address answered: where it was found in the end, its status, type and validators."""

    url: str
    status: int
    content_type: str
    validators: dict[str, str]

    @property
    def name(self) -> str:
        """Return the last part of the address, with a suffix that says what it is."""
        last = posixpath.basename(unquote(outside.parse(self.url).path.partition("?")[0]))
        plain = "".join(c for c in last if c.isprintable() and c not in '/\\"')[-200:]
        plain = plain.lstrip(".") or "file"
        if posixpath.splitext(plain)[1]:
            return plain
        kind = self.content_type.partition(";")[0].strip().lower()
        return plain + (_SUFFIXES.get(kind) or mimetypes.guess_extension(kind) or "")


def fetch(
    settings: Settings,
    url: str,
    out: BinaryIO,
    *,
    limit: int,
    headers: Mapping[str, str] | None = None,
    private: Mapping[str, str] | None = None,
    seconds: float = FETCH_SECONDS,
) -> Answer:
    """Write what an address gives into `out`; return what was said of it, also that it is not
    modified (304, nothing written).

    At most MOST_REDIRECTS redirects are followed by hand: each is looked up and checked like the
    first, none leads from https to http, and `private` headers go to the first origin only.

    Raises:
        errors.NotFound: it is not there (404, 410).
        errors.TooLarge: it has more than `limit` bytes.
        errors.Invalid: the address, or one it leads to, may not be called.
        errors.Refused: there is no good answer in time.
    """
    end = time.monotonic() + seconds
    first = target = outside.parse(url)
    for _hop in range(MOST_REDIRECTS + 1):
        told = {**(headers or {}), **((private or {}) if target.origin == first.origin else {})}
        answer, moved = _once(settings, target, out, told, limit, end, seconds)
        if moved is None:
            return answer
        following = outside.parse(urljoin(target.url, moved))
        if target.scheme == "https" and following.scheme != "https":
            raise errors.Refused(_("%(address)s leads from https to http"), address=target.origin)
        target = following
    raise errors.Refused(
        _("%(address)s leads on more than %(most)s times"),
        address=first.origin,
        most=MOST_REDIRECTS,
    )


def _once(
    settings: Settings,
    target: Target,
    out: BinaryIO,
    headers: Mapping[str, str],
    limit: int,
    end: float,
    seconds: float,
) -> tuple[Answer, str | None]:
    """Ask one address; return its answer, and where it leads to if it does."""
    left = end - time.monotonic()
    told = {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": calls.AGENT,
        **headers,
    }
    connection = outside.connection(settings.outside_allowed, target, max(left, 0.01))
    watch = threading.Timer(max(left, 0.01), calls.cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        connection.timeout = max(end - time.monotonic(), 0.01)
        connection.request(
            "GET", target.path, headers=told, preload_content=False, decode_content=False
        )
        response = connection.getresponse()
        if response.status in _MOVED:
            place = response.headers.get("Location")
            if not place:
                raise errors.Refused(
                    _("%(address)s answers %(status)s"),
                    address=target.origin,
                    status=response.status,
                )
            return Answer(target.url, response.status, "", {}), place
        _take(target, response, out, limit, end)
        kept = {name: str(response.headers.get(name) or "")[:200] for name in VALIDATORS}
        kind = str(response.headers.get("Content-Type") or "")
        good = {name: value for name, value in kept.items() if value}
        return Answer(target.url, response.status, kind, good), None
    except errors.NotFound as problem:
        if problem.values.get("status"):
            raise
        # Nobody knows the host: that says nothing of the thing itself.
        raise errors.Refused(problem.message, **problem.values) from problem
    except (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError) as problem:
        raise calls.unanswered(target, problem, end, seconds) from problem
    finally:
        watch.cancel()
        with contextlib.suppress(OSError):
            connection.close()


def _take(
    target: Target, response: urllib3.BaseHTTPResponse, out: BinaryIO, limit: int, end: float
) -> None:
    """Write the bytes of a good answer; what arrives drop by drop ends at the deadline."""
    if response.status in (404, 410):
        raise errors.NotFound(
            _("%(address)s answers %(status)s"), address=target.origin, status=response.status
        )
    if response.status == 304:
        return
    if response.status != 200:
        raise errors.Refused(
            _("%(address)s answers %(status)s"), address=target.origin, status=response.status
        )
    if (response.headers.get("Content-Encoding") or "identity").lower() != "identity":
        raise errors.Refused(
            _("%(address)s packs its answer in a way that was not asked for"),
            address=target.origin,
        )
    size = 0
    while chunk := response.read1(256 * 1024):
        size += len(chunk)
        if size > limit:
            raise errors.TooLarge(_("the file has more than %(limit_bytes)s"), limit_bytes=limit)
        if time.monotonic() > end:
            raise TimeoutError
        out.write(chunk)
    # Cut off from outside, an answer of unknown length looks whole.
    if time.monotonic() > end:
        raise TimeoutError
    if response.length_remaining:
        raise urllib3.exceptions.ProtocolError("it breaks off")
