"""Say what a finding is, and show the value itself to those who may see it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, permissions, personal_information
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from ..settings import Settings
from .browsing import Wanted, chosen, text_of
from .changes import Owned
from .looking import key_of, readable
from .rows import Finding, FindingState

DECISIONS = (FindingState.CONFIRMED, FindingState.DISMISSED, FindingState.OPEN)
LONGEST_NOTE = 2000


def subject_of(owned: Owned) -> str:
    """Return how the audit trail calls what findings are in."""
    return f"{'project' if isinstance(owned, Project) else 'library'}/{owned.id}"


def decide(
    session: Session, actor: User, owned: Owned, wanted: Wanted, decision: str, note: str = ""
) -> int:
    """Confirm findings, dismiss them (with a note) or open them again; return how many.

    What was treated stays treated.

    Raises:
        errors.Invalid: no such decision, or a dismissal that does not say why.
    """
    permissions.require(actor, "finding.decide", owned)
    if decision not in DECISIONS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="decision", names=", ".join(DECISIONS)
        )
    said = note.strip()
    if decision == FindingState.DISMISSED and not said:
        raise errors.Invalid(_("say why this is no personal information"), place="note")
    if len(said) > LONGEST_NOTE:
        raise errors.TooLarge(
            _("must have at most %(limit)s characters"), place="note", limit=LONGEST_NOTE
        )
    if personal_information.find(said):
        raise errors.Invalid(_("must hold no personal information itself"), place="note")
    is_open = decision == FindingState.OPEN
    meant = sa.select(Finding.id).where(
        *chosen(owned, wanted), Finding.state != FindingState.TREATED, Finding.state != decision
    )
    # In one order, by whatever they were chosen: of two who decide, neither waits in a circle.
    changed = session.execute(
        sa.update(Finding)
        .where(Finding.id.in_(meant.order_by(Finding.id).with_for_update()))
        .values(
            state=decision,
            decided_by=None if is_open else actor.id,
            decided_at=None if is_open else now(),
            note=said or None,
        )
        .execution_options(synchronize_session=False)
    )
    number = int(changed.rowcount)  # type: ignore[attr-defined]
    if number:
        act = f"finding.{'reopen' if is_open else decision}"
        audit.record(session, actor, act, subject_of(owned), number=number)
    return number


def reveal(
    session: Session, settings: Settings, actor: User, finding: Finding, owned: Owned
) -> str:
    """Return the value itself, read from where it is now; who looked is audited, never the value.

    Raises:
        errors.Refused: it is not there any more, or is part of a picture.
    """
    permissions.require(actor, "finding.reveal", owned)
    raw = raw_value(session, settings, finding, owned)
    audit.record(
        session, actor, "finding.reveal", subject_of(owned), finding=finding.id, kind=finding.kind
    )
    return raw


def raw_value(session: Session, settings: Settings, finding: Finding, owned: Owned) -> str:
    """Return what stands at a finding's place, only if it is still the same value."""
    text = None if finding.start is None else text_of(session, finding)
    place = finding.place
    if text is not None and finding.start is not None and finding.end is not None:
        key = key_of(settings, owned.organisation_id)
        for hit, value in personal_information.find_values(readable(place, text)):
            if (hit.start, hit.kind) == (finding.start, finding.kind) and (
                personal_information.fingerprint(hit.kind, value, key) == finding.fingerprint
            ):
                return text[hit.start : hit.end]
    raise errors.Refused(_("the value is not there any more: scan anew"))
