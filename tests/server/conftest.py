"""Give each test a world of its own, copied from one that is made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jinbiao.datasets.db import Database
from jinbiao.tests.conftest import postgres_copy
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


@pytest.fixture(scope="session")
def populated_postgres(postgres_url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the name of a PostgreSQL database with everybody in it, and their tokens."""
    with postgres_copy(postgres_url) as url:
        database = Database(url)
        tokens = populate(database)
        database.close()
        yield str(sa.make_url(url).database), tokens


@pytest.fixture
def postgres_world(
    postgres_url: str, populated_postgres: tuple[str, dict[str, str]], tmp_path: Path
) -> Iterator[World]:
    """Open a world on PostgreSQL."""
    template, tokens = populated_postgres
    with postgres_copy(postgres_url, template) as url:
        made = opened(settings_of(tmp_path / "home", url), tokens)
        yield made
        made.installation.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest) -> World:
    """Give a world on one database, then on the other: what is asked must be answered alike."""
    found: World = request.getfixturevalue(
        "world" if request.param == "sqlite" else "postgres_world"
    )
    return found
