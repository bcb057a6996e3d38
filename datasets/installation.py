"""Open one installation: its settings, database and object store, ready to pass down."""

from __future__ import annotations

from dataclasses import dataclass

from . import errors
from .db import Database
from .settings import Settings, prepare_home
from .storage import FolderStorage, ObjectStore, S3Storage


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
    return Installation(settings, Database(settings.database_url), _store(settings))


def _store(settings: Settings) -> ObjectStore:
    if settings.s3 is None:
        return FolderStorage(settings.home / "objects")
    try:
        return S3Storage(
            settings.s3.endpoint,
            access_key=settings.s3.access_key,
            secret_key=settings.s3.secret_key,
            bucket=settings.s3.bucket,
            public_endpoint=settings.s3.public_endpoint,
        )
    except errors.Invalid as problem:
        place = "JINBIAO_S3_ENDPOINT, JINBIAO_S3_PUBLIC_ENDPOINT, JINBIAO_S3_BUCKET"
        raise errors.Invalid(problem.message, place=place, **problem.values) from problem
