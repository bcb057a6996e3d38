"""Let programs in to a PostgreSQL that listens on a socket of this machine, by loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


@dataclass
class Door:
    """A port of loopback that leads to a unix socket; counts who comes in."""

    path: Path
    visitors: int = 0

    def __enter__(self) -> Door:
        """Begin to listen."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._welcome, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _welcome(self) -> None:
        while True:
            try:
                visitor, _address = self._server.accept()
            except OSError:
                return
            self.visitors += 1
            inside = socket.socket(socket.AF_UNIX)
            inside.connect(str(self.path))
            threading.Thread(target=_serve, args=(visitor, inside), daemon=True).start()


def _serve(visitor: socket.socket, inside: socket.socket) -> None:
    """Carry both ways until both have ended."""
    back = threading.Thread(target=_carry, args=(inside, visitor), daemon=True)
    back.start()
    _carry(visitor, inside)
    back.join()
    visitor.close()
    inside.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
