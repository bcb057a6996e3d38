"""Be worker processes, supervised, whose jobs of the kind `measure` do what the request says.

Run as a program it starts two of them; with `--one` it is one.
"""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any

from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.settings import load
from jinbiao.workers import heart, run, serve, supervise
from jinbiao.workers.supervise import Child
from jinbiao.workers.work import Work

BATCHES = 12


def act(work: Work) -> dict[str, Any]:
    """Do as the request says; the result tells why the last attempt was lost."""
    if work.lost is None or work.request.get("always"):
        ACTS[work.request["act"]](work)
    advance(work, BATCHES)
    return {"lost": work.lost, "attempt": work.attempt}


def advance(work: Work, done: int) -> None:
    """Note that so many parts are done."""
    with work.installation.database.write() as session:
        work.advance(session, done, BATCHES, {"number": done})


def do_nothing(_work: Work) -> None:
    """Be done at once."""


def go_slowly(work: Work) -> None:
    """Do one part every quarter of a second."""
    for number in range(int(work.checkpoint.get("number", 0)), BATCHES):
        time.sleep(0.25)
        advance(work, number + 1)


def hang(work: Work) -> None:
    """Never come back from a step that may take a second."""
    with work.step(1.0, "a nap"):
        time.sleep(600)


def hang_for_ever(work: Work) -> None:
    """Never come back from a step that may take as long as it likes."""
    with work.step(None, "a long sleep"):
        time.sleep(600)


def stall(_work: Work) -> None:
    """Never come back at all."""
    time.sleep(600)


def freeze(_work: Work) -> None:
    """Hold the interpreter, so that none of its threads runs on."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def grow(work: Work) -> None:
    """Take more and more memory."""
    held = []
    while True:
        held.append(b"x" * 20_000_000)
        time.sleep(0.02)


ACTS = {
    "nothing": do_nothing,
    "slowly": go_slowly,
    "hang": hang,
    "hang for ever": hang_for_ever,
    "stall": stall,
    "freeze": freeze,
    "grow": grow,
}


def main() -> None:
    """Serve, or keep two that serve."""
    if "--one" not in sys.argv:
        command = [sys.executable, "-P", "-m", "jinbiao.tests.workers.misbehaving", "--one"]
        supervise.keep_running([Child("one", command), Child("two", command)], lambda: None)
        return
    run.KINDS["measure"] = act
    heart.FROZEN_SECONDS = float(os.environ["FROZEN_SECONDS"])
    heart.DEAF_SECONDS = float(os.environ["DEAF_SECONDS"])
    installation = open_installation(load())
    serve.serve(installation, installation.settings.worker_queues, supervised=True)
    installation.close()


if __name__ == "__main__":
    main()
