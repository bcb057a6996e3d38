"""Keep a spreadsheet from taking a text for a formula; used by every table that people open.

Only texts and headers are guarded, by an apostrophe before them; numbers are not texts. What
programs read (JSON lines, Parquet, the series of sensors) holds the texts as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

# Spreadsheets of East Asia take the wide signs for the same.
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
# What a spreadsheet may pass over before a sign; an apostrophe, so that freeing undoes guarding.
_PASSED_OVER = "' \u00a0\u200b\u3000\ufeff"
# -5, +8613800138000, -1,234.50, 1e-5, -3.5%, and quantities: -25℃, -5 km/h. A unit has no
# digits, signs, quotes or brackets, so that nothing can be called or pointed at.
_NUMBER = re.compile(
    r"[+-](?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
    r" ?(?:[^\W\d_]|[℃℉°%‰/·]){0,12}"
)
# The columns that every table of annotations has that was exported here.
_EXPORTED = frozenset({"annotation_id", "annotator"})


def guarded(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; what is no text stays as it is.

    A text that is a number, with or without a unit, is harmless and stays too.
    """
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def freed(text: str) -> str:
    """Return the text of a guarded cell, other texts as they are: freed(guarded(x)) is x."""
    return text[1:] if text[:1] == "'" and _is_formula(text) else text


def are_guarded(header: Collection[str]) -> bool:
    """Tell by the names of its columns whether a table was exported here, so has guarded cells."""
    return _EXPORTED.issubset(header) and all(guarded(freed(name)) == name for name in header)


def _is_formula(text: str) -> bool:
    bare = text.lstrip(_PASSED_OVER)
    return bare.startswith(_FORMULAS) and not _NUMBER.fullmatch(bare)
