"""Bring a database to the schema that this program needs, forward only in normal use."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .. import catalogue, collection, errors, jobs, manifests
from ..db import Base, Database
from ..errors import _

# Every table is known once these modules are imported.
MODULES = (catalogue, collection, jobs, manifests)
METADATA = Base.metadata
REVISION_TABLE = "alembic_version"


def upgrade(database: Database, revision: str = "head") -> str:
    """Run the missing migrations in one transaction each and return the revision reached."""
    with database.engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    return current(database)


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back; for tests and for undoing a failed upgrade by hand."""
    with database.engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
