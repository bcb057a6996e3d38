"""Read what is asked of findings, and do it, for the pages and for the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from ...datasets import errors, findings, libraries, personal_information, projects
from ...datasets.errors import _
from ...datasets.findings import FindingState, Owned, Wanted
from ...datasets.jobs import Job
from ...datasets.projects import Project
from ...workers import queues
from .. import payloads
from ..auth import installation, user

MOST = 1000
STATES = ("", *FindingState)
FILTERS = {"state", "kind", "least", "task", "asset", "fingerprint", "ids"}


def project_for(session: Session, project_id: int, action: str) -> Project:
    """Return a project whose findings somebody wants to see or change."""
    return projects.get(session, user(), project_id, action)


def wanted_of(given: Mapping[str, Any], state: str = "") -> Wanted:
    """Return which findings are meant by what was sent.

    Raises:
        errors.Invalid: a filter is not usable.
    """
    ids = given.get("ids")
    return Wanted(
        state=payloads.choice(given, "state", state, STATES),
        kind=payloads.choice(given, "kind", "", ("", *personal_information.KINDS)),
        least=_least(given),
        task_id=payloads.number(given, "task", 0) or None,
        asset_id=payloads.number(given, "asset", 0) or None,
        fingerprint=payloads.text(given, "fingerprint", "", longest=64),
        ids=(
            payloads.ids(given, "ids", MOST)
            if isinstance(ids, list)
            else payloads.numbers(given, "ids", MOST)
        ),
    )


def _least(given: Mapping[str, Any]) -> float:
    told = given.get("least")
    if told in (None, ""):
        return 0.0
    try:
        least = float(told)
    except (TypeError, ValueError):
        least = -1.0
    if not 0 <= least <= 1:
        raise errors.Invalid(_("must be a number from 0 to 1"), place="least")
    return least


def chosen(values: dict[str, Any], more: set[str]) -> Wanted:
    """Return which findings a change is meant for; it has to be said.

    Raises:
        errors.Invalid: nothing says which.
    """
    payloads.refuse_unknown(values, FILTERS | more)
    given = {name: value for name, value in values.items() if value not in ("", None)}
    if not FILTERS & set(given):
        raise errors.Invalid(_("say which findings are meant"), place="ids")
    return wanted_of(given)


def decided(session: Session, owned: Owned) -> Response:
    """Decide on the findings that the body chooses; answer how many."""
    values = payloads.body()
    wanted = chosen(values, {"decision", "note"})
    decision = payloads.text(values, "decision", "", longest=20)
    note = payloads.text(values, "note", "", longest=2000)
    number = findings.decide(session, user(), owned, wanted, decision, note)
    return payloads.answer({"decided": number})


def treat(project_id: int) -> Job:
    """Start the treatment of the findings that the body chooses."""
    values = payloads.body()
    with installation().database.write() as session:
        project = project_for(session, project_id, "finding.decide")
        wanted = chosen(values, {"action", "note", "decision"})
        action = payloads.text(values, "action", "", longest=20)
        job = findings.ask_treat(session, user(), project, wanted, action)
    queues.announce(installation(), [job.id])
    return job


def start(*, project_id: int = 0, library_id: int = 0) -> Job:
    """Start a scan of a project or of a library."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"again", "pictures"})
    with installation().database.write() as session:
        owned: Owned
        if project_id:
            owned = project_for(session, project_id, "finding.scan")
        else:
            owned = libraries.get(session, user(), library_id, "finding.scan")
        job = findings.ask_scan(
            session,
            user(),
            owned,
            again=payloads.flag(values, "again"),
            pictures=payloads.flag(values, "pictures", True),
        )
    queues.announce(installation(), [job.id])
    return job


def revealed(hit_id: int) -> str:
    """Return the value of a finding; who asked is audited."""
    with installation().database.write() as session:
        row, owned = findings.get(session, user(), hit_id, "finding.reveal")
        return findings.reveal(session, installation().settings, user(), row, owned)


def private(answer: Response) -> Response:
    """Let nobody on the way keep the answer."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
