"""Call programs outside: checked addresses, one deadline, bounded answers, no redirects."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

import msgspec
import urllib3
from urllib3.connection import HTTPConnection

from .. import VERSION
from ..datasets import errors, outside
from ..datasets.errors import _
from ..datasets.settings import Settings

AGENT = f"Jinbiao/{VERSION}"
MOST_BYTES = 32 * 1024**2


@dataclass(frozen=True)
class Reply:
    """What a program outside answered; `wait` is the seconds that it asks to be left alone."""

    status: int
    content: bytes
    wait: float | None = None

    @property
    def is_good(self) -> bool:
        """Tell whether the program says that all went well."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the answer, decoded.

        Raises:
            errors.Refused: it is not JSON.
        """
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise errors.Refused(_("the answer is not JSON")) from problem


def send(
    settings: Settings,
    method: str,
    url: str,
    content: bytes | None = None,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    login: tuple[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
) -> Reply:
    """Send a request and return the answer, whatever its status.

    Everything together takes at most `seconds`.

    Raises:
        errors.Invalid: the address may not be called.
        errors.Refused: there is no answer in time, or one that is too large.
    """
    target = outside.parse(url)
    told = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": AGENT, **(headers or {})}
    if login is not None:
        told["Authorization"] = f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"
    if content is not None:
        told["Content-Type"] = "application/json"
    end = time.monotonic() + seconds
    connection = outside.connection(settings.outside_allowed, target, seconds)
    watch = threading.Timer(seconds, cut, [connection])
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        # From here on it waits for the answer, which may take longer than to connect.
        connection.timeout = max(end - time.monotonic(), 0.01)
        connection.request(
            method,
            target.path,
            body=content,
            headers=told,
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        wait = _wait(response.headers.get("Retry-After"))
        return Reply(response.status, _read(response, end, most_bytes), wait)
    except errors.NotFound as problem:
        raise errors.Refused(problem.message, **problem.values) from problem
    except (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError) as problem:
        raise unanswered(target, problem, end, seconds) from problem
    finally:
        watch.cancel()
        connection.close()


def way_out(
    settings: Settings, seconds: float
) -> Callable[[str, str, bytes | None, Mapping[str, str]], tuple[int, bytes]]:
    """Return what asks programs outside for those who know neither settings nor replies.

    It takes method, address, content and headers, and gives status and content. Each call takes
    at most `seconds`. A program that asks to be left alone for a while counts as one that does
    not answer.

    Raises (what it returns):
        errors.Invalid: the address may not be called.
        errors.Refused: there is no answer; `wait` in its values is how long it asks to wait.
    """

    def call(
        method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        reply = send(settings, method, url, content, seconds=seconds, headers=headers)
        if reply.wait is not None and reply.status in (429, 503):
            raise errors.Refused(
                _("%(address)s answers %(status)s and asks to wait %(wait)s seconds"),
                address=outside.parse(url).origin,
                status=reply.status,
                wait=f"{reply.wait:g}",
            )
        return reply.status, reply.content

    return call


def _wait(told: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which may also be a moment."""
    if not told:
        return None
    if told.strip().isascii() and told.strip().isdigit() and len(told.strip()) < 9:
        return float(told)
    try:
        moment = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(round((moment - dt.datetime.now(dt.UTC)).total_seconds()), 0.0)


def _read(response: urllib3.BaseHTTPResponse, end: float, most_bytes: int) -> bytes:
    """Return the whole answer; what arrives drop by drop ends at the deadline."""
    content = bytearray()
    while chunk := response.read1(64 * 1024):
        content += chunk
        if len(content) > most_bytes:
            raise errors.Refused(_("the answer has more than %(most)s bytes"), most=most_bytes)
        if time.monotonic() > end:
            raise TimeoutError
    # Cut off from outside, an answer of unknown length looks whole.
    if time.monotonic() > end:
        raise TimeoutError
    if response.length_remaining:
        raise urllib3.exceptions.ProtocolError("it breaks off")
    return bytes(content)


def cut(connection: HTTPConnection) -> None:
    """End a connection from outside; whoever reads from it wakes up."""
    found = connection.sock
    if found is not None:
        with contextlib.suppress(OSError):
            # Not its own method: a TLS socket would take its state away from its reader.
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def unanswered(
    target: outside.Target, problem: Exception, end: float, seconds: float
) -> errors.Refused:
    """Say why there is no answer, without what the address may hold of secrets."""
    cause = problem.__cause__ or problem
    late = time.monotonic() >= end - 0.05
    if late or isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError):
        return errors.Refused(
            _("%(address)s did not answer within %(seconds)s seconds"),
            address=target.origin,
            seconds=f"{seconds:g}",
        )
    if isinstance(problem, ssl.SSLError | urllib3.exceptions.SSLError):
        return errors.Refused(
            _("the certificate of %(address)s is not good"), address=target.origin
        )
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return errors.Refused(
        _("%(address)s cannot be reached: %(reason)s"), address=target.origin, reason=str(reason)
    )
