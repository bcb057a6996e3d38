"""Reach the objects of one bucket of an S3 service, by way of checked addresses only."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["Bucket"]

if TYPE_CHECKING:
    from .bucket import Bucket
else:

    def __getattr__(name: str) -> Any:
        """Load the client of S3 only where a bucket is reached."""
        if name in ("Bucket",):
            return getattr(importlib.import_module(".bucket", __name__), name)
        raise AttributeError(name)
