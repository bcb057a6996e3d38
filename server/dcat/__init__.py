"""Speak DCAT 3 and schema.org: the catalogue as linked data."""

from __future__ import annotations

from . import negotiation, pages, schema_org
from .pages import routes

__all__ = ["negotiation", "pages", "routes", "schema_org"]
