"""Keep child processes running: start them together, restart what dies, stop all together."""

from __future__ import annotations

import ctypes
import gc
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

STOP_SECONDS = 11.0
SLOW_SECONDS = 15.0


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


def collect_seldom() -> None:
    """Let the garbage collector look at this process less often, and never at its modules.

    Requests and jobs make many objects and hardly a cycle: looking for cycles took a quarter
    of an import's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


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
        _stop(children)
        for name, handler in previous.items():
            signal.signal(name, handler)


def _wait_until_ready(child: Child, stopping: Callable[[], bool]) -> None:
    told = time.monotonic() + SLOW_SECONDS
    while not stopping() and not child.ready():
        if not child.is_running():
            _restart_dead([child])
        if time.monotonic() > told:
            log.warning("%s is not ready yet: see its messages above", child.name)
            told = time.monotonic() + SLOW_SECONDS
        time.sleep(0.05)


def _restart_dead(children: Sequence[Child]) -> None:
    for child in children:
        if child.process is None or child.process.poll() is None:
            if time.monotonic() - child.started > 10:
                child.restarts = 0
            continue
        now = time.monotonic()
        if child.next_start <= child.started:
            # What a killed process started must not hold its port or its files.
            _kill_group(child.process)
            # One that dies at once is given more and more time, up to two seconds: a job may wait.
            child.restarts += 1
            child.next_start = now + min(0.2 * 2 ** (child.restarts - 1), 2.0)
            log.warning(
                "%s ended with code %s, starting it again", child.name, child.process.returncode
            )
        if now >= child.next_start:
            child.start()


def _stop(children: Sequence[Child]) -> None:
    """Stop those that run, the last started first, all within STOP_SECONDS."""
    deadline = time.monotonic() + STOP_SECONDS
    # The first one carries the others: it is told when they have ended.
    for group in (children[1:], children[:1]):
        running = [child.process for child in reversed(group) if child.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.5))
            except subprocess.TimeoutExpired:
                # Its job will be taken up again from the last checkpoint.
                log.warning("process %s did not stop in time", process.pid)
            _kill_group(process)
            process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started, as far as they are still there."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
