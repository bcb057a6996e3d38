"""Describe the routes of exports, connections, jobs, versions and the catalogue."""

from __future__ import annotations

from ...datasets.catalogue import FACETS, SORTS
from ...datasets.jobs import KINDS, JobState
from ...exporters.formats import FORMATS
from .opening import FACTS
from .operations import GONE, WORDS, Operation, made, ok, query
from .schemas import (
    ANYTHING,
    FLAG,
    INTEGER,
    OBJECT,
    POSITIVE,
    TEXT,
    form,
    listed,
    ref,
)

_FILES = ("application/zip", "text/csv", "text/tab-separated-values", "text/plain")
_HOOK = form(
    url=TEXT,
    project=INTEGER,
    send_payload=FLAG,
    send_for_all_actions=FLAG,
    is_active=FLAG,
    headers=OBJECT,
    actions=listed(TEXT),
)
_BACKEND = form(url=TEXT, project=INTEGER, title=TEXT, description=TEXT, is_interactive=FLAG)
_STORAGE = form(project=INTEGER, title=TEXT, bucket=TEXT, prefix=TEXT, path=TEXT)
_PUBLISHED = form(
    ("name",),
    name=TEXT,
    title=TEXT,
    title_en=TEXT,
    description=TEXT,
    licence=TEXT,
    keywords=WORDS,
    task_categories=WORDS,
    notes=TEXT,
    kind={"enum": ["release", "erratum"]},
    corrects=WORDS,
    # Those of RELEASE_FORMATS that suit the data, where this is left out.
    formats=listed({"enum": list(FORMATS)}),
    **FACTS,
)
_STORAGES = query(project=INTEGER)
_LATER = {202: ref("Job")}


def _storage_routes(mark: str) -> dict[str, Operation]:
    return {
        f"storages.{mark}index": Operation(ok(listed(ref("Storage"))), _STORAGES),
        f"storages.{mark}create": Operation(made(ref("Storage")), body=_STORAGE),
        f"storages.{mark}show": Operation(ok(ref("Storage"))),
        f"storages.{mark}change": Operation(ok(ref("Storage")), body=_STORAGE),
        f"storages.{mark}delete": Operation(GONE),
        f"storages.{mark}sync": Operation(ok(ref("Storage")), body=OBJECT),
        f"storages.{mark}validate": Operation({200: None}, body=_STORAGE),
    }


OPERATIONS: dict[str, Operation] = {
    "snapshots.export": Operation(
        ok(ANYTHING),
        query(
            export_type=TEXT,
            download_all_tasks=FLAG,
            download_resources=FLAG,
            ids=TEXT,
        ),
        content_types=_FILES,
    ),
    "snapshots.formats": Operation(ok(listed(ref("ExportFormat")))),
    "snapshots.index": Operation(ok(listed(ref("Snapshot")))),
    "snapshots.create": Operation(
        made(ref("Snapshot")),
        body=form(
            title=TEXT,
            task_filter_options=OBJECT,
            annotation_filter_options=OBJECT,
            serialization_options=OBJECT,
        ),
    ),
    "snapshots.show": Operation(ok(ref("Snapshot"))),
    "snapshots.delete": Operation(GONE),
    "snapshots.convert": Operation(ok(OBJECT), body=form(export_type=TEXT)),
    "snapshots.download": Operation(ok(ANYTHING), query(exportType=TEXT), content_types=_FILES),
    "webhooks.index": Operation(ok(listed(ref("Webhook"))), query(project=INTEGER)),
    "webhooks.create": Operation(made(ref("Webhook")), body=_HOOK),
    "webhooks.show": Operation(ok(ref("Webhook"))),
    "webhooks.change": Operation(ok(ref("Webhook")), body=_HOOK),
    "webhooks.delete": Operation(GONE),
    "webhooks.info": Operation(ok(OBJECT)),
    "webhooks.deliveries": Operation(ok(ANYTHING), query(before=INTEGER, page_size=POSITIVE)),
    "webhooks.secret": Operation(ok(OBJECT)),
    "webhooks.renew_secret": Operation({200: OBJECT, 201: OBJECT}, body=OBJECT),
    "backends.index": Operation(ok(listed(ref("ModelBackend"))), query(project=INTEGER)),
    "backends.create": Operation(made(ref("ModelBackend")), body=_BACKEND),
    "backends.show": Operation(ok(ref("ModelBackend"))),
    "backends.change": Operation(ok(ref("ModelBackend")), body=_BACKEND),
    "backends.delete": Operation(GONE),
    "backends.versions": Operation(ok(OBJECT)),
    "backends.train": Operation({200: None}, body=OBJECT),
    "backends.interactive": Operation(ok(OBJECT), body=form(task=INTEGER, context=ANYTHING)),
    "backends.predict_all": Operation({200: OBJECT, 202: OBJECT}, body=OBJECT),
    "backends.try_out": Operation(ok(OBJECT), query(random=FLAG), OBJECT),
    "storages.imports": Operation(ok(listed(OBJECT)), _STORAGES),
    "storages.exports": Operation(ok(listed(OBJECT)), _STORAGES),
    "storages.import_types": Operation(ok(listed(OBJECT))),
    "storages.export_types": Operation(ok(listed(OBJECT))),
    **_storage_routes(""),
    **_storage_routes("export_"),
    "jobs.api_index": Operation(
        ok(listed(ref("Job"))),
        query(
            before=TEXT,
            page_size=POSITIVE,
            project=INTEGER,
            state={"enum": [str(state) for state in JobState]},
            kind={"enum": list(KINDS)},
        ),
    ),
    "jobs.api_show": Operation(ok(ref("Job"))),
    "jobs.api_cancel": Operation(ok(ref("Job")), body=OBJECT),
    "jobs.api_retry": Operation(ok(ref("Job")), body=OBJECT),
    "jobs.api_prelabel": Operation(_LATER, body=form(model=TEXT, examples=INTEGER)),
    "workers.api_workers": Operation(ok(listed(ref("Worker")))),
    "workers.api_queues": Operation(ok(listed(ref("Queue")))),
    "versions.api_index": Operation(ok(listed(ref("Version")))),
    "versions.api_freeze": Operation(_LATER, body=form(tag=TEXT, seed=INTEGER, fractions=OBJECT)),
    "versions.api_show": Operation(ok(OBJECT)),
    "versions.api_publish": Operation(_LATER, body=_PUBLISHED),
    "exports.api_index": Operation(ok(listed(ref("Export")))),
    "exports.api_create": Operation(_LATER, body=form(format=TEXT)),
    "exports.api_files": Operation(ok(ANYTHING)),
    "exports.api_download": Operation(ok(ANYTHING), content_types=("application/zip",)),
    "catalogue.api_index": Operation(
        ok(OBJECT),
        query(
            q=TEXT,
            sort={"enum": list(SORTS)},
            before=TEXT,
            page_size=POSITIVE,
            **dict.fromkeys(FACETS, TEXT),
        ),
        public=True,
    ),
    "catalogue.api_show": Operation(ok(ref("Dataset")), public=True),
    "scores.api_show": Operation(ok(OBJECT), query(revision=TEXT), public=True),
    "receipts.api_show": Operation(ok(OBJECT), query(revision=TEXT, download=FLAG), public=True),
}
# The protocols of other hubs and catalogues have documents of their own.
OTHER_PROTOCOLS = ("ckan.", "hub.", "modelscope.")
