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
from pathlib import Path
from typing import Any

WARM_UP = 3
MOST_FAILURES = 1000


class Client:
    """One keep-alive connection with a token."""

    def __init__(self, port: int, token: str | None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.told_ms = -1.0
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
        timing = response.getheader("Server-Timing", "")
        # What the server says that its own work took, in milliseconds.
        self.told_ms = float(timing.partition("app;dur=")[2] or -1)
        return response.status, response.read()

    def drain(self, path: str) -> int:
        """Read a file to its end at constant memory and return its size."""
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        size, room = 0, bytearray(1 << 20)
        while number := response.readinto(room):
            size += number
        return size


class Timed:
    """Asks whose times are noted, in milliseconds.

    A lenient one asks again after a 5xx, as the SDK does; the time is that until the answer.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self.times: list[float] = []
        self.failed = 0
        self._lenient = lenient

    def body(self, ask: Callable[[], tuple[int, bytes]], wanted: int) -> bytes:
        """Ask once, note how long it took, and return the body.

        Raises:
            RuntimeError: the status is another than wanted.
        """
        start = time.perf_counter()
        status, body = ask()
        while status >= 500 and self._lenient and self.failed < MOST_FAILURES:
            self.failed += 1
            status, body = ask()
        self.times.append((time.perf_counter() - start) * 1000)
        if status != wanted:
            raise RuntimeError(f"status {status} instead of {wanted}: {body[:300]!r}")
        return body


def pairs(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Take the next task and submit an answer, again and again.

    With a `pause`, so many seconds are between two tasks, as somebody needs to answer one.
    """
    next_path = f"/api/projects/{work['project']}/next/"
    answer = json.dumps({"result": work["answer"], "lead_time": 3.5}).encode()
    asked, sent = Timed(lenient=bool(work.get("lenient"))), Timed(lenient=bool(work.get("lenient")))
    made: list[list[int]] = []
    told: dict[str, list[float]] = {"told_next": [], "told_submit": []}
    pause = work.get("pause", 0.0)
    time.sleep(pause * random.random())
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(made) <= WARM_UP:
        task = json.loads(asked.body(lambda: client.ask(next_path), 200))["id"]
        told["told_next"].append(client.told_ms)
        time.sleep(pause)
        made.append([_answered(client, sent, task, answer), task])
        told["told_submit"].append(client.told_ms)
    times = {"next": asked.times, "submit": sent.times, **told}
    # Who works at a person's pace has few tasks to spare.
    warm = {name: found[1 if pause else WARM_UP :] for name, found in times.items()}
    return {**warm, "made": made, "failed": asked.failed + sent.failed}


def answers(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Annotate one given task after the other, until the time or the tasks are over."""
    answer = json.dumps({"result": work["answer"], "lead_time": 3.5}).encode()
    sent = Timed(lenient=bool(work.get("lenient")))
    made: list[list[int]] = []
    end = time.perf_counter() + work["seconds"]
    for task in work["tasks"]:
        if time.perf_counter() >= end and len(made) > WARM_UP:
            break
        made.append([_answered(client, sent, task, answer), task])
    return {"times": sent.times[WARM_UP:], "made": made, "failed": sent.failed}


def _answered(client: Client, sent: Timed, task: int, answer: bytes) -> int:
    path = f"/api/tasks/{task}/annotations/"
    return int(json.loads(sent.body(lambda: client.ask(path, answer), 201))["id"])


def gets(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read one address again and again."""
    read = Timed()
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(read.times) <= WARM_UP:
        read.body(lambda: client.ask(work["path"]), 200)
    return {"times": read.times[WARM_UP:]}


def upload(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Post the bytes of a file as they are."""
    content, sent = Path(work["file"]).read_bytes(), Timed()
    body = sent.body(lambda: client.ask(work["path"], content), 201)
    return {"times": sent.times, "body": json.loads(body)}


def fetch(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read one address once, and keep what came for whoever wants to look into it."""
    read = Timed()
    Path(work["file"]).write_bytes(read.body(lambda: client.ask(work["path"]), 200))
    return {"times": read.times}


def ranges(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read small ranges of the last megabyte of a file, in random order."""
    read = Timed()
    length, size = work["length"], work["size"]
    end = time.perf_counter() + work["seconds"]
    while time.perf_counter() < end or len(read.times) <= WARM_UP:
        start = size - length - random.randrange(min(1 << 20, size - length))
        asked = {"Range": f"bytes={start}-{start + length - 1}"}
        body = read.body(lambda asked=asked: client.ask(work["path"], None, asked), 206)  # type: ignore[misc]
        if len(body) != length:
            raise RuntimeError(f"{len(body)} bytes instead of {length}")
    return {"times": read.times[WARM_UP:]}


def download(client: Client, work: dict[str, Any]) -> dict[str, Any]:
    """Read one whole file."""
    start = time.perf_counter()
    size = client.drain(work["path"])
    if size != work["size"]:
        raise RuntimeError(f"{size} bytes instead of {work['size']}")
    return {"times": [(time.perf_counter() - start) * 1000]}


WORK = {
    "pairs": pairs,
    "gets": gets,
    "answers": answers,
    "upload": upload,
    "fetch": fetch,
    "ranges": ranges,
    "download": download,
}


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
