"""Hold the process in which a file runs: start it, ask it, end it when it takes too long.

Nothing that it answers is trusted: headers are JSON, numbers are raw bytes of stated shape.
"""

from __future__ import annotations

import math
import os
import select
import struct
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _

PROGRAM = Path(__file__).parent / "child.py"
# Together less than a worker lets one task take before it is given up itself.
OPEN_SECONDS, SECONDS = 25.0, 30.0
MEMORY = 4 * 1024**3  # bytes, and some for the file itself
MOST_THREADS = 8
MOST_HEADER = 1024**2
MOST_ANSWER = 256 * 1024**2
# What the process needs of our surroundings; our secrets are not among it.
PASSED = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "OMP_NUM_THREADS")

_MEANS = {
    "not_onnx": _("this is not an ONNX model"),
    "external": _(
        "the model keeps its numbers in another file (%(detail)s): export it as one file"
    ),
    "operator": _("the model needs an operator that is not part of ONNX: %(detail)s"),
    "unopened": _("the model cannot be opened: %(detail)s"),
    "inputs": _("the model must take one picture of four axes, not %(detail)s"),
    "memory": _("the model needs more memory than %(memory)s MB"),
    "large": _("the model gives more than %(answer)s MB of numbers"),
    "failed": _("the model failed: %(detail)s"),
}


class Gone(Exception):
    """The process ended, or was ended, before it answered; `late` tells by its time."""

    def __init__(self, late: bool) -> None:
        super().__init__()
        self.late = late


class Session:
    """A file that is open in a process of its own, opened again after the process has died."""

    def __init__(self, content: bytes, *, memory: int = MEMORY) -> None:
        """Prepare; nothing runs yet."""
        # How often in a row the process has ended while it was asked.
        self.crashes = 0
        self._content = content
        self._memory = memory + 3 * len(content)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._end: weakref.finalize[[subprocess.Popen[bytes]], Session] | None = None

    def open(self, seconds: float = OPEN_SECONDS) -> dict[str, Any]:
        """Open the file and return what it says of itself: `input` and `metadata`.

        Raises:
            errors.Invalid: it cannot be used; says why.
        """
        with self._lock:
            return self._open(seconds)

    def run(self, values: NDArray[np.generic], seconds: float = SECONDS) -> list[NDArray[Any]]:
        """Return what the network gives for one input.

        Raises:
            errors.Invalid: it fails, crashes or takes too long.
        """
        question = {"do": "run", "shape": values.shape, "type": values.dtype.name}
        with self._lock:
            if self._process is None:
                self._open(OPEN_SECONDS)
            told, content = self._asked(question, memoryview(values.tobytes()), seconds)
        return _arrays(told, content)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _open(self, seconds: float) -> dict[str, Any]:
        self._stop()
        environment = {name: os.environ[name] for name in PASSED if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            bufsize=0,
        )
        self._end = weakref.finalize(self, _stopped, self._process)
        threads = min(len(os.sched_getaffinity(0)), MOST_THREADS)
        question = {"do": "open", "memory": self._memory, "threads": threads}
        told, _content = self._asked(question, memoryview(self._content), seconds)
        return told

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _asked(
        self, question: dict[str, Any], content: memoryview, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the process, and end it where it does not answer as it should."""
        process = self._process
        assert process is not None  # whoever comes here has opened it
        end = time.monotonic() + seconds
        try:
            header = msgspec.json.encode({**question, "bytes": len(content), "seconds": seconds})
            _write(process, memoryview(struct.pack(">I", len(header)) + header), end)
            _write(process, content, end)
            (size,) = struct.unpack(">I", _read(process, 4, end, 4))
            told = msgspec.json.decode(_read(process, size, end, MOST_HEADER), type=dict[str, Any])
            answer = _read(process, int(told.get("bytes", 0)), end, MOST_ANSWER)
        except (Gone, OSError, msgspec.DecodeError, ValueError, TypeError) as problem:
            self._stop()
            self.crashes += 1
            if isinstance(problem, Gone) and problem.late:
                raise errors.Invalid(
                    _("the model did not finish within %(seconds)s seconds"), seconds=f"{seconds:g}"
                ) from problem
            raise errors.Invalid(_("the model crashed")) from problem
        if question["do"] == "run":
            self.crashes = 0
        if "problem" in told:
            raise self._meant(told)
        return told, answer

    def _meant(self, told: dict[str, Any]) -> errors.Invalid:
        detail = " ".join(str(told.get("detail", "")).split())[:300]
        return errors.Invalid(
            _MEANS.get(str(told["problem"]), _MEANS["failed"]),
            detail=detail,
            memory=self._memory // 1024**2,
            answer=MOST_ANSWER // 1024**2,
        )


def _write(process: subprocess.Popen[bytes], content: memoryview, end: float) -> None:
    assert process.stdin is not None
    target = process.stdin.fileno()
    os.set_blocking(target, False)
    while content:
        _wait(target, select.POLLOUT, end)
        try:
            content = content[os.write(target, content[: 1024**2]) :]
        except BlockingIOError:
            continue


def _read(process: subprocess.Popen[bytes], size: int, end: float, most: int) -> bytes:
    assert process.stdout is not None
    if not 0 <= size <= most:
        raise Gone(late=False)
    source = process.stdout.fileno()
    content = bytearray()
    while len(content) < size:
        _wait(source, select.POLLIN, end)
        part = os.read(source, min(size - len(content), 1024**2))
        if not part:
            # The alarm of the process itself may be quicker than ours.
            raise Gone(late=time.monotonic() > end - 1.0)
        content += part
    return bytes(content)


def _wait(one: int, what: int, end: float) -> None:
    left = end - time.monotonic()
    poll = select.poll()
    poll.register(one, what)
    if left <= 0 or not poll.poll(left * 1000):
        raise Gone(late=True)


def _arrays(told: dict[str, Any], content: bytes) -> list[NDArray[Any]]:
    """Return the numbers that an answer holds.

    Raises:
        errors.Invalid: its parts contradict each other.
    """
    arrays: list[NDArray[Any]] = []
    place = 0
    try:
        for one in told["outputs"]:
            kind = np.dtype(str(one["type"]))
            shape = tuple(int(side) for side in one["shape"])
            size = math.prod(shape) * kind.itemsize
            part = content[place : place + size]
            if kind.kind not in "fiu" or min(shape, default=0) < 0 or len(part) != size:
                raise ValueError("the parts do not fit")
            arrays.append(np.frombuffer(part, kind).reshape(shape))
            place += size
    except (KeyError, TypeError, ValueError) as problem:
        raise errors.Invalid(_("the model crashed")) from problem
    return arrays


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for end in (process.stdin, process.stdout):
        if end is not None:
            end.close()
