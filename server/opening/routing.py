"""Hold the blueprint of the applications, and do what their pages and their API both do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ...datasets import catalogue, errors, opening
from ...datasets.catalogue import Dataset
from ...datasets.errors import _
from ...datasets.opening import Application
from .. import payloads
from ..auth import installation, user

routes = Blueprint("opening", __name__)

FIELDS = (*opening.Form.__dataclass_fields__, "commitment", "signature")
PAGE = 50
DECISIONS = ("approve", "return", "reject", "revoke")


def working_days() -> int:
    """Return how many working days a provider has to answer."""
    return installation().settings.application_days


def dataset_of(session: Session, full_name: str) -> Dataset:
    """Return a published dataset that the person may know of.

    Raises:
        errors.NotFound: there is none.
    """
    dataset = catalogue.find(session, full_name, user())
    if dataset is None:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=full_name[:120])
    return dataset


def send(full_name: str, values: dict[str, Any]) -> Application:
    """Apply for a dataset, or keep a draft where `act` is "draft"."""
    act = payloads.choice(values, "act", "send", ("send", "draft"))
    given = {name: values[name] for name in FIELDS if name in values}
    with installation().database.write() as session:
        dataset = dataset_of(session, full_name)
        if act == "draft":
            return opening.save_draft(session, user(), dataset, given)
        return opening.ask(session, user(), dataset, given, working_days=working_days())


def sign(application_id: int, values: dict[str, Any]) -> Application:
    """Sign the agreement of one's application."""

    def settle(session: Session, found: Application) -> Application:
        shown = payloads.text(values, "digest", longest=64)
        name = payloads.text(values, "signature", "")
        return opening.sign(session, user(), found, shown, name, working_days=working_days())

    return _changed(application_id, settle)


def report(application_id: int, values: dict[str, Any]) -> Application:
    """Say what came of the use."""

    def settle(session: Session, found: Application) -> Application:
        text = payloads.text(values, "usage_report", "", longest=opening.LONGEST_TEXT)
        return opening.report(session, user(), found, text)

    return _changed(application_id, settle)


def take_back(application_id: int) -> Application:
    """Take one's application back into a draft."""
    return _changed(
        application_id, lambda session, found: opening.take_back(session, user(), found)
    )


def discard(application_id: int) -> None:
    """Delete one's draft."""
    with installation().database.write() as session:
        found = opening.get(session, user(), application_id)
        opening.discard(session, user(), found)


def decide(application_id: int, values: dict[str, Any]) -> Application:
    """Decide on an application as `decision` says."""

    def settle(session: Session, found: Application) -> Application:
        decision = payloads.choice(values, "decision", "", DECISIONS)
        reason = payloads.text(values, "reason", "", longest=opening.LONGEST_TEXT)
        if decision == "return":
            return opening.send_back(session, user(), found, reason)
        if decision == "revoke":
            return opening.revoke(session, user(), found, reason)
        return opening.decide(
            session,
            user(),
            found,
            decision == "approve",
            reason,
            opens_on_signing=payloads.flag(values, "opens_on_signing", True),
            working_days=working_days(),
        )

    return _changed(application_id, settle)


def _changed(
    application_id: int, change: Callable[[Session, Application], Application]
) -> Application:
    """Change an application that the person may see; what they sent is read after that."""
    with installation().database.write() as session:
        return change(session, opening.get(session, user(), application_id))
