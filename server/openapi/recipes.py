"""Describe the routes of recipes, and of cleanings with what became of each record."""

from __future__ import annotations

from ...datasets.cleaning.recipe_files import FORMATS
from ...datasets.cleaning.rows import RecordState
from .operations import Operation, made, ok, query
from .schemas import (
    ANYTHING,
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    Schema,
    form,
    listed,
    mapping,
    maybe,
    one_of,
    record,
    ref,
)

_STEP = record(operator=TEXT, version=INTEGER, options=OBJECT)
_ASKED_STEPS = listed(form(("operator",), operator=TEXT, version=INTEGER, options=OBJECT))
_OPTION = record(
    name=TEXT,
    kind=TEXT,
    title=TEXT,
    default=ANYTHING,
    least=maybe(NUMBER),
    most=maybe(NUMBER),
    choices=listed(TEXT),
)
_RUN_STEP: Schema = {"type": "object", "properties": {"operator": TEXT}, "required": ["operator"]}
_TOUCHED = record(step=INTEGER, operator=TEXT)
_STATE = one_of(*RecordState)
_TRACE: dict[str, Schema] = {
    "record": INTEGER,
    "asset": INTEGER,
    "part": INTEGER,
    "name": TEXT,
    "kind": TEXT,
    "state": _STATE,
    "changed_by": listed(_TOUCHED),
    "dropped_by": maybe(_TOUCHED),
    "reason": maybe(TEXT),
    "duplicate_of": maybe(INTEGER),
    "before": maybe(TEXT),
    "after": maybe(TEXT),
    "sha256_before": TEXT,
    "sha256_after": maybe(TEXT),
    "facts": OBJECT,
}
_NARROWED = {"state": _STATE, "step": INTEGER, "reason": TEXT}
_PAGED = {"page_size": POSITIVE, "before": INTEGER}
SCHEMAS: dict[str, Schema] = {
    "RecipeVersion": record(
        id=INTEGER,
        number=INTEGER,
        digest=TEXT,
        note=maybe(TEXT),
        steps=listed(_STEP),
        created_at=TEXT,
        created_by=INTEGER,
    ),
    "Recipe": record(
        id=INTEGER,
        name=TEXT,
        description=maybe(TEXT),
        archived_at=maybe(TEXT),
        created_at=TEXT,
        created_by=INTEGER,
        newest=ref("RecipeVersion"),
    ),
    "Cleaning": record(
        id=INTEGER,
        uid=TEXT,
        library=INTEGER,
        recipe=record(id=INTEGER, name=TEXT, version=INTEGER, digest=TEXT),
        state=maybe(TEXT),
        job=TEXT,
        records=INTEGER,
        kept=INTEGER,
        changed=INTEGER,
        dropped=INTEGER,
        steps=listed(_RUN_STEP),
        created_at=TEXT,
        ended_at=maybe(TEXT),
    ),
    "CleanedRecord": record(**_TRACE),
}
OPERATIONS: dict[str, Operation] = {
    "recipes_api.operators": Operation(
        ok(
            listed(
                record(
                    name=TEXT,
                    version=INTEGER,
                    kind=TEXT,
                    does=TEXT,
                    title=TEXT,
                    options=listed(_OPTION),
                    reasons=mapping(TEXT),
                )
            )
        )
    ),
    "recipes_api.index": Operation(ok(listed(ref("Recipe"))), query(archived=FLAG, **_PAGED)),
    "recipes_api.create": Operation(
        made(ref("Recipe")),
        body=form(
            ("name", "steps"),
            name=TEXT,
            steps=_ASKED_STEPS,
            description=maybe(TEXT),
            note=maybe(TEXT),
        ),
    ),
    "recipes_api.show": Operation(ok(ref("Recipe"))),
    "recipes_api.change": Operation(
        ok(ref("Recipe")),
        body=form(name=maybe(TEXT), description=maybe(TEXT), archived=maybe(FLAG)),
    ),
    "recipes_api.versions": Operation(ok(listed(ref("RecipeVersion"))), query(**_PAGED)),
    "recipes_api.add_version": Operation(
        made(ref("RecipeVersion")),
        body=form(("steps",), steps=_ASKED_STEPS, note=maybe(TEXT), after=maybe(INTEGER)),
    ),
    "recipes_api.version": Operation(ok(ref("RecipeVersion"))),
    "recipes_api.file": Operation(
        ok(ANYTHING),
        query(format=one_of(*FORMATS)),
        content_types=tuple(f"application/{each}" for each in FORMATS),
    ),
    "recipes_api.bring": Operation(
        made(ref("Recipe")), query(name=TEXT, recipe=INTEGER), body=OBJECT
    ),
    "recipes_api.preview": Operation(
        ok(
            listed(
                record(
                    name=TEXT,
                    state=_STATE,
                    before=maybe(TEXT),
                    after=maybe(TEXT),
                    steps=listed(TEXT),
                    reason=TEXT,
                )
            )
        ),
        body=form(("library", "steps"), library=INTEGER, steps=_ASKED_STEPS, sample=INTEGER),
    ),
    "cleanings_api.index": Operation(ok(listed(ref("Cleaning"))), query(**_PAGED)),
    "cleanings_api.start": Operation(
        {202: ref("Cleaning")},
        body=form(("recipe",), recipe=INTEGER, version=maybe(INTEGER)),
    ),
    "cleanings_api.show": Operation(ok(ref("Cleaning"))),
    "cleanings_api.records": Operation(
        ok(listed(record(**_TRACE, is_cut=FLAG))),
        query(after=INTEGER, page_size=POSITIVE, **_NARROWED),
    ),
    "cleanings_api.duplicates": Operation(
        ok(
            listed(
                record(
                    kept_asset=INTEGER,
                    left_out=INTEGER,
                    kept=maybe(ref("CleanedRecord")),
                    first=listed(ref("CleanedRecord")),
                )
            )
        ),
        query(after=INTEGER, page_size=POSITIVE),
    ),
    "cleanings_api.trace": Operation(
        ok(ANYTHING),
        query(format=one_of("jsonl", "csv"), **_NARROWED),
        content_types=("application/x-ndjson", "text/csv"),
    ),
}
