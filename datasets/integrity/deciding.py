"""Write down what stands out, ask for blind reviews, and let people decide and appeal.

Nothing follows by itself: a lead asks for blind reviews of a sample, opens the finding to its
person, and decides with a reason; the person may appeal, and another lead answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, notices, permissions, reviews
from ..annotations import Annotation
from ..db import now
from ..errors import _
from ..people import User
from ..projects import Project
from ..reviews import BlindReview
from .looking import Seen
from .rows import Finding, FindingState

SAMPLE = 20  # annotations of one finding that are reviewed once more
LONGEST = 5_000  # characters of a reason or an appeal
_OPEN = (FindingState.FOUND, FindingState.IN_REVIEW)
_LISTED = 200


def keep(session: Session, project: Project, seen: Seen) -> list[Finding]:
    """Write down what was found; what is still open gets the new numbers, once a pair or person.

    What a lead has decided is not raised again. Return the findings that are new.
    """
    known = {
        (row.kind, row.user_id, row.other_id): row
        for row in session.scalars(sa.select(Finding).where(Finding.project_id == project.id))
    }
    fresh = []
    for suspect, adjusted in seen.found:
        row = known.get((suspect.kind, suspect.person, suspect.other))
        if row is not None and row.state not in _OPEN:
            continue
        if row is None:
            row = Finding(
                project_id=project.id,
                kind=suspect.kind,
                user_id=suspect.person,
                other_id=suspect.other,
            )
            session.add(row)
            fresh.append(row)
        row.chance, row.adjusted = suspect.chance, adjusted
        facts = {**suspect.facts, "tests": seen.tests}
        row.facts = msgspec.json.encode(facts).decode()
        row.examples = msgspec.json.encode(list(suspect.examples)).decode()
        row.updated_at = now()
    session.flush()
    if fresh:
        notices.add(
            session,
            project.created_by,
            "integrity_found",
            _("Something in the work on “%(project)s” stands out: please look"),
            {"project": project.title},
            f"/projects/{project.id}/integrity",
        )
    return fresh


def page(
    session: Session, actor: User, project: Project, *, state: str | None = None
) -> list[Finding]:
    """List a project's findings, the least probable first."""
    permissions.require(actor, "integrity.decide", project)
    query = sa.select(Finding).where(Finding.project_id == project.id)
    if state is not None:
        query = query.where(Finding.state == state)
    return list(session.scalars(query.order_by(Finding.adjusted, Finding.id).limit(_LISTED)))


def about(session: Session, person: User) -> list[Finding]:
    """List what is said about somebody, as far as it was opened to them, newest first."""
    permissions.require(person, "account.use")
    query = sa.select(Finding).where(Finding.user_id == person.id, Finding.is_open)
    return list(session.scalars(query.order_by(Finding.id.desc()).limit(_LISTED)))


def get(session: Session, actor: User, project: Project, finding_id: int) -> Finding:
    """Return a finding of a project, locked for what is decided of it.

    Raises:
        errors.NotFound: the project has none of this number.
    """
    permissions.require(actor, "integrity.decide", project)
    row = session.scalar(
        sa.select(Finding)
        .where(Finding.id == finding_id, Finding.project_id == project.id)
        .with_for_update()
    )
    if row is None:
        raise errors.NotFound(_("there is no finding %(id)s"), id=finding_id)
    _check_not_own(actor, row)
    return row


def ask_reviews(
    session: Session, actor: User, project: Project, finding: Finding
) -> list[BlindReview]:
    """Have a sample of the person's answers reviewed once more, blind: examples, then others.

    Raises:
        errors.Refused: it was decided already.
    """
    permissions.require(actor, "integrity.decide", project)
    _check_state(finding, *_OPEN)
    asked = []
    for annotation in _sample(session, project, finding):
        asked.append(reviews.ask_blind(session, actor, project, annotation, _asked_for(finding)))
    finding.state, finding.updated_at = FindingState.IN_REVIEW, now()
    audit.record(session, actor, "integrity.review", f"finding/{finding.id}", number=len(asked))
    return asked


def outcomes(session: Session, project: Project, finding: Finding) -> tuple[int, int, int]:
    """Return how many blind reviews of the person were asked for, answered, and not accepting.

    What waits for a review already is not asked for twice: where somebody stands out in two
    ways, those that were asked for the other count too, once reviews are asked for this one.
    """
    if finding.state == FindingState.FOUND:
        return 0, 0, 0
    rows = session.execute(
        sa.select(BlindReview.verdict)
        .join(Annotation, Annotation.id == BlindReview.annotation_id)
        .where(
            BlindReview.project_id == project.id,
            Annotation.completed_by == finding.user_id,
            BlindReview.asked_for.startswith("finding/"),
            BlindReview.created_at >= finding.created_at,
        )
    ).all()
    answered = [verdict for (verdict,) in rows if verdict is not None]
    return len(rows), len(answered), sum(verdict != "accept" for verdict in answered)


def tasks_of(session: Session, findings: Sequence[Finding]) -> dict[int, int]:
    """Return annotation → task of the examples of findings, of those that are still there."""
    wanted = {number for row in findings for number in row.example_ids}
    query = sa.select(Annotation.id, Annotation.task_id).where(Annotation.id.in_(wanted))
    return {number: task_id for number, task_id in session.execute(query)}


def open_to_person(session: Session, actor: User, project: Project, finding: Finding) -> None:
    """Let the person see what is said about them, before or with the decision."""
    permissions.require(actor, "integrity.decide", project)
    if finding.is_open:
        return
    finding.is_open, finding.updated_at = True, now()
    _tell(session, project, finding.user_id)
    audit.record(session, actor, "integrity.open", f"finding/{finding.id}")


def decide(
    session: Session,
    actor: User,
    project: Project,
    finding: Finding,
    *,
    is_upheld: bool,
    reason: str,
) -> None:
    """Dismiss a finding, or uphold it: the person is told why and may appeal.

    Raises:
        errors.Refused: it was decided already, or nobody has reviewed the sample blind yet.
        errors.Invalid: no reason.
    """
    permissions.require(actor, "integrity.decide", project)
    _check_state(finding, *_OPEN)
    finding.reason = _text(reason, "reason")
    if is_upheld:
        if not outcomes(session, project, finding)[1]:
            raise errors.Refused(_("a finding is upheld only after a blind review of a sample"))
        finding.is_open = True
    if finding.is_open:
        # Who was shown it learns also that nothing came of it.
        _tell(session, project, finding.user_id)
    finding.state = FindingState.UPHELD if is_upheld else FindingState.DISMISSED
    finding.decided_by, finding.decided_at = actor.id, now()
    finding.updated_at = now()
    audit.record(
        session, actor, "integrity.decide", f"finding/{finding.id}", state=str(finding.state)
    )


def appeal(session: Session, person: User, finding_id: int, text: str) -> Finding:
    """Let the person say why a decision is wrong, once.

    Raises:
        errors.NotFound: nothing of this number is said about them.
        errors.Refused: nothing was upheld, or they have appealed already.
        errors.Invalid: no text.
    """
    permissions.require(person, "account.use")
    row = session.scalar(
        sa.select(Finding)
        .where(Finding.id == finding_id, Finding.user_id == person.id, Finding.is_open)
        .with_for_update()
    )
    if row is None:
        raise errors.NotFound(_("there is no finding %(id)s"), id=finding_id)
    _check_state(row, FindingState.UPHELD)
    row.appeal, row.appealed_at = _text(text, "text"), now()
    row.state, row.updated_at = FindingState.APPEALED, now()
    project = session.get_one(Project, row.project_id)
    for lead in _leads(session, project, row):
        notices.add(
            session,
            lead,
            "integrity_appeal",
            _("Somebody appeals against a decision about their work on “%(project)s”"),
            {"project": project.title},
            f"/projects/{project.id}/integrity",
        )
    audit.record(session, person, "integrity.appeal", f"finding/{row.id}")
    return row


def answer(
    session: Session,
    actor: User,
    project: Project,
    finding: Finding,
    *,
    is_upheld: bool,
    reason: str,
) -> None:
    """Decide an appeal: by another lead than the one who decided before.

    Raises:
        errors.OwnWork: the actor decided before.
        errors.Refused: nobody has appealed.
        errors.Invalid: no reason.
    """
    permissions.require(actor, "integrity.decide", project)
    _check_state(finding, FindingState.APPEALED)
    if finding.decided_by == actor.id:
        raise errors.OwnWork(_("an appeal is decided by somebody else"))
    finding.answer = _text(reason, "reason")
    finding.state = FindingState.CONFIRMED if is_upheld else FindingState.OVERTURNED
    finding.answered_by, finding.answered_at = actor.id, now()
    finding.updated_at = now()
    _tell(session, project, finding.user_id)
    audit.record(
        session, actor, "integrity.answer", f"finding/{finding.id}", state=str(finding.state)
    )


def _sample(session: Session, project: Project, finding: Finding) -> Sequence[Annotation]:
    """Return the examples that are work, and others of the person from all over their work."""
    mine = (
        sa.select(Annotation)
        .where(
            Annotation.project_id == project.id,
            Annotation.completed_by == finding.user_id,
            Annotation.is_work,
            Annotation.state != "skipped",
        )
        .limit(SAMPLE)
    )
    shown = list(session.scalars(mine.where(Annotation.id.in_(finding.example_ids))))
    by_lot = mine.where(Annotation.id.not_in([row.id for row in shown]))
    # A lot that both databases draw alike.
    by_lot = by_lot.order_by((Annotation.id * 7919) % 104_729, Annotation.id)
    return [*shown, *session.scalars(by_lot)][:SAMPLE]


def _leads(session: Session, project: Project, finding: Finding) -> list[int]:
    """Return whose project it is, and who else may answer an appeal: not who decided before."""
    roles = [role for role, acts in permissions.ALLOWED.items() if "integrity.decide" in acts]
    query = (
        sa.select(User.id)
        .where(
            User.organisation_id.in_([project.organisation_id, project.vendor_id]),
            User.role.in_(roles),
            User.is_active,
            User.id.not_in(
                [finding.user_id, finding.other_id, finding.decided_by, project.created_by]
            ),
        )
        .order_by(User.id)
        .limit(SAMPLE)
    )
    return [project.created_by, *session.scalars(query)]


def _asked_for(finding: Finding) -> str:
    return f"finding/{finding.id}"


def _tell(session: Session, project: Project, person: int) -> None:
    notices.add(
        session,
        person,
        "integrity",
        _("There is something about your work on “%(project)s” that you should read"),
        {"project": project.title},
        "/account/integrity",
    )


def _check_not_own(actor: User, finding: Finding) -> None:
    if actor.id in (finding.user_id, finding.other_id):
        raise errors.OwnWork(_("nobody decides about their own work"))


def _check_state(finding: Finding, *wanted: str) -> None:
    if finding.state not in wanted:
        raise errors.Refused(_("this finding is not at that point"))


def _text(text: str, place: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST or "\0" in text:
        raise errors.Invalid(
            _("must be a text of 1 to %(longest)s characters"), place=place, longest=LONGEST
        )
    return text
