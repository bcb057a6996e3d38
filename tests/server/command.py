"""Run the `jinbiao` command as processes of its own, and keep `jinbiao up` in sight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinbiao.server import cli
from jinbiao.tests import services
from jinbiao.tests.conftest import CHECKOUT
from jinbiao.workers import run

PROGRAM = [sys.executable, "-P", "-m", "jinbiao.server.cli"]
# What `fork` copies has all commands loaded, and the jobs that some of them do.
LOADED = (*cli.jinbiao.commands.values(), run)


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """Return the last line of its standard output."""
        return self.out.rstrip("\n").rpartition("\n")[2]


@dataclass
class Command:
    """The command in one home; each call is a process."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the command: nothing of ours but this home."""
        own = {k: v for k, v in os.environ.items() if not k.startswith("JINBIAO_")}
        return {**own, "JINBIAO_HOME": str(self.home), "PYTHONUTF8": "1", **self.settings}

    def run(self, *arguments: str, cwd: Path | None = None, stdin: str = "") -> Ended:
        """Run a command in a new interpreter."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environment,
            cwd=cwd or self.home.parent,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def fork(self, *arguments: str, cwd: Path | None = None) -> Ended:
        """Run a command in a copy of this process: the same, without the second of imports."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                self._become(arguments, cwd, out.fileno(), err.fileno())
            code = _wait(child, 120)
            out.seek(0)
            err.seek(0)
            return Ended(code, out.read().decode(), err.read().decode())

    def _become(self, arguments: tuple[str, ...], cwd: Path | None, out: int, err: int) -> None:
        code = 70
        try:
            os.environ.clear()
            os.environ.update(self.environment)
            os.chdir(cwd or self.home.parent)
            for number, stream in ((1, out), (2, err)):
                os.dup2(stream, number)
            sys.stdin = open(os.devnull)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
            sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
            sys.argv = ["jinbiao", *arguments]
            try:
                cli.main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            # As a new interpreter would tell it.
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def good(self, *arguments: str, cwd: Path | None = None) -> Ended:
        """Run a command that must end well."""
        ended = self.fork(*arguments, cwd=cwd)
        assert ended.code == 0, (arguments, ended)
        return ended


def _wait(child: int, seconds: float) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"process {child} did not end in {seconds} seconds")


class Up:
    """A running `jinbiao up` and its processes."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.port = int(command.settings["JINBIAO_PORT"])
        self.log = command.home / "up.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, "up"],
                env=command.environment,
                # As `make up` does: the checkout, which is a package seen from there.
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def address(self) -> str:
        """Return where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_healthy(self, seconds: float = 60.0) -> float:
        """Wait for health 200; return how long that took."""
        begin = time.monotonic()
        wait_until(lambda: self.process.poll() is not None or self.is_healthy(), seconds, self.tail)
        assert self.process.poll() is None, self.tail()
        return time.monotonic() - begin

    def is_healthy(self) -> bool:
        """Tell whether every part answers."""
        return self.health()[0] == 200

    def health(self) -> tuple[int, Any]:
        """Return the status and the answer of /health; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, None
        except OSError:
            return 0, None

    def tail(self) -> str:
        """Return the last lines of what it said."""
        return services.tail(self.log)

    def child(self, mark: str) -> int | None:
        """Return the process id of the child whose command line holds the mark."""
        for number in children_of(self.process.pid):
            if mark in command_line(number):
                return number
        return None

    def kill(self, mark: str) -> int:
        """Kill that child with SIGKILL; return what its number was."""
        found: list[int] = []

        def is_there() -> bool:
            number = self.child(mark)
            if number is not None:
                found.append(number)
            return number is not None

        wait_until(is_there, 30, self.tail)
        os.kill(found[-1], signal.SIGKILL)
        return found[-1]

    def family(self) -> list[int]:
        """Return the numbers of all processes below it."""
        found, open_ones = [], [self.process.pid]
        while open_ones:
            below = children_of(open_ones.pop())
            found += below
            open_ones += below
        return found

    def stop(self, sign: signal.Signals = signal.SIGINT, seconds: float = 15.0) -> float:
        """Stop it; return how long that took."""
        begin = time.monotonic()
        self.process.send_signal(sign)
        self.process.wait(seconds)
        return time.monotonic() - begin

    def end(self) -> None:
        """End it whatever happens, with all its processes."""
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for number in family:
            if is_alive(number):
                os.kill(number, signal.SIGKILL)


def wait_until(
    ready: Callable[[], bool], seconds: float, told: Callable[[], str] = lambda: ""
) -> float:
    """Wait until something is so; return how long that took."""
    begin = time.monotonic()
    while not ready():
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"not in {seconds} seconds\n{told()}")
        time.sleep(0.05)
    return time.monotonic() - begin


def children_of(process: int) -> list[int]:
    """Return the numbers of a process's children."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(number) for number in text.split()]


def command_line(process: int) -> str:
    """Return a process's command line, empty when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(process: int) -> bool:
    """Tell whether a process runs; one that waits to be buried does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
