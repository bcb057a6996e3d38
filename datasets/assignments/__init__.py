"""Hand out the next task: atomically, to one person, for a while."""

from __future__ import annotations

from .caps import CAPS
from .claiming import claim, enter, held, hold, minutes, peek, reserve, take_turn
from .giving import (
    assign,
    assign_to_company,
    assign_to_team,
    check_reach,
    held_counts,
    holds,
    of_task,
    take_back_all,
)
from .groups import waiting as waiting_for_groups
from .queue import forget_places, next_waiting, reopen, reopen_many
from .returning import (
    any_lapsed,
    expire,
    give_back,
    leads_all,
    release,
    release_strangers,
    take_back,
)
from .rows import Assignment, AssignmentState, GroupTask, QueuePlace
from .withdrawing import restore, take_alone, withdraw

__all__ = [
    "CAPS",
    "Assignment",
    "AssignmentState",
    "GroupTask",
    "QueuePlace",
    "any_lapsed",
    "assign",
    "assign_to_company",
    "assign_to_team",
    "check_reach",
    "claim",
    "enter",
    "expire",
    "forget_places",
    "give_back",
    "held",
    "held_counts",
    "hold",
    "holds",
    "leads_all",
    "minutes",
    "next_waiting",
    "of_task",
    "peek",
    "release",
    "release_strangers",
    "reopen",
    "reopen_many",
    "reserve",
    "restore",
    "take_alone",
    "take_back",
    "take_back_all",
    "take_turn",
    "waiting_for_groups",
    "withdraw",
]
