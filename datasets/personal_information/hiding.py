"""Show a value of each kind so that nobody can tell whose it is, as the standards' table does."""

from __future__ import annotations

import re
from collections.abc import Callable

_DISTRICT = re.compile(r"^.*?(?:自治县|自治旗|[区县旗])(?=.)")
_CITY = re.compile(r"^.*?(?:自治州|[省市盟])(?=.)")


def masked(kind: str, value: str) -> str:
    """Return what may be shown of a value in its one form; never longer than 60 characters."""
    rule = _RULES.get(kind)
    return (rule(value) if rule else "*" * min(len(value), 8))[:60]


def _ends(first: int, last: int) -> Callable[[str], str]:
    def rule(value: str) -> str:
        hidden = max(len(value) - first - last, 1)
        return value[:first] + "*" * hidden + (value[-last:] if last else "")

    return rule


def _landline(value: str) -> str:
    area = 3 if value[:2] in ("01", "02") else 4
    return f"{value[:area]}-****{value[-4:]}" if len(value) > 9 else f"****{value[-4:]}"


def _email(value: str) -> str:
    local, _, domain = value.partition("@")
    return f"{local[:1]}***@{domain}"


def _plate(value: str) -> str:
    return f"{value[:2]}{'*' * max(len(value) - 4, 1)}{value[-2:]}"


def _special(value: str) -> str:
    return value[0] + "*" * (len(value) - 1)


def _ipv4(value: str) -> str:
    return ".".join([*value.split(".")[:2], "*", "*"])


def _ipv6(value: str) -> str:
    return ":".join(value.split(":")[:2]) + ":****"


def address_area(value: str) -> str:
    """Return the part of an address down to its district, or city; "" where neither is named."""
    found = _DISTRICT.match(value) or _CITY.match(value)
    return found.group() if found else ""


def _location(value: str) -> str:
    return ",".join(f"{float(part):.2f}" for part in value.split(","))


_RULES: dict[str, Callable[[str], str]] = {
    "id_card": _ends(6, 4),
    "mobile": _ends(3, 4),
    "landline": _landline,
    "bank_card": _ends(6, 4),
    "uscc": _ends(4, 4),
    "plate": _plate,
    "plate_nev": _plate,
    "plate_special": _special,
    "passport": _ends(1, 3),
    "hk_mo_permit": _ends(1, 3),
    "email": _email,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "address": lambda value: address_area(value) + "****",
    "name": lambda value: value[:1] + "*" * (len(value) - 1),
    "precise_location": _location,
}
