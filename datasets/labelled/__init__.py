"""Read files that come with labels into items that fit a project's config."""

from .reading import KEPT_AS, read
from .recognising import FORMATS, recognise

__all__ = ["FORMATS", "KEPT_AS", "read", "recognise"]
