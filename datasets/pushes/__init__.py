"""Remember where releases are sent: remote catalogues and hubs, and how far it went."""

from .asking import ask, begin, of_dataset, under_way
from .rows import Push, PushedFile, PushState
from .sending import Figures, claim, complete, fail, fail_job, figures, is_ours, note
from .targets import (
    KINDS,
    MOST_TARGETS,
    RIGHT,
    Target,
    TargetKind,
    add,
    change,
    delete,
    find,
    get,
    listing,
    token_of,
)

__all__ = [
    "Figures",
    "KINDS",
    "MOST_TARGETS",
    "Push",
    "PushState",
    "PushedFile",
    "RIGHT",
    "Target",
    "TargetKind",
    "add",
    "ask",
    "begin",
    "change",
    "claim",
    "complete",
    "delete",
    "fail",
    "fail_job",
    "figures",
    "find",
    "get",
    "is_ours",
    "listing",
    "note",
    "of_dataset",
    "token_of",
    "under_way",
]
