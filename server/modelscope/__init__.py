"""Speak the read protocol of the ModelScope SDK, in both of its interfaces.

`/api/v1` is the older one, `/openapi/v1` the newer; the SDK uses both. What it streams
comes from the hub's `resolve`, where its `master` is `main`.
"""

from __future__ import annotations

from . import accounts, files, information
from .protocol import routes

__all__ = ["accounts", "files", "information", "routes"]
