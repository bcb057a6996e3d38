"""Say which tasks and annotations of a project a snapshot is to hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..annotations import Annotation, AnnotationState
from ..projects import Project
from ..tasks import Task
from ..views import Query

# (project, digest, file name) → the address of a stored medium.
Address = Callable[[int, str, str], str]


@dataclass(frozen=True)
class Wanted:
    """Which tasks and annotations a snapshot is to hold."""

    query: Query = Query()
    # True: only tasks with annotations; False: only without; None: both.
    annotated: bool | None = True
    finished: bool | None = None
    # Which annotations: None for all, else only those that are, or are not.
    ground_truth: bool | None = None
    skipped: bool | None = None
    whole_predictions: bool = False

    def tasks(self, session: Session, project: Project) -> sa.ColumnElement[bool]:
        """Return the condition on tasks.

        Raises:
            errors.Invalid: the query cannot be used.
        """
        found = [Task.project_id == project.id]
        if not self.query.is_plain:
            found.append(self.query.condition(session.get_bind().dialect.name))
        if self.annotated is not None:
            some = Task.total_annotations + Task.cancelled_annotations > 0
            found.append(some if self.annotated else ~some)
        if self.finished is not None:
            enough = Task.total_annotations >= project.maximum_annotations
            found.append(enough if self.finished else ~enough)
        return sa.and_(*found)

    def annotations(self) -> sa.ColumnElement[bool]:
        """Return the condition on annotations."""
        found: list[sa.ColumnElement[bool]] = [sa.and_(Annotation.is_work)]
        if self.ground_truth is not None:
            found.append(Annotation.ground_truth == self.ground_truth)
        if self.skipped is not None:
            is_skip = Annotation.state == AnnotationState.SKIPPED
            found.append(is_skip if self.skipped else ~is_skip)
        return sa.and_(*found)
