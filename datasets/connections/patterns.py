"""Match names against patterns that strangers write, in time that grows with the name only."""

from __future__ import annotations

from collections.abc import Sequence

from .. import errors
from ..errors import _

LONGEST_PATTERN = 500  # characters


def check_pattern(pattern: str) -> None:
    """Raise errors.Invalid unless this is a regular expression that `matching` knows.

    References back and looking around are not known: they are what takes for ever.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"),
            place="regex_filter",
            longest=LONGEST_PATTERN,
        )
    matching(pattern, [""])


def matching(pattern: str | None, names: Sequence[str]) -> list[bool]:
    """Tell for each name whether the pattern matches at its beginning; no pattern matches all.

    Raises:
        errors.Invalid: the pattern cannot be used.
    """
    if not pattern:
        return [True] * len(names)
    # RE2, which Arrow brings along; few processes need it, and it takes 25 MB.
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = pc.match_substring_regex(pa.array(names, pa.string()), f"\\A(?:{pattern})")
    except (pa.ArrowInvalid, UnicodeError) as problem:
        raise errors.Invalid(
            _("this is no regular expression that can be used: %(reason)s"),
            place="regex_filter",
            reason=str(problem)[:200],
        ) from problem
    return [bool(each) for each in found.to_pylist()]
