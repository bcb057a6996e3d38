"""Do the same work twice, undisturbed in this process or over HTTP while things are killed."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from jinbiao.datasets.labels import TEMPLATES
from jinbiao.tests.server.command import Up, children_of
from jinbiao.tests.server.world import FACTS, TEXTS, World, entity, multipart, zipped

PAIRS, LABELLED, SIDE, NOTES = 300, 20, 96, 400
LABELS = ("open", "short", "mousebite", "spur", "copper", "pin_hole")
FORMATS = ("jsonl", "coco", "yolo")
PATIENCE = 60.0  # seconds that one request is repeated

Ask = Callable[[str, str, str, Any], tuple[int, Any]]


def place(number: int) -> tuple[int, int, int, int, str]:
    """Return where the defect of a board is, in pixels, and its label."""
    chosen = random.Random(number)
    label = LABELS[number % len(LABELS)]
    return chosen.randint(5, 70), chosen.randint(5, 70), 12, 10, label


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return a PNG of grey pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@cache
def boards() -> bytes:
    """Return a ZIP of board pairs and their task list; the first ones are labelled."""
    base = np.kron(np.random.default_rng(7).integers(0, 2, (12, 12)), np.ones((8, 8))) * 200
    files: dict[str, bytes] = {}
    lines = []
    for number in range(PAIRS):
        x, y, width, height, label = place(number)
        noise = np.random.default_rng(number).integers(0, 12, (SIDE, SIDE))
        board = (base + noise + 20).astype(np.uint8)
        board[y : y + height, x : x + width] = 255 - board[y : y + height, x : x + width]
        files[f"board {number:03}.png"] = png(board)
        files[f"template {number:03}.png"] = png((base + 20).astype(np.uint8) + number % 3)
        task: dict[str, Any] = {
            "data": {"image": f"board {number:03}.png", "template": f"template {number:03}.png"},
            "meta": {"name": f"board {number:03}", "group": f"g{number % 60}"},
        }
        if number < LABELLED:
            task["annotations"] = [{"result": answer(number)}]
        lines.append(json.dumps(task))
    return zipped({"tasks.jsonl": "\n".join(lines).encode(), **files})


def answer(number: int) -> list[dict[str, Any]]:
    """Return the true box of a board as people enter it."""
    x, y, width, height, label = place(number)
    percent = 100 / SIDE
    value = {
        "x": x * percent,
        "y": y * percent,
        "width": width * percent,
        "height": height * percent,
        "rotation": 0,
        "rectanglelabels": [label],
    }
    return [
        {
            "id": f"b{number}",
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": SIDE,
            "original_height": SIDE,
            "image_rotation": 0,
            "value": value,
        }
    ]


class OverHTTP:
    """Ask a running server, again and again until it answers."""

    def __init__(self, address: str, tokens: dict[str, str]) -> None:
        self.address, self.tokens = address, tokens
        self.repeated = 0

    def __call__(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send until there is an answer below 500; return its status and JSON."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.once(who, method, path, body)
            except OSError as problem:
                if time.monotonic() > end:
                    raise TimeoutError(f"{method} {path}: {problem}") from problem
                self.repeated += 1
                time.sleep(0.2)

    def once(self, who: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Send once; OSError when there is no answer or the server is not well."""
        headers = {"Authorization": f"Token {self.tokens[who]}"}
        if isinstance(body, bytes):
            data, headers["Content-Type"] = multipart(("boards.zip", body))
        else:
            data = None if body is None else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as problem:
            with problem:
                if problem.code >= 500:
                    raise ConnectionError(f"{problem.code} {problem.read()[:300]!r}") from problem
                return problem.code, json.loads(problem.read() or b"null")
        except urllib.error.URLError as problem:
            raise ConnectionError(str(problem)) from problem
        except (ValueError, EOFError) as problem:
            raise ConnectionError(f"half an answer: {problem}") from problem
        except Exception as problem:
            # http.client has a tree of its own for answers that break off.
            raise ConnectionError(repr(problem)) from problem


class InProcess:
    """Ask the application itself, and do the jobs here."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request; do the job that it started."""
        given: dict[str, Any] = {}
        if isinstance(body, bytes):
            data, kind = multipart(("boards.zip", body))
            given = {"data": data, "content_type": kind}
        elif body is not None:
            given = {"json": body}
        response = self.world.ask(method, path, who, **given)
        for job in self.world.waiting():
            self.world.finished(job)
        return response.status_code, response.json


@dataclass
class Chain:
    """The whole chain on the boards, by whichever way requests are sent."""

    ask: Ask
    project: int = 0
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    # (task id, annotation id) as they were acknowledged.
    acknowledged: list[tuple[int, int]] = field(default_factory=list)

    def prepare(self) -> None:
        """Create the project."""
        config = TEMPLATES["board_pair"].config
        # Which tasks get no pre-label depends on the moment: here none is left without.
        asked = {"title": "boards", "label_config": config, "prelabel_control_percent": 0}
        self.project = int(self._good("requester", "POST", "/api/projects/", asked)["id"])

    def run(self) -> None:
        """Import, pre-label, annotate, review, freeze, export, publish."""
        base = f"/api/projects/{self.project}"
        self._job("import", f"{base}/import?async=true", boards())
        self._job("prelabel", f"{base}/prelabel", {"model": "golden_difference"})
        rows = self._tasks()
        threads = [
            threading.Thread(target=self._annotate, args=(who, rows[LABELLED + start :: 2]))
            for start, who in enumerate(("annotator", "annotator2"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for row in self._tasks():
            self._review(row["annotations"][0]["id"])
        result = self._job("freeze", f"{base}/versions/", {"seed": 5})
        version = f"/api/versions/{result['version']}"
        for name in FORMATS:
            self._job(f"export {name}", f"{version}/exports/", {"format": name}, kind="export")
        asked = {**FACTS, "name": "boards", "title": "boards"}
        self._job("publish", f"{version}/publish", asked)

    def _annotate(self, who: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            number = int(row["data"]["image"].rpartition("/")[2].removesuffix(".png")[-3:])
            sent = {
                "result": answer(number),
                "unique_id": f"{who}-{number}",
                "parent_prediction": row["predictions"][0]["id"],
            }
            made = self._good(who, "POST", f"/api/tasks/{row['id']}/annotations/", sent)
            self.acknowledged.append((row["id"], made["id"]))

    def _review(self, annotation: int) -> None:
        path = f"/api/annotations/{annotation}/reviews"
        status, _answer = self.ask("reviewer", "POST", path, {"verdict": "accept"})
        if status == 422:
            # It was judged by a request whose answer was lost.
            path = f"/api/annotation-reviews/?annotation={annotation}"
            (review,) = self._good("reviewer", "GET", path)
            assert review["accepted"]
        else:
            assert status == 201, status

    def _job(self, name: str, path: str, body: Any, kind: str = "") -> dict[str, Any]:
        """Start a job, once, and wait for its end; return its result."""
        number = self._start(kind or name, path, body)
        end = time.monotonic() + 90
        while True:
            job = self._good("requester", "GET", f"/api/jobs/{number}/")
            if job["ended_at"]:
                break
            assert time.monotonic() < end, job
            time.sleep(0.1)
        self.jobs[name] = job
        assert job["state"] == "done", job
        result: dict[str, Any] = job["result"]
        return result

    def _start(self, kind: str, path: str, body: Any) -> str:
        before = self._known(kind)
        once = getattr(self.ask, "once", None)
        while once is not None:
            try:
                status, answer = once("requester", "POST", path, body)
                break
            except OSError:
                # The request may have arrived: ask before sending it again.
                time.sleep(0.3)
                new = self._known(kind) - before
                if new:
                    return new.pop()
        else:
            before = set()
            status, answer = self.ask("requester", "POST", path, body)
        assert status in (201, 202), answer
        if status == 202:
            return str(answer["id"])
        path = f"/api/projects/{self.project}/imports/{answer['import']}/"
        return str(self._good("requester", "GET", path)["job"])

    def _known(self, kind: str) -> set[str]:
        jobs = self._good("requester", "GET", "/api/jobs/?page_size=100")
        return {job["id"] for job in jobs if job["kind"] == kind and job["project"] == self.project}

    def _tasks(self) -> list[dict[str, Any]]:
        path = f"/api/tasks/?project={self.project}&page_size=1000&fields=all"
        rows: list[dict[str, Any]] = self._good("requester", "GET", path)["tasks"]
        return rows

    def _good(self, who: str, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.ask(who, method, path, body)
        assert status in (200, 201, 202), (status, path, answer)
        return answer


@dataclass
class Notes:
    """People who label short texts all the time, through `next` and with retries."""

    ask: Ask
    project: int = 0
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the project with its texts."""
        asked = {"title": "notes", "label_config": TEXTS}
        self.project = int(self.ask("requester", "POST", "/api/projects/", asked)[1]["id"])
        rows = [{"text": f"天津大学{n}"} for n in range(NOTES)]
        self.ask("requester", "POST", f"/api/projects/{self.project}/import", rows)

    def start(self) -> None:
        """Let two people begin."""
        for who in ("annotator", "annotator2"):
            self.threads.append(threading.Thread(target=self._work, args=(who,), daemon=True))
            self.threads[-1].start()

    def end(self) -> None:
        """Let them finish what they have begun."""
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _work(self, who: str) -> None:
        while not self.stop.is_set():
            status, task = self.ask(who, "GET", f"/api/projects/{self.project}/next", None)
            if status != 200:
                time.sleep(0.3)
                continue
            sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
            path = f"/api/tasks/{task['id']}/annotations/"
            status, made = self.ask(who, "POST", path, sent)
            assert status == 201, made
            self.acknowledged.append((task["id"], made["id"]))
            time.sleep(0.05)


class Killer:
    """Kill parts with SIGKILL at moments that a seed decides, and the worker in every job."""

    MARKS = ("redis-server", "cli serve", "a server process", "cli work")
    KILLS_OF_A_JOB = {"import": 2, "prelabel": 2}

    def __init__(self, up: Up, seed: int) -> None:
        self.up, self.random = up, random.Random(seed)
        self.stop = threading.Event()
        self.killed: list[str] = []
        # Seconds; late are those where something else was killed in the meantime.
        self.recovered: list[float] = []
        self.recovered_late: list[float] = []
        self.threads = [
            threading.Thread(target=work, daemon=True) for work in (self._roam, self._hunt)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """Kill no more."""
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _roam(self) -> None:
        """Kill anything, every few seconds."""
        order: list[str] = []
        while not self.stop.wait(self.random.uniform(5.0, 12.0)):
            order = order or self.random.sample(self.MARKS, len(self.MARKS))
            self._kill(order.pop())

    def _hunt(self) -> None:
        """Kill the worker soon after it began a job, once or twice for each."""
        left: dict[str, int] = {}
        while not self.stop.wait(0.005):
            for job, (kind, state, attempt) in self._jobs().items():
                allowed = left.setdefault(job, self.KILLS_OF_A_JOB.get(kind, 1))
                if state == "running" and allowed > 0:
                    left[job] -= 1
                    self.stop.wait(self.random.uniform(0.0, 0.1))
                    if self._kill_worker_of(job, f"worker in {kind}"):
                        self._measure(job, attempt)

    def _kill(self, mark: str, name: str = "") -> bool:
        found = self.up.child("cli serve" if mark == "a server process" else mark)
        if found is not None and mark == "a server process":
            found = self.random.choice(children_of(found) or [found])
        if found is None:
            return False
        try:
            os.kill(found, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed.append(name or mark)
        return True

    def _kill_worker_of(self, job: str, name: str) -> bool:
        """Kill the process that does a job."""
        rows = self._asked("SELECT worker FROM jobs WHERE id = ? AND state = 'running'", job)
        number = int(rows[0][0].rpartition("-")[2]) if rows else 0
        if number not in self.up.family():
            return False
        os.kill(number, signal.SIGKILL)
        self.killed.append(name)
        return True

    def _jobs(self) -> dict[str, tuple[str, str, int]]:
        """Return the kind, state and attempt of every job, from the database itself."""
        rows = self._asked("SELECT id, kind, state, attempt FROM jobs")
        return {number: (kind, state, attempt) for number, kind, state, attempt in rows}

    def _asked(self, query: str, *values: str) -> list[Any]:
        path = self.up.command.home / "jinbiao.sqlite3"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def _measure(self, job: str, attempt: int) -> None:
        """Note how long the job of a killed worker takes to be running again."""
        begin, kills = time.monotonic(), len(self.killed)
        while time.monotonic() - begin < 30:
            _kind, state, now = self._jobs()[job]
            if state == "done" and now == attempt:
                # It was killed a moment after the end of the job.
                self.killed[-1] += " (done)"
                return
            if now > attempt:
                break
            time.sleep(0.02)
        took = time.monotonic() - begin
        undisturbed = len(self.killed) == kills
        (self.recovered if undisturbed else self.recovered_late).append(took)
