"""Gather the operators on texts, in the order in which a recipe usually has them."""

from __future__ import annotations

from .contract import Operator
from .duplicates import TEXT_DUPLICATES
from .encodings import TEXT_ENCODINGS
from .filters import TEXT_FILTERS
from .forms import TEXT_FORMS
from .markup import TEXT_MARKUP
from .personal import PERSONAL
from .profanity import FILTER_PROFANITY
from .qualities import TEXT_QUALITIES
from .sentences import TEXT_SENTENCES

TEXT: tuple[Operator, ...] = (
    *TEXT_ENCODINGS,
    *TEXT_MARKUP,
    *TEXT_FORMS,
    *TEXT_FILTERS,
    FILTER_PROFANITY,
    *TEXT_QUALITIES,
    *PERSONAL,
    *TEXT_DUPLICATES,
    *TEXT_SENTENCES,
)
