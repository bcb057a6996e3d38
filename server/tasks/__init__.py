"""Tasks: pages, and the API."""

from . import api, imports, lists, pages, uploads

__all__ = ["api", "imports", "lists", "pages", "uploads"]
