"""List and search the datasets of the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from typing import Any

import flask
from sqlalchemy.orm import Session

from ...datasets import catalogue
from ..auth import PUBLIC, allows, installation
from .info import describe, expanded, siblings
from .protocol import (
    HubError,
    after_cursor,
    answer,
    bad_cursor,
    flag,
    next_page,
    page_size,
    routes,
)

PAGE = 100  # datasets of a page
FULL_PAGE = 20  # with their files
MOST_SIBLINGS = 1000  # files of each dataset in a list; its own info has them all

_ORDERS = {
    "lastModified": "modified",
    "last_modified": "modified",
    "createdAt": "created",
    "created_at": "created",
    "downloads": "downloads",
    "downloadsAllTime": "downloads",
}


@routes.get("/api/datasets")
@allows(PUBLIC)
def list_datasets() -> flask.Response:
    """List datasets that have all the words and tags asked for, page by page."""
    args, wanted = flask.request.args, expanded()
    with_files = flag(args, "full") or "siblings" in wanted
    size = page_size(*(2 * (FULL_PAGE if with_files else PAGE,)))
    order = _ORDERS.get(args.get("sort", ""), "modified")
    with installation().database.read() as session:
        found = [*islice(_matching(session, order), size + 1)]
        more = None
        if len(found) > size:
            more = next_page(_place(found[size - 1][0], order))
        files = {}
        if with_files:
            releases = [release for _dataset, release, _told in found[:size]]
            files = catalogue.first_files(session, releases, MOST_SIBLINGS)
        listed = []
        for _dataset, release, told in found[:size]:
            if with_files:
                told["siblings"] = siblings(files.get(release.id, []), blobs=False)
            listed.append({k: told[k] for k in told if not wanted or k in {"id", *wanted}})
    return answer(listed, next_page=more)


def _matching(
    session: Session, order: str
) -> Iterator[tuple[catalogue.Dataset, catalogue.Release, dict[str, Any]]]:
    """Go through the datasets that the request asks for; tags are compared as they are shown."""
    args = flask.request.args
    tags = set(args.getlist("filter") + args.getlist("filter[]"))
    if args.get("gated", "").lower() in ("true", "1", "auto", "manual"):
        return
    before = _before(order)
    while True:
        batch = catalogue.ranked(
            session,
            words=args.get("search", "").replace("\0", " "),
            author=args.get("author", "").replace("\0", " ") or None,
            order=order,
            before=before,
            limit=PAGE,
        )
        newest = catalogue.newest(session, batch)
        for dataset in batch:
            release = newest[dataset.id]
            told = describe(dataset, release)
            if tags <= set(told["tags"]):
                yield dataset, release, told
        if len(batch) < PAGE:
            return
        before = _key(batch[-1], order)


def _key(dataset: catalogue.Dataset, order: str) -> tuple[dt.datetime | int, int]:
    if order == "downloads":
        return dataset.downloads, dataset.id
    return (dataset.created_at if order == "created" else dataset.modified_at), dataset.id


def _place(dataset: catalogue.Dataset, order: str) -> list[Any]:
    value, dataset_id = _key(dataset, order)
    return [value.isoformat() if isinstance(value, dt.datetime) else value, dataset_id]


def _before(order: str) -> tuple[dt.datetime | int, int] | None:
    cursor = after_cursor()
    if cursor is None:
        return None
    match cursor:
        case [int() as value, int() as dataset_id] if order == "downloads":
            return value, dataset_id
        case [str() as text, int() as dataset_id] if order != "downloads":
            try:
                at = dt.datetime.fromisoformat(text)
            except ValueError as error:
                raise bad_cursor() from error
            if at.tzinfo is not None:
                return at, dataset_id
    raise bad_cursor()


@routes.get("/api/models/<path:anything>")
@routes.get("/api/spaces/<path:anything>")
@allows(PUBLIC)
def refuse_other_kinds(anything: str) -> flask.Response:
    """Say that there are only datasets here, when a client forgets `repo_type`."""
    raise HubError(404, "RepoNotFound", "Only datasets are served here: use repo_type=dataset")
