"""Change the schema of a database with Alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from .. import errors
from ..db import Database
from ..errors import _
from .revisions import current


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
