"""Talk about published datasets: questions, reports of records, what became of them."""

from .errata import check_corrections, correct, notes_of
from .threads import (
    LONGEST_TEXT,
    LONGEST_TITLE,
    Discussion,
    DiscussionPost,
    DiscussionState,
    answer,
    flags_of,
    get,
    how_many,
    is_owner,
    move,
    of_dataset,
    open_discussion,
    posts,
)

__all__ = [
    "LONGEST_TEXT",
    "LONGEST_TITLE",
    "Discussion",
    "DiscussionPost",
    "DiscussionState",
    "answer",
    "check_corrections",
    "correct",
    "flags_of",
    "get",
    "how_many",
    "is_owner",
    "move",
    "notes_of",
    "of_dataset",
    "open_discussion",
    "posts",
]
