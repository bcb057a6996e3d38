"""Bring several people's answers to a task to one: propose, accept where all agree, curate.

`votes` and `shapes` are the methods, `proposing` puts them together for a task, `deciding`
keeps proposals, accepts by rule, and lets a curator decide.
"""

from __future__ import annotations

from .deciding import (
    AUTO,
    RULE,
    Answered,
    answered,
    count_to_curate,
    curate,
    keep,
    next_to_curate,
    proposals,
    reliable_votes,
)
from .proposing import Proposal, propose
from .rows import Consensus, ConsensusState
from .votes import Reliability, Vote, dawid_skene, majority

__all__ = [
    "AUTO",
    "RULE",
    "Answered",
    "Consensus",
    "ConsensusState",
    "Proposal",
    "Reliability",
    "Vote",
    "answered",
    "count_to_curate",
    "curate",
    "dawid_skene",
    "keep",
    "majority",
    "next_to_curate",
    "proposals",
    "propose",
    "reliable_votes",
]
