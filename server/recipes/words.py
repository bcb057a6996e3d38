"""Put operators, their options and reasons into the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext

from ...datasets.cleaning import stepping
from ...datasets.cleaning.operators import OPERATORS, Operator, Option
from .choices import chosen


def _(message: str) -> str:
    return message


KINDS = {
    "text": _("Texts"),
    "image": _("Pictures"),
    "audio": _("Sound"),
    "video": _("Films"),
    "table": _("Tables"),
    "document": _("Documents"),
}
DOES = {
    "change": _("rewrites"),
    "drop": _("leaves out"),
    "split": _("splits"),
    "measure": _("measures"),
    "compare": _("compares"),
}
STATES = {
    "kept": _("as it was"),
    "changed": _("changed"),
    "dropped": _("dropped"),
}


def title(name: str) -> str:
    """Return what an operator is called; one that is not known here by its name."""
    operator = OPERATORS.get(name)
    return gettext(operator.title) if operator else name


def kind(name: str) -> str:
    """Return the word for a kind of things."""
    return gettext(KINDS.get(name, name))


def reason(operator_name: str | None, code: str | None) -> str:
    """Return the words for a reason of an operator; a code that is not known stands for itself."""
    operator = OPERATORS.get(operator_name or "")
    told = operator.reasons.get(code or "") if operator else None
    told = told or stepping.REASONS.get(code or "")
    return gettext(told) if told else code or ""


def state(value: str) -> str:
    """Return the word for what became of a record."""
    return gettext(STATES.get(value, value))


def described(operator: Operator) -> dict[str, Any]:
    """Return an operator as the API and the pages tell of it."""
    return {
        "name": operator.name,
        "version": operator.version,
        "kind": operator.kind,
        "does": operator.does,
        "title": gettext(operator.title),
        "options": [_option(option) for option in operator.options],
        "reasons": {code: gettext(told) for code, told in operator.reasons.items()},
    }


def by_kind() -> dict[str, list[dict[str, Any]]]:
    """Return the operators of this program by kind, in the order of KINDS."""
    found: dict[str, list[dict[str, Any]]] = {}
    order = list(KINDS)
    for operator in sorted(OPERATORS.values(), key=lambda each: _place(order, each.kind)):
        found.setdefault(operator.kind, []).append(described(operator))
    return found


def steps(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a version as pages show them: words beside every name and value."""
    return [
        {
            **step,
            "title": title(step["operator"]),
            "kind": OPERATORS[step["operator"]].kind if step["operator"] in OPERATORS else "",
            "is_known": is_known(step),
            "said": list(_said(step)),
        }
        for step in values
    ]


def is_known(step: dict[str, Any]) -> bool:
    """Tell whether this program has the operator of a step in that version."""
    operator = OPERATORS.get(step["operator"])
    return operator is not None and operator.version == step["version"]


def value(given: Any) -> str:
    """Return the value of an option as a reader would write it."""
    if given is None:
        return "—"
    if isinstance(given, bool):
        return gettext("yes") if given else gettext("no")
    if isinstance(given, list):
        if len(given) > 8:
            shown = gettext(
                "%(first)s and %(number)s more", first="、".join(given[:8]), number=len(given) - 8
            )
            return str(shown)
        return "、".join(given) or "—"
    return f"{given:g}" if isinstance(given, float) else str(given)


def option_title(operator_name: str, name: str) -> str:
    """Return what an option of an operator is called; one that is not known here by its name."""
    operator = OPERATORS.get(operator_name)
    titles = {option.name: option.title for option in operator.options} if operator else {}
    return gettext(titles[name]) if name in titles else name


def option_value(name: str, given: Any) -> str:
    """Return the value of an option, a choice by its word."""
    if isinstance(given, str):
        given = chosen(name, given)
    elif isinstance(given, list):
        given = [chosen(name, each) if isinstance(each, str) else each for each in given]
    return value(given)


def in_order(step: dict[str, Any]) -> list[str]:
    """Return the names of a step's options as the editor lists them; unknown ones come last."""
    operator = OPERATORS.get(step["operator"])
    order = [option.name for option in operator.options] if operator else []
    return sorted(step["options"], key=lambda name: (_place(order, name), name))


def _said(step: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in in_order(step):
        title = option_title(step["operator"], name)
        yield title, option_value(name, step["options"][name])


def _option(option: Option) -> dict[str, Any]:
    given = option.default
    return {
        "name": option.name,
        "kind": option.kind,
        "title": gettext(option.title),
        "default": list(given) if isinstance(given, tuple) else given,
        "least": option.least,
        "most": option.most,
        "choices": list(option.choices),
    }


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
