"""Keep dataset projects: what is labelled, how, for whom and by whom."""

from .options import DISPLAYS, OPTIONS, SAMPLINGS, SKIP_QUEUES
from .rows import (
    LONGEST_DESCRIPTION,
    LONGEST_INSTRUCTION,
    MOST_ANNOTATIONS,
    ORDERINGS,
    Project,
    Wanted,
    change,
    create,
    delete,
    find,
    get,
    listing,
    set_option,
    visible,
)

__all__ = [
    "DISPLAYS",
    "LONGEST_DESCRIPTION",
    "LONGEST_INSTRUCTION",
    "MOST_ANNOTATIONS",
    "OPTIONS",
    "ORDERINGS",
    "SAMPLINGS",
    "SKIP_QUEUES",
    "Project",
    "Wanted",
    "change",
    "create",
    "delete",
    "find",
    "get",
    "listing",
    "set_option",
    "visible",
]
