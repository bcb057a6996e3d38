"""Freeze a project: choose what was accepted, divide it, write the manifest.

Three steps, each safe to repeat after a crash: one transaction chooses the records (a
snapshot), batches write their lines, one transaction names the version. Nobody sees a
version before it has its commit id.
"""

from __future__ import annotations

from .freezing import freeze
from .snapshot import choose, discard, shown_media

__all__ = [
    "choose",
    "discard",
    "freeze",
    "shown_media",
]
