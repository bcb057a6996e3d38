"""Train a project's model, keep the new weights only where they are better, and say so."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...datasets import audit, errors, learning, models
from ...datasets.errors import _
from ...datasets.models import TrainedModel, TrainedState
from ..models import costs
from ..models.interface import Predictor
from ..work import Work
from .chosen import Chosen, predictor_of, weights_digest
from .examples import Examples, labelled, unlabelled

log = logging.getLogger("jinbiao.prelabel")

FIT_SECONDS = 1800.0
# From so many labelled tasks on, every fifth by lot is held back to compare trainings with.
LEAST_TO_HOLD_BACK = 20
HELD_BACK = 5


@dataclass(frozen=True)
class Learned:
    """What a training came to: the weights in use, and whether they are the new ones.

    `seconds` is what correcting their answers on the held-back tasks would take people, new
    and old weights; None where there was nothing to compare.
    """

    trained: TrainedModel
    examples: int
    is_new: bool = False
    kept: bool = True
    seconds: tuple[float, float] | None = None


def weights(work: Work, chosen: Chosen, wants_training: bool) -> Learned:
    """Return the weights for a job: trained now, found again after a crash, or those in use.

    Raises:
        errors.Refused: there are too few examples to learn from.
    """
    database = work.installation.database
    if "trained_model" in work.checkpoint:
        with database.read() as session:
            trained = session.get_one(TrainedModel, int(work.checkpoint["trained_model"]))
        kept = work.checkpoint.get("kept", True)
        return Learned(trained, trained.examples, is_new=True, kept=kept)
    if chosen.model.least_examples is None:
        return Learned(_register(work, chosen, weights_digest(chosen), 0), 0)
    with database.read() as session:
        present = models.of_model(session, chosen.row)
    if present is not None and not (wants_training and present.version == chosen.model.version):
        if present.version == chosen.model.version:
            return Learned(present, present.examples)
        present = None
    return _train(work, chosen, present)


def held_back(task_ids: Sequence[int]) -> set[int]:
    """Return the tasks that no weights may learn from: always the same, by lot."""
    if len(task_ids) < LEAST_TO_HOLD_BACK:
        return set()
    drawn = {number: hashlib.sha256(f"held back {number}".encode()).digest() for number in task_ids}
    return {number for number, digest in drawn.items() if digest[0] % HELD_BACK == 0}


def _train(work: Work, chosen: Chosen, present: TrainedModel | None) -> Learned:
    _phase(work, "training")
    examples = labelled(work.installation, chosen)
    least = chosen.model.least_examples or 0
    if not examples and least == 0:
        trained = _register(work, chosen, "", 0)
        _use(work, chosen, trained)
        return Learned(trained, 0, is_new=True)
    if len(examples) < least:
        raise errors.Refused(
            _("the model learns from at least %(least)s labelled tasks; there are %(number)s"),
            least=least,
            number=len(examples),
        )
    told = examples.digest
    with work.installation.database.read() as session:
        last = models.newest(session, chosen.project, chosen.model.name, chosen.model.version)
    if present is not None and last is not None and _basis(last).get("digest") == told:
        # Nothing new to learn from: the same examples give the same weights.
        return Learned(present, present.examples, kept=last.state == TrainedState.KEPT)
    kept_apart = held_back(examples.task_ids)
    basis = examples.only(set(examples.task_ids) - kept_apart)
    pool = unlabelled(work.installation, chosen)
    with work.step(FIT_SECONDS, _("training")):
        content = chosen.model.fit(basis, chosen.binding.target, pool)
    digest = work.installation.store.put_bytes(content).digest
    trained = _register(work, chosen, digest, len(basis), basis.task_ids, told)
    seconds = None
    kept = True
    if present is not None and present.id != trained.id:
        # What the weights in use have learned from says nothing of them.
        kept_apart -= set(_basis(present).get("tasks", ()))
    if present is not None and present.id != trained.id and kept_apart:
        apart = examples.only(kept_apart)
        _phase(work, "comparing")
        with work.step(FIT_SECONDS, _("comparing with the weights in use")):
            seconds = (
                _seconds(predictor_of(work.installation, chosen, trained), apart),
                _seconds(predictor_of(work.installation, chosen, present), apart),
            )
        kept = seconds[0] < seconds[1]
    if kept:
        _use(work, chosen, trained)
        return Learned(trained, len(basis), True, True, seconds)
    assert present is not None
    with work.installation.database.write() as session:
        row, _project = models.get(session, work.actor, chosen.row.id, "prelabel.run")
        answers = learning.answers(session, chosen.project.id)
        models.reject(session, row, session.get_one(TrainedModel, trained.id), answers)
        checkpoint = {**work.checkpoint, "trained_model": present.id, "kept": False, "after": 0}
        work.advance(session, 0, checkpoint=checkpoint)
        _record(work, session, chosen, trained, kept=False)
    return Learned(present, present.examples, True, False, seconds)


def _basis(trained: TrainedModel) -> dict[str, Any]:
    """Return what the card says of the examples."""
    return dict(trained.card_values.get("trained_on", {}))


def _seconds(predictor: Predictor, examples: Examples) -> float:
    """Return the seconds that people would need to correct a model's answers."""
    total = 0.0
    for example in examples:
        (answer,) = predictor.predict([example.item])
        total += costs.helped(example.marks, answer.marks)
    return total


def _register(
    work: Work,
    chosen: Chosen,
    digest: str,
    examples: int,
    task_ids: Sequence[int] = (),
    examples_digest: str = "",
) -> TrainedModel:
    """Write a training down, with its card."""
    basis: dict[str, Any] = {"project": chosen.project.id, "examples": examples}
    if examples_digest:
        basis["digest"] = examples_digest
    if 0 < len(task_ids) < LEAST_TO_HOLD_BACK:
        # So few that none was held back.
        basis["tasks"] = list(task_ids)
    card = {**chosen.model.card(), "weights": digest, "trained_on": basis}
    card.pop("options", None)
    with work.installation.database.write() as session:
        trained = models.register(
            session,
            chosen.project,
            name=chosen.model.name,
            version=chosen.model.version,
            weights_digest=digest,
            examples=examples,
            state=TrainedState.KEPT,
            card=card,
            job_id=work.id,
        )
        if chosen.model.least_examples is None and chosen.row.trained_model_id != trained.id:
            row, _project = models.get(session, work.actor, chosen.row.id, "prelabel.run")
            models.use(session, row, trained, 0)
        return trained


def _use(work: Work, chosen: Chosen, trained: TrainedModel) -> None:
    with work.installation.database.write() as session:
        row, _project = models.get(session, work.actor, chosen.row.id, "prelabel.run")
        answers = learning.answers(session, chosen.project.id)
        models.use(session, row, session.get_one(TrainedModel, trained.id), answers)
        checkpoint = {**work.checkpoint, "trained_model": trained.id, "kept": True, "after": 0}
        work.advance(session, 0, checkpoint=checkpoint)
        _record(work, session, chosen, trained, kept=True)
    work.checkpoint = checkpoint


def _record(work: Work, session: Any, chosen: Chosen, trained: TrainedModel, *, kept: bool) -> None:
    audit.record(
        session,
        work.actor,
        "prelabel.train",
        f"project/{chosen.project.id}",
        model=trained.model_version,
        weights=trained.weights_digest,
        examples=trained.examples,
        kept=kept,
    )


def _phase(work: Work, name: str) -> None:
    with work.installation.database.write() as session:
        work.checkpoint = {**work.checkpoint, "phase": name}
        work.advance(session, 0, checkpoint=work.checkpoint)
