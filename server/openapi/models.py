"""Describe the routes of a project's models."""

from __future__ import annotations

from .operations import GONE, WORDS, Answers, Operation, made, ok, query
from .schemas import FLAG, INTEGER, OBJECT, POSITIVE, TEXT, form, listed, ref

_LATER: Answers = {202: ref("Job")}
_GIVEN = {"title": TEXT, "options": OBJECT, "secret": TEXT, "train_after": INTEGER}
_CHANGE = form(**_GIVEN, is_on=FLAG, gate_overridden=FLAG, labels_off=WORDS)

OPERATIONS: dict[str, Operation] = {
    "models_api.index_kinds": Operation(ok(listed(ref("ModelKind"))), query(project=INTEGER)),
    "models_api.index": Operation(ok(listed(ref("ProjectModel")))),
    "models_api.create": Operation(
        made(ref("ProjectModel")), body=form(("kind",), kind=TEXT, **_GIVEN), takes_files=True
    ),
    "models_api.show": Operation(ok(ref("ProjectModel"))),
    "models_api.change": Operation(ok(ref("ProjectModel")), body=_CHANGE),
    "models_api.delete": Operation(GONE),
    "models_api.put_file": Operation(ok(ref("ProjectModel")), query(name=TEXT), takes_files=True),
    "models_api.train": Operation(_LATER, body=OBJECT),
    "models_api.predict": Operation(_LATER, body=form(train=FLAG)),
    "models_api.trainings": Operation(ok(listed(ref("ModelTraining")))),
    "models_api.card": Operation(ok(OBJECT)),
    "models_api.failures": Operation(
        ok(listed(ref("PredictionFailure"))),
        query(after=INTEGER, page_size=POSITIVE, model=TEXT),
    ),
    "models_api.retry": Operation(_LATER, body=form(project_model=INTEGER, backend=INTEGER)),
}
