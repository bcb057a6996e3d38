"""Bring a database to the schema that this program needs, forward only in normal use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .. import (
    access,
    added_labels,
    catalogue,
    checksums,
    circuits,
    cleaning,
    clearance,
    comments,
    config_changes,
    connections,
    consensus,
    discussions,
    downloads,
    errors,
    exams,
    feeds,
    findings,
    flags,
    gold,
    guidelines,
    holdings,
    imports,
    integrity,
    jobs,
    libraries,
    manifests,
    models,
    notices,
    opening,
    pushes,
    qualifications,
    quality,
    receipts,
    repeats,
    retention,
    snapshots,
    suggestions,
    suspicions,
    tombstones,
    transfers,
    uploads,
    views,
    webhooks,
    workers,
)
from ..db import Base, Database
from ..errors import _

# Every table is known once these modules are imported.
MODULES = (
    access,
    added_labels,
    catalogue,
    checksums,
    circuits,
    cleaning,
    clearance,
    comments,
    config_changes,
    connections,
    consensus,
    discussions,
    downloads,
    exams,
    feeds,
    findings,
    flags,
    gold,
    guidelines,
    holdings,
    imports,
    integrity,
    jobs,
    libraries,
    manifests,
    models,
    notices,
    opening,
    pushes,
    qualifications,
    quality,
    receipts,
    repeats,
    retention,
    snapshots,
    suggestions,
    suspicions,
    tombstones,
    transfers,
    uploads,
    views,
    webhooks,
    workers,
)
METADATA = Base.metadata
REVISION_TABLE = "alembic_version"


def upgrade(database: Database, revision: str = "head") -> str:
    """Run the missing migrations in one transaction and return the revision reached.

    Raises:
        errors.Damaged: rows would refer to rows that are not there; nothing was changed.
    """
    with _migrating(database) as config:
        command.upgrade(config, revision)
    return current(database)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back; for tests and for undoing a failed upgrade by hand."""
    with _migrating(database) as config:
        command.downgrade(config, revision)


def current(database: Database) -> str:
    """Return the database's revision, "" when it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def head() -> str:
    """Return the revision that this program needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def knows(revision: str) -> bool:
    """Tell whether this program has that revision; an older one lacks those of a newer."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {script.revision for script in scripts}


def check(database: Database) -> None:
    """Raise errors.Unavailable when the database is not at the revision needed."""
    found = current(database)
    if found != head():
        raise errors.Unavailable(
            _("the database is at revision “%(found)s”, “%(head)s” is needed: run jinbiao migrate"),
            found=found or "empty",
            head=head(),
        )


def is_empty(database: Database) -> bool:
    """Tell whether the database holds no tables at all."""
    return not sa.inspect(database.engine).get_table_names()


@contextmanager
def _migrating(database: Database) -> Iterator[Config]:
    """Give alembic's configuration over one connection in one transaction."""
    with database.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        if database.is_sqlite:
            # SQLite changes a table by copying it; dropping the old one must not be taken
            # for deleting what others refer to. Only outside a transaction can this be said.
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            config = _config()
            config.attributes["connection"] = connection
            yield config
            if database.is_sqlite:
                _check_references(connection)
            connection.commit()
        finally:
            if database.is_sqlite:
                connection.rollback()
                driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if found is not None:
        raise errors.Damaged(
            _("the migration would leave a row of %(table)s that refers to nothing"),
            table=found[0],
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
