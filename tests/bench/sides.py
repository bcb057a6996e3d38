"""Start Jinbiao and Label Studio, each empty and on SQLite, with the same people."""

from __future__ import annotations

import http.client
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinbiao.tests import services
from jinbiao.tests.bench.served import Server, open_place, served

VERSION = "1.23.2"
PIN = f"label-studio=={VERSION}"
_OWNER = "owner@bench.example"


@dataclass(frozen=True)
class Side:
    """One of the two: a running server, the token of a project's owner, those of annotators."""

    name: str
    server: Server
    owner: str
    annotators: list[str]

    def ask(self, method: str, path: str, values: Any = None) -> Any:
        """Ask as the owner, and return the JSON that comes back.

        Raises:
            RuntimeError: the answer is not a good one.
        """
        with closing(http.client.HTTPConnection(services.LOOPBACK, self.server.port)) as asking:
            headers = {"Authorization": f"Token {self.owner}", "Content-Type": "application/json"}
            content = None if values is None else json.dumps(values)
            asking.request(method, path, content, headers)
            answer = asking.getresponse()
            body = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{self.name}: {method} {path}: {answer.status}: {body[:500]!r}")
        return json.loads(body) if body else None


@contextmanager
def jinbiao(folder: Path, clients: int) -> Iterator[Side]:
    """Run what `jinbiao up` runs on a new installation."""
    place = open_place(folder, None, clients)
    place.installation.close()
    with served(place, "up") as server:
        yield Side("Jinbiao", server, place.requester_token, place.tokens)


@contextmanager
def label_studio(folder: Path, clients: int, python: Path) -> Iterator[Side]:
    """Run Label Studio as its own command starts it, out of reach of the network."""
    (port,) = services.free_ports(1)
    token = secrets.token_hex(20)
    process = services.Process("label-studio", _command(folder, python, port, token), folder)
    process.start()
    side = Side("Label Studio", Server(process.pid, port), token, [])
    try:
        # On its first start it makes its tables: half a minute.
        process.wait_until(lambda: _answers(side), seconds=300)
        for number in range(clients):
            person = {"username": f"a{number}", "email": f"a{number}@bench.example"}
            side.ask("POST", "/api/users/", person | {"password": secrets.token_hex(8)})
        side.annotators.extend(_enlist(folder / "data" / "label_studio.sqlite3"))
        yield side
    finally:
        process.stop()


def _command(folder: Path, python: Path, port: int, token: str) -> list[str]:
    """Write the start with an environment of its own, in which it calls nobody."""
    settings = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "COLLECT_ANALYTICS": "0",
        "LATEST_VERSION_CHECK": "0",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "PYTHONUTF8": "1",
    }
    command = ["env", "-i", *(f"{name}={value}" for name, value in settings.items())]
    command += [str(python.with_name("label-studio")), "start", "--no-browser"]
    command += ["--internal-host", services.LOOPBACK, "--port", str(port)]
    command += ["--username", _OWNER, "--password", secrets.token_hex(8)]
    return [*command, "--user-token", token, "--enable-legacy-api-token"]


def _enlist(database: Path) -> list[str]:
    """Let the people who were added work in the organisation; return their tokens.

    There is no route for either: people do it themselves in a browser.
    """
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute("UPDATE htx_user SET active_organization_id = 1")
        found = connection.execute(
            "SELECT key FROM authtoken_token JOIN htx_user ON htx_user.id = user_id"
            " WHERE email <> ? ORDER BY user_id",
            [_OWNER],
        )
        return [key for (key,) in found]


def _answers(side: Side) -> bool:
    try:
        return bool(side.ask("GET", "/api/version"))
    except (OSError, RuntimeError, http.client.HTTPException):
        return False
