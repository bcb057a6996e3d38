"""Say whose names are kept from a reader: those of people whom they judge without knowing them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only

from .. import permissions
from ..annotations import Annotation, AnnotationState
from ..people import User
from ..projects import Project, stages_of
from .rows import Stage


def are_blind_for(reader: User, project: Project) -> bool:
    """Tell whether somebody reviews in a project where reviewers are not told names.

    Who leads the project for its owner puts people to work and answers for it: they are told.
    """
    return (
        stages_of(project).blind
        and permissions.allows(reader, "annotation.review")
        and not permissions.would(reader, "annotation.change", project)
    )


def hides(reader: User, project: Project, annotation: Annotation) -> bool:
    """Tell whether a reader is not to know who made an annotation.

    So in a blind project, and everywhere while it waits for an arbitrator.
    """
    if annotation.completed_by == reader.id:
        return False
    if are_blind_for(reader, project):
        return True
    return (
        annotation.state == AnnotationState.SUBMITTED
        and annotation.review_stage == Stage.ARBITRATION
        and permissions.allows(reader, "review.arbitrate")
        and not permissions.would(reader, "annotation.change", project)
    )


def hidden_among(
    session: Session, reader: User, annotations: Iterable[tuple[int, int]]
) -> set[int]:
    """Return those of some (project, annotation) whose makers and judges a reader is not told."""
    ids: dict[int, set[int]] = {}
    for project_id, annotation_id in annotations:
        ids.setdefault(project_id, set()).add(annotation_id)
    projects = {number: session.get_one(Project, number) for number in ids}
    arbitrates = permissions.allows(reader, "review.arbitrate")
    wanted = {
        number
        for project_id, project in projects.items()
        if arbitrates or are_blind_for(reader, project)
        for number in ids[project_id]
    }
    if not wanted:
        return set()
    needed = (Annotation.project_id, Annotation.completed_by)
    query = sa.select(Annotation).options(
        load_only(*needed, Annotation.state, Annotation.review_stage)
    )
    return {
        row.id
        for row in session.scalars(query.where(Annotation.id.in_(wanted)))
        if hides(reader, projects[row.project_id], row)
    }
