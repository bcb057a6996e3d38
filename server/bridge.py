"""Run a WSGI application behind an ASGI server, with as few steps between threads as needed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_from_bytes

from a2wsgi.wsgi import WSGIMiddleware, WSGIResponder

# Parts of an answer that may wait for a slow client before its thread waits as well.
MOST_WAITING = 8
# In the environment of a request: that a whole file may be handed over by its path, and, put
# there by the application, the path of the file that it answers with.
SENDS_FILES, SENT_FILE = "jinbiao.sends_files", "jinbiao.sent_file"
# Bytes of a body, not read by the application, that are heard out before the answer: a server
# that answers and closes while the client still sends makes the client lose the answer.
MOST_UNREAD = 1024 * 1024
# Requests that bring nothing: what is heard after their beginning is that the client left.
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
# All that is ASCII stays in a query as it was written.
_AS_WRITTEN = bytes(range(128))


class Bridge(WSGIMiddleware):
    """Answer HTTP requests with a WSGI application, each in a thread."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; there is nothing but HTTP here."""
        if scope["type"] != "http":
            return
        if not scope["query_string"].isascii():
            # As people type it: a browser would have written it in percents.
            query = quote_from_bytes(scope["query_string"], _AS_WRITTEN)
            scope = {**scope, "query_string": query.encode()}
        responder = _Responder(self.app, self.executor)
        if scope["method"] not in _WITHOUT_BODY or _brings_something(scope["headers"]):
            responder.heard = _Heard(receive)
            await responder(scope, responder.heard, send)
            return
        begun = await receive()
        leaving = asyncio.ensure_future(receive())
        leaving.add_done_callback(responder.leave)
        try:
            await responder(scope, _Told(begun), send)
        finally:
            leaving.cancel()


def _brings_something(headers: Any) -> bool:
    """Tell whether a request has a body, which no GET needs and some have."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    )


class _Heard:
    """Receive a body, and know how much of it has come."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self.bytes, self.has_ended = 0, False

    async def __call__(self) -> Any:
        message = await self._receive()
        self.bytes += len(message.get("body", b""))
        self.has_ended = not message.get("more_body", False)
        return message

    def is_left(self, announced: str) -> bool:
        """Tell whether there is something to hear still, and not too much of it."""
        length = int(announced) if announced.isdecimal() else MOST_UNREAD
        return not self.has_ended and self.bytes < length <= MOST_UNREAD


class _Told:
    """Tell again what was received already."""

    def __init__(self, message: Any) -> None:
        self._message = message

    async def __call__(self) -> Any:
        return {**self._message, "more_body": False}


class _Gone(Exception):
    """The client does not listen any more."""


class _Responder(WSGIResponder):
    """Hand the parts of an answer over without waiting for each of them.

    The library waits for the loop after each part, three times for the shortest answer,
    which took longer than all the rest of the way. And nobody goes on reading a large file
    for a client that has left.
    """

    def __init__(self, app: Any, executor: ThreadPoolExecutor) -> None:
        super().__init__(app, executor, 0)
        self.heard: _Heard | None = None
        self._first: Any = None
        self._left = False

    def leave(self, _task: asyncio.Future[Any]) -> None:
        """Note that the client has left, or that all is said."""
        self._left = True

    def send(self, message: Any) -> None:
        """Hand a part over, from the application's thread."""
        if message["type"] == "http.response.start":
            # Goes with what comes next: an answer of one part is one step.
            self._first = message
            return
        if self.send_queue.qsize() >= MOST_WAITING:
            asyncio.run_coroutine_threadsafe(self._room(), self.loop).result()
        if self._left:
            raise _Gone
        first, self._first = self._first, None
        self.loop.call_soon_threadsafe(self._put, first, message)

    def wsgi(self, environ: Any, start_response: Any) -> None:
        """Run the application; stop in the middle when nobody listens.

        A whole file goes out by the server itself, once the application has said yes to it.
        """
        environ[SENDS_FILES] = True
        parts = self.app(environ, start_response)
        try:
            if self.heard and self.heard.is_left(environ.get("CONTENT_LENGTH", "")):
                environ["wsgi.input"].read(MOST_UNREAD)
            if SENT_FILE in environ:
                self.send({"type": "http.response.pathsend", "path": environ[SENT_FILE]})
                return
            for part in parts:
                self.send({"type": "http.response.body", "body": part, "more_body": True})
            self.send({"type": "http.response.body", "body": b""})
        except _Gone:
            pass
        finally:
            getattr(parts, "close", lambda: None)()

    def _put(self, first: Any, message: Any) -> None:
        if first is not None:
            self.send_queue.put_nowait(first)
        self.send_queue.put_nowait(message)

    async def _room(self) -> None:
        while self.send_queue.qsize() >= MOST_WAITING and not self._left:
            await asyncio.sleep(0.002)
