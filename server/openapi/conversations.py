"""Describe the routes of what people see and say of published datasets."""

from __future__ import annotations

from ...datasets.comparisons import ASPECTS, KINDS
from ...datasets.discussions import DiscussionState
from ...datasets.flags import FlagState
from ...datasets.splits import SPLITS
from .operations import Operation, made, ok, query
from .schemas import INTEGER, OBJECT, POSITIVE, TEXT, Schema, form, listed, maybe, record, ref

_STATES: Schema = {"enum": [str(state) for state in DiscussionState]}
_DISCUSSION = {
    "id": INTEGER,
    "title": TEXT,
    "key": maybe(TEXT),
    "state": _STATES,
    "tag": TEXT,
    "posts": INTEGER,
    "created_by": maybe(TEXT),
    "created_at": TEXT,
    "updated_at": TEXT,
    "outcome": maybe({"enum": [str(state) for state in FlagState]}),
    "corrected_by": maybe(INTEGER),
}
_POST = record(id=INTEGER, text=TEXT, created_by=maybe(TEXT), created_at=TEXT)
_TOMBSTONE = {
    "id": INTEGER,
    "key": TEXT,
    "reason": TEXT,
    "withdrawn_at": TEXT,
    "files_found_at": maybe(TEXT),
}

SCHEMAS: dict[str, Schema] = {
    "Discussion": record(**_DISCUSSION),
    "DiscussionWithPosts": record(**_DISCUSSION, contributions=listed(_POST)),
    "Tombstone": record(**_TOMBSTONE),
    "Downloads": record(
        downloads=INTEGER,
        visitors=INTEGER,
        recent_downloads=INTEGER,
        recent_visitors=INTEGER,
        recent_days=INTEGER,
        by_client=OBJECT,
    ),
    "Comparison": record(
        old=TEXT,
        new=TEXT,
        added=INTEGER,
        removed=INTEGER,
        changed=INTEGER,
        same=INTEGER,
        aspects=record(**dict.fromkeys(ASPECTS, INTEGER)),
        kind={"enum": list(KINDS)},
        results=listed(record(key=TEXT, changed=listed({"enum": list(ASPECTS)}))),
        next=maybe(TEXT),
    ),
}
_PLACE = query(revision=TEXT)

OPERATIONS: dict[str, Operation] = {
    "catalogue.api_downloads": Operation(ok(ref("Downloads")), public=True),
    "records.api_index": Operation(
        ok(record(results=listed(OBJECT), next=maybe(INTEGER))),
        query(
            **_PLACE,
            split={"enum": list(SPLITS)},
            label=TEXT,
            after=INTEGER,
            page_size=POSITIVE,
        ),
        public=True,
    ),
    "records.api_show": Operation(ok(OBJECT), _PLACE, public=True),
    "records.api_withdrawn": Operation(
        ok(listed(ref("Tombstone"))), query(before=INTEGER), public=True
    ),
    "records.api_withdraw": Operation(
        {202: record(**_TOMBSTONE, job=ref("Job"))},
        body=form(("key", "reason"), key=TEXT, reason=TEXT),
    ),
    "comparisons.api_show": Operation(
        ok(ref("Comparison")),
        query(kind={"enum": list(KINDS)}, after=TEXT, page_size=POSITIVE),
        public=True,
    ),
    "discussions.api_index": Operation(
        ok(listed(ref("Discussion"))), query(state=_STATES, before=INTEGER), public=True
    ),
    "discussions.api_begin": Operation(
        made(ref("Discussion")),
        body=form(("title", "text"), title=TEXT, text=TEXT, key=TEXT),
    ),
    "discussions.api_show": Operation(
        ok(ref("DiscussionWithPosts")), query(after=INTEGER), public=True
    ),
    "discussions.api_answer": Operation(
        ok(ref("DiscussionWithPosts")), body=form(text=TEXT, state=_STATES)
    ),
}
