"""Feeds: places that fill a library or a project again and again."""

from . import api, pages

__all__ = ["api", "pages"]
