"""Projects: pages, and the API."""

from . import api, configs, pages

__all__ = ["api", "configs", "pages"]
