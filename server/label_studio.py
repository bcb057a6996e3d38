"""Say with which Label Studio the API is compatible."""

from __future__ import annotations

# What `/api/version/` and every error name: clients compare it.
LABEL_STUDIO_VERSION = "1.23.2"
