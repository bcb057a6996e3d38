"""Upload with tuspy, unmodified, while the server's processes are killed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jinbiao.tests.clients.conftest import client_environment, environment
from jinbiao.tests.clients.served import Served, serving

PIN = "tuspy==1.1.0"
# The first run installs the client.
pytestmark = pytest.mark.timeout(900)
SCRIPT = Path(__file__).with_name("tus_scenarios.py")
CHUNK = 64 * 1024
ROWS = 400_000
SERVER = "cli serve"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run all of an installation with two server processes."""
    with serving(tmp_path_factory.mktemp("tus"), JINBIAO_SERVER_PROCESSES="2") as found:
        yield found


def ask(served: Served, method: str, path: str, sent: Any = None) -> Any:
    """Ask the API as the administrator."""
    body = None if sent is None else json.dumps(sent).encode()
    headers = {"Authorization": f"Token {served.token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(served.url + path, body, headers, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def started(served: Served, path: Path, **metadata: str) -> subprocess.Popen[str]:
    """Start an upload with tuspy."""
    python = client_environment("tuspy-1.1.0", PIN)
    told = json.dumps({"filename": path.name, **metadata})
    given = [served.url + "/api/transfers/", served.token, str(path), told, str(CHUNK)]
    return subprocess.Popen(
        [str(python), str(SCRIPT), *given],
        env=environment(path.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_acknowledged_is_lost_when_servers_are_killed(
    served: Served, tmp_path: Path
) -> None:
    made = ask(served, "POST", "/api/libraries/", {"title": "表", "kind": "table"})
    file = tmp_path / "读数.csv"
    file.write_text("n,v\n" + "".join(f"{n},{n * 7 % 1000}\n" for n in range(ROWS)))
    running = started(served, file, library=str(made["id"]))
    stop = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not stop.wait(0.2) and len(killed) < 3:
            killed.append(served.running.kill(SERVER))

    killer = threading.Thread(target=kill)
    assert running.stderr is not None
    # Once it is on its way.
    assert running.stderr.readline().startswith("sent")
    killer.start()
    out, rest = running.communicate(timeout=120)
    stop.set()
    killer.join()
    told = json.loads(out)
    assert killed
    assert (told["sent"], told["lost"]) == (file.stat().st_size, 0), rest[-2000:]
    end = time.monotonic() + 60
    while not (rows := ask(served, "GET", f"/api/libraries/{made['id']}/assets/")["results"]):
        assert time.monotonic() < end
        time.sleep(0.3)
    assert [row["name"] for row in rows] == [file.name]
    assert rows[0]["digest"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert rows[0]["facts"]["rows"] == ROWS
