"""Describe the routes that tell how much people and models agree."""

from __future__ import annotations

from .operations import Operation, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    Schema,
    listed,
    mapping,
    maybe,
    record,
    ref,
)

_MATRIX = listed(listed(maybe(NUMBER)))
# One number, or one for each label where `per_label` is asked for.
_SCORE: Schema = {"anyOf": [maybe(NUMBER), mapping(NUMBER)]}
_SCORES = record(agreement=mapping(_SCORE))
_PER_LABEL = query(per_label=FLAG)
_OF_SOME = query(ids=TEXT, per_label=FLAG)
# By their pseudonyms alone to who is not to know them.
_STRANGER = record(
    id={"type": "null"},
    first_name=TEXT,
    last_name=TEXT,
    email=TEXT,
    avatar={"type": "null"},
    initials=TEXT,
)
_PEOPLE = listed({"anyOf": [ref("PersonWithInitials"), _STRANGER]})

OPERATIONS: dict[str, Operation] = {
    "agreement.of_task": Operation(
        ok(
            record(
                total_annotations=INTEGER,
                agreement=maybe(NUMBER),
                controls=mapping(maybe(NUMBER)),
                distributions=mapping(
                    record(
                        ("average", "count"),
                        type=TEXT,
                        labels=mapping(INTEGER),
                        average=NUMBER,
                        count=INTEGER,
                    )
                ),
                matrix=_MATRIX,
                users=_PEOPLE,
            )
        )
    ),
    "agreement.matrix_of_task": Operation(
        ok(record(matrix=_MATRIX, users=listed(OBJECT))),
        {
            "selection[annotators][all]": FLAG,
            "selection[annotators][ids]": TEXT,
            "selection[models][all]": FLAG,
            "selection[models][ids]": TEXT,
        },
    ),
    "agreement.total": Operation(ok(record(total_agreement=_SCORE)), _PER_LABEL),
    "agreement.between_people": Operation(
        ok(
            record(
                ("std",),
                IAA={"anyOf": [_MATRIX, mapping(_MATRIX)]},
                common_tasks={"anyOf": [listed(listed(INTEGER)), mapping(listed(listed(INTEGER)))]},
                std={"anyOf": [maybe(NUMBER), mapping(maybe(NUMBER))]},
                users=_PEOPLE,
            )
        ),
        query(per_label=FLAG, std=FLAG, task=TEXT, expand=TEXT),
    ),
    "agreement.of_person": Operation(ok(record(Agreement_per_annotator=maybe(NUMBER)))),
    "agreement.of_people": Operation(ok(_SCORES), query(ids=TEXT)),
    "agreement.with_truth": Operation(ok(_SCORES), _OF_SOME),
    "agreement.person_with_truth": Operation(ok(record(agreement=_SCORE)), _PER_LABEL),
    "agreement.with_predictions": Operation(ok(_SCORES), _OF_SOME),
    "agreement.person_with_predictions": Operation(
        ok(record(average_prediction_agreement_per_user=_SCORE)), _PER_LABEL
    ),
    "agreement.of_model": Operation(ok(record(agreement=maybe(NUMBER)))),
    "agreement.of_model_with_truth": Operation(ok(record(agreement=_SCORE)), _PER_LABEL),
    "agreement.of_model_with_others": Operation(
        ok(record(average_prediction_agreement_per_model=_SCORE)), _PER_LABEL
    ),
}
