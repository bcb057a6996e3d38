"""Keep bytes under the SHA-256 of their content, in a folder or in an S3 bucket.

An object never changes: the same bytes have the same digest and are stored once. Both stores
stream at constant memory, show an object only when it is complete, and check in `read` that
the bytes are still the ones that were put.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .contract import CHUNK, ListedObject, ObjectStore, StoredObject
from .folder import FolderStorage

if TYPE_CHECKING:
    from .s3 import LONGEST_LINK, PART, S3Storage
else:

    def __getattr__(name: str) -> Any:
        """Load the client of S3 only where it is used."""
        if name in ("LONGEST_LINK", "PART", "S3Storage"):
            return getattr(importlib.import_module(".s3", __name__), name)
        raise AttributeError(name)


__all__ = [
    "CHUNK",
    "FolderStorage",
    "LONGEST_LINK",
    "ListedObject",
    "ObjectStore",
    "PART",
    "S3Storage",
    "StoredObject",
]
