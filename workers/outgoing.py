"""Send to one remote service: checked addresses, patience, and a token for its own host only.

What is too much for it now (429, 5xx, no answer) is tried again after a pause that grows, or
that it asks for. No redirect leads a token or a file to another host.
"""

from __future__ import annotations

import io
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urljoin

import msgspec
import urllib3

from .. import VERSION
from ..datasets import errors, outside
from ..datasets.errors import _
from ..datasets.settings import Settings
from .work import stopping

AGENT = f"Jinbiao/{VERSION}"
TRIES = 6
LONGEST_PAUSE = 60.0  # seconds; who asks for more is asked again by a later attempt
MOST_BYTES = 32 * 1024**2  # of an answer
ANSWER_SECONDS = 300.0  # for a whole answer; a commit of many files may take a while
CONNECT_SECONDS, SILENT_SECONDS = 30.0, 120.0
MOST_REDIRECTS = 3
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Answer:
    """What a remote service answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_good(self) -> bool:
        """Tell whether it says that all went well."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the answer, decoded; None where it is not JSON."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    @property
    def said(self) -> str:
        """Return what it says of itself, in one short line."""
        told = self.json()
        if isinstance(told, dict):
            told = told.get("error", told.get("message", told))
        text = told if isinstance(told, str) else msgspec.json.encode(told).decode()
        if told is None:
            text = self.content[:200].decode("utf-8", "replace")
        return " ".join(text.split())[:300]


class Remote:
    """A remote service; `headers` (with the token) go to its own origin only."""

    def __init__(self, settings: Settings, base: str, headers: Mapping[str, str]) -> None:
        self.base = base.rstrip("/")
        self._origin = outside.parse(self.base).origin
        self._own = dict(headers)
        # What no error may say, even where the other side says it.
        self._secrets = [value.rpartition(" ")[2].encode() for value in headers.values()]
        self._pools = outside.CheckedPools(settings.outside_allowed)
        # Whether it ever answered: before that, silence is a wrong address and no accident.
        self._answered = threading.Event()

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        stream: Callable[[], BinaryIO] | None = None,
        length: int = 0,
        headers: Mapping[str, str] | None = None,
        own: bool = True,
        once: bool = False,
    ) -> Answer:
        """Send a request and return the answer, whatever it is but "come back later".

        `stream` opens a body of `length` bytes, for each try anew. With `once` it is not sent
        a second time where it may have been done the first time. Without `own` the token stays
        here, whatever the host.

        Raises:
            errors.Invalid: the address may not be called.
            errors.Refused: it does not answer from the beginning, or leads elsewhere.
            errors.Unavailable: it is away or busy; a later attempt may go on.
        """
        if json is not None:
            content = msgspec.json.encode(json)
        told = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": AGENT}
        if json is not None:
            told["Content-Type"] = "application/json"
        told |= headers or {}
        url = urljoin(f"{self.base}/", path) if "://" in path else f"{self.base}/{path.lstrip('/')}"
        for number in range(MOST_REDIRECTS + 1):
            answer = self._patiently(method, url, content, stream, length, told, own, once)
            if answer.status not in (301, 302, 303, 307, 308) or number == MOST_REDIRECTS:
                return answer
            url = self._led(method, url, answer)
        raise AssertionError

    def is_own(self, url: str) -> bool:
        """Tell whether an address is of this service's own origin."""
        return outside.parse(url).origin == self._origin

    def close(self) -> None:
        """Close all connections."""
        self._pools.clear()

    def _led(self, method: str, url: str, answer: Answer) -> str:
        """Return where a redirect leads, if that is the same host and nothing changes."""
        found = urljoin(url, answer.headers.get("Location", ""))
        is_same = outside.parse(found).origin == outside.parse(url).origin
        if not is_same or (answer.status not in (307, 308) and method != "GET"):
            raise errors.Refused(
                _("%(address)s leads to %(other)s: enter that address instead"),
                address=outside.parse(url).origin,
                other=outside.parse(found).origin,
            )
        return found

    def _patiently(
        self,
        method: str,
        url: str,
        content: bytes | None,
        stream: Callable[[], BinaryIO] | None,
        length: int,
        headers: Mapping[str, str],
        own: bool,
        once: bool,
    ) -> Answer:
        sent = {**headers, **(self._own if own and self.is_own(url) else {})}
        if stream is not None:
            sent["Content-Length"] = str(length)
        reason: errors.JinbiaoError = errors.Refused(_("there is no answer"))
        for number in range(TRIES):
            pause = min(2.0**number * (1 + random.random()) / 2, LONGEST_PAUSE)
            try:
                answer = self._send(method, url, content if stream is None else stream(), sent)
            except errors.Refused as problem:
                reason = problem
                if once or not self._answered.is_set() and number >= 2:
                    break
            else:
                self._answered.set()
                if answer.status not in _BUSY:
                    return answer
                reason = _busy(url, answer)
                if once and answer.status not in (425, 429, 503):
                    break
                wait = _asked_pause(answer)
                if wait is not None and wait > LONGEST_PAUSE:
                    break
                pause = pause if wait is None else wait
            if number < TRIES - 1:
                _rest(pause)
        if self._answered.is_set():
            raise errors.Unavailable(reason.message, **reason.values)
        raise reason

    def _send(
        self, method: str, url: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send it once; everything that the answer takes has its end.

        Raises:
            errors.Refused: there is no answer.
        """
        origin = outside.parse(url).origin
        try:
            response = self._pools.urlopen(
                method,
                url,
                body=body,
                headers=dict(headers),
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENT_SECONDS),
                preload_content=False,
            )
            content = _read(response)
            if response.status >= 300:
                for secret in self._secrets:
                    content = content.replace(secret, b"***")
            return Answer(response.status, response.headers, content)
        except errors.NotFound as problem:
            raise errors.Refused(problem.message, **problem.values) from problem
        except (ssl.SSLError, urllib3.exceptions.SSLError) as problem:
            raise errors.Refused(
                _("the certificate of %(address)s is not good"), address=origin
            ) from problem
        except (OSError, urllib3.exceptions.HTTPError) as problem:
            cause = problem.__cause__ or problem
            reason = getattr(cause, "strerror", None) or type(cause).__name__
            raise errors.Refused(
                _("%(address)s cannot be reached: %(reason)s"), address=origin, reason=str(reason)
            ) from problem
        finally:
            if isinstance(body, io.IOBase):
                body.close()


def refused(what: str, answer: Answer) -> errors.Refused:
    """Return the error for an answer that is a refusal; `what` is what was asked there."""
    if answer.status in (401, 403):
        return errors.Refused(
            _("the token does not allow %(what)s there (%(status)s): %(said)s"),
            what=what,
            status=answer.status,
            said=answer.said,
        )
    return errors.Refused(
        _("%(what)s was answered with %(status)s: %(said)s"),
        what=what,
        status=answer.status,
        said=answer.said,
    )


def _busy(url: str, answer: Answer) -> errors.Refused:
    return errors.Refused(
        _("%(address)s is busy and answers %(status)s"),
        address=outside.parse(url).origin,
        status=answer.status,
    )


def _asked_pause(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header; None where there is none."""
    told = answer.headers.get("Retry-After", "").strip()
    return float(told) if told.isascii() and told.isdigit() and len(told) < 7 else None


def _rest(seconds: float) -> None:
    """Wait; a worker that is told to stop does not."""
    if stopping.wait(seconds):
        raise errors.Unavailable(_("the worker is stopping"))


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    end = time.monotonic() + ANSWER_SECONDS
    content = bytearray()
    while chunk := response.read1(64 * 1024):
        content += chunk
        if len(content) > MOST_BYTES or time.monotonic() > end:
            response.close()
            raise errors.Refused(_("the answer has more than %(most)s bytes"), most=MOST_BYTES)
    response.release_conn()
    return bytes(content)
