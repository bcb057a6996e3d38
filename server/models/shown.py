"""Say what a project's models are: for the API, and with all that their page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ...datasets import circuits, jobs, models
from ...datasets.circuits import Circuit
from ...datasets.connections import backends
from ...datasets.jobs import Job
from ...datasets.models import PredictionFailure, ProjectModel, TrainedModel
from ...datasets.projects import Project
from ...workers.models.language_model import cost
from .. import payloads
from ..wording import job_error
from . import kinds
from .kinds import Kind

SIGNS = ("¥", "￥", "$", "€", "£")  # that stand before an amount
RECENT = 60  # jobs of the project among which those of a model are looked for


@dataclass(frozen=True)
class Shown:
    """A project's model with what there is to say of it."""

    row: ProjectModel
    kind: Kind | None
    # The weights in use, and what came of the last training.
    trained: TrainedModel | None
    last: TrainedModel | None
    # Tasks for which it has no answer.
    failures: int
    # The newest job that trained it or let it predict.
    job: Job | None
    # Why and until when the service that it asks is left alone.
    circuit: Circuit | None = None

    @property
    def title(self) -> dict[str, str] | str:
        """Return what to call it: its own title or that of its kind."""
        if self.row.title or self.kind is None:
            return self.row.title or self.row.kind
        title: dict[str, str] = self.kind.card["title"]
        return title

    @property
    def price(self) -> str | None:
        """Return what the tokens cost by the prices given, None where none are."""
        found = cost(self.row.option_values, self.row.tokens_in, self.row.tokens_out)
        if found is None:
            return None
        amount, currency = found
        return f"{currency}{amount:.2f}" if currency in SIGNS else f"{amount:.2f} {currency}"

    @property
    def tokens(self) -> int:
        """Count what a paid service has counted."""
        return self.row.tokens_in + self.row.tokens_out


def gathered(session: Session, project: Project, rows: list[ProjectModel]) -> list[Shown]:
    """Gather what there is to say of models of a project, by a few questions for all."""
    trained = models.trained(session, project)
    by_id = {each.id: each for each in trained}
    newest: dict[str, TrainedModel] = {}
    for each in trained:
        newest.setdefault(each.name, each)
    failed = models.count_failures(session, project)
    started: dict[int, Job] = {}
    for job in jobs.recent(session, project_id=project.id, limit=RECENT):
        if job.kind == "prelabel":
            started.setdefault(job.request_values.get("project_model", 0), job)
    alone = circuits.left_alone(session, [f"model/{row.id}" for row in rows])
    found = []
    for row in rows:
        used = by_id.get(row.trained_model_id or 0) or models.of_model(session, row)
        found.append(
            Shown(
                row,
                kinds.get(row.kind, project.config, row.option_values),
                used,
                newest.get(row.kind),
                failed.get(used.model_version, 0) if used else 0,
                started.get(row.id),
                alone.get(f"model/{row.id}"),
            )
        )
    return found


def names(session: Session, project: Project) -> dict[str, Any]:
    """Return what people call the models and backends of a project, by the names that
    failures carry."""
    found: dict[str, Any] = {
        f"backend/{row.id}": row.title or row.url for row in backends.of_project(session, project)
    }
    for each in gathered(session, project, models.of_project(session, project)):
        if each.trained is not None:
            found[each.trained.model_version] = each.title
    return found


def model(shown: Shown) -> dict[str, Any]:
    """Return a model as the API tells it; its secret is never told."""
    row = shown.row
    return {
        "id": row.id,
        "project": row.project_id,
        "kind": row.kind,
        "title": row.title,
        "options": row.option_values,
        "secret_is_set": bool(row.secret),
        "file_name": row.file_name,
        "file_digest": row.file_digest,
        "is_on": row.is_on,
        "is_shown": row.is_shown,
        "gate": row.gate,
        "gate_overridden": row.gate_overridden,
        "gate_report": row.gate_values,
        "labels_off": row.labels_off_values,
        "train_after": row.train_after,
        "answers_at_training": row.answers_at_training,
        "trained_model": row.trained_model_id,
        "model_version": shown.trained.model_version if shown.trained else None,
        "problem": job_error(row.problem) or None,
        "failures": shown.failures,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "cost": shown.price,
        "created_at": payloads.time(row.created_at),
        "updated_at": payloads.time(row.updated_at),
    }


def training(row: TrainedModel, used: int | None) -> dict[str, Any]:
    """Return what a model was trained to; `used` is the number of the one in use."""
    return {
        "id": row.id,
        "name": row.name,
        "version": row.version,
        "model_version": row.model_version,
        "weights_digest": row.weights_digest,
        "examples": row.examples,
        "state": row.state,
        "is_used": row.id == used,
        "card": row.card_values,
        "job": row.job_id,
        "created_at": payloads.time(row.created_at),
    }


def failed(
    session: Session, project: Project, *, model: str | None, after: int, limit: int
) -> list[PredictionFailure]:
    """List a project's failures by task from after a task, each task with all of its own."""
    rows = models.failures(session, project, model=model, after=after, limit=limit)
    if model is not None or len(rows) < limit:
        return rows
    # The next page begins after the last task, so that no failure of it may be missing here.
    last = rows[-1].task_id
    of_last = models.failures_of_tasks(session, [last])[last]
    whole = sorted(of_last, key=lambda row: row.model)
    return [row for row in rows if row.task_id != last] + whole


def failure(row: PredictionFailure) -> dict[str, Any]:
    """Return why a model has no answer for a task, in the reader's language."""
    return {
        "task": row.task_id,
        "model": row.model,
        "reason": job_error(row.reason),
        "created_at": payloads.time(row.created_at),
    }


def card(shown: Shown) -> dict[str, Any]:
    """Return a model's card: what it is and was trained to, data, scores, licence."""
    kind = dict(shown.kind.card) if shown.kind else {}
    kind.pop("options", None)
    used = shown.trained
    return {
        "kind": shown.row.kind,
        **kind,
        "version": used.version if used else None,
        "model_version": used.model_version if used else None,
        "weights_digest": used.weights_digest if used else None,
        "file_digest": shown.row.file_digest,
        "examples": used.examples if used else None,
        "trained_at": payloads.time(used.created_at) if used else None,
        "training": used.card_values if used else {},
        "gate": {"state": shown.row.gate, **shown.row.gate_values},
        "labels_off": shown.row.labels_off_values,
    }
