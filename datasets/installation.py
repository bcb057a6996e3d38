"""Open one installation: its settings, database and object store, ready to pass down."""

from __future__ import annotations

from dataclasses import dataclass

from . import errors, storage
from .db import Database
from .feeds import ReferringStore
from .settings import Settings, prepare_home
from .storage import FolderStorage, ObjectStore


@dataclass(frozen=True)
class Installation:
    """What every layer above the domain is handed."""

    settings: Settings
    database: Database
    store: ObjectStore

    def close(self) -> None:
        """Give the database's connections back."""
        self.database.close()


def open_installation(settings: Settings) -> Installation:
    """Open the database and the object store that the settings name; nothing is migrated.

    Raises:
        errors.Invalid: the address of one cannot be used; the message names the variable.
    """
    prepare_home(settings)
    database = Database(settings.database_url)
    return Installation(settings, database, store_of(settings, database))


def store_of(settings: Settings, database: Database | None = None) -> ObjectStore:
    """Return the object store that the settings name; nothing is asked of it yet.

    What it lacks is read where a feed refers to it; without a `database` one is opened then.

    Raises:
        errors.Invalid: its address cannot be used; the message names the variable.
    """
    return ReferringStore(_own_store(settings), settings, database)


def _own_store(settings: Settings) -> ObjectStore:
    if settings.s3 is None:
        return FolderStorage(settings.home / "objects")
    try:
        return storage.S3Storage(
            settings.s3.endpoint,
            access_key=settings.s3.access_key,
            secret_key=settings.s3.secret_key,
            bucket=settings.s3.bucket,
            public_endpoint=settings.s3.public_endpoint,
        )
    except errors.Invalid as problem:
        place = "JINBIAO_S3_ENDPOINT, JINBIAO_S3_PUBLIC_ENDPOINT, JINBIAO_S3_BUCKET"
        raise errors.Invalid(problem.message, place=place, **problem.values) from problem
