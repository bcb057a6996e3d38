"""Keep labels that people add while they label: an organisation's, linked to its projects.

A link lets a project's control take a label beside those of the labelling config; the
project remembers the paths to its added labels, so that checking a result asks nothing more.
"""

from __future__ import annotations

from .adding import MOST_AT_ONCE, MOST_LINKS, NewLabel, add, link
from .changing import change, move, remove, unlink
from .rows import (
    AddedLabel,
    AddedLabelLink,
    Links,
    find,
    find_links,
    get,
    get_link,
    links_of,
)
from .using import Replaced, replace, used

__all__ = [
    "MOST_AT_ONCE",
    "MOST_LINKS",
    "AddedLabel",
    "AddedLabelLink",
    "Links",
    "NewLabel",
    "Replaced",
    "add",
    "change",
    "find",
    "find_links",
    "get",
    "get_link",
    "link",
    "links_of",
    "move",
    "remove",
    "replace",
    "unlink",
    "used",
]
