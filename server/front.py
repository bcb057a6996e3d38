"""Stand before the application: send open files by the server itself, hand on all the rest.

The application is WSGI; the server speaks ASGI, whose `http.response.pathsend` lets a file
go out without passing through Python.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

from flask import Flask

from ..datasets import catalogue
from ..datasets.installation import Installation
from . import files, release_files
from .app import ALWAYS
from .bridge import Bridge
from .hub import files as hub_files
from .open_files import OpenFile, Shelf

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ADDRESS = re.compile(
    r"/datasets/([A-Za-z0-9._-]{1,96})/([A-Za-z0-9._-]{1,96})/resolve/"
    r"(?:refs(?:/|%2F)(?:heads|tags)(?:/|%2F))?([A-Za-z0-9._-]{1,60})/(.+)"
)
# What no two files share.
_OWN = frozenset({"ETag", "X-Linked-ETag", "X-Linked-Size", "Content-Disposition"})
MOST_HEADS = 1000
AT_ONCE = 128 * 1024  # bytes of a range that are read without another thread
# Whoever sends one of these is answered by the application: it knows people and conditions.
_ASKS_MORE = frozenset(
    {
        b"authorization",
        b"cookie",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"x-api-key",
        b"x-ckan-api-key",
    }
)


class Front:
    """Answer one request: from the shelf of open files, or by the application."""

    def __init__(self, installation: Installation, application: Flask) -> None:
        """Keep the application behind as many threads as the settings say."""
        self._installation = installation
        behind: Any = application.wsgi_app
        self._rest = Bridge(behind, workers=installation.settings.server_threads)
        self._heads: dict[tuple[str, str, bool], list[tuple[bytes, bytes]]] = {}
        self._shelf = Shelf(installation)
        self._shelf.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            found = self._open(scope)
            if found is not None:
                await self._send(scope, send, *found)
                return

        async def whole() -> Any:
            # The bridge asks from its threads by a coroutine; the server's own is something else.
            return await receive()

        await self._rest(scope, whole, send)

    def _open(self, scope: Scope) -> tuple[OpenFile, str, str, bool] | None:
        path = scope["path"]
        if not path.startswith("/datasets/") or scope["query_string"]:
            return None
        found = _ADDRESS.fullmatch(path)
        if found is None or any(name in _ASKS_MORE for name, _value in scope["headers"]):
            return None
        owner, name, revision, place = found.groups()
        revision = "main" if revision == "master" else revision
        file = self._shelf.find((owner, name, revision), place)
        if file is None:
            return None
        local = self._installation.store.path(file.digest)
        if local is None:
            return None
        return file, place, str(local), revision == file.release.commit_id

    async def _send(
        self, scope: Scope, send: Send, file: OpenFile, path: str, local: str, pinned: bool
    ) -> None:
        head = self._head(file, path.rpartition("/")[2], pinned=pinned)
        asked = _range(scope, file.size)
        start, length = asked or (0, file.size)
        if asked is not None:
            head = _partly(head, start, length, file.size)
        status = 200 if asked is None else 206 if length else 416
        await send({"type": "http.response.start", "status": status, "headers": head})
        if scope["method"] == "HEAD" or not length:
            await send({"type": "http.response.body", "body": b""})
            return
        if length < file.size:
            await _send_part(send, local, start, length)
        else:
            await send({"type": "http.response.pathsend", "path": local})
        marked = (b"x-hf-download-counter", b"1") in scope["headers"]
        if start == 0 and release_files.counts(path, marked=marked):
            self._shelf.count(file.release, self._address(scope))

    def _head(self, file: OpenFile, name: str, *, pinned: bool) -> list[tuple[bytes, bytes]]:
        """Return the headers of a file; what names share is put together once."""
        key = (name.rpartition(".")[2], file.release.commit_id, pinned)
        shared = self._heads.get(key)
        if shared is None:
            told = {
                **files.describing(files.content_type_of(name), name, file.digest),
                **hub_files.repo_headers(file.release.commit_id, file.digest, file.size),
                **ALWAYS,
                "Cache-Control": release_files.caching(catalogue.Openness.OPEN, pinned=pinned),
            }
            shared = [
                (each.lower().encode(), told[each].encode("latin-1"))
                for each in told
                if each not in _OWN
            ]
            if len(self._heads) > MOST_HEADS:
                self._heads.clear()
            self._heads[key] = shared
        size, etag = b"%d" % file.size, b'"%s"' % file.digest.encode()
        told_as = files.disposition(name, as_attachment=not files.is_shown(name))
        return [
            *shared,
            (b"content-length", size),
            (b"x-linked-size", size),
            (b"etag", etag),
            (b"x-linked-etag", etag),
            (b"content-disposition", told_as.encode("latin-1")),
        ]

    def _address(self, scope: Scope) -> str:
        if self._installation.settings.public_url:
            # Behind the proxy that the public address belongs to, which adds whom it serves.
            for name, value in reversed(scope["headers"]):
                if name == b"x-forwarded-for":
                    return str(value.rpartition(b",")[2].strip().decode("latin-1"))
        client = scope.get("client")
        return str(client[0]) if client else ""


def _range(scope: Scope, size: int) -> tuple[int, int] | None:
    """Return (start, length) of the range that is asked for; None where all is."""
    if scope["method"] == "HEAD":
        return None
    asked = [value for name, value in scope["headers"] if name == b"range"]
    # Sent twice it is malformed, as the application takes it.
    return files.byte_range(asked[0].decode("latin-1"), size) if len(asked) == 1 else None


def _partly(
    head: list[tuple[bytes, bytes]], start: int, length: int, size: int
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a part (206), or of none where the range lies beyond (416)."""
    told = b"bytes %d-%d/%d" % (start, start + length - 1, size)
    shown = told if length else b"bytes */%d" % size
    rest = [(name, value) for name, value in head if name != b"content-length"]
    return [*rest, (b"content-length", b"%d" % length), (b"content-range", shown)]


async def _send_part(send: Send, local: str, start: int, length: int) -> None:
    """Send a range; small ones are read at once, since they lie in memory as a rule."""
    number = os.open(local, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while length > 0:
            amount = min(length, files.CHUNK)
            if amount <= AT_ONCE:
                part = os.pread(number, amount, start)
            else:
                part = await asyncio.to_thread(os.pread, number, amount, start)
            if not part:
                raise OSError("the stored bytes end too early")
            start, length = start + len(part), length - len(part)
            more = length > 0
            await send({"type": "http.response.body", "body": part, "more_body": more})
    finally:
        os.close(number)
