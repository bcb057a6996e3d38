"""Let a model answer every waiting task, in batches; what goes wrong stays with its task."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...datasets import errors, models, predictions, tasks
from ...datasets.circuits import LeftAlone
from ...datasets.errors import _
from ...datasets.models import TrainedModel
from ...datasets.tasks import Media, Task
from .. import circuits
from ..checking import check
from ..items import read_item
from ..marks import score_of, to_result, without_labels
from ..models.interface import Answer, Item, Predictor
from ..work import Work
from .chosen import Chosen, predictor_of

log = logging.getLogger("jinbiao.prelabel")

# Tasks in one transaction.
BATCH = {"picture": 16, "sound": 4, "text": 1000}
SERVICE_BATCH = 8
# A model may take so long for one task, and for a batch no longer than that.
TASK_SECONDS, BATCH_SECONDS = 60.0, 300.0
PAUSES = (1.0, 4.0)  # after the first and second try of a service
MOST_UNANSWERED = 3  # tasks in a row, each asked about by itself
MOST_IN_A_ROW = 100  # tasks that may fail one after the other
MOST_LISTED = 100  # failures that the job's result names
LOSSES = 2  # of the process at one task, before the task is left out


@dataclass
class Progress:
    """How far a job is; what a checkpoint holds.

    `alone_until` is the last task of a batch at which the process was lost: up to there each
    task is asked about by itself. `trying` is the one asked about now, and how often.
    """

    after: int = 0
    predicted: int = 0
    failed: int = 0
    left_blank: int = 0
    in_a_row: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    alone_until: int = 0
    trying: tuple[int, int] | None = None

    @property
    def done(self) -> int:
        """Return how many tasks have been dealt with."""
        return self.predicted + self.failed + self.left_blank

    def to_checkpoint(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return dict(vars(self))

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any]) -> Progress:
        """Read back what `to_checkpoint` gave, among other things."""
        known = {name: checkpoint[name] for name in cls.__dataclass_fields__ if name in checkpoint}
        return cls(**known)


@dataclass
class Outcome:
    """What came of some tasks: rows to keep, and why others have none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[int, errors.JinbiaoError] = field(default_factory=dict)
    tokens_in: int = 0
    tokens_out: int = 0


class Run:
    """One job's way through the waiting tasks of a project."""

    def __init__(self, work: Work, chosen: Chosen, trained: TrainedModel) -> None:
        self.work = work
        self.chosen = chosen
        self.trained = trained
        self.progress = Progress.of(work.checkpoint)
        self.off = chosen.row.labels_off_values
        self.size = SERVICE_BATCH if chosen.circuit else BATCH[chosen.serves.reads]
        with work.step(BATCH_SECONDS, _("loading the model")):
            self.predictor: Predictor = predictor_of(work.installation, chosen, trained)

    def all(self) -> dict[str, Any]:
        """Go on until no waiting task lacks an answer; return the counts.

        Raises:
            errors.Refused: MOST_IN_A_ROW tasks failed, one after the other.
            errors.Unavailable: the service that is asked is away; the job goes on later.
        """
        database, version = self.work.installation.database, self.trained.model_version
        with database.read() as session:
            left = predictions.count_unpredicted(
                session, self.chosen.project, version, after=self.progress.after
            )
        total = self.progress.done + left
        with database.write() as session:
            # From here on the job can tell its rate and the time that is left.
            self._advance(session, total)
        is_first = True
        while True:
            with database.read() as session:
                batch = predictions.unpredicted(
                    session,
                    self.chosen.project,
                    version,
                    after=self.progress.after,
                    limit=self.size,
                )
                media = tasks.media_of(session, batch)
            if not batch:
                break
            if is_first and self.work.lost:
                self.progress.alone_until = max(self.progress.alone_until, batch[-1].id)
            is_first = False
            if batch[0].id <= self.progress.alone_until:
                self._alone(batch[0], media, total)
                continue
            self._keep(batch, self._outcome(batch, media), total)
        return {
            "predicted": self.progress.predicted,
            "failed": self.progress.failed,
            "left_blank": self.progress.left_blank,
            "failures": self.progress.failures,
        }

    def _alone(self, task: Task, media: Mapping[str, Media], total: int) -> None:
        """Ask about one task at which the process may die; twice, then leave it out."""
        number = 1
        if self.progress.trying is not None and self.progress.trying[0] == task.id:
            number = int(self.progress.trying[1]) + 1
        if number > LOSSES:
            found = Outcome()
            reason = self.work.lost or _("the worker process died")
            found.failures[task.id] = errors.Refused(
                _("the worker was lost at this task: %(reason)s"), reason=reason
            )
        else:
            self.progress.trying = (task.id, number)
            with self.work.installation.database.write() as session:
                self._advance(session, total)
            found = self._outcome([task], media)
        self.progress.trying = None
        self._keep([task], found, total)

    def _keep(self, batch: Sequence[Task], found: Outcome, total: int) -> None:
        progress, project = self.progress, self.chosen.project
        progress.after = batch[-1].id
        progress.predicted += len(found.rows)
        progress.failed += len(found.failures)
        progress.left_blank += len(batch) - len(found.rows) - len(found.failures)
        told = [{"task": each, "reason": str(why)} for each, why in found.failures.items()]
        progress.failures = [*progress.failures, *told][:MOST_LISTED]
        progress.in_a_row = 0 if found.rows else progress.in_a_row + len(found.failures)
        version = self.trained.model_version
        with self.work.installation.database.write() as session:
            self._advance(session, total)
            predictions.add_in_bulk(session, found.rows)
            if found.failures:
                models.fail(session, project, version, found.failures)
            models.clear(session, version, [row["task_id"] for row in found.rows])
            if found.tokens_in or found.tokens_out:
                models.spend(session, self.chosen.row, found.tokens_in, found.tokens_out)
        if progress.in_a_row >= MOST_IN_A_ROW:
            raise errors.Refused(
                _("the model failed %(number)s tasks in a row: %(reason)s"),
                number=progress.in_a_row,
                reason=told[-1]["reason"],
            )

    def _advance(self, session: Any, total: int) -> None:
        checkpoint = {
            **self.work.checkpoint,
            **self.progress.to_checkpoint(),
            "phase": "predicting",
        }
        self.work.advance(session, self.progress.done, max(total, self.progress.done), checkpoint)

    def _outcome(self, batch: Sequence[Task], media: Mapping[str, Media]) -> Outcome:
        """Return what the model says of tasks that the draw has not left blank."""
        found = Outcome()
        items: list[tuple[Task, Item]] = []
        for task in batch:
            if models.is_blank(self.chosen.project, task.id):
                continue
            try:
                items.append((task, self._item(task, media)))
            except errors.JinbiaoError as problem:
                found.failures[task.id] = problem
        if items:
            self._ask(items, found)
        return found

    def _item(self, task: Task, media: Mapping[str, Media]) -> Item:
        installation, chosen = self.work.installation, self.chosen
        return read_item(installation, chosen.serves, chosen.binding.target.key, task, media)

    def _ask(self, items: Sequence[tuple[Task, Item]], found: Outcome) -> None:
        """Ask about all together; where that fails, about each by itself."""
        for pause in (*PAUSES, 0.0):
            try:
                answers = self._answers(items)
            except LeftAlone as problem:
                raise _away(problem) from problem
            except errors.Refused as problem:
                log.info("model %s does not answer: %s", self.chosen.row.id, problem)
                self.work.check()
                time.sleep(pause)
            except errors.JinbiaoError as problem:
                if isinstance(problem, errors.Unavailable):
                    raise
                if len(items) == 1:
                    found.failures[items[0][0].id] = problem
                    return
                break
            else:
                self._take(items, answers, found)
                return
        self._singly(items, found)

    def _singly(self, items: Sequence[tuple[Task, Item]], found: Outcome) -> None:
        unanswered = 0
        for task, item in items:
            try:
                self._take([(task, item)], self._answers([(task, item)]), found)
                unanswered = 0
            except errors.Unavailable:
                raise
            except LeftAlone as problem:
                raise _away(problem) from problem
            except errors.JinbiaoError as problem:
                found.failures[task.id] = problem
                unanswered = unanswered + 1 if isinstance(problem, errors.Refused) else 0
                if unanswered >= MOST_UNANSWERED and self.chosen.circuit:
                    raise _away(problem) from problem
                self.work.check()

    def _answers(self, items: Sequence[tuple[Task, Item]]) -> list[Answer]:
        """Return an answer for each item.

        Raises:
            errors.Invalid: the model cannot read one, or breaks at one.
            errors.Refused: a service does not answer.
        """
        seconds = min(TASK_SECONDS * len(items), BATCH_SECONDS)
        circuit = self.chosen.circuit
        with self.work.step(seconds, _("predicting")):
            try:
                if circuit is None:
                    answers = self.predictor.predict([item for _task, item in items])
                else:
                    with circuits.asking(self.work.installation, circuit):
                        answers = self.predictor.predict([item for _task, item in items])
            except errors.JinbiaoError:
                raise
            except Exception as problem:
                # Whatever a model does wrong, the job goes on; the log has the trace.
                log.warning("model %s broke", self.chosen.row.kind, exc_info=True)
                raise errors.Invalid(
                    _("the model broke: %(kind)s"), kind=type(problem).__name__
                ) from problem
        if len(answers) != len(items):
            raise errors.Invalid(_("the model does not answer each task with one result"))
        return answers

    def _take(
        self, items: Sequence[tuple[Task, Item]], answers: Sequence[Answer], found: Outcome
    ) -> None:
        for (task, item), answer in zip(items, answers, strict=True):
            if answer.usage is not None:
                found.tokens_in += answer.usage.tokens_in
                found.tokens_out += answer.usage.tokens_out
            try:
                found.rows.append(self._row(task, item, answer))
            except errors.Invalid as problem:
                found.failures[task.id] = problem

    def _row(self, task: Task, item: Item, answer: Answer) -> dict[str, Any]:
        """Return the prediction row of one task.

        Raises:
            errors.Invalid: the labelling config does not allow what the model says.
        """
        project = self.chosen.project
        prefix = f"{self.chosen.model.name[:4]}{task.id}_"
        result = to_result(self.chosen.binding, without_labels(answer, self.off), item, prefix)
        check(project, task.data_values, result)
        return {
            "project_id": project.id,
            "task_id": task.id,
            "trained_model_id": self.trained.id,
            "model_version": self.trained.model_version,
            "score": score_of(answer.score),
            "result": msgspec.json.encode(result).decode(),
        }


def _away(problem: errors.JinbiaoError) -> errors.Unavailable:
    """Return what lets the job wait for a service, with the service's own reason."""
    return errors.Unavailable(problem.message, **problem.values)
