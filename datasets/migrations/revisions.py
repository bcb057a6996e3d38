"""Tell the revision of a database, and those that this program knows, without Alembic.

Every process asks at its start; Alembic would read all the migrations for it.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from ..db import Database

REVISION_TABLE = "alembic_version"
VERSIONS = Path(__file__).parent / "versions"


def current(database: Database) -> str:
    """Return the database's revision, "" when it is empty."""
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table(REVISION_TABLE):
            return ""
        found = connection.execute(sa.text(f"SELECT version_num FROM {REVISION_TABLE}"))
        return str(found.scalar_one_or_none() or "")


def head() -> str:
    """Return the revision that this program needs."""
    return max(_known())


def knows(revision: str) -> bool:
    """Tell whether this program has that revision; an older one lacks those of a newer."""
    return revision in _known()


def _known() -> set[str]:
    # 0001_first.py and so on in one line, each called by its number: a test looks at that.
    return {path.name[:4] for path in VERSIONS.glob("[0-9][0-9][0-9][0-9]_*.py")}
