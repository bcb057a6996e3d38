"""Describe a release in Croissant 1.1 with RAI 1.0, so that its readers yield the records.

`document` describes the files of a release by their paths; it is kept in the release itself
as `croissant.json`, where a downloaded copy reads the files beside it. `addressed` turns it
into what is sent to a reader far away: addresses pinned to the commit, dates, citation.
"""

from __future__ import annotations

from .addresses import addressed
from .document import MOST_RECORD_SETS, PATH, document
from .rai import statements

__all__ = [
    "MOST_RECORD_SETS",
    "PATH",
    "addressed",
    "document",
    "statements",
]
