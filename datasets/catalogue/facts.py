"""Name the facts of a dataset in the national terms, and say which are missing.

The values are those of the government catalogue profile (GB/T 21063.3), the classes of
TC609-5-2025-03 and the levels of GB/T 43697.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import msgspec

from .. import errors, people
from ..errors import Problem, _
from ..people import Organisation


class Openness(StrEnum):
    """How far a dataset is open: 无条件开放, 有条件开放, 不予开放."""

    OPEN = "open"
    CONDITIONAL = "conditional"
    CLOSED = "closed"


class DataLevel(StrEnum):
    """The levels of GB/T 43697: 一般, 重要, 核心; only general data may be opened."""

    GENERAL = "general"
    IMPORTANT = "important"
    CORE = "core"


class RightsBasis(StrEnum):
    """By what right the provider has the data: 自行产生, 依法采集, 协议取得, 授权运营."""

    SELF_PRODUCED = "self_produced"
    COLLECTED = "collected"
    AGREEMENT = "agreement"
    AUTHORISED = "authorised"


class UpdateCycle(StrEnum):
    """How often the provider means to bring the data up to date."""

    REAL_TIME = "real_time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"
    NEVER = "never"


class DatasetClass(StrEnum):
    """The classes of TC609-5-2025-03: 通识, 行业通识, 行业专识."""

    GENERAL_KNOWLEDGE = "general_knowledge"
    INDUSTRY_GENERAL = "industry_general"
    INDUSTRY_SPECIALISED = "industry_specialised"


# The domains that open-data portals sort by (数据领域).
DOMAINS = (
    "industry",
    "technology",
    "transport",
    "market",
    "education",
    "health",
    "environment",
    "agriculture",
    "energy",
    "finance",
    "culture",
    "city",
    "safety",
    "credit",
    "society",
    "employment",
    "weather",
    "law",
    "other",
)


@dataclass(frozen=True)
class Facts:
    """What is said of a dataset besides its words; None is not known."""

    openness: str = Openness.OPEN
    data_level: str | None = None
    rights_basis: str | None = None
    provider: str | None = None
    provider_code: str | None = None
    domain: str | None = None
    update_cycle: str | None = None
    dataset_class: str | None = None
    open_condition: str | None = None
    region: str | None = None
    covers_from: dt.date | None = None
    covers_to: dt.date | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    resource_code: str | None = None
    sheet: Mapping[str, Any] = field(default_factory=dict)


# What has to be known before anything is published.
NEEDED = (
    "provider",
    "provider_code",
    "domain",
    "update_cycle",
    "openness",
    "data_level",
    "rights_basis",
)
CHOICES: dict[str, tuple[str, ...]] = {
    "openness": tuple(Openness),
    "data_level": tuple(DataLevel),
    "rights_basis": tuple(RightsBasis),
    "update_cycle": tuple(UpdateCycle),
    "dataset_class": tuple(DatasetClass),
    "domain": DOMAINS,
}
NAMES = tuple(each.name for each in fields(Facts))
_LONGEST = {"provider": 200, "contact_name": 100, "contact_email": 200, "resource_code": 60}
LONGEST_CONDITION = 4000  # characters
LONGEST_SHEET = 200_000  # bytes of JSON
_FORMS = {
    "contact_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", _("must be an e-mail address")),
    "region": (r"[1-9][0-9]{5}", _("must be six digits of GB/T 2260")),
    "resource_code": (
        r"[0-9A-Za-z][0-9A-Za-z/._-]*",
        _("must be of letters, digits and / . _ -"),
    ),
}


def missing(facts: Facts) -> list[str]:
    """Name what has to be known before publishing and is not, in the order of NEEDED."""
    names = [name for name in NEEDED if getattr(facts, name) is None]
    if facts.openness == Openness.CONDITIONAL and facts.open_condition is None:
        names.append("open_condition")
    return names


def faults(facts: Facts) -> list[Problem]:
    """Say all that speaks against publishing with these facts; nothing does: an empty list."""
    found = [Problem(name, _("is needed to publish")) for name in missing(facts)]
    if facts.data_level == DataLevel.CORE:
        found.append(Problem("data_level", _("core data is not published here at all")))
    if facts.data_level == DataLevel.IMPORTANT and facts.openness != Openness.CLOSED:
        found.append(
            Problem(
                "openness",
                _("important data cannot be opened, also not under conditions: only general data"),
            )
        )
    if facts.covers_from and facts.covers_to and facts.covers_from > facts.covers_to:
        found.append(Problem("covers_to", _("must not lie before the beginning")))
    return found


def check(facts: Facts, *, whole: bool = True) -> None:
    """Refuse facts with which nothing can be published; not `whole`, some may be missing.

    Raises:
        errors.Invalid: with one problem for each reason.
    """
    lacking = () if whole else missing(facts)
    _refuse([problem for problem in faults(facts) if problem.place not in lacking])


def checked_facts(given: Mapping[str, Any], known: Facts | None = None) -> Facts:
    """Return facts from what was sent: each value checked, what is not sent as `known` has it.

    An empty text or None takes a fact away. Whether they suffice is what `check` says.

    Raises:
        errors.Invalid: with one problem for each value that is not usable.
    """
    told, problems = _read(given)
    _refuse(problems)
    return replace(known or Facts(), **told)


def complete_facts(given: Mapping[str, Any], known: Facts | None, owner: Organisation) -> Facts:
    """Return facts that suffice to publish; the provider is the owner unless it is told.

    Raises:
        errors.Invalid: with all reasons against at once: what is not usable and what is missing.
    """
    told, problems = _read(given)
    before = known or Facts()
    facts = replace(before, **told)
    if known is None and facts.provider is None:
        facts = replace(facts, provider=owner.name)
    if facts.provider_code is None and facts.provider == owner.name:
        facts = replace(facts, provider_code=owner.credit_code)
    if known is None and told.get("openness") is None:
        problems.append(Problem("openness", _("is needed to publish")))
    wrong = {problem.place for problem in problems}
    problems += [problem for problem in faults(facts) if problem.place not in wrong]
    _refuse(problems)
    return facts


def as_json(facts: Facts) -> dict[str, Any]:
    """Return facts as JSON has them; `checked_facts` reads it back."""
    told = {name: getattr(facts, name) for name in NAMES}
    days = {name: told[name] and told[name].isoformat() for name in ("covers_from", "covers_to")}
    return {**told, **days, "sheet": dict(facts.sheet)}


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise errors.Invalid(
            _("the facts of the dataset do not suffice to publish it"), problems=problems
        )


def _read(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the facts that were sent, and what is wrong with the others."""
    told: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in NAMES:
        if name not in given:
            continue
        try:
            told[name] = _checked(name, given[name])
        except errors.Invalid as problem:
            problems.append(Problem(name, problem.message, problem.values))
    if told.get("openness", "") is None:
        # There is no dataset without it: not said is as it was.
        del told["openness"]
    return told, problems


def _checked(name: str, value: Any) -> Any:
    if name == "sheet":
        return _checked_sheet(value)
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    if isinstance(value, dt.date) and name.startswith("covers_"):
        return value
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"))
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise errors.Invalid(_("must be one of %(names)s"), names=", ".join(CHOICES[name]))
        return value
    if name == "provider_code":
        return people.checked_credit_code(value[:100])
    if name.startswith("covers_"):
        return _checked_day(value)
    if name == "open_condition":
        return _checked_condition(value)
    line = people.clean_line(value, name, _LONGEST.get(name, 60))
    form, message = _FORMS.get(name, ("", ""))
    if form and not re.fullmatch(form, line):
        raise errors.Invalid(message)
    return line


def _checked_condition(value: str) -> str:
    if len(value) > LONGEST_CONDITION or "\0" in value:
        raise errors.Invalid(
            _("must be a text of at most %(longest)s characters"), longest=LONGEST_CONDITION
        )
    return value


def _checked_day(value: str) -> dt.date:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(value)
        return dt.date.fromisoformat(value)
    except ValueError as problem:
        raise errors.Invalid(_("must be a day such as 2026-11-20")) from problem


def _checked_sheet(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise errors.Invalid(_("must be an object"))
    try:
        size = len(msgspec.json.encode(dict(value)))
    except (TypeError, ValueError, RecursionError) as problem:
        raise errors.Invalid(_("must be an object")) from problem
    if size > LONGEST_SHEET:
        raise errors.Invalid(_("must have at most %(limit)s bytes"), limit=LONGEST_SHEET)
    return dict(value)
