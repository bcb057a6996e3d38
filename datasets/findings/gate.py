"""Say what speaks against publishing for the sake of people, and propose a data level.

Rules as data, after GB/T 43697-2024: harm to persons alone makes general data; many persons'
sensitive data touch the public interest and make important data. The numbers are ours, since
the standard leaves them to each field.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import personal_information
from ..errors import Problem, _
from ..libraries import Asset, Library, TaskOrigin
from ..personal_information.kinds import ORGANISATION, SENSITIVE
from ..projects import Project
from ..tasks import Task, TaskState
from .changes import is_fresh, last_scan, unseen
from .rows import Finding, FindingState

LEVELS = ("general", "important", "core")
# (kinds, different values from which on, level, how sure): the highest level counts.
LEVEL_RULES: tuple[tuple[str, int, str, float], ...] = (
    (SENSITIVE, 10_000, "important", 0.8),
    ("personal", 100_000, "important", 0.7),
    (SENSITIVE, 1, "general", 0.9),
    ("personal", 1, "general", 0.9),
)


@dataclass(frozen=True)
class Proposal:
    """A data level with the reason (a message with values) and how sure it is (0 to 1)."""

    level: str | None
    reason: str
    values: dict[str, object]
    confidence: float


@dataclass(frozen=True)
class Standing:
    """What is known of personal information in a project now."""

    is_scanned: bool
    is_fresh: bool
    scanned_at: dt.datetime | None
    records: int
    unseen: int
    open: int
    confirmed: int
    dismissed: int
    treated: int

    @property
    def is_clear(self) -> bool:
        """Tell whether everything was looked at and nothing is left to decide or to treat."""
        return self.is_fresh and not self.open and not self.confirmed


def tells_of_people(table: Any) -> sa.ColumnElement[bool]:
    """Return the condition for findings that tell of a person; `table` has kind and masked.

    A social credit code is public, unless it is a sole trader's (92).
    """
    public = [
        name
        for name, kind in personal_information.KINDS.items()
        if kind.sensitivity == ORGANISATION
    ]
    return sa.or_(table.kind.not_in(public), table.masked.like("92%"))


def standing(session: Session, project: Project) -> Standing:
    """Return how far a project has been looked through, and what was decided."""
    query = (
        sa.select(Finding.state, sa.func.count())
        .join(Task, Task.id == Finding.task_id)
        .where(
            Finding.project_id == project.id,
            tells_of_people(Finding),
            sa.or_(Task.state != TaskState.WITHDRAWN, Finding.state == FindingState.TREATED),
        )
        .group_by(Finding.state)
    )
    counted = {state: int(number) for state, number in session.execute(query)}
    scan = last_scan(session, project)
    number = sa.select(sa.func.count()).where(
        Task.project_id == project.id, Task.state != TaskState.WITHDRAWN
    )
    records = int(session.scalar(number) or 0) if scan else 0
    return Standing(
        is_scanned=scan is not None,
        is_fresh=is_fresh(session, project, personal_information.DETECTOR),
        scanned_at=scan.ended_at if scan else None,
        records=records,
        unseen=unseen(session, project) if scan else 0,
        **{str(state): counted.get(state, 0) for state in FindingState},
    )


def faults(
    session: Session, project: Project, frozen_at: dt.datetime | None = None
) -> list[Problem]:
    """Say all that speaks against publishing a version frozen then; nothing: an empty list."""
    now = standing(session, project)
    place = "personal_information"
    values = {"address": f"/projects/{project.id}/findings"}
    found = []
    if not now.is_fresh:
        found.append(
            Problem(
                place, _("tasks were not scanned for personal information: %(address)s"), values
            )
        )
    if now.open:
        found.append(
            Problem(
                place,
                _("%(number)s findings of personal information are to be decided: %(address)s"),
                {**values, "number": now.open},
            )
        )
    if now.confirmed:
        found.append(
            Problem(
                place,
                _("%(number)s findings are confirmed and not treated: %(address)s"),
                {**values, "number": now.confirmed},
            )
        )
    if frozen_at is not None and _treated_since(session, project, frozen_at):
        found.append(
            Problem(
                place,
                _("personal information was treated after this version was frozen: freeze anew"),
            )
        )
    return found


def _treated_since(session: Session, project: Project, moment: dt.datetime) -> bool:
    query = sa.select(Finding.id).where(
        Finding.project_id == project.id,
        Finding.state == FindingState.TREATED,
        Finding.decided_at > moment,
        tells_of_people(Finding),
    )
    return session.scalar(query.limit(1)) is not None


def level(session: Session, project: Project) -> Proposal:
    """Propose a project's data level: that of its sources, or higher for what was found.

    It is for a person to set one; what somebody set is never lowered by this. That of the
    sources is held against it when a version is published: `catalogue.level_faults`.
    """
    sources = (
        sa.select(Library.level)
        .join(Asset, Asset.library_id == Library.id)
        .join(TaskOrigin, TaskOrigin.asset_id == Asset.id)
        .join(Task, Task.id == TaskOrigin.task_id)
        .where(Task.project_id == project.id, Library.level.is_not(None))
        .distinct()
    )
    best = Proposal(None, _("nothing is known of it: scan it first"), {}, 0.0)
    if last_scan(session, project) is not None:
        best = Proposal("general", _("no personal information was found"), {}, 0.6)
        best = _higher(best, _of_findings(session, project))
    for name in session.scalars(sources):
        said = Proposal(name, _("a library that its tasks come from has this level"), {}, 1.0)
        best = _higher(best, said)
    return best


def chosen_level(proposal: Proposal, known: str | None) -> str | None:
    """Return the level that a form chooses beforehand: the proposed one, or the higher known."""
    if known not in LEVELS or proposal.level is None:
        return known or proposal.level
    return max(known, proposal.level, key=LEVELS.index)


def _of_findings(session: Session, project: Project) -> Proposal | None:
    query = (
        sa.select(Finding.kind, sa.func.count(Finding.fingerprint.distinct()))
        .where(
            Finding.project_id == project.id,
            Finding.state.in_([FindingState.OPEN, FindingState.CONFIRMED]),
            tells_of_people(Finding),
        )
        .group_by(Finding.kind)
    )
    values: dict[str, int] = {}
    for kind, number in session.execute(query):
        known = personal_information.KINDS.get(kind)
        name = SENSITIVE if known and known.sensitivity == SENSITIVE else "personal"
        # A face has no fingerprint, and each may be another person's.
        values[name] = values.get(name, 0) + max(int(number), 1)
    best = None
    for name, least, rank, sure in LEVEL_RULES:
        if values.get(name, 0) >= least:
            reason = _("%(number)s different values of personal information were found")
            said = Proposal(rank, reason, {"number": sum(values.values())}, sure)
            best = said if best is None else _higher(best, said)
    return best


def _higher(one: Proposal, other: Proposal | None) -> Proposal:
    if other is None or other.level not in LEVELS:
        return one
    if one.level is None or LEVELS.index(other.level) > LEVELS.index(one.level):
        return other
    if other.level == one.level and other.confidence > one.confidence:
        return other
    return one
