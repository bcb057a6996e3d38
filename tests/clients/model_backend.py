"""A model backend and a receiver of webhooks that speak the recorded protocol."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "stub-1"


def predicted(task: dict[str, Any], config: str) -> dict[str, Any]:
    """Return a prediction: a box on a picture, nothing on anything else."""
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
    region = {
        "id": f"model-{task.get('id', 0)}",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": 640,
        "original_height": 480,
        "value": {**value, "rectanglelabels": ["Car"]},
    }
    result = [region] if "RectangleLabels" in config else []
    return {"result": result, "score": 0.9, "model_version": VERSION}


class Handler(BaseHTTPRequestHandler):
    """Answer as a model backend, and remember what came."""

    server: ModelBackend

    def do_GET(self) -> None:
        """Say that it is well, or which versions there are."""
        self._received(None)
        if self.path == "/health":
            self._answer({"status": "UP", "model_class": "Stub"})
        elif self.path == "/versions":
            self._answer({"versions": [VERSION]})
        else:
            self._answer({}, 404)

    def do_POST(self) -> None:
        """Set up, predict, or take an event."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self._received(body)
        if self.path == "/setup":
            self._answer({"model_version": VERSION})
        elif self.path == "/predict":
            config = body.get("label_config") or ""
            self._answer({"results": [predicted(task, config) for task in body["tasks"]]})
        else:
            self._answer({"status": "ok"}, 201)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _received(self, body: Any) -> None:
        with self.server.lock:
            self.server.received.append((self.path, body, dict(self.headers)))

    def _answer(self, content: dict[str, Any], status: int = 200) -> None:
        sent = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


class ModelBackend(ThreadingHTTPServer):
    """A server on a free port of this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen; `received` holds (path, body, headers) of what came."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, Any, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> ModelBackend:
        """Answer in a thread of its own."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def events(self) -> list[str]:
        """List the actions of the webhooks that came."""
        with self.lock:
            return [body["action"] for path, body, _h in self.received if body and "action" in body]

    def stop(self) -> None:
        """Listen no more."""
        self.shutdown()
        self.server_close()
