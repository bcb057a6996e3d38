"""Prepare an installation for its services: its schema, its first people, no leftovers."""

from __future__ import annotations

from ...datasets import migrations
from ...datasets.installation import open_installation
from ...datasets.settings import Settings
from ...workers import spool
from .first_people import first_people


def prepare(chosen: Settings) -> None:
    """Migrate the database, make the first people where there are none, sweep up."""
    installation = open_installation(chosen)
    installation.database.check()
    migrations.upgrade(installation.database)
    first_people(installation)
    spool.sweep(installation)
    installation.close()
