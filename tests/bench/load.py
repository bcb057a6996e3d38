"""Ask a server over one kept connection, as fast as it answers, and tell what came back.

A process of its own, of the standard library only: it reads its work as one JSON line, says
that it is ready, starts when a second line comes, and prints one JSON line at the end. Times
are in milliseconds.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

WARM_UP = 3


class Client:
    """One keep-alive connection with a token."""

    def __init__(self, port: int, token: str | None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {} if token is None else {"Authorization": f"Token {token}"}

    def ask(
        self, path: str, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of a GET, or of a POST where there is content."""
        sent = {**self._headers, **(headers or {})}
        if content is not None:
            sent["Content-Type"] = "application/json"
        method = "GET" if content is None else "POST"
        self._connection.request(method, path, content, sent)
        response = self._connection.getresponse()
        return response.status, response.read()

    def drain(self, path: str) -> int:
        """Read a file to its end at constant memory and return its size."""
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        size, room = 0, bytearray(1 << 20)
        while number := response.readinto(room):
            size += number
        return size


def timed(times: list[float], ask: Callable[[], tuple[int, bytes]], wanted: int) -> bytes:
    """Ask once, note how long it took, and return the body.

    Raises:
        RuntimeError: the status is another than wanted.
    """
    start = time.perf_counter()
    status, body = ask()
    times.append((time.perf_counter() - start) * 1000)
    if status != wanted:
        raise RuntimeError(f"status {status} instead of {wanted}: {body[:300]!r}")
    return body


def pairs(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Take the next task and submit an answer, again and again."""
    next_path = f"/api/projects/{work['project']}/next"
    answer = json.dumps({"result": work["answer"], "lead_time": 3.5}).encode()
    asked: list[float] = []
    sent: list[float] = []
    made: list[list[int]] = []
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(made) <= WARM_UP:
        task = json.loads(timed(asked, lambda: client.ask(next_path), 200))["id"]
        path = f"/api/tasks/{task}/annotations/"
        body = timed(sent, lambda path=path: client.ask(path, answer), 201)  # type: ignore[misc]
        made.append([json.loads(body)["id"], task])
    return {"next": asked[WARM_UP:], "submit": sent[WARM_UP:], "made": made}


def gets(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read one address again and again."""
    times: list[float] = []
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(times) <= WARM_UP:
        timed(times, lambda: client.ask(work["path"]), 200)
    return {"times": times[WARM_UP:]}


def ranges(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read small ranges of the last megabyte of a file, in random order."""
    times: list[float] = []
    length, size = work["length"], work["size"]
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(times) <= WARM_UP:
        start = size - length - random.randrange(min(1 << 20, size - length))
        asked = {"Range": f"bytes={start}-{start + length - 1}"}
        body = timed(times, lambda asked=asked: client.ask(work["path"], None, asked), 206)  # type: ignore[misc]
        if len(body) != length:
            raise RuntimeError(f"{len(body)} bytes instead of {length}")
    return {"times": times[WARM_UP:]}


def download(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read one whole file."""
    start = time.perf_counter()
    size = client.drain(work["path"])
    if size != work["size"]:
        raise RuntimeError(f"{size} bytes instead of {work['size']}")
    return {"times": [(time.perf_counter() - start) * 1000]}


WORK = {"pairs": pairs, "gets": gets, "ranges": ranges, "download": download}


def main() -> None:
    """Do the work that standard input names."""
    work = json.loads(sys.stdin.readline())
    client = Client(work["port"], work["token"])
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    found = WORK[work["do"]](client, work)
    print(json.dumps({"seconds": time.perf_counter() - start, **found}), flush=True)


if __name__ == "__main__":
    main()
