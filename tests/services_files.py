"""Serve files over real HTTP: with ETags, redirects, and answers that break off."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from jinbiao.tests.services_http import LoopbackServer


@dataclass
class FileServer(LoopbackServer):
    """Files by their paths, on a free port of loopback."""

    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    # Path → where it leads.
    moved: dict[str, str] = field(default_factory=dict)
    # Path → the status that it answers instead.
    statuses: dict[str, int] = field(default_factory=dict)
    # Paths whose answer says that it is longer than it is.
    broken: set[str] = field(default_factory=set)
    # Whether it tells and understands ETags.
    has_etags: bool = True
    # What was sent: method's path and status, in order; and the headers of each request.
    sent: list[tuple[str, int]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        self.headers.append(dict(handler.headers.items()))
        content = self.files.get(path)
        tag = None if content is None else f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        status = 200 if content is not None else 404
        if self.has_etags and tag and handler.headers.get("If-None-Match") == tag:
            status, content = 304, b""
        if path in self.moved:
            status, content = 302, b""
        status = self.statuses.get(path, status)
        self.sent.append((path, status))
        handler.send_response(status)
        if path in self.moved:
            handler.send_header("Location", self.moved[path])
        if tag and self.has_etags:
            handler.send_header("ETag", tag)
        if path in self.types:
            handler.send_header("Content-Type", self.types[path])
        body = content or b""
        handler.send_header("Content-Length", str(len(body) + (path in self.broken) * 10))
        handler.end_headers()
        handler.wfile.write(body)
