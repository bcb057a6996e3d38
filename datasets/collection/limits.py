"""Say how much a source may bring into a project."""

from __future__ import annotations

from .. import media, sources
from ..projects import Project
from ..settings import Settings

# Which files can stand where a config shows a tag; others in a folder are no data.
_KINDS_SHOWN: dict[str, media.Kind] = {
    "Image": "image",
    "Audio": "audio",
    "AudioPlus": "audio",
    "Video": "video",
    "Pdf": "pdf",
    "PDF": "pdf",
    "Text": "text",
    "HyperText": "text",
    "Paragraphs": "text",
    "TimeSeries": "text",
}


def media_limits(settings: Settings) -> media.MediaLimits:
    """Return how large a medium may be."""
    return media.MediaLimits(
        megapixels=settings.maximum_pixels // 1_000_000,
        other_bytes=settings.maximum_media_bytes,
        pdf_pages=settings.maximum_pdf_pages,
        pdf_page_pixels=settings.maximum_pdf_page_pixels,
    )


def source_limits(settings: Settings, project: Project) -> sources.SourceLimits:
    """Return how large a source may be, and which kinds of files the project shows."""
    shown = {_KINDS_SHOWN[i.tag] for i in project.config.objects if i.tag in _KINDS_SHOWN}
    return sources.SourceLimits(
        kinds=frozenset(shown) or sources.SourceLimits.kinds,
        entries=settings.maximum_archive_entries,
        archive_bytes=settings.maximum_archive_bytes,
        file_bytes=settings.maximum_media_bytes,
        media=media_limits(settings),
    )
