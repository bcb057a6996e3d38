"""Take what people say for the datasheet, and remember that they said it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

import msgspec
from sqlalchemy.orm import Session

from .. import audit, errors, permissions
from ..catalogue import Dataset
from ..catalogue.facts import LONGEST_SHEET
from ..errors import Problem, _
from ..people import User
from ..projects import Project
from .topics import LONGEST, QUESTIONS


def owned(session: Session, actor: User | None, dataset: Dataset) -> Project:
    """Return the project of a dataset for somebody who may speak for it.

    Raises:
        errors.NotFound: the person may not know of the project.
        errors.Forbidden: they may not publish from it.
    """
    project = session.get_one(Project, dataset.project_id)
    if actor is None:
        raise errors.NotSignedIn(_("please sign in first"))
    if not permissions.sees(actor, project):
        raise errors.NotFound(_("there is no dataset %(name)s"), name=dataset.full_name)
    permissions.require(actor, "dataset.publish", project)
    return project


def say(session: Session, actor: User, dataset: Dataset, given: Mapping[str, str]) -> list[str]:
    """Write down what was said to the questions; return the names of those that changed.

    An empty text takes an answer away; what is not sent, and what others keep in the sheet,
    stays.

    Raises:
        errors.Invalid: with one problem for each answer that is not usable.
        errors.TooLarge: all answers together are longer than a sheet may be.
    """
    owned(session, actor, dataset)
    session.refresh(dataset, with_for_update={"key_share": True})
    sheet, problems, changed = dataset.sheet_values, [], []
    for question in QUESTIONS:
        names = (
            [question.name, f"{question.name}_en"] if question.kind == "text" else [question.name]
        )
        for name in names:
            if name not in given:
                continue
            text = given[name].replace("\r\n", "\n").strip()
            fault = _fault(question.kind, text)
            if fault is not None:
                problems.append(Problem(name, fault, {"longest": LONGEST}))
            elif text != str(sheet.get(name, "")):
                changed.append(name)
                sheet[name] = text
    if problems:
        raise errors.Invalid(_("some answers cannot be used"), problems=problems)
    sheet = {name: value for name, value in sheet.items() if value not in ("", None)}
    kept = msgspec.json.encode(sheet).decode() if sheet else None
    if kept is not None and len(kept.encode()) > LONGEST_SHEET:
        raise errors.TooLarge(_("must have at most %(limit)s bytes"), limit=LONGEST_SHEET)
    if changed:
        dataset.sheet = kept
        session.flush()
        audit.record(
            session, actor, "dataset.datasheet", f"dataset/{dataset.full_name}", answers=changed
        )
    return changed


def _fault(kind: str, text: str) -> str | None:
    if len(text) > LONGEST or any(ord(sign) < 32 and sign not in "\n\t" for sign in text):
        return _("must be a text of at most %(longest)s characters")
    if kind == "day" and text:
        try:
            good = dt.date.fromisoformat(text).isoformat() == text
        except ValueError:
            good = False
        if not good:
            return _("must be a day such as 2026-11-20")
    if kind == "number" and text and not re.fullmatch(r"[1-9][0-9]{0,11}", text):
        return _("must be a whole number from 1 to 999999999999")
    return None
