"""Change what was found in a text: mask it, put a pseudonym in its place, or say it broadly.

What comes out never holds a value that could be somebody's: pseudonyms have wrong check digits
or numbers that are given to nobody. Nor is it found again, so that no second change spoils it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Collection

from .check_digits import (
    PROVINCES,
    USCC_ALPHABET,
    id_digit,
    luhn_digit,
    organisation_digit,
    uscc_digit,
)
from .finding import find_values
from .hiding import address_area, masked
from .hits import LEAST
from .names import surname

# From a kind and a value to what stands in its place.
# … or None, where it is to stay.
Change = Callable[[str, str], str | None]
_SORTED_PROVINCES = sorted(PROVINCES)
_PLATE_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def mask(text: str, kinds: Collection[str] | None = None, least: float = LEAST) -> str:
    """Return the text with every hit masked."""
    return changed(text, masked, kinds, least)


def pseudonymise(
    text: str, key: bytes, kinds: Collection[str] | None = None, least: float = LEAST
) -> str:
    """Return the text with a pseudonym for every hit; equal values get equal ones."""
    return changed(text, lambda kind, value: pseudonym(kind, value, key), kinds, least)


def generalise(text: str, kinds: Collection[str] | None = None, least: float = LEAST) -> str:
    """Return the text with every hit said broadly: a birth year, a district, a network."""
    return changed(text, generalised, kinds, least)


def changed(
    text: str, change: Change, kinds: Collection[str] | None = None, least: float = LEAST
) -> str:
    """Return the text with what `change` makes of every hit of `find`."""
    parts, done = [], 0
    for hit, value in find_values(text, kinds, least):
        made = change(hit.kind, value)
        if made is not None:
            parts += [text[done : hit.start], made]
            done = hit.end
    return "".join([*parts, text[done:]]) if parts else text


def fingerprint(kind: str, value: str, key: bytes) -> str:
    """Return a keyed hash of a value: equal for equal values, and nothing else can be told."""
    return hmac.new(key, f"fingerprint {kind} {value}".encode(), hashlib.sha256).hexdigest()


def pseudonym(kind: str, value: str, key: bytes) -> str:
    """Return what looks like a value of this kind, is the same for the same one, and nobody's."""
    draw = _Draw(hmac.new(key, f"pseudonym {kind} {value}".encode(), hashlib.sha256).digest())
    make = _PSEUDONYMS.get(kind)
    return make(draw, value) if make else f"〔{draw.digits(8)}〕"


class _Draw:
    """Draw numbers from a digest, one after the other, always the same ones."""

    def __init__(self, digest: bytes) -> None:
        self.rest = int.from_bytes(digest, "big")

    def below(self, limit: int) -> int:
        self.rest, drawn = divmod(self.rest, limit)
        return drawn

    def digits(self, count: int) -> str:
        return f"{self.below(10**count):0{count}d}"


def _other(right: str, alphabet: str, also: Collection[str] = ()) -> str:
    """Return a check digit that is wrong, and none of `also`: those of numbers of other kinds."""
    at = alphabet.index(right)
    turned = alphabet[at + 1 :] + alphabet[:at]
    return next(digit for digit in turned if digit not in also)


def _digits_of_others(number: str) -> set[str]:
    """Return the check digits by which 17 digits would be a number of some kind."""
    return {id_digit(number), luhn_digit(number), uscc_digit(number)}


def _id_card(draw: _Draw, _value: str) -> str:
    region = _SORTED_PROVINCES[draw.below(len(_SORTED_PROVINCES))] + f"{draw.below(20) + 1:02d}"
    day = f"{1950 + draw.below(60)}{draw.below(12) + 1:02d}{draw.below(28) + 1:02d}"
    number = f"{region}{draw.below(20) + 1:02d}{day}{draw.below(999) + 1:03d}"
    return number + _other(id_digit(number), "0123456789X", _digits_of_others(number))


def _bank_card(draw: _Draw, value: str) -> str:
    number = "62" + draw.digits(len(value) - 3 if len(value) >= 16 else 13)
    also = _digits_of_others(number) if len(number) == 17 else ()
    return number + _other(luhn_digit(number), "0123456789", also)


def _credit_code(draw: _Draw, _value: str) -> str:
    region = _SORTED_PROVINCES[draw.below(len(_SORTED_PROVINCES))] + draw.digits(4)
    organisation = "MA" + draw.digits(6)
    number = "91" + region + organisation
    number += _other(organisation_digit(organisation), "0123456789X")
    return number + _other(uscc_digit(number), USCC_ALPHABET)


def _plate(length: int) -> Callable[[_Draw, str], str]:
    # No plate has the letter I.
    return lambda draw, value: (
        _PLATE_PROVINCES[draw.below(len(_PLATE_PROVINCES))] + "I" + draw.digits(length)
    )


def _network(draw: _Draw, _value: str) -> str:
    # 240.0.0.0/4 is kept for later (RFC 1112) and given to nobody.
    return ".".join([str(240 + draw.below(15)), *[str(draw.below(256)) for _ in range(3)]])


_PSEUDONYMS: dict[str, Callable[[_Draw, str], str]] = {
    "id_card": _id_card,
    "bank_card": _bank_card,
    "uscc": _credit_code,
    # 154 is no number of a mobile, and local numbers do not begin with 0.
    "mobile": lambda draw, value: "154" + draw.digits(8),
    "landline": lambda draw, value: "022-0" + draw.digits(7),
    "plate": _plate(5),
    "plate_nev": _plate(6),
    "plate_special": _plate(5),
    "passport": lambda draw, value: "EI" + draw.digits(7),
    "hk_mo_permit": lambda draw, value: "CI" + draw.digits(7),
    "email": lambda draw, value: f"user{draw.digits(12)}@example.invalid",
    "ipv4": _network,
    # Kept for documents (RFC 3849).
    "ipv6": lambda draw, value: f"2001:db8::{draw.below(65536):x}:{draw.below(65536):x}",
    "name": lambda draw, value: f"某{draw.digits(6)}",
    "address": lambda draw, value: f"某地{draw.digits(8)}",
    # Near the point where equator and prime meridian meet, far out at sea.
    "precise_location": lambda draw, value: f"0.{draw.digits(6)},0.{draw.digits(6)}",
}


def generalised(kind: str, value: str) -> str:
    """Return what remains of a value when it may tell no person from many others."""
    rule = _BROAD.get(kind)
    return rule(value) if rule else "〔略〕"


def _birth(value: str) -> str:
    year = value[6:10] if len(value) == 18 else "19" + value[6:8]
    # Foreigners have a 9 before the province.
    province = value[1:3] if value[0] == "9" else value[:2]
    return f"〔{year}年生，{PROVINCES[province]}〕"


def _subnet(value: str) -> str:
    # Not 1.2.0.0/16: that has an address in it again.
    return ".".join(value.split(".")[:2]) + "/16"


def _wide_subnet(value: str) -> str:
    groups = ipaddress.IPv6Address(value).exploded.split(":")[:2]
    return ":".join(f"{int(group, 16):x}" for group in groups) + "/32"


_BROAD: dict[str, Callable[[str], str]] = {
    "id_card": _birth,
    "mobile": lambda value: value[:3] + "********",
    "landline": lambda value: value[: 3 if value[:2] in ("01", "02") else 4] + "-********",
    "bank_card": lambda value: value[:6] + "*" * (len(value) - 6),
    "uscc": lambda value: f"〔{PROVINCES.get(value[2:4], '全国')}的组织〕",
    "plate": lambda value: value[:2] + "*****",
    "plate_nev": lambda value: value[:2] + "******",
    "email": lambda value: "***@" + value.partition("@")[2],
    "ipv4": _subnet,
    "ipv6": _wide_subnet,
    "address": lambda value: address_area(value) or "〔某地〕",
    # 王某 after a word that announces a name would be one.
    "name": lambda value: f"〔{surname(value)}姓〕" if surname(value) else "〔略〕",
    "precise_location": lambda value: ",".join(f"{float(each):.1f}" for each in value.split(",")),
}
