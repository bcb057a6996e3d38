"""Check unified social credit codes (GB 32100-2015): 18 characters, the last of them a check."""

from __future__ import annotations

import re

from stdnum.cn import uscc

from .. import errors
from ..errors import _

# Without I, O, S, V and Z, which look like digits: 31 characters, a prime number of them.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_FORM = re.compile(rf"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}")


def check_character(code: str) -> str:
    """Return the 18th character for the first 17: 31 − Σ cᵢ·3^(i−1) mod 31 (GB 32100, 4.2.5)."""
    return uscc.calc_check_digit(code)


def checked_credit_code(text: str) -> str | None:
    """Return a code in capitals, None for no text.

    Raises:
        errors.Invalid: it has another form, or its check character says that it was mistyped.
    """
    code = text.strip().upper()
    if not code:
        return None
    if not _FORM.fullmatch(code):
        raise errors.Invalid(
            _("must be a unified social credit code of 18 characters"), place="credit_code"
        )
    if check_character(code) != code[17]:
        raise errors.Invalid(
            _("the check character of the unified social credit code is wrong: a slip in typing?"),
            place="credit_code",
        )
    return code
