"""Say what is known about one file that was brought in, and which limits it had to keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["image", "audio", "video", "text", "pdf"]


@dataclass(frozen=True)
class MediaLimits:
    """State the limits of one file; each is named in the message when it is passed."""

    megapixels: int = 100  # of the first picture; Pillow itself stops at 178
    frames: int = 10_000  # pages or animation frames
    scans: int = 200  # of a progressive JPEG: each costs a pass over the whole picture
    image_bytes: int = 512 * 1024**2
    text_bytes: int = 16 * 1024**2
    other_bytes: int = 4 * 1024**3  # audio, video, pdf
    seconds: int = 4 * 3600  # of sound and film, as far as it is stated without decoding
    pdf_bytes: int = 256 * 1024**2  # of a PDF whose pages are drawn
    pdf_pages: int = 500
    pdf_page_pixels: int = 16_000_000  # a page is drawn coarser rather than larger


@dataclass(frozen=True)
class MediaFacts:
    """Describe one accepted file; width and height are pixels of the upright picture."""

    content_type: str
    kind: Kind
    extension: str  # with the dot, after the content
    width: int | None = None
    height: int | None = None
    frames: int = 1
    needs_display_copy: bool = False
    seconds: float | None = None
    warnings: list[str] = field(default_factory=list)
