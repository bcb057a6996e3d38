"""Decide who may have the files of a dataset: open, under conditions, or closed.

A person applies (`ask`), the dataset's people `decide`, the agreement is signed, the files
open for a term; then `report`, or `revoke`. `standing` and `may_download` ask the table now.
"""

from __future__ import annotations

from .access import Standing, may_download, standing
from .agreement import COMMITMENT_EN, COMMITMENT_ZH, agreement_text, digest
from .applying import (
    ask,
    check_may_apply,
    discard,
    report,
    save_draft,
    sign,
    take_back,
)
from .deciding import GRANTED_DAYS, decide, grant, revoke, send_back
from .finding import (
    counts,
    decided,
    find,
    get,
    may_decide,
    mine,
    of_dataset,
    running,
    steps,
    waiting,
)
from .form import LONGEST_TERM, LONGEST_TEXT, AccessMethod, ApplicantType, Form, checked_form
from .masking import masked_email, masked_name, masked_phone
from .rows import Application, ApplicationStep
from .states import (
    ENDED,
    HUB_STATES,
    NEXT,
    RUNNING,
    UNDECIDED,
    WAITING,
    WORKING_DAYS,
    ZONE,
    State,
    due_at,
    state_at,
)
from .telling import any_to_remind, remind

__all__ = [
    "COMMITMENT_EN",
    "COMMITMENT_ZH",
    "ENDED",
    "GRANTED_DAYS",
    "HUB_STATES",
    "LONGEST_TERM",
    "LONGEST_TEXT",
    "NEXT",
    "RUNNING",
    "UNDECIDED",
    "WAITING",
    "WORKING_DAYS",
    "ZONE",
    "AccessMethod",
    "ApplicantType",
    "Application",
    "ApplicationStep",
    "Form",
    "Standing",
    "State",
    "agreement_text",
    "any_to_remind",
    "ask",
    "check_may_apply",
    "checked_form",
    "counts",
    "decide",
    "decided",
    "digest",
    "discard",
    "due_at",
    "find",
    "get",
    "grant",
    "masked_email",
    "masked_name",
    "masked_phone",
    "may_decide",
    "may_download",
    "mine",
    "of_dataset",
    "remind",
    "report",
    "revoke",
    "running",
    "save_draft",
    "send_back",
    "sign",
    "standing",
    "state_at",
    "steps",
    "take_back",
    "waiting",
]
