"""Judge annotations in stages: accept, fix and accept, return with a reason, arbitrate.

Nobody judges what they made, nor twice about one annotation. The annotation itself is never
overwritten: what each stage made of it stands beside it in the reviews, and taking something
back is something new that happens.
"""

from __future__ import annotations

from .arriving import let_in
from .blind import ask_blind, blind_of
from .counts import StageCount, stage_counts
from .differences import Changed, Differences, differences
from .hiding import are_blind_for, hidden_among, hides
from .history import Happening, history
from .judging import accept_in_bulk, judge
from .reading import (
    decoded,
    effective,
    get,
    is_deciding,
    labelled,
    newest,
    of_annotations,
    of_project,
    standing,
)
from .rolling_back import object_to, reopen, roll_back
from .rows import BlindReview, EventKind, Review, ReviewEvent, Stage, Verdict
from .waiting import claim

__all__ = [
    "BlindReview",
    "Changed",
    "Differences",
    "EventKind",
    "Happening",
    "Review",
    "ReviewEvent",
    "Stage",
    "StageCount",
    "Verdict",
    "accept_in_bulk",
    "are_blind_for",
    "ask_blind",
    "blind_of",
    "claim",
    "decoded",
    "differences",
    "effective",
    "get",
    "hidden_among",
    "hides",
    "history",
    "is_deciding",
    "judge",
    "labelled",
    "let_in",
    "newest",
    "object_to",
    "of_annotations",
    "of_project",
    "reopen",
    "roll_back",
    "stage_counts",
    "standing",
]
