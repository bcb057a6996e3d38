"""Describe the routes of findings of personal information and of scans."""

from __future__ import annotations

from ...datasets.findings import DECISIONS, TREATMENTS, FindingState
from ...datasets.libraries import LEVELS
from ...datasets.personal_information import KINDS
from .operations import Operation, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    NUMBER,
    POSITIVE,
    TEXT,
    Schema,
    form,
    listed,
    mapping,
    maybe,
    record,
    ref,
)

_STATE: Schema = {"enum": [str(state) for state in FindingState]}
_KIND: Schema = {"enum": list(KINDS)}
_FINDING = {
    "id": INTEGER,
    "kind": _KIND,
    "task": maybe(INTEGER),
    "asset": maybe(INTEGER),
    "place": TEXT,
    "start": maybe(INTEGER),
    "end": maybe(INTEGER),
    "region": maybe(record(x=NUMBER, y=NUMBER, width=NUMBER, height=NUMBER)),
    "masked": TEXT,
    "fingerprint": maybe(TEXT),
    "confidence": NUMBER,
    "state": _STATE,
    "note": maybe(TEXT),
    "decided_at": maybe(TEXT),
}
_FILTERS = {
    "state": _STATE,
    "kind": _KIND,
    "least": {"type": "number", "minimum": 0, "maximum": 1},
    "task": INTEGER,
    "asset": INTEGER,
    "fingerprint": TEXT,
}
_WHICH = {**_FILTERS, "ids": listed(INTEGER)}
_PAGED = query(**_FILTERS, after=INTEGER, page_size=POSITIVE)
_SCANS = {"results": listed(ref("Scan")), "counts": mapping(INTEGER)}

SCHEMAS: dict[str, Schema] = {
    "Finding": record(**_FINDING),
    "FoundValue": record(
        kind=_KIND,
        masked=TEXT,
        fingerprint=maybe(TEXT),
        findings=INTEGER,
        records=INTEGER,
        confidence=NUMBER,
        first=INTEGER,
    ),
    "Scan": record(
        id=INTEGER,
        job=TEXT,
        detector=TEXT,
        records=INTEGER,
        found=INTEGER,
        unseen=INTEGER,
        created_at=TEXT,
        ended_at=maybe(TEXT),
    ),
}

_FINDINGS = Operation(ok(record(results=listed(ref("Finding")), next=maybe(INTEGER))), _PAGED)
_VALUES = Operation(ok(record(results=listed(ref("FoundValue")), next=maybe(INTEGER))), _PAGED)
_DECIDE = Operation(
    ok(record(decided=INTEGER)),
    body=form(
        ("decision",),
        decision={"enum": [str(decision) for decision in DECISIONS]},
        note=TEXT,
        **_WHICH,
    ),
)
_SCAN = Operation({202: ref("Job")}, body=form(again=FLAG, pictures=FLAG))

OPERATIONS: dict[str, Operation] = {
    "findings_api.of_project": _FINDINGS,
    "findings_api.of_library": _FINDINGS,
    "findings_api.values_of_project": _VALUES,
    "findings_api.values_of_library": _VALUES,
    "findings_api.decide_in_project": _DECIDE,
    "findings_api.decide_in_library": _DECIDE,
    "findings_api.api_treat": Operation(
        {202: ref("Job")},
        body=form(("action",), action={"enum": list(TREATMENTS)}, **_WHICH),
    ),
    "findings_api.scans_of_project": Operation(
        ok(
            record(
                **_SCANS,
                fresh=FLAG,
                clear=FLAG,
                level=record(proposed={"enum": [*LEVELS, None]}, confidence=NUMBER, reason=TEXT),
            )
        )
    ),
    "findings_api.scan_project": _SCAN,
    "findings_api.scans_of_library": Operation(ok(record(**_SCANS))),
    "findings_api.scan_library": _SCAN,
    "findings_api.show_one": Operation(
        ok(
            record(
                **_FINDING,
                excerpt=maybe(record(before=TEXT, masked=TEXT, after=TEXT)),
            )
        )
    ),
    "findings_api.api_reveal": Operation(ok(record(id=INTEGER, value=TEXT))),
}
