"""Check the steps of a recipe, complete them, and name them by a digest."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from .. import errors
from ..errors import _
from .operators import OPERATORS, Operator, Option

Step = dict[str, Any]

MOST_STEPS = 40
MOST_WORDS = 2000
LONGEST_WORD = 200
LARGEST = 2**53
_FLAGS = {"true": True, "on": True, "1": True, "false": False, "": False, "0": False}


def checked_steps(values: Any) -> list[Step]:
    """Return the steps with every option said, in the form that `canonical` writes.

    A step is {"operator": name, "version": n, "options": {…}}; without a version the
    operator's present one is meant, an option that is not given has its default.

    Raises:
        errors.Invalid: something is wrong: every fault is named by its place, with the limit.
        errors.TooLarge: there are more than MOST_STEPS.
    """
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or not values:
        raise errors.Invalid(_("must be a list of at least one step"), place="steps")
    if len(values) > MOST_STEPS:
        raise errors.TooLarge(
            _("a recipe has at most %(most)s steps"), place="steps", most=MOST_STEPS
        )
    problems: list[errors.Problem] = []
    steps = [_step(value, f"steps[{place}]", problems) for place, value in enumerate(values)]
    if problems:
        raise errors.Invalid(_("the recipe cannot be used as it is"), problems=problems)
    return steps


def canonical(steps: Sequence[Step]) -> str:
    """Return checked steps as JSON with sorted keys and no spaces."""
    return msgspec.json.encode(list(steps), order="sorted").decode()


def digest(steps: Sequence[Step]) -> str:
    """Return the SHA-256 of the canonical form: the same steps have the same digest."""
    return hashlib.sha256(canonical(steps).encode()).hexdigest()


@dataclass(frozen=True)
class StepChange:
    """How a step differs between two versions: equal, changed, removed or added.

    `before` and `after` are the steps; `options` those that differ, name → (before, after).
    """

    kind: str
    before: Step | None
    after: Step | None
    options: Mapping[str, tuple[Any, Any]]


def changes(before: Sequence[Step], after: Sequence[Step]) -> list[StepChange]:
    """Compare the steps of two versions in order; a step stays itself by its operator's name."""
    one, other = ([str(step["operator"]) for step in steps] for steps in (before, after))
    found: list[StepChange] = []
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            found += [
                _compared(*pair) for pair in zip(before[i:i_end], after[j:j_end], strict=True)
            ]
            continue
        found += [StepChange("removed", step, None, {}) for step in before[i:i_end]]
        found += [StepChange("added", None, step, {}) for step in after[j:j_end]]
    return found


def _compared(before: Step, after: Step) -> StepChange:
    names = dict.fromkeys([*before["options"], *after["options"]])
    pairs = {name: (before["options"].get(name), after["options"].get(name)) for name in names}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    is_same = not differing and before["version"] == after["version"]
    return StepChange("equal" if is_same else "changed", before, after, differing)


def _step(value: Any, place: str, problems: list[errors.Problem]) -> Step:
    if not isinstance(value, Mapping):
        problems.append(errors.Problem(place, _("must be an object")))
        return {}
    problems += [
        errors.Problem(f"{place}.{str(name)[:60]}", _("this field is not known here"))
        for name in value
        if name not in ("operator", "version", "options")
    ]
    name = value.get("operator")
    operator = OPERATORS.get(name) if isinstance(name, str) else None
    if operator is None:
        message = _("there is no operator “%(name)s” in this program")
        problems.append(errors.Problem(f"{place}.operator", message, {"name": str(name)[:80]}))
        return {}
    version = value.get("version")
    if version is not None and (version != operator.version or isinstance(version, bool)):
        message = _("this program has “%(name)s” in version %(here)s, not %(asked)s")
        told = {"name": operator.name, "here": operator.version, "asked": str(version)[:20]}
        problems.append(errors.Problem(f"{place}.version", message, told))
    options = _options(operator, value.get("options"), f"{place}.options", problems)
    return {"operator": operator.name, "version": operator.version, "options": options}


def _options(
    operator: Operator, given: Any, place: str, problems: list[errors.Problem]
) -> dict[str, Any]:
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        problems.append(errors.Problem(place, _("must be an object")))
        return {}
    known = {option.name: option for option in operator.options}
    for name in given:
        if name not in known:
            message = _("“%(operator)s” has no such option; it has %(names)s")
            told = {"operator": operator.name, "names": ", ".join(known) or "—"}
            problems.append(errors.Problem(f"{place}.{str(name)[:60]}", message, told))
    complete = {}
    for name, option in known.items():
        try:
            complete[name] = _value(option, given.get(name, option.default))
        except errors.Invalid as problem:
            problems.append(errors.Problem(f"{place}.{name}", problem.message, problem.values))
    return complete


def _value(option: Option, value: Any) -> Any:
    """Return an option's value in the one form that it is kept in; raise errors.Invalid."""
    if value is None and option.default is None:
        return None
    if option.kind in ("whole", "number"):
        return _number(option, value)
    if option.kind == "flag":
        value = _FLAGS.get(value.lower(), value) if isinstance(value, str) else value
        if not isinstance(value, bool):
            raise errors.Invalid(_("must be true or false"))
        return value
    if option.kind == "choice":
        if value not in option.choices:
            raise errors.Invalid(_("must be one of %(names)s"), names=", ".join(option.choices))
        return value
    return _list(option, value)


def _number(option: Option, value: Any) -> int | float:
    is_whole = option.kind == "whole"
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # False for a NaN as well; nothing larger is written the same everywhere.
    usable = usable and -LARGEST <= value <= LARGEST and (not is_whole or value == int(value))
    least = -LARGEST if option.least is None else option.least
    most = LARGEST if option.most is None else option.most
    if not usable or not least <= value <= most:
        limits = {"lowest": _written(option.least, "-∞"), "highest": _written(option.most, "∞")}
        if is_whole:
            message = _("must be a whole number from %(lowest)s to %(highest)s")
        else:
            message = _("must be a number from %(lowest)s to %(highest)s")
        raise errors.Invalid(message, lowest=limits["lowest"], highest=limits["highest"])
    return int(value) if is_whole else float(value)


def _written(limit: float | None, without: str) -> str:
    return without if limit is None else f"{limit:g}" if abs(limit) < 1e6 else f"{limit:.0f}"


def _list(option: Option, value: Any) -> list[str]:
    """Return chosen names in the operator's order, or words in theirs, each once."""
    usable = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if not usable or not all(isinstance(word, str) for word in value):
        raise errors.Invalid(_("must be a list of texts"))
    if option.kind == "choices":
        if any(word not in option.choices for word in value):
            raise errors.Invalid(_("must be some of %(names)s"), names=", ".join(option.choices))
        return [name for name in option.choices if name in value]
    words = list(dict.fromkeys(word.strip() for word in value if word.strip()))
    if any(_is_broken(word) for word in words):
        raise errors.Invalid(_("must be a list of texts"))
    if len(words) > MOST_WORDS:
        raise errors.TooLarge(_("must have at most %(most)s entries"), most=MOST_WORDS)
    if any(len(word) > LONGEST_WORD for word in words):
        raise errors.TooLarge(_("must have at most %(longest)s characters"), longest=LONGEST_WORD)
    return words


def _is_broken(word: str) -> bool:
    """Tell whether a text holds half of a character, which no encoding can write."""
    return any("\ud800" <= letter <= "\udfff" for letter in word)
