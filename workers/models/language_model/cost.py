"""Say what tokens cost, in the currency in which their prices were given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ....datasets import errors
from ....datasets.errors import _

MILLION = 1_000_000
# An amount with its currency on either side: "¥2", "2 CNY", "0.14 USD", "2 元".
_PRICE = re.compile(
    r"(?P<before>[^\d\s.+-]{0,5})\s*(?P<amount>\d{1,9}(\.\d{1,9})?)\s*(?P<after>[^\d\s.+-]{0,5})"
)


def price(options: Mapping[str, Any], name: str) -> str:
    """Return the option that is a price of a million tokens; "" where it is not given.

    Raises:
        errors.Invalid: it is no amount of a currency.
    """
    value = options.get(name)
    if value is None or value == "":
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if not isinstance(value, str) or not _PRICE.fullmatch(value.strip()):
        raise errors.Invalid(
            _("must be a price of a million tokens, such as 2 CNY"), place=f"options.{name}"
        )
    return value.strip()


def cost(options: Mapping[str, Any], tokens_in: int, tokens_out: int) -> tuple[Decimal, str] | None:
    """Return what tokens cost, and the currency as it was written; None where no price is known,
    or the two prices are in different currencies."""
    total, currencies = Decimal(0), set()
    for name, tokens in (("price_in", tokens_in), ("price_out", tokens_out)):
        found = _PRICE.fullmatch(str(options.get(name) or ""))
        if found is None:
            if tokens:
                return None
            continue
        total += Decimal(found["amount"]) * tokens / MILLION
        currencies.add(found["before"] or found["after"])
    if len(currencies) != 1:
        return None
    return total, currencies.pop()
