"""Change a labelling config after work has begun: say what it touches, then do it."""

from __future__ import annotations

from .asking import LONGEST_NOTE, request
from .moving import PART, begin, finish, move_annotations, move_drafts, move_fixes, move_predictions
from .returning import ask_again
from .rows import ChangeState, ConfigChange, get, keep_counts, of_project, unfinished
from .steps import Act, Step, read, to_plain
from .texts import changed, widened
from .touched import Touched, count

__all__ = [
    "LONGEST_NOTE",
    "PART",
    "Act",
    "ChangeState",
    "ConfigChange",
    "Step",
    "Touched",
    "ask_again",
    "begin",
    "changed",
    "count",
    "finish",
    "get",
    "keep_counts",
    "move_annotations",
    "move_drafts",
    "move_fixes",
    "move_predictions",
    "of_project",
    "read",
    "request",
    "to_plain",
    "unfinished",
    "widened",
]
