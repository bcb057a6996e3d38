"""Apply for a dataset under conditions, sign the agreement, report the use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import errors, permissions
from ..catalogue import Dataset, Openness
from ..db import now
from ..errors import _
from ..people import User
from . import telling
from .agreement import agreement_text, digest
from .finding import lock, lock_applicant
from .form import Form, checked_form, checked_text
from .rows import Application, ApplicationStep
from .states import UNDECIDED, WORKING_DAYS, State, due_at

MOST_UNDECIDED = 50  # of one person


def ask(
    session: Session,
    applicant: User,
    dataset: Dataset,
    fields: Mapping[str, Any],
    *,
    working_days: int = WORKING_DAYS,
) -> Application:
    """Apply for a dataset: `fields` are those of form.Form and `commitment` (true).

    With `signature`, the name of the contact, the agreement is signed in advance, so that the
    files can open as soon as the provider approves. A draft, or an application that was
    returned, is sent with what is said now.

    Raises:
        errors.Invalid: with one problem for each field that is missing or not usable.
        errors.Refused: there is nothing to apply for, or an application is under way.
    """
    check_may_apply(applicant, dataset)
    form = checked_form(fields)
    signature = checked_signature(fields.get("signature"), form.contact_name)
    application = _editable(session, applicant, dataset)
    _fill(application, form)
    moment = now()
    application.committed_at = application.submitted_at = moment
    application.due_at, application.overdue_told_at = due_at(moment, working_days), None
    application.agreement = application.signature = application.signed_at = None
    session.flush()
    if signature:
        _keep_signature(application, signature, moment)
    telling.step(session, application, State.SUBMITTED, applicant)
    return application


def save_draft(
    session: Session, applicant: User, dataset: Dataset, fields: Mapping[str, Any]
) -> Application:
    """Keep what somebody has written so far; nobody else sees it.

    Raises:
        errors.Invalid, errors.Refused: as `ask`, but nothing has to be complete.
    """
    check_may_apply(applicant, dataset)
    form = checked_form(fields, whole=False)
    application = _editable(session, applicant, dataset)
    _fill(application, form)
    session.flush()
    return application


def check_may_apply(applicant: User, dataset: Dataset) -> None:
    """Say no to whoever has nothing to apply for.

    Raises:
        errors.NotFound: the dataset is closed.
        errors.Forbidden: the person's role does not apply for data.
        errors.Refused: the dataset is open to everybody, or is their organisation's.
    """
    permissions.require(applicant, "dataset.apply")
    own = applicant.organisation_id == dataset.organisation_id
    if own or permissions.is_everywhere(applicant):
        raise errors.Refused(_("you have the files of this dataset without an application"))
    if dataset.openness == Openness.CLOSED:
        raise errors.NotFound(_("there is no dataset %(name)s"), name=dataset.full_name)
    if dataset.openness == Openness.OPEN:
        raise errors.Refused(_("this dataset is open to everybody: there is no need to apply"))


def take_back(session: Session, actor: User, application: Application) -> Application:
    """Take an application that nobody has decided back into a draft.

    Raises:
        errors.NotFound: it is somebody else's.
        errors.Refused: it has been decided.
    """
    _require_applicant(session, actor, application)
    telling.step(session, application, State.DRAFT, actor)
    application.due_at = None
    return application


def discard(session: Session, actor: User, application: Application) -> None:
    """Delete a draft for good.

    Raises:
        errors.NotFound: it is somebody else's.
        errors.Refused: it is no draft.
    """
    _require_applicant(session, actor, application)
    if application.state != State.DRAFT:
        raise errors.Refused(_("only a draft can be deleted"))
    session.execute(
        sa.delete(ApplicationStep).where(ApplicationStep.application_id == application.id)
    )
    session.delete(application)
    session.flush()


def sign(
    session: Session,
    actor: User,
    application: Application,
    shown: str,
    name: str,
    *,
    working_days: int = WORKING_DAYS,
) -> Application:
    """Sign the agreement; the files open at once, unless the provider wants to open them.

    Signed before anybody has decided, it waits for the provider. `shown` is the digest of the
    text that the person was shown, `name` the contact's name.

    Raises:
        errors.NotFound: it is somebody else's.
        errors.Invalid: another name was typed.
        errors.Stale: the text has changed since it was shown.
        errors.Refused: it is not approved, or the dataset is not open under conditions now.
    """
    _require_applicant(session, actor, application)
    check_may_apply(actor, application.dataset)
    signature = checked_signature(name, application.contact_name, needed=True)
    if shown != digest(agreement_text(application, application.dataset)):
        raise errors.Stale(_("the agreement has changed since you read it: please read it again"))
    moment = now()
    if application.state == State.SUBMITTED:
        _keep_signature(application, signature or "", moment)
        telling.note(session, application, actor, "application.sign")
        return application
    telling.step(
        session, application, State.AGREEMENT_SIGNED, actor, quiet=application.opens_on_signing
    )
    _keep_signature(application, signature or "", moment)
    if application.opens_on_signing:
        # As the provider wanted it: nobody has to do anything.
        release(session, None, application)
    else:
        application.due_at, application.overdue_told_at = due_at(moment, working_days), None
    return application


def report(session: Session, actor: User, application: Application, text: str) -> Application:
    """Say what came of the use; said again, it replaces what was said. Possible after the end.

    Raises:
        errors.NotFound: it is somebody else's.
        errors.Invalid: there is no text, or it is too long.
        errors.Refused: the files were never open.
    """
    _require_applicant(session, actor, application)
    told = checked_text(text, "usage_report")
    if told is None:
        raise errors.Invalid(_("please write what came of the use"), place="usage_report")
    if application.released_at is None:
        raise errors.Refused(_("there is nothing to report: the files were never opened"))
    application.usage_report, application.reported_at = told, now()
    if application.current == State.RELEASED:
        telling.step(session, application, State.USAGE_REPORTED, actor)
    else:
        telling.tell_report(session, application, actor)
    return application


def release(session: Session, actor: User | None, application: Application) -> None:
    """Open the files to an applicant who has signed; the term begins now."""
    application.released_at = now()
    application.expires_at = application.released_at + dt.timedelta(days=application.term_days or 0)
    application.due_at = None
    telling.step(session, application, State.RELEASED, actor)


def checked_signature(name: Any, contact: str | None, *, needed: bool = False) -> str | None:
    """Return the name under an agreement, None where nothing is signed.

    Raises:
        errors.Invalid: it is not the contact's name.
    """
    told = name.strip() if isinstance(name, str) else None
    if not told and not needed and name in (None, ""):
        return None
    if not told or told != contact:
        raise errors.Invalid(
            _("please sign with the name of the contact, as in the application"), place="signature"
        )
    return told


def _keep_signature(application: Application, signature: str, moment: dt.datetime) -> None:
    application.agreement = agreement_text(application, application.dataset)
    application.signature, application.signed_at = signature, moment


def _require_applicant(session: Session, actor: User, application: Application) -> None:
    if application.applicant_id != actor.id:
        raise errors.NotFound(_("there is no application %(id)s"), id=application.id)
    lock(session, application)


def _editable(session: Session, applicant: User, dataset: Dataset) -> Application:
    """Return the person's draft or returned application, or a new draft."""
    # One at a time for one person: two requests at once make one application.
    lock_applicant(session, applicant)
    undecided = sa.select(Application).where(
        Application.applicant_id == applicant.id, Application.state.in_(UNDECIDED)
    )
    found = session.scalar(
        undecided.where(Application.dataset_id == dataset.id)
        .with_for_update(of=Application)
        .execution_options(populate_existing=True)
    )
    if found is None:
        rows = session.execute(
            undecided.with_only_columns(Application.id).limit(MOST_UNDECIDED)
        ).all()
        if len(rows) >= MOST_UNDECIDED:
            raise errors.Refused(
                _("you have %(number)s applications under way: please wait for answers"),
                number=MOST_UNDECIDED,
            )
        found = Application(
            dataset=dataset,
            owner_id=dataset.organisation_id,
            applicant=session.get_one(User, applicant.id),
            state=State.DRAFT,
        )
        session.add(found)
    elif found.state not in (State.DRAFT, State.RETURNED):
        raise errors.Refused(_("you have applied for this dataset: the application is under way"))
    return found


def _fill(application: Application, form: Form) -> None:
    for name, value in asdict(form).items():
        setattr(application, name, value)
