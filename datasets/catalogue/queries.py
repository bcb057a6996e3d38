"""Read the part of Solr's query language that harvesters of open-data portals speak.

Spoken are words and quoted phrases, `field:value`, `field:(a OR b)`, `field:prefix*`,
`field:*`, ranges `field:[a TO b]`, `AND`, `OR`, `NOT`, `&&`, `||`, `+`, `-`, `!` and
parentheses; parts without a word between them must all hold. Boosts, fuzzy words, regular
expressions and local parameters are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import errors
from ..errors import _

LONGEST = 4000  # characters of a query
MOST_PARTS = 200
DEEPEST = 20  # parentheses inside each other


@dataclass(frozen=True)
class Term:
    """A value that a field must have; no field: anywhere in the words of a dataset."""

    field: str | None
    value: str
    # `value` followed by anything.
    is_prefix: bool = False


@dataclass(frozen=True)
class Range:
    """Two bounds that a field must lie between; None is no bound."""

    field: str
    lowest: str | None
    highest: str | None
    with_lowest: bool = True
    with_highest: bool = True


@dataclass(frozen=True)
class Everything:
    """What every dataset fulfils: `*:*`, or `field:*`."""

    field: str | None = None


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    part: Query


@dataclass(frozen=True)
class AllOf:
    """Parts that must all hold."""

    parts: tuple[Query, ...]


@dataclass(frozen=True)
class AnyOf:
    """Parts of which one must hold."""

    parts: tuple[Query, ...]


Query = Term | Range | Everything | Not | AllOf | AnyOf

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<sign>[()+!-]|&&|\|\|)
    | (?P<field>(?:[A-Za-z_][\w.-]*|\*)):
    | (?P<range>[\[{]\s*(?P<low>"[^"]*"|[^\s\]}"]+)\s+TO\s+(?P<high>"[^"]*"|[^\s\]}"]+)\s*[\]}])
    | "(?P<phrase>(?:[^"\\]|\\.)*)"
    | (?P<word>(?:[^\s()"\[\]{}:^~/\\]|\\.)(?:[^\s()"\[\]{}^~\\]|\\.)*)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"AND": "&&", "OR": "||", "NOT": "!"}


@dataclass(frozen=True)
class _Token:
    kind: str  # sign, field, range, phrase, word
    text: str
    match: re.Match[str]


def parse(text: str, place: str) -> Query:
    """Return what a query asks for; nothing asked is everything.

    Raises:
        errors.Invalid: a part is not of the language, named with `place`.
    """
    if len(text) > LONGEST:
        raise errors.Invalid(_("is longer than %(most)s characters"), place=place, most=LONGEST)
    reader = _Reader(list(_tokens(text, place)), place)
    return reader.whole()


def _tokens(text: str, place: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at:
            raise _unknown(place, text[at:])
        at = found.end()
        kind = next(k for k in ("sign", "field", "range", "phrase", "word") if found[k] is not None)
        token = _Token(kind, found[kind], found)
        if kind == "word" and found[kind] in _WORDS:
            token = _Token("sign", _WORDS[found[kind]], found)
        yield token


def _unknown(place: str, rest: str) -> errors.Invalid:
    return errors.Invalid(
        _("cannot be read from “%(rest)s” on: this part of Solr's language is not spoken here"),
        place=place,
        rest=rest.strip()[:60],
    )


class _Reader:
    """Go through the tokens of one query, from loose ties (OR) to tight ones."""

    def __init__(self, tokens: list[_Token], place: str) -> None:
        self.tokens, self.place = tokens, place
        self.at = self.depth = 0
        if len(tokens) > 4 * MOST_PARTS:
            raise errors.Invalid(_("has more than %(most)s parts"), place=place, most=MOST_PARTS)

    def whole(self) -> Query:
        """Read everything."""
        if not self.tokens:
            return Everything()
        found = self._any(None)
        if self.at < len(self.tokens):
            raise self._refusal()
        return found

    def _sign(self, *signs: str) -> bool:
        """Step over one of the signs, if it is next."""
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "sign" and token.text in signs:
                self.at += 1
                return True
        return False

    def _refusal(self) -> errors.Invalid:
        if self.at >= len(self.tokens):
            return errors.Invalid(_("ends where something must follow"), place=self.place)
        found = self.tokens[self.at].match
        return _unknown(self.place, found.string[found.start() :])

    def _any(self, field: str | None) -> Query:
        parts = [self._all(field)]
        while self._sign("||"):
            parts.append(self._all(field))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, field: str | None) -> Query:
        parts = [self._one(field)]
        while self._sign("&&") or self._goes_on():
            parts.append(self._one(field))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _goes_on(self) -> bool:
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.kind != "sign" or token.text in ("(", "+", "-", "!")

    def _one(self, field: str | None) -> Query:
        turned = False
        while True:
            if self._sign("-", "!"):
                turned = not turned
            elif not self._sign("+"):
                break
        found = self._atom(field)
        return Not(found) if turned else found

    def _atom(self, field: str | None) -> Query:
        if self._sign("("):
            self.depth += 1
            if self.depth > DEEPEST:
                raise errors.Invalid(
                    _("has more than %(most)s parentheses inside each other"),
                    place=self.place,
                    most=DEEPEST,
                )
            found = self._any(field)
            if not self._sign(")"):
                raise self._refusal()
            self.depth -= 1
            return found
        if self.at >= len(self.tokens) or self.tokens[self.at].kind == "sign":
            raise self._refusal()
        token = self.tokens[self.at]
        if token.kind == "field":
            if field is not None:
                raise self._refusal()
            self.at += 1
            return self._atom(token.text)
        self.at += 1
        if token.kind == "range":
            if field in (None, "*"):
                self.at -= 1
                raise self._refusal()
            return _range(str(field), token)
        return self._value(field, token)

    def _value(self, field: str | None, token: _Token) -> Query:
        is_word = token.kind == "word"
        text = token.text
        if is_word and text == "*":
            return Everything(None if field == "*" else field)
        if field == "*":
            self.at -= 1
            raise self._refusal()
        is_prefix = is_word and text.endswith("*") and not text.endswith("\\*")
        value = text[:-1] if is_prefix else text
        if is_word and re.search(r"(?<!\\)[*?]", value):
            self.at -= 1
            raise self._refusal()
        return Term(field, re.sub(r"\\(.)", r"\1", value), is_prefix)


def _range(field: str, token: _Token) -> Range:
    low, high = (token.match[name].strip('"') for name in ("low", "high"))
    return Range(
        field,
        None if low == "*" else low,
        None if high == "*" else high,
        token.text.startswith("["),
        token.text.endswith("]"),
    )
