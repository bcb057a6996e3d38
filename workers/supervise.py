"""Keep child processes running: start them together, restart what dies, stop all together."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

log = logging.getLogger("jinbiao.supervise")

STOP_SECONDS = 12.0


@dataclass
class Child:
    """One process to keep running; `ready` says when those after it may start."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    next_start: float = 0.0
    started: float = field(default=0.0)

    def start(self) -> None:
        """Start the process; it ends when this one does, however this one ends."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command),
            stdin=subprocess.DEVNULL,
            # Ctrl-C reaches the supervisor alone, which then stops its children in order.
            start_new_session=True,
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )

    def is_running(self) -> bool:
        """Tell whether the process is there."""
        return self.process is not None and self.process.poll() is None


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies; Linux only."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def keep_running(children: list[Child], when_up: Callable[[], None]) -> None:
    """Start the children in order, call `when_up` once, restart what dies, until told to stop.

    Ctrl-C and SIGTERM stop all, in the reverse order of their start.
    """
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    previous = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        for child in children:
            child.start()
            _wait_until_ready(child, lambda: stopping)
        if not stopping:
            when_up()
        while not stopping:
            _restart_dead(children)
            time.sleep(0.2)
    finally:
        for child in reversed(children):
            _stop(child)
        for name, handler in previous.items():
            signal.signal(name, handler)


def _wait_until_ready(child: Child, stopping: Callable[[], bool]) -> None:
    while not stopping() and not child.ready():
        if not child.is_running():
            _restart_dead([child])
        time.sleep(0.05)


def _restart_dead(children: Sequence[Child]) -> None:
    for child in children:
        if child.process is None or child.process.poll() is None:
            if time.monotonic() - child.started > 30:
                child.restarts = 0
            continue
        now = time.monotonic()
        if child.next_start <= child.started:
            # One that dies at once is given more and more time, up to ten seconds.
            child.restarts += 1
            child.next_start = now + min(0.2 * 2 ** (child.restarts - 1), 10.0)
            log.warning(
                "%s ended with code %s, starting it again", child.name, child.process.returncode
            )
        if now >= child.next_start:
            child.start()


def _stop(child: Child) -> None:
    if child.process is None or child.process.poll() is not None:
        return
    child.process.terminate()
    try:
        child.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Its job will be taken up again from the last checkpoint.
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
