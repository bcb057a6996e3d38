"""Models of a project: pages, and the API."""

from . import api, pages

__all__ = ["api", "pages"]
