"""Decide on applications: approve, return, refuse, open, revoke, grant."""

from __future__ import annotations

from sqlalchemy.orm import Session

from .. import errors, permissions
from ..catalogue import Dataset, Openness
from ..db import now
from ..errors import _
from ..people import User
from . import telling
from .agreement import agreement_text
from .applying import release
from .finding import find, lock, lock_applicant, require_owner
from .form import checked_term, checked_text
from .rows import Application
from .states import RUNNING, UNDECIDED, WORKING_DAYS, State, due_at

GRANTED_DAYS = 365


def decide(
    session: Session,
    actor: User,
    application: Application,
    accept: bool,
    reason: str | None = None,
    *,
    opens_on_signing: bool = True,
    working_days: int = WORKING_DAYS,
) -> Application:
    """Accept or refuse an application, as far as the provider's word goes.

    Accepted, it is approved; where the agreement is signed already, the files open too. One
    that waits for its signature stays as it is. Refused after it was accepted, it is revoked.

    Raises:
        errors.NotFound, errors.Forbidden: the actor does not decide on this dataset.
        errors.OwnWork: it is the actor's own application.
        errors.Invalid: refused without a reason.
        errors.Refused: it has been decided otherwise, or is not sent yet.
    """
    state = _turn(session, actor, application)
    why = checked_text(reason, "reason", needed=not accept)
    if not accept:
        if state != State.SUBMITTED:
            return revoke(session, actor, application, why or "")
        _note_decision(actor, application, why)
        application.due_at = None
        telling.step(session, application, State.REJECTED, actor, why)
        return application
    if state in RUNNING or state == State.APPROVED:
        return application
    _check_conditional(application.dataset)
    if state == State.AGREEMENT_SIGNED:
        release(session, actor, application)
        return application
    application.opens_on_signing = opens_on_signing
    signed = _signed_in_advance(application)
    _note_decision(actor, application, why)
    application.due_at = None
    telling.step(session, application, State.APPROVED, actor, why, quiet=signed)
    if signed:
        telling.step(
            session,
            application,
            State.AGREEMENT_SIGNED,
            application.applicant,
            quiet=True,
        )
        if opens_on_signing:
            release(session, actor, application)
        else:
            application.due_at = due_at(now(), working_days)
            application.overdue_told_at = None
    return application


def send_back(session: Session, actor: User, application: Application, reason: str) -> Application:
    """Return an application to be completed; the reason says what is missing.

    Raises:
        errors.NotFound, errors.Forbidden, errors.OwnWork, errors.Invalid, errors.Refused: as
            `decide`.
    """
    _turn(session, actor, application)
    why = checked_text(reason, "reason", needed=True)
    _note_decision(actor, application, why)
    application.due_at = None
    telling.step(session, application, State.RETURNED, actor, why)
    return application


def revoke(session: Session, actor: User, application: Application, reason: str) -> Application:
    """End somebody's access, or what would become one, at once.

    Raises:
        errors.NotFound, errors.Forbidden, errors.OwnWork, errors.Invalid, errors.Refused: as
            `decide`.
    """
    _turn(session, actor, application)
    why = checked_text(reason, "reason", needed=True)
    _note_decision(actor, application, why)
    application.due_at = None
    telling.step(session, application, State.REVOKED, actor, why)
    return application


def grant(
    session: Session,
    actor: User,
    dataset: Dataset,
    user: User,
    *,
    term_days: int = GRANTED_DAYS,
    reason: str | None = None,
) -> Application:
    """Open a dataset to somebody who has not applied: the provider answers for it.

    It is written down as granted, ends like any other, and can be revoked.

    Raises:
        errors.NotFound, errors.Forbidden: the actor does not decide on this dataset.
        errors.OwnWork: to oneself.
        errors.Refused: the person has the files, or has applied: then decide on that.
    """
    require_owner(actor, dataset.organisation_id)
    _check_conditional(dataset)
    if user.id == actor.id:
        raise errors.OwnWork(_("nobody decides on their own application"))
    if not user.is_active or not permissions.allows(user, "dataset.apply"):
        raise errors.Refused(_("%(name)s cannot be given data"), name=user.username)
    own = user.organisation_id == dataset.organisation_id
    if own or permissions.is_everywhere(user):
        raise errors.Refused(_("%(name)s has the files of this dataset"), name=user.username)
    # Whoever else grants it, or applies, is waited for.
    lock_applicant(session, user)
    there = find(session, dataset, user)
    if there is not None and there.current in UNDECIDED:
        raise errors.Refused(
            _("%(name)s has an application under way: decide on that"), name=user.username
        )
    if there is not None and there.current in RUNNING:
        raise errors.Refused(_("%(name)s has the files of this dataset"), name=user.username)
    application = Application(
        dataset=dataset,
        owner_id=dataset.organisation_id,
        applicant=session.get_one(User, user.id),
        state=State.AGREEMENT_SIGNED,
        is_granted=True,
        term_days=checked_term(term_days),
    )
    session.add(application)
    session.flush()
    _note_decision(actor, application, checked_text(reason, "reason"))
    person = application.applicant.username
    telling.note(session, application, actor, "application.grant", person=person)
    release(session, actor, application)
    return application


def _turn(session: Session, actor: User, application: Application) -> State:
    """Return the state that somebody finds who may decide; nobody else changes it meanwhile.

    Raises:
        errors.NotFound, errors.Forbidden, errors.OwnWork: they may not.
    """
    if application.state == State.DRAFT:
        raise errors.NotFound(_("there is no application %(id)s"), id=application.id)
    require_owner(actor, application.owner_id)
    if actor.id == application.applicant_id:
        raise errors.OwnWork(_("nobody decides on their own application"))
    lock(session, application)
    return application.current


def _check_conditional(dataset: Dataset) -> None:
    if dataset.openness != Openness.CONDITIONAL:
        raise errors.Refused(_("this dataset is not open under conditions now"))


def _signed_in_advance(application: Application) -> bool:
    """Tell whether what was signed before the decision is still the agreement."""
    return application.signed_at is not None and application.agreement == agreement_text(
        application, application.dataset
    )


def _note_decision(actor: User, application: Application, reason: str | None) -> None:
    application.decided_by, application.decided_at = actor.id, now()
    application.reason = reason
