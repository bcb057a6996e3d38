"""Name the processes of one machine: how this program is started again, and its workers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ...datasets.settings import Settings
from ...workers.supervise import Child

# Below that the second worker's memory is better left to models and to the database.
TWO_WORKERS_BYTES = 2 * 1024**3
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
COMMAND = [sys.executable, "-P", "-m", "jinbiao.server.cli"]


def workers(shares: list[str]) -> list[Child]:
    """Return a worker process for each share of the queues."""
    return [
        Child(f"worker {number} ({share})", [*COMMAND, "work", "--one", "--queues", share])
        for number, share in enumerate(shares, 1)
    ]


def shares(chosen: Settings) -> list[str]:
    """Divide the queues among the workers of one machine.

    What only waits for others has a process of its own: a training of minutes must not hold
    up a storage or a model backend, nor a slow backend the training. Each holds about 150 MB
    before it loads a model, so a small machine has one that serves all.
    """
    everything = ",".join(chosen.worker_queues)
    if chosen.worker_processes or _memory_bytes() < TWO_WORKERS_BYTES:
        return [everything] * (chosen.worker_processes or 1)
    computing = ",".join(name for name in chosen.worker_queues if name != "io")
    waiting = ",".join(name for name in chosen.worker_queues if name == "io")
    return [share for share in (computing, waiting) if share]


def _memory_bytes() -> int:
    """Return how much memory this machine, or the container, gives us."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CONTAINER_LIMITS:
        if path.is_file():
            text = path.read_text(encoding="ascii").strip()
            found += [int(text)] if text.isdigit() else []
    return min(found)
