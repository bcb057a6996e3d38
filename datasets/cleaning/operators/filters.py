"""Leave out texts by language, length, repetition, quality and words."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import _
from .characters import LETTERS, Characters, Script, Whole, characters
from .contract import SAME, Operator, Option, Outcome, Record

Numbers = NDArray[np.float64]


def _batch(records: Sequence[Record]) -> tuple[list[str], Characters]:
    texts = [record.text or "" for record in records]
    return texts, characters(texts)


def _share(part: Any, whole: Any) -> Numbers:
    shares: Numbers = np.divide(part, np.maximum(whole, 1), dtype=np.float64)
    return shares


def _first_reasons(number: int, tests: Sequence[tuple[str, NDArray[np.bool_]]]) -> list[str]:
    """Return for each text the first reason whose test it fails, or nothing."""
    reasons = [""] * number
    for reason, failed in reversed(tests):
        for place in np.flatnonzero(failed):
            reasons[place] = reason
    return reasons


# Language, by script.

_LANGUAGES = ("zh", "en", "ja", "ko", "ru", "ar", "other")


def languages(counts: Whole) -> tuple[list[str], Numbers]:
    """Return the language of each text and how much of its letters are of that script.

    Kana make Japanese of ideographs from one in ten letters on; Latin letters count as
    English, a run of them as a word: two letters weigh as one ideograph.
    """
    weights = counts.astype(np.float64)
    weights[:, [Script.LATIN, Script.CYRILLIC, Script.ARABIC, Script.LETTER]] /= 2
    kana, han = weights[:, Script.KANA], weights[:, Script.HAN]
    japanese = kana > 0.1 * (kana + han)
    by_language = np.stack(
        [
            np.where(japanese, 0, han),
            weights[:, Script.LATIN],
            np.where(japanese, han + kana, 0),
            weights[:, Script.HANGUL],
            weights[:, Script.CYRILLIC],
            weights[:, Script.ARABIC],
            weights[:, Script.LETTER],
        ],
        axis=1,
    )
    total = weights[:, list(LETTERS)].sum(axis=1)
    best = by_language.argmax(axis=1)
    share = by_language[np.arange(len(best)), best] / np.maximum(total, 0.5)
    names = [
        _LANGUAGES[place] if some else "none" for place, some in zip(best, total > 0, strict=True)
    ]
    return names, share


def _filter_language(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    _texts, found = _batch(records)
    names, shares = languages(found.counts())
    wanted, least = set(options["languages"]), options["least_share"]
    # Most texts are alike in this: there are few answers, and each is made once.
    answers: dict[tuple[str, float], Outcome] = {}
    found_of = list(zip(names, shares.round(2).tolist(), strict=True))
    for name, share in set(found_of):
        reason = "" if name in wanted else "other_language"
        reason = reason or ("mixed_languages" if share < least else "")
        facts = {"language": name, "language_share": share}
        answers[name, share] = Outcome(reason=reason, facts=facts)
    return [answers[each] for each in found_of]


FILTER_LANGUAGE = Operator(
    name="text.filter_language",
    version=1,
    kind="text",
    title=_("Language"),
    does="drop",
    apply=_filter_language,
    options=(
        Option("languages", "choices", ["zh"], _("Languages to keep"), choices=_LANGUAGES),
        Option(
            "least_share",
            "number",
            0.5,
            _("Least share of its letters in the script of the language"),
            least=0,
            most=1,
        ),
    ),
    reasons={
        "other_language": _("another language"),
        "mixed_languages": _("languages are mixed"),
    },
)


# Length.


def _filter_length(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    if options["count"] == "all":
        lengths = [len(record.text or "") for record in records]
    else:
        _texts, found = _batch(records)
        lengths = (found.lengths - found.counts()[:, Script.SPACE]).tolist()
    short, long = Outcome(reason="too_short"), Outcome(reason="too_long")
    least, most = options["least"], options["most"]
    return [short if each < least else long if each > most else SAME for each in lengths]


FILTER_LENGTH = Operator(
    name="text.filter_length",
    version=1,
    kind="text",
    title=_("Length"),
    does="drop",
    apply=_filter_length,
    options=(
        Option("least", "whole", 10, _("At least so many characters"), least=0, most=10**9),
        Option("most", "whole", 100_000, _("At most so many characters"), least=1, most=10**9),
        Option(
            "count", "choice", "visible", _("Which characters count"), choices=("visible", "all")
        ),
    ),
    reasons={"too_short": _("too short"), "too_long": _("too long")},
)


# Repetition.

_LEAST_COMPRESSED = 200  # characters


def repeated_grams(found: Characters, length: int) -> Numbers:
    """Return which share of each text's runs of so many characters occur more than once in it."""
    hashes, owners = found.grams(length)
    number = len(found.lengths)
    # One sort for the whole batch: the text above, the hash below.
    keys = owners.astype(np.uint64)
    keys <<= np.uint64(40)
    hashes >>= np.uint64(24)
    keys |= hashes
    keys.sort()
    same = np.flatnonzero(keys[1:] == keys[:-1])
    again = (keys[np.union1d(same, same + 1)] >> np.uint64(40)).astype(np.int64)
    return _share(np.bincount(again, minlength=number), np.bincount(owners, minlength=number))


def repeated_lines(text: str) -> float:
    """Return which share of a text's characters is in lines that stand there before."""
    lines = [line.strip() for line in text.split("\n")]
    total = sum(map(len, lines))
    if len(lines) < 2 or not total:
        return 0.0
    return 1 - sum(map(len, set(lines))) / total


def compression(text: str) -> float:
    """Return how small a text gets by DEFLATE, as a share of its bytes in UTF-8."""
    content = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(content, 1)) / max(len(content), 1)


def _filter_repetition(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    texts, found = _batch(records)
    number = len(texts)
    repeated = repeated_grams(found, options["gram"])
    lines = np.fromiter((repeated_lines(text) for text in texts), np.float64, number)
    packed = np.zeros(number, dtype=bool)
    if options["least_compressed"] > 0:
        # Compressing takes longest: what repeats no phrase at all is spared it, a short text
        # says little, and of a long one the first part tells.
        for place in np.flatnonzero((repeated > 0) & (found.lengths >= _LEAST_COMPRESSED)).tolist():
            packed[place] = compression(texts[place][:20_000]) < options["least_compressed"]
    reasons = _first_reasons(
        number,
        [
            ("repeated_lines", lines > options["most_lines"]),
            ("repeated_phrases", repeated > options["most_grams"]),
            ("too_compressible", packed),
        ],
    )
    return [Outcome(reason=reason) if reason else SAME for reason in reasons]


FILTER_REPETITION = Operator(
    name="text.filter_repetition",
    version=1,
    kind="text",
    title=_("Repetition"),
    does="drop",
    apply=_filter_repetition,
    options=(
        Option(
            "most_lines",
            "number",
            0.3,
            _("Most of its characters in repeated lines, as a share"),
            least=0,
            most=1,
        ),
        Option("gram", "whole", 10, _("Length of a phrase in characters"), least=2, most=100),
        Option(
            "most_grams",
            "number",
            0.4,
            _("Most of its phrases that occur again, as a share"),
            least=0,
            most=1,
        ),
        Option(
            "least_compressed",
            "number",
            0.15,
            _("Least size when compressed, as a share; 0: not looked at"),
            least=0,
            most=1,
        ),
    ),
    reasons={
        "repeated_lines": _("the same lines again and again"),
        "repeated_phrases": _("the same phrases again and again"),
        "too_compressible": _("says little for its length"),
    },
)


# Words that the user gives.


@lru_cache(maxsize=32)
def searcher(words: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    """Compile words into one expression that looks at each character once: a trie."""
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return re.compile(_branches(root), re.IGNORECASE if ignore_case else 0)


def _branches(node: Mapping[str, Any]) -> str:
    ends = "" in node
    parts = [re.escape(letter) + _branches(rest) for letter, rest in sorted(node.items()) if letter]
    if ends or not parts:
        # The shortest word is enough to be found.
        return ""
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _filter_words(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    words = tuple(sorted({word for word in options["words"] if word}))
    if not words:
        return [SAME] * len(records)
    found, least = searcher(words, options["ignore_case"]), options["least"]
    answers = []
    for record in records:
        hits = 0
        for _hit in found.finditer(record.text or ""):
            hits += 1
            if hits >= least:
                break
        has_them = hits >= least
        reason = {("without", True): "listed_word", ("with", False): "no_listed_word"}.get(
            (options["keep"], has_them), ""
        )
        answers.append(Outcome(reason=reason) if reason else SAME)
    return answers


FILTER_WORDS = Operator(
    name="text.filter_words",
    version=1,
    kind="text",
    title=_("Unwanted words"),
    does="drop",
    apply=_filter_words,
    options=(
        Option("words", "words", [], _("Words to look for")),
        Option("least", "whole", 1, _("From so many hits on"), least=1, most=1000),
        Option("ignore_case", "flag", True, _("Capital and small letters are the same")),
        Option(
            "keep",
            "choice",
            "without",
            _("Keep texts with or without"),
            choices=("without", "with"),
        ),
    ),
    reasons={
        "listed_word": _("contains a listed word"),
        "no_listed_word": _("contains no listed word"),
    },
)

TEXT_FILTERS = (FILTER_LANGUAGE, FILTER_LENGTH, FILTER_REPETITION, FILTER_WORDS)
