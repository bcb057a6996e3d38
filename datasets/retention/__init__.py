"""Let go of what nobody holds or what has had its time, and report what was deleted."""

from .deleting import (
    BATCH,
    FRESH,
    KIND,
    ask,
    ask_at_night,
    begin,
    end,
    forget_facts,
    forget_unused,
    is_under_way,
    keep_counts,
    known_unused,
    lines,
    note_deleted,
    note_unused,
    reports,
    take_back,
    taken,
)
from .lapsing import lapse, libraries
from .references import References

__all__ = [
    "BATCH",
    "FRESH",
    "KIND",
    "References",
    "ask",
    "ask_at_night",
    "begin",
    "end",
    "forget_facts",
    "forget_unused",
    "is_under_way",
    "keep_counts",
    "known_unused",
    "lapse",
    "libraries",
    "lines",
    "note_deleted",
    "note_unused",
    "reports",
    "take_back",
    "taken",
]
