"""Tell what went wrong with a command on one clear line."""

from __future__ import annotations

import sqlalchemy as sa

from ...datasets import errors
from ...datasets.errors import _
from .printing import say_error


def tell(problem: Exception) -> bool:
    """Print a mistake of the user or a part that is away; False when it is neither."""
    told = _told(problem)
    if told is not None:
        say_error(told)
    return told is not None


def _told(problem: Exception) -> errors.JinbiaoError | None:
    if isinstance(problem, errors.JinbiaoError):
        return problem
    if isinstance(problem, OSError):
        return errors.Unavailable(
            _("%(path)s cannot be used: %(reason)s"),
            path=str(problem.filename or ""),
            reason=problem.strerror or str(problem),
        )
    if isinstance(problem, sa.exc.OperationalError):
        reason = str(problem.orig).splitlines()[0]
        return errors.Unavailable(_("the database is away: %(reason)s"), reason=reason)
    return None
