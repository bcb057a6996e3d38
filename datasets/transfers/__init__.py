"""Take uploads that come in pieces, so that a lost connection costs no more than a piece.

The table says how much of an upload counts; `pieces` keeps the bytes until all are here. Then
they become an object of the store, and a job brings them into a library or a project.
"""

from .keeping import (
    MOST_IN_BATCH,
    action_for,
    action_of,
    begin,
    bring,
    checked_name,
    get,
    give_up,
    listing,
    of_job,
    open_count,
    open_one,
    outstanding,
    received,
    remove,
    stored,
    target_of,
)
from .rows import Transfer, TransferState
from .sweeping import (
    CHUNK,
    IdleBatch,
    any_lapsed,
    forget_lapsed,
    idle_batches,
    known,
    pass_over,
    whole,
)

__all__ = [
    "CHUNK",
    "MOST_IN_BATCH",
    "IdleBatch",
    "Transfer",
    "TransferState",
    "action_for",
    "action_of",
    "any_lapsed",
    "begin",
    "bring",
    "checked_name",
    "forget_lapsed",
    "get",
    "give_up",
    "idle_batches",
    "known",
    "listing",
    "of_job",
    "open_count",
    "open_one",
    "outstanding",
    "pass_over",
    "received",
    "remove",
    "stored",
    "target_of",
    "whole",
]
