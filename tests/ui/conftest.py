"""A browser, and a whole Jinbiao to drive it at: `jinbiao up` in a home of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Frame, Page, sync_playwright

from jinbiao.server.cli import jinbiao
from jinbiao.tests.services import free_ports

ROOT = Path(__file__).parent.parent.parent
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once: from PATH, else the one that Playwright brought."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    executable = next((path for path in found if path), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Running:
    """A Jinbiao that runs, and the commands that act on it."""

    home: Path
    url: str
    environment: dict[str, str]
    admin_password: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run `jinbiao up` and wait until it answers."""
        log = self.home.parent / "up.log"
        with log.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "jinbiao.server.cli", "up"],
                cwd=self.home.parent,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _wait(self.url, self.process, log)

    def kill(self) -> None:
        """End it and all its processes at once, as a power cut does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        """Stop it with Ctrl-C."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def command(self, *words: str, given: str | None = None) -> str:
        """Run `jinbiao …` and return what it prints; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "jinbiao.server.cli", *words],
            cwd=self.home.parent,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def person(
        self, username: str, role: str, password: str, organisation: str = "factory"
    ) -> None:
        """Add a person with a password of the test's choice."""
        self.told("user", "add", username, "--role", role, "--organisation", organisation)
        self.told("user", "password", username, "--stdin", given=f"{password}\n")

    def told(self, *words: str, given: str | None = None) -> str:
        """Run `jinbiao …` within this process, which has loaded it already; return its output."""
        before = {name: None for name in os.environ if name.startswith("JINBIAO_")}
        done = CliRunner().invoke(jinbiao, words, given, env={**before, **self.environment})
        assert done.exit_code == 0, done.output
        return done.stdout

    def api(self, username: str, method: str, path: str, body: Any = None) -> Any:
        """Call the JSON API as somebody and return the decoded answer."""
        if username not in self.tokens:
            self.tokens[username] = self.told("token", username).split()[-1]
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Token {self.tokens[username]}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start `jinbiao up` on a free port, wait until it answers, stop it with Ctrl-C."""
    folder = tmp_path_factory.mktemp("running")
    (port,) = free_ports(1)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JINBIAO_")},
        "JINBIAO_HOME": str(folder / "home"),
        "JINBIAO_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    found = Running(folder / "home", f"http://127.0.0.1:{port}", environment)
    try:
        found.start()
        log = folder / "up.log"
        password = re.search(r"one-time password.*:\n\s+(\S+)", log.read_text())
        assert password, log.read_text()
        found.admin_password = password.group(1)
        yield found
    finally:
        found.stop()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _attempt in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def soon(page: Page, asked: Callable[[], Any], wanted: Any, seconds: float = 20) -> None:
    """Wait until what is asked is what is wanted: a busy machine takes its time."""
    until = time.monotonic() + seconds
    while (found := asked()) != wanted and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert found == wanted


def editor(page: Page) -> Frame:
    """Return the frame of the editor that the workbench shows; another one stands ready."""
    frame = page.locator("iframe[data-editor]").element_handle().content_frame()
    assert frame is not None
    return frame
