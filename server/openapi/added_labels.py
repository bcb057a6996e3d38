"""Describe the routes of labels that people add."""

from __future__ import annotations

from .operations import GONE, PAGING, Operation, made, ok, query
from .schemas import (
    ANYTHING,
    FLAG,
    INTEGER,
    TEXT,
    form,
    listed,
    maybe,
    paged,
    record,
)

_TOLD = {
    "id": INTEGER,
    "created_at": TEXT,
    "updated_at": TEXT,
    "value": ANYTHING,
    "title": TEXT,
    "description": maybe(TEXT),
    "approved": FLAG,
    "created_by": INTEGER,
    "approved_by": maybe(INTEGER),
    "organization": INTEGER,
}
_LABEL = record(**_TOLD, links=listed(INTEGER), projects=listed(INTEGER))
_MADE = record(**_TOLD, project=INTEGER, from_name=TEXT, projects=listed(INTEGER))
_LINK = record(
    id=INTEGER,
    annotations_count=INTEGER,
    from_name=TEXT,
    project=INTEGER,
    label={"anyOf": [INTEGER, record(**_TOLD)]},
)
_NEW = form(
    ("project", "from_name", "title", "value"),
    project=INTEGER,
    from_name=TEXT,
    title=TEXT,
    value=ANYTHING,
    description=TEXT,
    approved=FLAG,
)

OPERATIONS: dict[str, Operation] = {
    "added_labels.index": Operation(ok(paged(_LABEL)), PAGING),
    "added_labels.create": Operation(made(listed(_MADE)), body=listed(_NEW)),
    "added_labels.show": Operation(ok(_LABEL)),
    "added_labels.change": Operation(
        ok(_LABEL), body=form(value=ANYTHING, title=TEXT, description=TEXT, approved=FLAG)
    ),
    "added_labels.delete": Operation(GONE),
    "added_labels.replace": Operation(
        ok(record(annotations_updated=INTEGER, annotations_kept=INTEGER)),
        body=form(
            ("old_label", "new_label"), project=INTEGER, old_label=ANYTHING, new_label=ANYTHING
        ),
    ),
    "added_labels.links": Operation(
        ok(paged(_LINK)),
        {
            **PAGING,
            **query(
                project=INTEGER,
                expand=TEXT,
                label__created_by=INTEGER,
                label__created_at=TEXT,
                label__created_at__gte=TEXT,
                label__created_at__lte=TEXT,
            ),
        },
    ),
    "added_labels.add_link": Operation(
        made(_LINK),
        body=form(
            ("project", "label", "from_name"), project=INTEGER, label=INTEGER, from_name=TEXT
        ),
    ),
    "added_labels.show_link": Operation(ok(_LINK), query(expand=TEXT)),
    "added_labels.change_link": Operation(ok(_LINK), body=form(from_name=TEXT)),
    "added_labels.remove_link": Operation(GONE),
}
