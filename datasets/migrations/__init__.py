"""Bring a database to the schema that this program needs, forward only in normal use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

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
from .revisions import REVISION_TABLE, current, head, knows

if TYPE_CHECKING:
    from .changing import downgrade, upgrade
else:

    def __getattr__(name: str) -> Any:
        """Load Alembic only where a database is changed."""
        if name in ("downgrade", "upgrade"):
            return getattr(importlib.import_module(".changing", __name__), name)
        raise AttributeError(name)


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
__all__ = [
    "METADATA",
    "MODULES",
    "REVISION_TABLE",
    "check",
    "current",
    "downgrade",
    "head",
    "is_empty",
    "knows",
    "upgrade",
]


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
