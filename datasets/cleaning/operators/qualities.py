"""Leave out texts that are no prose: by what their characters are and how sentences end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import _
from .characters import LETTERS, Script, Whole, characters
from .contract import SAME, Operator, Option, Outcome, Record

# Particles, pronouns, prepositions and adverbs that no longer Chinese text does without.
_FUNCTION = "的了是在和有不人这为上个到中以就对要我他也们会着与及其之于而或被把从"
_ENGLISH = frozenset("the be to of and that have with a in is for it on as was are by".split())
_ENDS = "。！？!?…；;."
_CODES = 0x10000
_ENDING = len(_FUNCTION) + 1


@cache
def _marks() -> NDArray[np.uint8]:
    """Return for every code point of the first plane its place in _FUNCTION + 1, _ENDING or 0."""
    table = np.zeros(_CODES + 1, dtype=np.uint8)
    for place, letter in enumerate(_FUNCTION, 1):
        table[ord(letter)] = place
    for letter in _ENDS:
        table[ord(letter)] = _ENDING
    return table


def _filter_quality(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    texts = [record.text or "" for record in records]
    found = characters(texts)
    counts, number = found.counts(), len(texts)
    visible = np.maximum(found.lengths - counts[:, Script.SPACE], 1)
    marks = found.tallied(_marks(), _ENDING + 1)
    tests = [
        ("unreadable", counts[:, [Script.BROKEN, Script.CONTROL]].sum(axis=1), "most_broken"),
        ("many_digits", counts[:, Script.DIGIT], "most_digits"),
        ("many_marks", counts[:, Script.PUNCTUATION], "most_punctuation"),
        ("many_symbols", counts[:, Script.SYMBOL], "most_symbols"),
    ]
    reasons = [""] * number
    for reason, part, option in tests:
        _mark(reasons, reason, part / visible > options[option])
    letters = counts[:, list(LETTERS)].sum(axis=1)
    _mark(reasons, "few_letters", letters / visible < options["least_letters"])
    # A sentence takes about a hundred characters at most; a heading needs no end.
    longest = options["longest_sentence"]
    if longest:
        _mark(reasons, "no_sentence_ends", found.lengths > longest * (marks[:, _ENDING] + 1))
    if options["least_function_words"]:
        few = _function_words(marks, texts, counts) < options["least_function_words"]
        # Short texts may do without.
        _mark(reasons, "no_function_words", few & (letters >= 50))
    return [Outcome(reason=reason) if reason else SAME for reason in reasons]


def _mark(reasons: list[str], reason: str, failed: NDArray[np.bool_]) -> None:
    for place in np.flatnonzero(failed):
        reasons[place] = reasons[place] or reason


def _function_words(marks: Whole, texts: Sequence[str], counts: Whole) -> Whole:
    """Return how many different function words each text has, of Chinese or of English.

    A text of another script is taken to have enough: nothing is known of its words.
    """
    found: Whole = (marks[:, 1:_ENDING] > 0).sum(axis=1)
    han, latin = counts[:, Script.HAN], counts[:, Script.LATIN]
    for place in np.flatnonzero(latin > 2 * han):
        found[place] += len(_ENGLISH.intersection(texts[place].lower().split()))
    known = han + latin
    return np.where(counts[:, list(LETTERS)].sum(axis=1) > 2 * known, _ENDING, found)


FILTER_QUALITY = Operator(
    name="text.filter_quality",
    version=1,
    kind="text",
    title=_("Quality"),
    does="drop",
    apply=_filter_quality,
    options=(
        Option("least_letters", "number", 0.5, _("Least share of letters"), least=0, most=1),
        Option("most_digits", "number", 0.4, _("Most digits, as a share"), least=0, most=1),
        Option(
            "most_punctuation", "number", 0.3, _("Most punctuation, as a share"), least=0, most=1
        ),
        Option("most_symbols", "number", 0.1, _("Most other signs, as a share"), least=0, most=1),
        Option(
            "most_broken", "number", 0.005, _("Most unreadable signs, as a share"), least=0, most=1
        ),
        Option(
            "least_function_words",
            "whole",
            3,
            _("Least number of different function words in a longer text"),
            least=0,
            most=15,
        ),
        Option(
            "longest_sentence",
            "whole",
            300,
            _("Most characters a sentence on average; 0: not looked at"),
            least=0,
            most=10_000,
        ),
    ),
    reasons={
        "unreadable": _("unreadable signs"),
        "many_digits": _("mostly digits"),
        "many_marks": _("mostly punctuation"),
        "many_symbols": _("too many other signs"),
        "few_letters": _("too few letters"),
        "no_sentence_ends": _("no sentences"),
        "no_function_words": _("a list of words, no sentences"),
    },
)

TEXT_QUALITIES = (FILTER_QUALITY,)
