"""Show with reasons what work looks dishonest; people decide, and may appeal.

Copying between people, pre-labels left as they are though wrong, impossible speed. Each look
is compared with what others in the project do, and all looks together are adjusted for their
number. A finding is never a penalty: a blind review and a lead's decision come after it.
"""

from __future__ import annotations

from .chance import adjusted
from .deciding import (
    about,
    answer,
    appeal,
    ask_reviews,
    decide,
    get,
    keep,
    open_to_person,
    outcomes,
    page,
    tasks_of,
)
from .looking import FALSE_SHARE, Seen, look
from .rows import Finding, FindingKind, FindingState
from .said import Said, Suspect
from .watching import EVERY, KIND, ask, begin, due, seen

__all__ = [
    "EVERY",
    "FALSE_SHARE",
    "KIND",
    "Finding",
    "FindingKind",
    "FindingState",
    "Said",
    "Seen",
    "Suspect",
    "about",
    "adjusted",
    "answer",
    "appeal",
    "ask",
    "ask_reviews",
    "begin",
    "decide",
    "due",
    "get",
    "keep",
    "look",
    "open_to_person",
    "outcomes",
    "page",
    "seen",
    "tasks_of",
]
