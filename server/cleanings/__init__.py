"""Cleanings of libraries: pages, and the API."""

from . import api, pages, shown

__all__ = ["api", "pages", "shown"]
