"""Describe the routes of feeds."""

from __future__ import annotations

from ...datasets.feeds import FeedKind, Keeps
from .operations import GONE, Operation, made, ok, query
from .schemas import FLAG, INTEGER, OBJECT, TEXT, Schema, form, listed, maybe, record, ref

_KIND: Schema = {"enum": [str(kind) for kind in FeedKind]}
_STATES = ["waiting", "running", "done", "held", "failed", "cancelled"]
_COMMON: dict[str, Schema] = {
    "title": TEXT,
    "follows_deletions": FLAG,
    "every_hours": maybe(INTEGER),
}
_OPTIONS: dict[str, Schema] = {
    "endpoint": TEXT,
    "region": TEXT,
    "bucket": TEXT,
    "prefix": TEXT,
    "pattern": TEXT,
    "recursive": FLAG,
    "keeps": {"enum": [str(each) for each in Keeps]},
    "access_key": TEXT,
    "secret_key": TEXT,
    "session_token": TEXT,
    "path": TEXT,
    "addresses": listed(TEXT),
    "url": TEXT,
    "query": TEXT,
    "key_column": TEXT,
    "most_rows": INTEGER,
    "seconds": INTEGER,
    "password": TEXT,
    "search": TEXT,
    "filter": TEXT,
    "formats": listed(TEXT),
    "token": TEXT,
}
_COUNTS = ("seen", "new", "changed", "same", "gone", "held", "brought", "withdrawn", "rejected")
_NEW = form(("kind",), kind=_KIND, library=INTEGER, project=INTEGER, **_COMMON, **_OPTIONS)
SCHEMAS: dict[str, Schema] = {
    "FeedRun": record(
        id=INTEGER,
        job=TEXT,
        state={"enum": _STATES},
        automatic=FLAG,
        **dict.fromkeys(_COUNTS, INTEGER),
        error=maybe(TEXT),
        created_at=TEXT,
        ended_at=maybe(TEXT),
    ),
    "Feed": record(
        id=INTEGER,
        kind=_KIND,
        library=maybe(INTEGER),
        project=maybe(INTEGER),
        options=OBJECT,
        secrets=listed(TEXT),
        next_at=maybe(TEXT),
        stopped=FLAG,
        last_run=maybe(ref("FeedRun")),
        references=record(objects=INTEGER, lost=INTEGER, bytes=INTEGER),
        created_at=TEXT,
        updated_at=TEXT,
        **_COMMON,
    ),
}
OPERATIONS: dict[str, Operation] = {
    "feeds_api.index": Operation(
        ok(listed(ref("Feed"))),
        query(library=INTEGER, project=INTEGER, after=INTEGER, page_size=INTEGER),
    ),
    "feeds_api.create": Operation(made(ref("Feed")), body=_NEW),
    "feeds_api.check": Operation(GONE, body=_NEW),
    "feeds_api.show": Operation(ok(ref("Feed"))),
    "feeds_api.change": Operation(ok(ref("Feed")), body=form(**_COMMON, **_OPTIONS)),
    "feeds_api.delete": Operation(GONE, query(confirmed=FLAG)),
    "feeds_api.run": Operation({202: ref("Job")}, body=form(confirm=FLAG)),
    "feeds_api.runs": Operation(ok(listed(ref("FeedRun"))), query(before=INTEGER)),
}
