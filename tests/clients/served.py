"""Serve an empty installation with one administrator, all of it, for clients that know nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinbiao.datasets import migrations, people
from jinbiao.datasets.db import Database
from jinbiao.datasets.people import Role
from jinbiao.tests import services
from jinbiao.tests.server.command import Command, Up

PASSWORD = "correct horse 7"


@dataclass(frozen=True)
class Served:
    """A running Jinbiao with one administrator."""

    url: str
    token: str
    user: int
    organization: int
    pictures: str
    running: Up

    @property
    def told(self) -> dict[str, Any]:
        """Return what a client in another process is told."""
        return {name: value for name, value in vars(self).items() if name != "running"}


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """Run all of an empty installation with one administrator, as `jinbiao up` does."""
    (port,) = services.free_ports(1)
    given = {"JINBIAO_LANGUAGE": "en", "JINBIAO_PORT": str(port), **settings}
    command = Command(folder / "home", given)
    command.home.mkdir(parents=True)
    inside = f"sqlite:///{command.home / 'jinbiao.sqlite3'}"
    database = Database(settings.get("JINBIAO_DATABASE_URL", inside))
    migrations.upgrade(database)
    with database.write() as session:
        office = people.add_organisation(session, "platform", "平台")
        people.add_organisation(session, "city", "城市")
        admin, _none = people.add_user(
            session, "admin", role=Role.PLATFORM_ADMIN, organisation=office, password=PASSWORD
        )
        people.describe(session, admin, email="admin@jinbiao.example")
        _token, secret = people.add_token(session, admin)
        numbers = admin.id, office.id
    database.close()
    running = Up(command)
    try:
        running.wait_until_healthy()
        yield Served(
            running.address, secret, *numbers, settings.get("JINBIAO_LOCAL_FILES", ""), running
        )
    finally:
        running.end()
