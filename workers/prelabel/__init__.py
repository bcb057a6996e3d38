"""Let a model label first: train it on what people did, estimate what it saves, then predict."""

from __future__ import annotations

from typing import Any

from ...datasets import ordering, projects
from .. import queues
from ..work import Work
from .chosen import choose, row_of
from .gating import gate
from .learning import weights
from .predicting import Run


def run(work: Work) -> dict[str, Any]:
    """Train, estimate and predict with the project's model that was asked for.

    The request names a `project_model` (or the kind of one, `model`, which is made on first
    use) and may say `train: false` or `predict: false`. Goes on with the same weights after
    the last committed batch when the job begins again. Of a model that would cost people time
    nothing is shown, and the result says so (`shown`).
    """
    installation, project_id = work.installation, int(work.project_id or 0)
    with installation.database.write() as session:
        project = projects.get(session, work.actor, project_id, "prelabel.run")
        row = row_of(session, installation, work.actor, project, work.request)
    chosen = choose(installation, work.actor, project_id, row.id)
    learned = weights(work, chosen, bool(work.request.get("train", True)))
    chosen = gate(work, chosen, learned)
    result: dict[str, Any] = {
        "project_model": row.id,
        "model_version": learned.trained.model_version,
        "weights": learned.trained.weights_digest,
        "examples": learned.examples,
        "kept": learned.kept,
        "gate": chosen.row.gate,
        "shown": chosen.row.is_shown,
    }
    if learned.seconds is not None:
        result["correcting_seconds"] = {"new": learned.seconds[0], "before": learned.seconds[1]}
    if not chosen.row.is_shown or not work.request.get("predict", True):
        return {**result, "predicted": 0, "failed": 0, "failures": []}
    result |= Run(work, chosen, learned.trained).all()
    with installation.database.write() as session:
        order = ordering.after_predictions(session, project, work.actor)
    if order is not None:
        queues.announce(installation, [order.id])
    return result
