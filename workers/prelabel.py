"""Let a model label first: train it on what people did, then predict what waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import cv2
import msgspec
import numpy as np

from ..datasets import audit, errors, labels, predictions, projects, reviews, tasks
from ..datasets.errors import _
from ..datasets.labels import Control
from ..datasets.predictions import TrainedModel
from ..datasets.projects import Project
from ..datasets.tasks import Media, Task
from .models import MODELS
from .models.interface import Box, Example, Model, Picture, Predictor
from .work import Work

log = logging.getLogger("jinbiao.prelabel")

BATCH = 16
# Enough for a small classifier; more would only make the training slow.
MAXIMUM_EXAMPLES = 400


def run(work: Work) -> dict[str, Any]:
    """Train the requested `model` on the people's boxes and predict every waiting task.

    Goes on with the same weights after the last committed batch when the job begins
    again. The result counts `predicted` and `failed`, and names the model version.
    """
    model = MODELS.get(str(work.request.get("model")))
    if model is None:
        raise errors.Invalid(_("must be one of %(names)s"), place="model", names=", ".join(MODELS))
    database = work.installation.database
    with database.read() as session:
        project = projects.get(session, work.actor, int(work.project_id or 0), "prelabel.run")
    control = box_control(project, model)
    trained = _trained(work, project, model, control)
    weights = (
        work.installation.store.read(trained.weights_digest) if trained.weights_digest else None
    )
    predictor = model.load(weights)
    with database.read() as session:
        total = predictions.count_unpredicted(session, project, trained.model_version)
    return _predict(work, project, model, control, trained, predictor, total)


def box_control(project: Project, model: Model) -> Control:
    """Return the control that the model's boxes belong to.

    Raises:
        errors.Refused: the project's config does not show what the model needs.
    """
    missing = [key for key in model.inputs if key not in project.data_keys]
    if missing:
        raise errors.Refused(
            _("the model %(model)s needs the data %(keys)s, which the config does not show"),
            model=model.name,
            keys=", ".join(missing),
        )
    shown = {item.name for item in project.config.objects if item.key == model.inputs[0]}
    for control in project.config.controls:
        if control.tag == "RectangleLabels" and shown & set(control.to_names):
            return control
    raise errors.Refused(_("the config has no RectangleLabels on the picture"))


def _trained(work: Work, project: Project, model: Model, control: Control) -> TrainedModel:
    """Return the model for this job: trained once, found again after a crash."""
    database = work.installation.database
    if "trained_model" in work.checkpoint:
        with database.read() as session:
            return session.get_one(TrainedModel, int(work.checkpoint["trained_model"]))
    with database.read() as session:
        rows = reviews.labelled(session, project, MAXIMUM_EXAMPLES)
    digest = ""
    if rows:
        examples = _examples(work, model, control, project, rows)
        digest = work.installation.store.put_bytes(model.fit(examples)).digest
    with database.write() as session:
        trained = predictions.register_model(
            session,
            project,
            name=model.name,
            version=model.version,
            weights_digest=digest,
            examples=len(rows),
        )
        work.advance(session, 0, checkpoint={"trained_model": trained.id, "after": 0})
        audit.record(
            session,
            work.actor,
            "prelabel.train",
            f"project/{project.id}",
            model=trained.model_version,
            weights=digest,
            examples=len(rows),
        )
    return trained


def _examples(
    work: Work, model: Model, control: Control, project: Project, rows: list[tuple[Task, str]]
) -> Iterator[Example]:
    with work.installation.database.read() as session:
        media = tasks.media_of(session, [task for task, _result in rows])
    for task, result in rows:
        try:
            images = _pictures(work, task, model, media)
        except errors.Invalid as problem:
            log.warning("task %s is no example: %s", task.id, problem)
            continue
        boxes = [
            Box(box.labels[0] if box.labels else "", box.x, box.y, box.width, box.height)
            for box in labels.boxes(project.config, msgspec.json.decode(result))
            if box.object in control.to_names and not box.rotation
        ]
        yield Example(images, boxes)


def _predict(
    work: Work,
    project: Project,
    model: Model,
    control: Control,
    trained: TrainedModel,
    predictor: Predictor,
    total: int,
) -> dict[str, Any]:
    database = work.installation.database
    after = int(work.checkpoint.get("after", 0))
    predicted = int(work.checkpoint.get("predicted", 0))
    total += predicted
    failures: list[dict[str, Any]] = list(work.checkpoint.get("failures", []))
    failed = int(work.checkpoint.get("failed", 0))
    while True:
        with database.read() as session:
            batch = predictions.unpredicted(
                session, project, trained.model_version, after=after, limit=BATCH
            )
            media = tasks.media_of(session, batch)
        if not batch:
            break
        rows = []
        for task in batch:
            try:
                rows.append(_answer(work, project, model, control, trained, predictor, task, media))
            except errors.Invalid as problem:
                failed += 1
                failures = [*failures, {"task": task.id, "reason": str(problem)}][:100]
        after = batch[-1].id
        predicted += len(rows)
        checkpoint = {
            "trained_model": trained.id,
            "after": after,
            "predicted": predicted,
            "failed": failed,
            "failures": failures,
        }
        with database.write() as session:
            work.advance(session, predicted + failed, total, checkpoint)
            predictions.add_in_bulk(session, rows)
    return {
        "model_version": trained.model_version,
        "weights": trained.weights_digest,
        "examples": trained.examples,
        "predicted": predicted,
        "failed": failed,
        "failures": failures,
    }


def _answer(
    work: Work,
    project: Project,
    model: Model,
    control: Control,
    trained: TrainedModel,
    predictor: Predictor,
    task: Task,
    media: dict[str, Media],
) -> dict[str, Any]:
    """Return the prediction row of one task."""
    images = _pictures(work, task, model, media)
    height, width = images[model.inputs[0]].shape[:2]
    shown = next(
        item.name
        for item in project.config.objects
        if item.key == model.inputs[0] and item.name in control.to_names
    )
    boxes = predictor.predict(images)
    regions = [
        labels.make_box_region(
            control,
            shown,
            box.label if box.label in control.label_set else "",
            max(box.x, 0.0),
            max(box.y, 0.0),
            min(box.width, width - max(box.x, 0.0)),
            min(box.height, height - max(box.y, 0.0)),
            width,
            height,
            round(box.score, 4),
            f"{model.name[:4]}{task.id}_{number}",
        )
        for number, box in enumerate(boxes, 1)
    ]
    return {
        "project_id": project.id,
        "task_id": task.id,
        "trained_model_id": trained.id,
        "model_version": trained.model_version,
        "score": round(float(np.mean([box.score for box in boxes])), 4) if boxes else None,
        "result": msgspec.json.encode(regions).decode(),
    }


def _pictures(work: Work, task: Task, model: Model, media: dict[str, Media]) -> dict[str, Picture]:
    """Decode the task's pictures as readers see them (upright, 8 bit)."""
    images: dict[str, Picture] = {}
    for key in model.inputs:
        digest = tasks.media_digest(task.data_values.get(key))
        if digest is None or digest not in media:
            raise errors.Invalid(_("the task has no stored picture “%(key)s”"), key=key)
        shown = media[digest].display_digest or digest
        content = np.frombuffer(work.installation.store.read(shown), dtype=np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise errors.Invalid(_("the picture “%(key)s” cannot be decoded"), key=key)
        if picture.ndim == 3:
            picture = cv2.cvtColor(
                picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
            )
        images[key] = picture
    return images
