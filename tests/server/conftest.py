"""Give each test a world of its own, copied from one that is made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jinbiao.datasets.db import Database
from jinbiao.tests.server.world import World, copied, opened, populate, settings_of


@pytest.fixture(scope="session")
def populated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Give a database with two organisations and everybody in them, and their tokens."""
    path = tmp_path_factory.mktemp("template") / "jinbiao.sqlite3"
    database = Database(f"sqlite:///{path}")
    tokens = populate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path, tokens


@pytest.fixture
def world(populated: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[World]:
    """Open a world on SQLite; its queue is away, so that tests do the jobs themselves."""
    template, tokens = populated
    made = opened(copied(template, tmp_path / "home"), tokens)
    yield made
    made.installation.close()


@pytest.fixture(scope="module")
def shared_world(
    populated: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Open a world for the tests of one file that do not get in each other's way."""
    template, tokens = populated
    made = opened(copied(template, tmp_path_factory.mktemp("shared") / "home"), tokens)
    yield made
    made.installation.close()


@pytest.fixture
def postgres_world(postgres_database: str, tmp_path: Path) -> Iterator[World]:
    """Open a world on PostgreSQL."""
    settings = settings_of(tmp_path / "home", postgres_database)
    database = Database(settings.database_url)
    tokens = populate(database)
    database.close()
    made = opened(settings, tokens)
    yield made
    made.installation.close()
