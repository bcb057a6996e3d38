"""Serve a small model backend that also hears webhooks, in Label Studio's protocol.

It listens on loopback, writes down what it was sent, and can be told to misbehave.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from jinbiao.tests.services_http import LoopbackServer

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Heard:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """Return the JSON that was sent."""
        return json.loads(self.content) if self.content else None


@dataclass
class ModelBackend(LoopbackServer):
    """A backend that answers every text with one choice, unless told otherwise."""

    version: str = "stub-v1"
    result: Callable[[dict[str, Any]], Any] = lambda task: []
    # Path → what it answers instead: a status and a body, or bytes sent as they are.
    instead: dict[str, Answer | bytes] = field(default_factory=dict)
    # Path → seconds before the answer.
    slow: dict[str, float] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def to(self, path: str) -> list[Heard]:
        """List the requests that came to a path."""
        return [one for one in self.heard if one.path == path]

    def told(self, path: str = "/webhook") -> list[str]:
        """List the actions that were told to a path."""
        return [str(one.body["action"]) for one in self.to(path)]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers.get("Content-Length") or 0)
        content = handler.rfile.read(size)
        one = Heard(handler.command, handler.path, dict(handler.headers), content)
        self.heard.append(one)
        time.sleep(self.slow.get(handler.path, 0.0))
        planned = self.instead.get(handler.path)
        if isinstance(planned, bytes):
            handler.wfile.write(planned)
            return
        try:
            status, body = planned or (200, self._body(one))
        except ValueError as problem:
            status, body = 500, {"error": str(problem)}
        answer = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def _body(self, one: Heard) -> Any:
        if one.path == "/health":
            return {"status": "UP", "model_class": "StubModel"}
        if one.path == "/setup":
            return {"model_version": self.version}
        if one.path == "/versions":
            return {"versions": [self.version, "stub-v2"]}
        if one.path == "/predict":
            return {
                "results": [
                    {
                        "model_version": self.version,
                        "score": 0.77,
                        "result": self.result(task),
                    }
                    for task in one.body["tasks"]
                ]
            }
        return {"ok": True}
