"""Findings of personal information: pages and API."""

from . import api, pages

__all__ = ["api", "pages"]
