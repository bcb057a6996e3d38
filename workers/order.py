"""Order a project's tasks as its sampling says: the order job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from ..datasets import assignments, audit, errors, models, ordering, projects, tasks
from ..datasets.models import ProjectModel
from ..datasets.ordering import Known
from ..datasets.projects import Project
from ..datasets.tasks import Task
from .items import read_item
from .models import MODELS
from .models.interface import Answer, Item
from .prelabel.chosen import Chosen, choose, predictor_of
from .work import Work

# Models whose answers carry features by which tasks can be compared.
WITH_FEATURES = ("image_classes", "text_classifier")
# Tasks read at once.
BATCH = {"picture": 16, "sound": 4, "text": 500}


def run(work: Work) -> dict[str, Any]:
    """Write the order of the waiting tasks: by id, by lot, or what teaches models most first.

    Safe to run again: the same answers of models give the same order. The result says by what
    the tasks were ordered, how many were moved, how many had an answer and how many features.
    """
    database = work.installation.database
    with database.read() as session:
        project = projects.get(session, work.actor, int(work.project_id or 0), "prelabel.run")
        sampling = project.option("sampling")
    told: dict[str, Any] = {"sampling": sampling}
    if sampling == ordering.UNCERTAINTY:
        order, found = _by_uncertainty(work, project)
        places, told = ordering.before_everything(order), {**told, **found}
    elif sampling == ordering.UNIFORM:
        places = _by_lot(work, project)
    else:
        places = {}
    return {**told, "moved": _write(work, project, places)}


def _by_lot(work: Work, project: Project) -> dict[int, int]:
    seed = int(work.request.get("seed") or project.id)
    with work.installation.database.read() as session:
        return ordering.shuffle(ordering.waiting(session, project, limit=None), seed)


def _by_uncertainty(work: Work, project: Project) -> tuple[list[int], dict[str, Any]]:
    """Return the tasks that a model has answered, what teaches most first.

    Among them stand those that the draw leaves without pre-labels, as doubtful as the model
    itself finds them, or as another one by lot: else the two arms would not be comparable.
    """
    with work.installation.database.read() as session:
        waiting = ordering.waiting(session, project)
        known = ordering.known(session, project, waiting)
        chosen = _model(session, work, project)
    blank = {t for t in waiting if known and t not in known and models.is_blank(project, t)}
    ids = [task_id for task_id in waiting if task_id in known or task_id in blank]
    answers = {} if chosen is None else _answers(work, chosen, ids)
    lots = sorted(each.score for each in known.values() if each.score is not None)
    ordered = []
    for number in ids:
        answer = answers.get(number, Answer(()))
        if number in blank:
            drawn = lots[ordering.by_lot(number, project.id) % len(lots)] if lots else None
            known[number] = Known(score=drawn if answer.score is None else answer.score)
        ordered.append(replace(known[number], features=answer.features))
    told = {
        "tasks": len(ids),
        "without_prediction": len(waiting) - len(ids),
        "left_blank": len(blank),
        "features": sum(each.features is not None for each in ordered),
        "features_of": None if chosen is None else chosen.row.kind,
    }
    return [ids[place] for place in ordering.most_telling(ordered)], told


def _model(session: Session, work: Work, project: Project) -> Chosen | None:
    """Return the project's model that has features and weights, ready to be loaded."""
    for row in models.of_project(session, project):
        if row.is_on and row.kind in WITH_FEATURES and row.trained_model_id is not None:
            return _chosen(work, project, row)
    return None


def _chosen(work: Work, project: Project, row: ProjectModel) -> Chosen | None:
    if row.kind not in MODELS:
        return None
    try:
        return choose(work.installation, work.actor, project.id, row.id)
    except errors.Refused:
        # The labelling config was changed: the tasks are ordered without it.
        return None


def _answers(work: Work, chosen: Chosen, task_ids: Sequence[int]) -> dict[int, Answer]:
    """Return task id → what a model says of it now, but for its marks; of what can be read."""
    database = work.installation.database
    with database.read() as session:
        trained = models.of_model(session, chosen.row)
    if trained is None:
        return {}
    predictor = predictor_of(work.installation, chosen, trained)
    size = BATCH[chosen.serves.reads]
    found: dict[int, Answer] = {}
    for start in range(0, len(task_ids), size):
        part = task_ids[start : start + size]
        with database.read() as session:
            rows = tasks.by_ids(session, chosen.project, part)
        items = _items(work, chosen, rows)
        answers = predictor.predict(list(items.values())) if items else []
        for task_id, answer in zip(items, answers, strict=True):
            found[task_id] = Answer((), answer.score, answer.features)
        with database.write() as session:
            work.advance(session, start + len(part), len(task_ids))
    return found


def _items(work: Work, chosen: Chosen, rows: Sequence[Task]) -> dict[int, Item]:
    """Return task id → what a model sees of it; what cannot be read is left out."""
    with work.installation.database.read() as session:
        media = tasks.media_of(session, rows)
    found = {}
    for task in rows:
        try:
            found[task.id] = read_item(
                work.installation, chosen.serves, chosen.binding.target.key, task, media
            )
        except errors.JinbiaoError:
            continue
    return found


def _write(work: Work, project: Project, places: dict[int, int]) -> int:
    """Write an order in slices, between which people take tasks; return how many moved."""
    database = work.installation.database
    with database.read() as session:
        moves = ordering.plan(session, project, places)
    moved = done = 0
    for part in ordering.slices(moves):
        with database.write() as session:
            moved += ordering.set_priorities(session, project, part)
            done += len(part)
            work.advance(session, done, len(moves))
            assignments.forget_places(session, project)
    with database.write() as session:
        audit.record(session, work.actor, "task.order", f"project/{project.id}", moved=moved)
    return moved
