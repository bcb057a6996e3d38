"""Say where somebody stands with a dataset: free, one of its own, admitted, or not."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import permissions
from ..catalogue import Dataset, Openness
from ..db import now
from ..people import User
from .finding import runs_at
from .rows import Application
from .states import RUNNING, UNDECIDED, state_at


class Standing(StrEnum):
    """Where somebody stands with a dataset's files."""

    FREE = "free"  # anybody may have them
    OWN = "own"  # somebody of the provider's organisation, or the platform's
    ADMITTED = "admitted"  # applied, was accepted, agreed, and the term is not over
    ASKING = "asking"  # has applied; nothing is decided, or it is not signed yet
    REFUSED = "refused"  # was refused, revoked, or the term is over
    STRANGER = "stranger"  # may apply


def standing(session: Session, viewer: User | None, dataset: Dataset) -> Standing:
    """Return where the viewer stands with a dataset; None is somebody without a name.

    Nobody but its own people is admitted to a closed dataset, whatever was agreed before.
    """
    if dataset.openness == Openness.OPEN:
        return Standing.FREE
    if viewer is None:
        return Standing.STRANGER
    if permissions.is_everywhere(viewer) or viewer.organisation_id == dataset.organisation_id:
        return Standing.OWN
    if dataset.openness != Openness.CONDITIONAL:
        return Standing.STRANGER
    return _applied(session, viewer, dataset)


def _applied(session: Session, viewer: User, dataset: Dataset) -> Standing:
    """Return what the person's applications are worth now, in one query."""
    moment = now()
    # What runs comes before what is asked anew: a renewal takes nothing away.
    kind = sa.case((runs_at(moment), 0), (Application.state.in_(UNDECIDED), 1), else_=2)
    row = session.execute(
        sa.select(Application.state, Application.expires_at)
        .where(Application.dataset_id == dataset.id, Application.applicant_id == viewer.id)
        .order_by(kind, Application.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return Standing.STRANGER
    state = state_at(row.state, row.expires_at, moment)
    if state in RUNNING:
        return Standing.ADMITTED
    return Standing.ASKING if state in UNDECIDED else Standing.REFUSED


def may_download(session: Session, viewer: User | None, dataset: Dataset) -> bool:
    """Tell whether the viewer may have the files of a dataset now."""
    free = {Standing.FREE, Standing.OWN, Standing.ADMITTED}
    return standing(session, viewer, dataset) in free
