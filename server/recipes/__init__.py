"""Recipes: pages, and the API."""

from . import api, pages

__all__ = ["api", "pages"]
