"""Estimate what a model saves before anybody sees what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...datasets import benefit, models
from ...datasets.errors import _
from ...datasets.models import Gate, TrainedModel
from .. import estimate
from ..work import Work
from .chosen import Chosen
from .examples import labelled, unlabelled
from .learning import Learned

ESTIMATE_SECONDS = 1800.0
# Each fold trains anew, which takes long with pictures; few examples need all they can get.
FOLDS, MORE_FOLDS, MANY = 3, 5, 20
# Enough for an interval; more would only make people wait.
MOST_ESTIMATED = {"picture": 60, "sound": 60, "text": 1500}


def gate(work: Work, chosen: Chosen, learned: Learned) -> Chosen:
    """Return the chosen model with its gate as the estimate opens or closes it.

    What was measured on people's work with the model counts more than an estimate, and is
    left alone until the weights change.
    """
    report = chosen.row.gate_values
    about = learned.trained.model_version
    if work.checkpoint.get("gated"):
        return _again(work, chosen)
    examples = labelled(work.installation, chosen, MOST_ESTIMATED[chosen.serves.reads])
    is_measured = report.get("method") == "measured"
    is_known = is_measured or len(examples) < 2 * int(report.get("n") or 0)
    if report.get("model_version") == about and is_known:
        return _again(work, chosen)
    with work.installation.database.read() as session:
        share = benefit.clean_share(session, chosen.project)
    with work.installation.database.write() as session:
        work.checkpoint = {**work.checkpoint, "phase": "estimating"}
        work.advance(session, 0, checkpoint=work.checkpoint)
    is_slow = chosen.serves.reads != "text" and len(examples) >= MANY
    folds = FOLDS if is_slow else MORE_FOLDS
    with work.step(ESTIMATE_SECONDS, _("estimating what the model saves")):
        found = estimate.estimate(
            chosen.model,
            examples,
            chosen.binding.target,
            unlabelled=list(unlabelled(work.installation, chosen)),
            given=chosen.given,
            clean_share=share,
            folds=folds,
            tick=work.check,
        )
    with work.installation.database.write() as session:
        row, _project = models.get(session, work.actor, chosen.row.id, "prelabel.run")
        told = {**found.report(), "model_version": about}
        models.set_gate(session, row, found.gate, told, work.actor)
        if found.gate != Gate.CLOSED:
            models.switch_off_labels(session, row, found.labels_off, work.actor)
        if found.saving is not None:
            trained = session.get_one(TrainedModel, learned.trained.id)
            models.score(session, trained, {"saving": _score(told)})
        work.checkpoint = {**work.checkpoint, "gated": True}
        work.advance(session, 0, checkpoint=work.checkpoint)
    return replace(chosen, row=row)


def _again(work: Work, chosen: Chosen) -> Chosen:
    with work.installation.database.read() as session:
        row, _project = models.get(session, work.actor, chosen.row.id, "prelabel.run")
    return replace(chosen, row=row)


def _score(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a model card says of the estimate."""
    score = {name: told[name] for name in ("low", "high", "n", "method", "clean_share")}
    return {"value": told["saving"], **score}
