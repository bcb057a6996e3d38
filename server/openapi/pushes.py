"""Describe the routes of targets and of what is sent to them."""

from __future__ import annotations

from ...datasets.pushes import KINDS
from .operations import GONE, Operation, made, ok, query
from .schemas import FLAG, INTEGER, TEXT, Schema, form, listed, maybe, record, ref

_TARGET: dict[str, Schema] = {
    "name": TEXT,
    "url": TEXT,
    "owner": TEXT,
    "is_private": FLAG,
    "uploads": FLAG,
}
_KIND: Schema = {"enum": [*KINDS]}
_PUSH: dict[str, Schema] = {
    "id": INTEGER,
    "target": TEXT,
    "kind": _KIND,
    "tag": TEXT,
    "state": {"enum": ["waiting", "running", "done", "failed", "cancelled"]},
    "remote_name": TEXT,
    "address": maybe(TEXT),
    "remote_commit": maybe(TEXT),
    "remote_tag": maybe(TEXT),
    "files": INTEGER,
    "sent": INTEGER,
    "there": INTEGER,
    "removed": INTEGER,
    "withheld": INTEGER,
    "size": INTEGER,
    "sent_bytes": INTEGER,
    "changed": FLAG,
    "error": maybe(TEXT),
    "job_id": TEXT,
    "created_at": TEXT,
    "ended_at": maybe(TEXT),
}
SCHEMAS: dict[str, Schema] = {
    "PushTarget": record(id=INTEGER, kind=_KIND, created_at=TEXT, updated_at=TEXT, **_TARGET),
    "Push": record(**_PUSH),
}
OPERATIONS: dict[str, Operation] = {
    "pushes.api_index": Operation(ok(listed(ref("PushTarget")))),
    "pushes.api_create": Operation(
        made(ref("PushTarget")),
        body=form(("name", "kind", "url", "owner", "token"), kind=_KIND, token=TEXT, **_TARGET),
    ),
    "pushes.api_show": Operation(ok(ref("PushTarget"))),
    "pushes.api_change": Operation(
        ok(ref("PushTarget")),
        body=form(token=maybe(TEXT), **{name: maybe(each) for name, each in _TARGET.items()}),
    ),
    "pushes.api_delete": Operation(GONE),
    "pushes.api_pushes": Operation(ok(listed(ref("Push"))), query(before=INTEGER)),
    "pushes.api_push": Operation(
        {202: record(**_PUSH, job=ref("Job"))},
        body=form(("target",), target=TEXT, tag=TEXT),
    ),
}
