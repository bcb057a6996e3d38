"""Keep dataset projects: what is labelled, how, for whom and by whom."""

from .options import ACCESSES, DISPLAYS, LONGEST_RESERVATION, OPTIONS, SAMPLINGS, SKIP_QUEUES
from .reviewing import SHARES, Stages, stages_of
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
    "ACCESSES",
    "DISPLAYS",
    "LONGEST_DESCRIPTION",
    "LONGEST_INSTRUCTION",
    "LONGEST_RESERVATION",
    "MOST_ANNOTATIONS",
    "OPTIONS",
    "ORDERINGS",
    "SAMPLINGS",
    "SHARES",
    "SKIP_QUEUES",
    "Project",
    "Stages",
    "Wanted",
    "change",
    "create",
    "delete",
    "find",
    "get",
    "listing",
    "set_option",
    "stages_of",
    "visible",
]
