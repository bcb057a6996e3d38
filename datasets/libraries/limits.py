"""Say how much a source may bring into a library."""

from __future__ import annotations

from .. import collection, sources
from ..settings import Settings


def source_limits(settings: Settings) -> sources.SourceLimits:
    """Return how large a source and its PDF pages may be; which kinds, the library says."""
    return sources.SourceLimits(
        entries=settings.maximum_archive_entries,
        archive_bytes=settings.maximum_archive_bytes,
        file_bytes=settings.maximum_media_bytes,
        media=collection.media_limits(settings),
    )
