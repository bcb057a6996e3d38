"""Read what people did with pre-labels: a row an answer, in few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import models
from ..annotations import Annotation, AnnotationState
from ..models import ProjectModel
from ..predictions import Prediction
from ..projects import Project
from ..reviews import Review, Verdict

ROWS = 500  # held at once
MOST_ANSWERS = 100_000  # the newest that are looked at
Result = list[dict[str, Any]]
_decoder = msgspec.json.Decoder(list[Any])


@dataclass(frozen=True)
class Answered:
    """One answer of one arm: who gave it to which task, and what they began from.

    `shown` is what the person began from, None where they did not begin from a prediction;
    `model` is the project's model behind it.
    """

    id: int
    task_id: int
    annotator: int
    arm: str
    seconds: float | None
    result: Result
    shown: Result | None
    model: ProjectModel | None

    @property
    def sides(self) -> tuple[Result, Result] | None:
        """Return what the person began from and what they made of it, to be compared.

        Labels that are switched off now are left out of both: nobody knows whether they were
        there when the person worked.
        """
        if self.shown is None:
            return None
        off = frozenset(() if self.model is None else self.model.labels_off_values)
        if not off:
            return self.shown, self.result
        return models.without_labels(self.shown, off), models.without_labels(self.result, off)


@dataclass(frozen=True)
class Gold:
    """What is known to be right: the ground truth of tasks, and what reviewers let pass.

    `fixed` maps an answer to what its reviewer made of it, None where it passed as it stood.
    """

    truth: dict[int, tuple[int, str]]
    fixed: dict[int, str | None]

    def of(self, answered: Answered) -> Result | None:
        """Return what the answer ought to have been; None where nobody knows."""
        if answered.task_id in self.truth:
            return list(_decoder.decode(self.truth[answered.task_id][1]))
        if answered.id in self.fixed:
            fixed = self.fixed[answered.id]
            return answered.result if fixed is None else list(_decoder.decode(fixed))
        return None


def answers(session: Session, project: Project) -> Iterator[Answered]:
    """Give the answers that were in an arm, the newest MOST_ANSWERS, skips and truth left out."""
    chosen = models.of_project(session, project)
    query = (
        sa.select(
            Annotation.id,
            Annotation.task_id,
            Annotation.completed_by,
            Annotation.arm,
            Annotation.lead_time,
            Annotation.result,
            Prediction.result.label("shown"),
            Prediction.model_version,
            Prediction.trained_model_id,
        )
        .outerjoin(Prediction, Prediction.id == Annotation.parent_prediction)
        .where(
            Annotation.project_id == project.id,
            Annotation.arm.is_not(None),
            Annotation.state != AnnotationState.SKIPPED,
            ~Annotation.ground_truth,
            Annotation.is_work,
        )
        .order_by(Annotation.id.desc())
        .limit(MOST_ANSWERS)
    )
    found = session.execute(query.execution_options(yield_per=ROWS))
    with closing(found):
        for row in found:
            yield _answered(row, chosen)


def gold(session: Session, project: Project) -> Gold:
    """Return what is known to be right, in two statements."""
    truth = sa.select(Annotation.task_id, Annotation.completed_by, Annotation.result).where(
        Annotation.project_id == project.id,
        Annotation.ground_truth,
        Annotation.is_work,
        Annotation.state != AnnotationState.SKIPPED,
    )
    # Of answers that were changed since, nobody has said anything.
    judged = (
        sa.select(Review.annotation_id, Review.result)
        .join(Annotation, Annotation.id == Review.annotation_id)
        .where(
            Review.project_id == project.id,
            Review.verdict.in_([Verdict.ACCEPT, Verdict.FIX]),
            Review.revision == Annotation.revision,
            # What only a rule let pass was seen by nobody.
            Review.reviewer_id.is_not(None),
            Annotation.state == AnnotationState.ACCEPTED,
            Annotation.arm.is_not(None),
        )
    )
    return Gold(
        {
            task_id: (person, result)
            for task_id, person, result in session.execute(truth.order_by(Annotation.id))
        },
        {answer: result for answer, result in session.execute(judged.order_by(Review.id))},
    )


def _answered(row: Any, chosen: list[ProjectModel]) -> Answered:
    shown, model = None, None
    if row.shown is not None:
        shown = list(_decoder.decode(row.shown))
        said = Prediction(model_version=row.model_version, trained_model_id=row.trained_model_id)
        model = models.model_behind(said, chosen)
    return Answered(
        row.id,
        row.task_id,
        row.completed_by,
        row.arm,
        row.lead_time,
        list(_decoder.decode(row.result)),
        shown,
        model,
    )
