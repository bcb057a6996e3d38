"""Migrations lead to the tables the program knows, from anywhere and back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from jinbiao.datasets import audit, migrations
from jinbiao.datasets.db import Database
from jinbiao.datasets.errors import Unavailable
from jinbiao.tests import factories

FOLDER = Path(migrations.__file__).parent


def tables(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names()) - {migrations.REVISION_TABLE}


def test_one_line_of_numbered_steps() -> None:
    scripts = ScriptDirectory(str(FOLDER))
    steps = list(reversed(list(scripts.walk_revisions())))
    assert scripts.get_heads() == [migrations.head()]
    assert [step.revision for step in steps] == [f"{n:04}" for n in range(1, len(steps) + 1)]
    for step in steps:
        assert re.fullmatch(rf"{step.revision}_[a-z0-9_]+\.py", Path(step.path).name)
        assert migrations.knows(step.revision)
    assert not migrations.knows("9999")


def test_migrations_and_models_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, migrations.METADATA) == []


def test_every_table_of_the_models_is_known(database: Database) -> None:
    assert tables(database) == set(migrations.METADATA.tables)


def test_down_and_up_again(database: Database) -> None:
    migrations.check(database)
    migrations.downgrade(database, "base")
    assert tables(database) == set()
    assert migrations.current(database) == ""
    with pytest.raises(Unavailable, match="jinbiao migrate"):
        migrations.check(database)
    assert migrations.upgrade(database) == migrations.head()
    migrations.check(database)
    with database.write() as session:
        factories.organisation(session)
        audit.record(session, "li", "test.done", "test/1")
    with database.read() as session:
        assert audit.verify(session).events == 1


def test_migrating_a_database_in_use_changes_nothing(database: Database) -> None:
    with database.write() as session:
        team = factories.team(session)
    assert migrations.upgrade(database) == migrations.head()
    with database.read() as session:
        assert session.get(factories.Project, team.project.id) is not None
        assert audit.verify(session).fault is None


def test_an_empty_database_is_told_from_one_in_use(tmp_path: Path, database: Database) -> None:
    assert not migrations.is_empty(database)
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert migrations.is_empty(empty)
    with pytest.raises(Unavailable, match="empty"):
        migrations.check(empty)
    empty.close()
