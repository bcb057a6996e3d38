"""Describe the routes of the facts of datasets, and of applications for those under conditions."""

from __future__ import annotations

from ...datasets.catalogue import CHOICES, NAMES
from ...datasets.opening import AccessMethod, ApplicantType, State
from .operations import GONE, Operation, made, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    OBJECT,
    POSITIVE,
    TEXT,
    Schema,
    form,
    listed,
    maybe,
    record,
    ref,
)

_STATE: Schema = {"enum": [*State]}
_APPLICANT: Schema = {"enum": [*ApplicantType]}
_METHOD: Schema = {"enum": [*AccessMethod]}


def _fact(name: str) -> Schema:
    if name == "sheet":
        return OBJECT
    return {"enum": list(CHOICES[name])} if name in CHOICES else TEXT


# What a dataset's facts are, and what a request may say of them.
FACTS: dict[str, Schema] = {name: _fact(name) for name in NAMES}
_KNOWN = {name: schema if name == "sheet" else maybe(schema) for name, schema in FACTS.items()}
_SENT = form(**{name: maybe(schema) for name, schema in FACTS.items()})
_SUMMARY: dict[str, Schema] = {
    "id": INTEGER,
    "dataset": TEXT,
    "state": _STATE,
    "is_overdue": FLAG,
    "is_granted": FLAG,
    "applicant_type": maybe(_APPLICANT),
    "organisation_name": maybe(TEXT),
    "contact_name": maybe(TEXT),
    "contact_phone": maybe(TEXT),
    "contact_email": maybe(TEXT),
    "purpose": maybe(TEXT),
    "term_days": maybe(INTEGER),
    "submitted_at": maybe(TEXT),
    "due_at": maybe(TEXT),
    "released_at": maybe(TEXT),
    "expires_at": maybe(TEXT),
}
_STEP = record(state=_STATE, by=maybe(TEXT), reason=maybe(TEXT), at=TEXT)
SCHEMAS: dict[str, Schema] = {
    "Facts": record(dataset=TEXT, **_KNOWN, missing=listed(TEXT)),
    "ApplicationSummary": record(**_SUMMARY),
    "Application": record(
        **_SUMMARY,
        organisation_code=maybe(TEXT),
        scenario=maybe(TEXT),
        requested_items=maybe(TEXT),
        access_method=maybe(_METHOD),
        security_statement=maybe(TEXT),
        applicant=TEXT,
        opens_on_signing=FLAG,
        agreement=TEXT,
        agreement_digest=TEXT,
        signature=maybe(TEXT),
        signed_at=maybe(TEXT),
        decided_at=maybe(TEXT),
        reason=maybe(TEXT),
        usage_report=maybe(TEXT),
        reported_at=maybe(TEXT),
        steps=listed(_STEP),
    ),
}
_ASKED = form(
    ("dataset",),
    dataset=TEXT,
    act={"enum": ["send", "draft"]},
    applicant_type=_APPLICANT,
    organisation_name=TEXT,
    organisation_code=TEXT,
    contact_name=TEXT,
    contact_phone=TEXT,
    contact_email=TEXT,
    purpose=TEXT,
    scenario=TEXT,
    requested_items=TEXT,
    access_method=_METHOD,
    term_days=INTEGER,
    security_statement=TEXT,
    commitment=FLAG,
    signature=TEXT,
)
_LIST = listed(ref("ApplicationSummary"))
_QUEUE = record(counts=record(waiting=INTEGER, overdue=INTEGER, running=INTEGER), results=_LIST)

OPERATIONS: dict[str, Operation] = {
    "facts.api_show": Operation(ok(ref("Facts"))),
    "facts.api_change": Operation(ok(ref("Facts")), body=_SENT),
    "opening.api_mine": Operation(ok(_LIST), query(before=POSITIVE)),
    "opening.api_ask": Operation(made(ref("Application")), body=_ASKED),
    "opening.api_queue": Operation(ok(_QUEUE), query(state=_STATE, before=POSITIVE, after=TEXT)),
    "opening.api_show": Operation(ok(ref("Application"))),
    "opening.api_discard": Operation(GONE),
    "opening.api_decide": Operation(
        ok(ref("Application")),
        body=form(
            ("decision",),
            decision={"enum": ["approve", "return", "reject", "revoke"]},
            reason=TEXT,
            opens_on_signing=FLAG,
        ),
    ),
    "opening.api_sign": Operation(
        ok(ref("Application")), body=form(("digest", "signature"), digest=TEXT, signature=TEXT)
    ),
    "opening.api_report": Operation(
        ok(ref("Application")), body=form(("usage_report",), usage_report=TEXT)
    ),
    "opening.api_take_back": Operation(ok(ref("Application")), body=OBJECT),
}
