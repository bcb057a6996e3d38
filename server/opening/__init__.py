"""Apply for datasets under conditions, decide on applications, sign and report."""

from __future__ import annotations

from . import api, pages
from .routing import routes

__all__ = ["api", "pages", "routes"]
