"""Describe the routes of raw material: libraries, their assets, and uploads in pieces."""

from __future__ import annotations

from ...datasets.libraries import KINDS, LEVELS, AssetKind, AssetState
from ...datasets.transfers import TransferState
from .operations import Operation, made, ok, query
from .schemas import (
    FLAG,
    INTEGER,
    OBJECT,
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

_KIND: Schema = {"enum": [str(kind) for kind in KINDS]}
_ASSET_KIND: Schema = {"enum": [str(kind) for kind in AssetKind]}
_STATE: Schema = {"enum": [str(state) for state in AssetState]}
_LEVEL: Schema = {"enum": [*LEVELS, None]}
_LIBRARY = {
    "id": INTEGER,
    "uid": TEXT,
    "organisation": INTEGER,
    "title": TEXT,
    "description": maybe(TEXT),
    "kind": _KIND,
    "level": _LEVEL,
    "text_key": maybe(TEXT),
    "retention_days": maybe(INTEGER),
    "assets": INTEGER,
    "size": INTEGER,
    "created_by": INTEGER,
    "created_at": TEXT,
    "updated_at": TEXT,
}
_ASSET = {
    "id": INTEGER,
    "kind": _ASSET_KIND,
    "name": TEXT,
    "state": _STATE,
    "size": INTEGER,
    "digest": TEXT,
    "content_type": maybe(TEXT),
    "feed": maybe(INTEGER),
    "facts": OBJECT,
    "created_at": TEXT,
}
_FORM = {
    "title": TEXT,
    "description": maybe(TEXT),
    "level": _LEVEL,
    "text_key": maybe(TEXT),
    "retention_days": maybe(INTEGER),
}
_REFUSED = {409: ref("Error"), 423: ref("Error"), 460: ref("Error")}

SCHEMAS: dict[str, Schema] = {
    "Library": record(**_LIBRARY),
    "LibraryWithCounts": record(**_LIBRARY, kinds=mapping(INTEGER), states=mapping(INTEGER)),
    "AssetLine": record(**_ASSET, excerpt=maybe(TEXT)),
    "Asset": record(
        **_ASSET,
        **{"import": TEXT},
        library=INTEGER,
        text=maybe(TEXT),
        file=TEXT,
        source_key=maybe(TEXT),
        reference=maybe(record(bucket=TEXT, key=TEXT, lost_at=maybe(TEXT))),
        duplicates=listed(INTEGER),
        tasks=listed(INTEGER),
        quality=maybe(OBJECT),
        opening=record(keyed_digest=TEXT, key=TEXT),
    ),
    "Transfer": record(
        id=INTEGER,
        key=TEXT,
        name=TEXT,
        length=INTEGER,
        received=INTEGER,
        state={"enum": [str(state) for state in TransferState]},
        library=maybe(INTEGER),
        project=maybe(INTEGER),
        batch=maybe(TEXT),
        job=maybe(TEXT),
        created_at=TEXT,
        expires_at=TEXT,
        has_lapsed=FLAG,
    ),
}

OPERATIONS: dict[str, Operation] = {
    "libraries.index": Operation(
        ok(listed(ref("Library"))),
        query(title=TEXT, kind=_KIND, before=INTEGER, page_size=POSITIVE),
    ),
    "libraries.create": Operation(
        made(ref("Library")), body=form(("title",), **_FORM, kind=_KIND, organisation=TEXT)
    ),
    "libraries.show": Operation(ok(ref("LibraryWithCounts"))),
    "libraries.change": Operation(ok(ref("Library")), body=form(**_FORM)),
    "libraries.delete": Operation({202: ref("Job")}, query(confirmed=FLAG)),
    "libraries.intake": Operation(
        {202: listed(ref("Job"))}, query(each_line=FLAG), takes_files=True
    ),
    "libraries.assets": Operation(
        ok(record(results=listed(ref("AssetLine")), next=maybe(INTEGER))),
        query(
            kind=_ASSET_KIND,
            state=_STATE,
            feed=INTEGER,
            name=TEXT,
            smallest=INTEGER,
            largest=INTEGER,
            duplicates=FLAG,
            after=INTEGER,
            page_size=POSITIVE,
        ),
    ),
    "libraries.asset": Operation(ok(ref("Asset"))),
    "libraries.send": Operation(
        {202: ref("Job")}, body=form(("project",), project=INTEGER, cleaning=maybe(INTEGER))
    ),
    "transfers.index": Operation(
        ok(listed(ref("Transfer"))),
        query(
            batch=TEXT,
            state={"enum": [str(state) for state in TransferState]},
            after=INTEGER,
            page_size=POSITIVE,
        ),
    ),
    "transfers.create": Operation({201: None, **_REFUSED}, query(library=INTEGER, project=INTEGER)),
    "transfers.show": Operation({200: ref("Transfer"), 423: ref("Error")}),
    "transfers.append": Operation({204: None, **_REFUSED}),
    "transfers.delete": Operation({204: None}),
    "transfers.override": Operation({204: None, **_REFUSED}),
    "transfers.bring": Operation(
        {202: ref("Job")},
        body=form(**{"each_line": FLAG, "format": maybe(TEXT), "as": maybe(TEXT)}),
    ),
}
