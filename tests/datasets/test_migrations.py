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
from jinbiao.datasets.tasks import QueuedTask
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


def _filled_by_the_first_release(database: Database) -> None:
    """Fill a database of the first release as that release did."""
    at = "2026-11-01 08:00:00.000000"
    rows = [
        "organisations (id, slug, name, created_at) VALUES (1, 'a', 'A', :at)",
        "users (id, username, name, role, organisation_id, pseudonym, password_hash,"
        " password_is_temporary, is_active, language, failed_logins, created_at)"
        " VALUES (1, 'li', '李', 'annotator', 1, 'p-1', '', false, true, 'zh', 0, :at)",
        *(
            "projects (id, title, description, instruction, label_config, parsed_label_config,"
            " organisation_id, maximum_annotations, created_by, created_at)"
            f" VALUES ({number}, 't', '', '', '<View/>', '{{}}', 1, 1, 1, :at)"
            for number in (1, 2)
        ),
        *(
            "tasks (id, project_id, import_id, row, data, digest, name, media_names, group_name,"
            f" state, created_at) VALUES ({number}, {project}, 'x', {number}, '{{}}', 'd', 'n',"
            " '{}', '', 'labelled', :at)"
            for number, project in ((1, 1), (2, 2), (3, 1))
        ),
        *(
            "annotations (id, project_id, task_id, completed_by, state, result, revision,"
            f" created_at, updated_at) VALUES ({number}, 1, 3, 1, '{state}', '[]', 1, :at, :at)"
            for number, state in ((1, "submitted"), (2, "skipped"))
        ),
        "predictions (id, project_id, task_id, model_version, score, result, created_at)"
        " VALUES (1, 1, 3, 'm', 0.5, '[]', :at)",
        "drafts (id, task_id, user_id, result, revision, updated_at)"
        " VALUES (1, 1, 1, '[]', 4, :at)",
        # Two who gave the same task back at once queued it twice.
        *(
            "task_queue (project_id, priority, task_id, open_slots)"
            f" VALUES ({project}, {priority}, {task}, {slots})"
            for project, priority, task, slots in ((1, 1, 1, 2), (1, 0, 1, 1), (2, 0, 2, 1))
        ),
    ]
    with database.write() as session:
        for row in rows:
            session.execute(sa.text(f"INSERT INTO {row}".replace(":at", f"'{at}'")))


def test_a_database_of_the_first_release_keeps_its_work(database: Database) -> None:
    migrations.downgrade(database, "0001")
    _filled_by_the_first_release(database)
    assert migrations.upgrade(database) == migrations.head()
    with database.read() as session:
        found = {task.id: task for task in session.scalars(sa.select(factories.Task))}
        assert [found[n].inner_id for n in (1, 2, 3)] == [1, 1, 2]
        third = found[3]
        counted = (third.total_annotations, third.cancelled_annotations, third.total_predictions)
        assert counted == (1, 1, 1)
        assert third.updated_at == third.created_at
        numbers = session.execute(sa.text("SELECT last_inner_id FROM projects ORDER BY id"))
        assert list(numbers.scalars()) == [2, 1]
        projects = session.scalars(sa.select(factories.Project))
        assert [row.added_labels for row in projects] == ["{}", "{}"]
        queued = sa.select(QueuedTask.task_id, QueuedTask.priority, QueuedTask.open_slots)
        rows = [tuple(row) for row in session.execute(queued.order_by(QueuedTask.task_id))]
        assert rows == [(1, 0, 3), (2, 0, 1)]
        # A copied table still guards what refers to it.
        with pytest.raises(sa.exc.IntegrityError):
            session.execute(sa.text("DELETE FROM tasks WHERE id = 3"))


def test_an_empty_database_is_told_from_one_in_use(tmp_path: Path, database: Database) -> None:
    assert not migrations.is_empty(database)
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    assert migrations.is_empty(empty)
    with pytest.raises(Unavailable, match="empty"):
        migrations.check(empty)
    empty.close()
