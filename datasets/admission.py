"""Say whether somebody may take tasks of a project now, and if not, what is missing."""

from __future__ import annotations

from sqlalchemy.orm import Session

from . import access, errors, guidelines, qualifications
from .errors import _
from .people import User
from .projects import Project


def check(session: Session, annotator: User, project: Project) -> None:
    """Raise where somebody may not take tasks of the project now.

    Asks the database only where the project's options want it.

    Raises:
        errors.Refused: the project is paused.
        errors.Forbidden: the project is not open to them, the guideline's newest version is not
            acknowledged, or an examination is not passed; the message says what to do.
    """
    if project.option("is_paused"):
        reason = project.option("pause_reason")
        if reason:
            raise errors.Refused(_("this project is paused: %(reason)s"), reason=reason)
        raise errors.Refused(_("this project is paused; what you hold can still be submitted"))
    access.check(session, annotator, project)
    guidelines.check_acknowledged(session, annotator, project)
    qualifications.check(session, annotator, project)
