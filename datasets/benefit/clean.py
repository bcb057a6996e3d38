"""Tell how many of a project's items have nothing to mark: the share that dominates real work."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation, AnnotationState
from ..projects import Project
from .effects import wilson


@dataclass(frozen=True)
class CleanShare:
    """The share of items with nothing to mark; `n` answers told it, 0 where the owner said it."""

    value: float
    low: float
    high: float
    n: int


def clean_share(session: Session, project: Project) -> CleanShare | None:
    """Return what the owner says, else the share of people's empty answers with its interval.

    None where nobody has answered yet. Skips do not count.
    """
    said = project.option("clean_percent")
    if said is not None:
        return CleanShare(said / 100, said / 100, said / 100, 0)
    number, empty = session.execute(
        sa.select(
            sa.func.count(), sa.func.sum(sa.case((Annotation.result == "[]", 1), else_=0))
        ).where(
            Annotation.project_id == project.id,
            Annotation.state != AnnotationState.SKIPPED,
            Annotation.is_work,
        )
    ).one()
    if not number:
        return None
    return CleanShare(empty / number, *wilson(empty / number, number), number)
