"""Read the recipe that the editor's form holds, and what its buttons ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import MultiDict

from ...datasets import errors
from ...datasets.cleaning.operators import OPERATORS, Option
from ...datasets.cleaning.recipes import checked_steps
from ...datasets.cleaning.steps import MOST_STEPS
from ...datasets.errors import _

Step = dict[str, Any]
# Longer is no number.
_LONGEST_NUMBER = 40


def read_steps(form: MultiDict[str, str]) -> list[Step]:
    """Return the steps that a form holds, values as they were written; nothing is checked yet.

    Raises:
        errors.TooLarge: there are more than a recipe may have.
    """
    steps: list[Step] = []
    while (name := form.get(f"step-{len(steps)}-operator")) is not None:
        place = len(steps)
        if place >= MOST_STEPS:
            raise errors.TooLarge(
                _("a recipe has at most %(most)s steps"), place="steps", most=MOST_STEPS
            )
        operator = OPERATORS.get(name)
        options = {} if operator is None else _options(form, place, operator.options)
        steps.append({"operator": name, "options": options})
    return steps


def acted(steps: list[Step], act: str) -> list[Step]:
    """Return the steps after a button was pressed: add:<operator>, up:<n>, down:<n>, remove:<n>.

    Raises:
        errors.Invalid: the button is none of these, or there is no such operator or step.
    """
    what, _colon, told = act.partition(":")
    if what == "add":
        if told not in OPERATORS:
            raise errors.Invalid(
                _("there is no operator “%(name)s” in this program"), place="act", name=told[:80]
            )
        return [*steps, *checked_steps([{"operator": told}])]
    move = _MOVES.get(what)
    if move is None or not told.isascii() or not told.isdigit() or len(told) > 4:
        raise errors.Invalid(_("there is no such step"), place="act")
    place = int(told)
    if place >= len(steps):
        raise errors.Invalid(_("there is no such step"), place="act")
    return move(list(steps), place)


def _up(steps: list[Step], place: int) -> list[Step]:
    if place:
        steps[place - 1], steps[place] = steps[place], steps[place - 1]
    return steps


def _down(steps: list[Step], place: int) -> list[Step]:
    return _up(steps, place + 1) if place + 1 < len(steps) else steps


def _remove(steps: list[Step], place: int) -> list[Step]:
    return steps[:place] + steps[place + 1 :]


_MOVES: dict[str, Callable[[list[Step], int], list[Step]]] = {
    "up": _up,
    "down": _down,
    "remove": _remove,
}


def _options(form: MultiDict[str, str], place: int, options: tuple[Option, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option in options:
        name = f"step-{place}-{option.name}"
        if option.kind == "choices":
            found[option.name] = form.getlist(name)
        elif option.kind == "words":
            found[option.name] = form.get(name, "").splitlines()
        elif option.kind == "flag":
            found[option.name] = form.get(name, "") == "true"
        else:
            written = form.get(name, "").strip()
            found[option.name] = _number(written) if option.kind != "choice" else written
            if not written and option.default is None:
                found[option.name] = None
    return found


def _number(written: str) -> int | float | str:
    """Return the number that was written; what is none stays, to be shown again with its fault."""
    if len(written) > _LONGEST_NUMBER:
        return written
    for read in (int, float):
        try:
            return read(written)
        except ValueError:
            continue
    return written
