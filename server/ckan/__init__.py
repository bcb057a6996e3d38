"""Speak CKAN's Action API, as its harvesters and clients use it.

Reading only: what is published here is published by the platform's own steps. Datasets go by
their CKAN name or concept id, organisations by theirs, groups are the domains (数据领域).
"""

from __future__ import annotations

from . import lists, packages, protocol, searching
from .protocol import routes

__all__ = ["lists", "packages", "protocol", "routes", "searching"]
