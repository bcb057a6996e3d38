"""Check what an applicant says: who they are, what for, for how long, how it is kept safe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .. import errors, people
from ..errors import Problem, _

LONGEST_TEXT = 4000  # characters
LONGEST_TERM = 1095  # days: three years


class ApplicantType(StrEnum):
    """Who applies: 自然人, 法人, 非法人组织."""

    NATURAL_PERSON = "natural_person"
    LEGAL_PERSON = "legal_person"
    UNINCORPORATED = "unincorporated"


class AccessMethod(StrEnum):
    """How the data is used: 文件, 接口. Sandboxes (数据沙箱, 可用不可见) are not offered here."""

    FILES = "files"
    API = "api"


@dataclass(frozen=True)
class Form:
    """What an applicant says; None is not said yet."""

    applicant_type: str | None = None
    organisation_name: str | None = None
    organisation_code: str | None = None
    contact_name: str | None = None
    contact_phone: str | None = None
    contact_email: str | None = None
    purpose: str | None = None
    scenario: str | None = None
    requested_items: str | None = None
    access_method: str | None = None
    term_days: int | None = None
    security_statement: str | None = None


# What has to be said by everybody; organisations also say their name and code.
NEEDED = (
    "applicant_type",
    "contact_name",
    "contact_phone",
    "contact_email",
    "purpose",
    "scenario",
    "requested_items",
    "access_method",
    "term_days",
    "security_statement",
)
OF_ORGANISATIONS = ("organisation_name", "organisation_code")
# The longest line of each; what is not here may have lines and LONGEST_TEXT characters.
LINES = {"organisation_name": 200, "contact_name": 100, "contact_phone": 40, "contact_email": 200}
TEXTS = ("purpose", "scenario", "requested_items", "security_statement")
CHOICES: dict[str, type[StrEnum]] = {
    "applicant_type": ApplicantType,
    "access_method": AccessMethod,
}


def checked_form(given: Mapping[str, Any], *, whole: bool = True) -> Form:
    """Return what was said, each value checked; `whole` also asks that nothing is missing.

    Raises:
        errors.Invalid: with one problem for each field that is missing or not usable.
    """
    told: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in Form.__dataclass_fields__:
        try:
            told[name] = _checked(name, given.get(name))
        except errors.Invalid as problem:
            problems.append(Problem(name, problem.message, problem.values))
    if whole:
        wrong = {problem.place for problem in problems}
        problems += [
            Problem(name, _("is needed"))
            for name in _needed(told.get("applicant_type"))
            if told.get(name) is None and name not in wrong
        ]
        if given.get("commitment") not in (True, "true", "1", "on", "yes"):
            problems.append(Problem("commitment", _("please read the commitment and accept it")))
    if problems:
        raise errors.Invalid(_("the application cannot be sent like this"), problems=problems)
    return Form(**told)


def _needed(applicant_type: str | None) -> tuple[str, ...]:
    alone = applicant_type in (None, ApplicantType.NATURAL_PERSON)
    return NEEDED if alone else (*OF_ORGANISATIONS, *NEEDED)


def _checked(name: str, value: Any) -> Any:
    """Return one value in its own type, None where nothing is said."""
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    if name == "term_days":
        return checked_term(value)
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"))
    if name in CHOICES:
        return _one_of(value, CHOICES[name])
    if name == "organisation_code":
        return people.checked_credit_code(value[:100])
    if name in TEXTS:
        return checked_text(value, name)
    line = people.clean_line(value, name, LINES[name])
    if name == "contact_email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", line):
        raise errors.Invalid(_("must be an e-mail address"))
    if name == "contact_phone" and not re.fullmatch(r"\+?[0-9][0-9 ()-]{4,}", line):
        raise errors.Invalid(_("must be a telephone number"))
    return line


def _one_of(value: str, allowed: type[StrEnum]) -> str:
    if value not in list(allowed):
        raise errors.Invalid(_("must be one of %(names)s"), names=", ".join(allowed))
    return value


def checked_term(value: Any) -> int:
    """Return a term in days.

    Raises:
        errors.Invalid: it is not a whole number from 1 to LONGEST_TERM.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST_TERM:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="term_days",
            lowest=1,
            highest=LONGEST_TERM,
        )
    return value


def checked_text(value: str | None, place: str, *, needed: bool = False) -> str | None:
    """Return what somebody wrote, trimmed, None where it is nothing.

    Raises:
        errors.Invalid: it is longer than LONGEST_TEXT, or missing though needed.
    """
    text = (value or "").strip()
    if len(text) > LONGEST_TEXT or "\0" in text:
        raise errors.Invalid(
            _("must be a text of at most %(longest)s characters"),
            place=place,
            longest=LONGEST_TEXT,
        )
    if needed and not text:
        raise errors.Invalid(_("please say why"), place=place)
    return text or None
