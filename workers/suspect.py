"""Find labels that are probably wrong in a project: the suspect job.

Classes and spans of texts: a model learns four fifths of the answers and says what it thinks
of the others, in turns; so classes of pictures too, by their colours and edges. Boxes: from
what a model version has predicted for the same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ..datasets import errors, suspicions
from ..datasets.annotations import Annotation, AnnotationState
from ..datasets.errors import _
from ..datasets.labels import Control
from ..datasets.predictions import Prediction
from ..datasets.projects import Project
from ..datasets.tasks import Task
from . import suspect_pictures
from .models.interface import Choice, Example, Given, Item, Target
from .models.text_classifier import Classifying, TextClassifier
from .work import Work

PARTS = 5
MOST = 20_000  # answers, the newest
LEAST = 50
REACH = 2  # characters to each side that tell what one is
WIDTH = 2**18
PICTURES = "cleanlab; cross-validated colours and edges"


@dataclass(frozen=True)
class Answered:
    """One answer that is looked at."""

    annotation_id: int
    revision: int
    task_id: int
    data: dict[str, Any]
    result: list[dict[str, Any]]


def run(work: Work) -> dict[str, Any]:
    """Score every label of the newest answers and write down what is probably wrong."""
    database = work.installation.database
    with database.read() as session:
        project = session.get_one(Project, int(work.project_id or 0))
        answers = read(session, project)
        if len(answers) < LEAST:
            raise errors.Refused(
                _("it takes at least %(least)s answered tasks to find errors"), least=LEAST
            )
        pictured = _pictured(project)
        if pictured is None:
            method, rows = find(session, project, answers, work.request.get("model_version"))
    if pictured is not None:
        control, key = pictured
        # Reading pictures takes long, and is done outside of a look at the database.
        ids = [each.task_id for each in answers]
        looks = suspect_pictures.looked_at(work, project, key, ids)
        method, rows = PICTURES, of_pictures(control, answers, looks)
    with database.write() as session:
        work.advance(session, len(answers), len(answers))
        number = suspicions.keep(session, project, work.id, rows)
    return {"answers": len(answers), "method": method, "suspicions": number}


def read(session: Session, project: Project) -> list[Answered]:
    """Return the newest answer of each task, skips left out."""
    last = (
        sa.select(sa.func.max(Annotation.id))
        .where(
            Annotation.project_id == project.id,
            Annotation.is_work,
            Annotation.state.in_([AnnotationState.SUBMITTED, AnnotationState.ACCEPTED]),
        )
        .group_by(Annotation.task_id)
    )
    rows = session.execute(
        sa.select(Annotation, Task)
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.id.in_(last))
        .order_by(Annotation.id.desc())
        .limit(MOST)
    )
    return [
        Answered(row.id, row.revision, task.id, task.data_values, row.result_values)
        for row, task in rows
    ]


def find(
    session: Session, project: Project, answers: Sequence[Answered], model_version: str | None
) -> tuple[str, list[dict[str, Any]]]:
    """Return the method that fits the project's config, and the suspicions as rows.

    Raises:
        errors.Refused: no method fits, or boxes come without predictions.
    """
    for control in project.config.controls:
        shown = next(
            (each for each in project.config.objects if each.name in control.to_names), None
        )
        if shown is None:
            continue
        if control.tag == "Choices" and shown.tag == "Text":
            return "cross-validated text_classifier", of_texts(control, shown.key, answers)
        if control.tag == "Labels" and shown.tag == "Text":
            return "cross-validated characters", of_spans(control, shown.key, answers)
        if control.tag == "RectangleLabels":
            rows = _predicted(session, project, model_version)
            return f"predictions {model_version}", of_boxes(control, answers, rows)
    raise errors.Refused(
        _("errors are found in classes of texts and pictures, in spans and in boxes")
    )


def _pictured(project: Project) -> tuple[Control, str] | None:
    """Return the control by which whole pictures get a class, and where the picture is.

    None where texts, or boxes, are asked for before.
    """
    for control in project.config.controls:
        shown = next((o for o in project.config.objects if o.name in control.to_names), None)
        if shown is None:
            continue
        if control.tag == "RectangleLabels" or shown.tag == "Text":
            return None
        if control.tag == "Choices" and shown.tag == "Image" and not control.per_region:
            return control, shown.key
    return None


def of_pictures(
    control: Control, answers: Sequence[Answered], looks: Mapping[int, NDArray[np.float32]]
) -> list[dict[str, Any]]:
    """Suspect the classes of whole pictures; `looks` is what is seen of each task's.

    Raises:
        errors.Refused: too few can be looked at, or their looks do not tell the classes apart.
    """
    known = [
        (each, label[0])
        for each in answers
        if len(label := _choice(control, each.result)) == 1 and each.task_id in looks
    ]
    labels = sorted({label for _each, label in known})
    if len(known) < LEAST or len(labels) < 2:
        raise errors.Refused(
            _("it takes at least %(least)s answered tasks to find errors"), least=LEAST
        )
    given = [labels.index(label) for _each, label in known]
    rows = np.stack([looks[each.task_id] for each, _label in known])
    chances = suspect_pictures.chances(rows, given, len(labels))
    if not suspect_pictures.tells_apart(chances, given):
        raise errors.Refused(
            _("the looks of the pictures do not tell these classes apart: nothing can be suspected")
        )
    return [
        _row(known[doubt.answer][0], _region(control, known[doubt.answer][0]), doubt, PICTURES)
        for doubt in suspicions.of_choices(given, chances, labels)
    ]


def of_texts(control: Control, key: str, answers: Sequence[Answered]) -> list[dict[str, Any]]:
    """Suspect the classes of whole texts."""
    known = [
        (each, label)
        for each in answers
        if len(label := _choice(control, each.result)) == 1 and isinstance(each.data.get(key), str)
    ]
    labels = sorted({label[0] for _each, label in known})
    texts = [str(each.data[key]) for each, _label in known]
    given = [labels.index(label[0]) for _each, label in known]
    chances = chances_of_texts(texts, given, labels)
    method = "cleanlab; cross-validated text_classifier"
    return [
        _row(known[doubt.answer][0], _region(control, known[doubt.answer][0]), doubt, method)
        for doubt in suspicions.of_choices(given, chances, labels)
    ]


def chances_of_texts(
    texts: Sequence[str], given: Sequence[int], labels: Sequence[str]
) -> NDArray[np.float64]:
    """Return the chance of each label for each text by a model that did not learn it."""
    target = Target("text", Choice, tuple(labels))
    parts = np.random.default_rng(0).permutation(len(texts)) % PARTS
    chances = np.full((len(texts), len(labels)), 1e-6)
    for part in range(PARTS):
        learned = [
            Example(Item(texts={"text": texts[place]}), [Choice(labels[given[place]])])
            for place in np.flatnonzero(parts != part)
        ]
        asked = np.flatnonzero(parts == part)
        model = TextClassifier()
        predictor = model.load(model.fit(learned, target), target, Given())
        assert isinstance(predictor, Classifying)
        found = predictor.chances([texts[place] for place in asked])
        columns = np.array([labels.index(label) for label in predictor.labels])
        chances[np.ix_(asked, columns)] = found
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def of_spans(control: Control, key: str, answers: Sequence[Answered]) -> list[dict[str, Any]]:
    """Suspect stretches of texts: of the wrong class, missing, or marked without cause."""
    known = [each for each in answers if isinstance(each.data.get(key), str) and each.data[key]]
    labels = ["", *sorted({label for each in known for *_, label in _spans(control, each.result)})]
    given = []
    for each in known:
        row = [0] * len(each.data[key])
        for start, end, label in _spans(control, each.result):
            row[start:end] = [labels.index(label)] * len(row[start:end])
        given.append(row)
    chances = chances_of_characters([each.data[key] for each in known], given, len(labels))
    rows = []
    for answer, start, end, doubt in suspicions.of_characters(given, chances, labels):
        each = known[answer]
        region = next(
            (
                str(found.get("id") or "")
                for found in each.result
                if _covers(found.get("value") or {}, start, end)
            ),
            "",
        )
        words = each.data[key][start:end]
        found_row = _row(each, region, doubt, "cleanlab; cross-validated characters")
        # What is said of a stretch is told with its words.
        found_row["label"] = f"{words}: {doubt.label}" if doubt.label else words
        rows.append(found_row)
    return rows


def chances_of_characters(
    texts: Sequence[str], given: Sequence[Sequence[int]], number: int
) -> list[NDArray[np.float64]]:
    """Return the chance of each class for each character, by a model that did not learn the text.

    Logistic regression on the characters around and their pairs: quick, and enough to rank.
    """
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import SGDClassifier

    hasher = FeatureHasher(WIDTH, input_type="string")
    parts = np.random.default_rng(0).permutation(len(texts)) % PARTS
    features = [hasher.transform(_around(text)) for text in texts]
    chances: list[NDArray[np.float64]] = [np.zeros((0, number))] * len(texts)
    from scipy import sparse

    for part in range(PARTS):
        learned = np.flatnonzero(parts != part)
        model = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0, max_iter=20, tol=1e-3)
        model.fit(
            sparse.vstack([features[place] for place in learned]),
            np.concatenate([np.asarray(given[place]) for place in learned]),
        )
        for place in np.flatnonzero(parts == part):
            found = np.full((len(texts[place]), number), 1e-6)
            found[:, model.classes_] = model.predict_proba(features[place])
            chances[place] = found / found.sum(axis=1, keepdims=True)
    return chances


def of_boxes(
    control: Control,
    answers: Sequence[Answered],
    predicted: dict[int, list[tuple[str, tuple[float, float, float, float], float]]],
) -> list[dict[str, Any]]:
    """Suspect boxes and objects that nobody drew, in the pictures that have predictions."""
    known = [each for each in answers if each.task_id in predicted]
    if not known:
        raise errors.Refused(_("no picture has both an answer and predictions of this model"))
    boxes = [_boxes(control, each.result) for each in known]
    names = {label for found in boxes for _r, label, _c in found}
    names |= {label for rows in predicted.values() for label, _c, _s in rows}
    labels = sorted(names)
    given = [
        (
            np.array([corners for _r, _l, corners in found], float).reshape(-1, 4),
            [labels.index(label) for _r, label, _c in found],
        )
        for found in boxes
    ]
    said = [
        [(labels.index(label), c, s) for label, c, s in predicted[each.task_id]] for each in known
    ]
    method = "cleanlab; boxes of a model version"
    rows = []
    for doubt in suspicions.of_boxes(given, said, labels):
        region = "" if doubt.region is None else boxes[doubt.answer][doubt.region][0]
        rows.append(_row(known[doubt.answer], region, doubt, method))
    return rows


def _predicted(
    session: Session, project: Project, model_version: str | None
) -> dict[int, list[tuple[str, tuple[float, float, float, float], float]]]:
    if not model_version:
        raise errors.Refused(_("say which model version's predictions the boxes are held against"))
    rows = session.execute(
        sa.select(Prediction.task_id, Prediction.result, Prediction.score).where(
            Prediction.project_id == project.id, Prediction.model_version == model_version
        )
    )
    found = {}
    for task_id, _result, score in rows:
        found[task_id] = [
            (label, corners, float(region.get("score") or score or 1.0))
            for region, label, corners in _regions_of(Prediction(result=_result).result_values)
        ]
    return found


def _row(each: Answered, region: str, doubt: suspicions.Doubt, method: str) -> dict[str, Any]:
    return {
        "task_id": each.task_id,
        "annotation_id": each.annotation_id,
        "revision": each.revision,
        "region_id": region,
        "label": doubt.label,
        "suggested": doubt.suggested,
        "score": doubt.score,
        "method": method,
    }


def _choice(control: Control, result: Sequence[dict[str, Any]]) -> list[str]:
    for region in result:
        if region.get("from_name") == control.name:
            return list((region.get("value") or {}).get("choices") or [])
    return []


def _region(control: Control, each: Answered) -> str:
    found = (r for r in each.result if r.get("from_name") == control.name)
    return str(next(found, {}).get("id") or "")


def _spans(control: Control, result: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [
        (int(value["start"]), int(value["end"]), str(value["labels"][0]))
        for region in result
        if region.get("from_name") == control.name
        and (value := region.get("value") or {}).get("labels")
    ]


def _covers(value: dict[str, Any], start: int, end: int) -> bool:
    return "start" in value and value["start"] < end and value["end"] > start


def _boxes(
    control: Control, result: Sequence[dict[str, Any]]
) -> list[tuple[str, str, tuple[float, float, float, float]]]:
    mine = [region for region in result if region.get("from_name") == control.name]
    return [
        (str(region.get("id") or ""), label, corners)
        for region, label, corners in _regions_of(mine)
    ]


def _regions_of(
    result: Sequence[dict[str, Any]],
) -> list[tuple[dict[str, Any], str, tuple[float, float, float, float]]]:
    found = []
    for region in result:
        value = region.get("value") or {}
        told = value.get("rectanglelabels")
        if told:
            x, y = float(value["x"]), float(value["y"])
            corners = (x, y, x + float(value["width"]), y + float(value["height"]))
            found.append((region, str(told[0]), corners))
    return found


def _around(text: str) -> list[list[str]]:
    """Return for each character what stands around it, as texts."""
    padded = "^" * REACH + text + "$" * REACH
    rows = []
    for place in range(len(text)):
        at = place + REACH
        one = [f"{step}={padded[at + step]}" for step in range(-REACH, REACH + 1)]
        two = [f"{step}={padded[at + step : at + step + 2]}" for step in range(-REACH, REACH)]
        rows.append([*one, *two])
    return rows
