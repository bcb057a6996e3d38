"""Open worlds that may call loopback, and do their jobs while somebody waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinbiao.datasets.settings import Settings
from jinbiao.tests.server.world import World, copied, opened
from jinbiao.workers import run


def connected(populated: tuple[Path, dict[str, str]], home: Path, **values: Any) -> World:
    """Open a world whose operator allows loopback."""
    template, tokens = populated
    settings: Settings = replace(copied(template, home), outside_allowed=("127.0.0.0/8",), **values)
    return opened(settings, tokens)


@contextmanager
def working(world: World) -> Iterator[None]:
    """Do the jobs of a world as they come, as a worker would."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            for job in world.waiting():
                run.perform(world.installation, job)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
