"""Find addresses of the network: e-mail, IPv4 and IPv6."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from . import contexts
from .hits import Found
from .writing import ALNUM, LETTER, NO_WIDTH, narrow

_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-")
_LONGEST_LOCAL = 64
# RFC 2606: names that are nobody's.
_NOBODYS = re.compile(r"[.．](?:invalid|example|test|localhost)$|^example\.(?:com|org|net)$", re.I)
_DOCUMENTATION = ipaddress.IPv6Network("2001:db8::/32")
_HEX = frozenset("0123456789abcdefABCDEF０１２３４５６７８９ａｂｃｄｅｆＡＢＣＤＥＦ")
_DIGITS = "0123456789０１２３４５６７８９"
_AT = re.compile("[@＠]")
_DOMAIN = re.compile(
    rf"(?=.{{4,253}})[{NO_WIDTH}]{{0,3}}((?:[{ALNUM}](?:[{ALNUM}\-－]{{0,62}})[.．]){{1,6}}[{LETTER}]{{2,24}})(?![{ALNUM}\-－])",
    re.DOTALL,
)
# Starts at a dot, since dots are rarer than digits.
_OCTETS = re.compile(
    r"[.．](?<=[0-9０-９].)([0-9０-９]{1,3})[.．]([0-9０-９]{1,3})[.．]([0-9０-９]{1,3})(?![0-9０-９]|[.．][0-9０-９])"
)
# Colons are of one width: a full-width one before an address of the other is punctuation.
_HEX_AND_COLONS = {
    colon: re.compile(f"[0-9A-Fa-f０-９Ａ-Ｆａ-ｆ{colon}]{{2,39}}") for colon in ":："
}
_THREE_GROUPS = {
    colon: re.compile(f"{colon}(?:(?:[0-9A-Fa-f０-９Ａ-Ｆａ-ｆ]{{1,4}}{colon}){{2}}|{colon})")
    for colon in ":："
}


def find_addresses(text: str) -> Iterator[Found]:
    """Yield e-mail and network addresses."""
    yield from _emails(text)
    yield from _ipv4(text)
    yield from _ipv6(text, ":")
    if not text.isascii():
        yield from _ipv6(text, "：")


def _emails(text: str) -> Iterator[Found]:
    for mark in _AT.finditer(text):
        domain = _DOMAIN.match(text, mark.end())
        if domain is None:
            continue
        first = mark.start()
        while (
            first > 0
            and mark.start() - first < _LONGEST_LOCAL
            and (text[first - 1] in _LOCAL or narrow(text[first - 1]) in _LOCAL)
        ):
            first -= 1
        local = narrow(text[first : mark.start()])
        kept = local.lstrip(".-%+")
        first += len(local) - len(kept)
        if kept and not kept.endswith(".") and not _NOBODYS.search(narrow(domain.group(1))):
            value = f"{kept}@{narrow(domain.group(1))}".lower()
            yield "email", first, domain.end(), value, 0.96


def _ipv4(text: str) -> Iterator[Found]:
    for rest in _OCTETS.finditer(text):
        start = rest.start()
        while start > 0 and rest.start() - start < 4 and text[start - 1] in _DIGITS:
            start -= 1
        before = text[start - 1 : start]
        if before and (before in ".．_" or before in _DIGITS or before in "vV"):
            continue
        value = narrow(text[start : rest.end()])
        octets = value.split(".")
        if all(
            len(octet) < 4 and str(int(octet)) == octet and int(octet) < 256 for octet in octets
        ):
            numbers = [int(octet) for octet in octets]
            yield "ipv4", start, rest.end(), value, _ipv4_confidence(text, start, numbers)


def _ipv4_confidence(text: str, start: int, octets: list[int]) -> float:
    word = contexts.named(text, start)
    if octets[0] in (0, 127) or octets[0] >= 224:
        return 0.2  # names no machine of anybody's
    if word in ("version", "other"):
        return 0.2
    if word == "ip":
        return 0.95
    if max(octets) < 30:
        return 0.3  # likelier a version or a section
    return 0.8


def _ipv6(text: str, colon: str) -> Iterator[Found]:
    done = 0
    for sign in _THREE_GROUPS[colon].finditer(text):
        if sign.start() < done:
            continue
        first = sign.start()
        while (
            first > done
            and sign.start() - first < 34
            and (text[first - 1] in _HEX or text[first - 1] == colon)
        ):
            first -= 1
        # One colon at the beginning belongs to the words before.
        if text[first] == colon != text[first + 1]:
            first += 1
        candidate = _HEX_AND_COLONS[colon].match(text, first)
        if candidate is None:
            continue
        done = candidate.end()
        raw = candidate.group()
        raw = narrow(raw if raw.endswith(colon * 2) else raw.rstrip(colon))
        after = text[done : done + 1]
        before = text[first - 1 : first]
        if (after.isascii() and after.isalnum()) or (before.isascii() and before.isalnum()):
            continue
        try:
            address = ipaddress.IPv6Address(raw)
        except ValueError:
            continue
        # Ratios are written with full-width colons too.
        short = colon != ":" and max(map(len, raw.split(":"))) < 3
        if raw.count(":") < 3 or short or address.is_loopback or address in _DOCUMENTATION:
            continue
        yield "ipv6", first, first + len(raw), address.compressed, 0.9
