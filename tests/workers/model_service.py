"""Serve models over real HTTP on loopback, well or badly, and write down what was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from jinbiao.datasets.settings import Settings, load
from jinbiao.workers import calls
from jinbiao.workers.models.interface import Call


@dataclass(frozen=True)
class Heard:
    """One request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """Return the JSON that was sent."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Said:
    """An answer: JSON, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class ModelService:
    """A server on a free port; `says` decides what it answers to each request."""

    def __init__(self, says: Callable[[Heard], Said]) -> None:
        """Take what it answers; nothing listens yet."""
        self.says = says
        self.heard: list[Heard] = []

    def __enter__(self) -> ModelService:
        """Begin to listen."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                # Who asked may have gone meanwhile.
                self.close_connection = True
                with suppress(OSError):
                    service._answer(self)

            do_POST = do_GET

            def log_message(self, *_values: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_values: Any) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def to(self, end: str) -> list[Heard]:
        """List the requests whose path ends so."""
        return [one for one in self.heard if one.path.endswith(end)]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        one = Heard(handler.command, handler.path, dict(handler.headers), handler.rfile.read(size))
        self.heard.append(one)
        said = self.says(one)
        time.sleep(said.seconds)
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        handler.send_response(said.status)
        for name, value in said.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def way_out(allowed: str = "127.0.0.0/8", seconds: float = 5.0) -> Call:
    """Return the real way to services, for an operator who allows some addresses."""
    settings: Settings = load({"JINBIAO_OUTSIDE_ALLOWED": allowed})
    return calls.way_out(settings, seconds)
