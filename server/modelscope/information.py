"""Tell about datasets: one by name, its revisions, lists of them."""

from __future__ import annotations

from typing import Any

import flask

from ...datasets import catalogue, errors
from ...datasets.catalogue import Dataset, Openness, Release
from ...datasets.errors import _
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .protocol import answer, find_dataset, find_release, number, routes, seconds

# What the SDK takes for a dataset of files that `datasets` loads.
GENERAL_DATASET = 4
PUBLIC_ACCESS, PRIVATE_ACCESS = 5, 1
# page_number × page_size: the limit that the SDK itself knows.
MOST_LISTED = 3000
_ORDERS = {
    "": "modified",
    "default": "modified",
    "last_modified": "modified",
    "downloads": "downloads",
    # Nobody likes anything here: all are equal.
    "likes": "modified",
}


def described(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Describe a dataset in the words of the older interface."""
    closed = dataset.openness == Openness.CLOSED
    return {
        "Id": dataset.id,
        "Name": dataset.name,
        "ChineseName": dataset.title,
        "Namespace": dataset.organisation.slug,
        "Owner": dataset.organisation.slug,
        "Type": GENERAL_DATASET,
        "Visibility": PRIVATE_ACCESS if closed else PUBLIC_ACCESS,
        "Gated": dataset.openness == Openness.CONDITIONAL,
        "License": dataset.licence,
        "Description": dataset.description or dataset.title,
        "Tags": dataset.keyword_list,
        "Downloads": dataset.downloads,
        "Likes": 0,
        "StorageSize": release.size,
        "GmtCreate": seconds(dataset.created_at),
        "CreatedAt": seconds(dataset.created_at),
        "GmtModified": seconds(dataset.modified_at),
        "LastUpdatedTime": seconds(release.published_at),
        "LastModified": seconds(release.published_at),
    }


def told(dataset: Dataset, release: Release) -> dict[str, Any]:
    """Describe a dataset in the words of the newer interface."""
    return {
        "id": dataset.full_name,
        "display_name": dataset.title,
        "description": dataset.description or dataset.title,
        "license": dataset.licence,
        "tags": dataset.keyword_list,
        "tasks": dataset.task_category_list,
        "downloads": dataset.downloads,
        "likes": 0,
        "file_size": release.size,
        "private": dataset.openness == Openness.CLOSED,
        "gated": dataset.openness == Openness.CONDITIONAL,
        "login_required": dataset.openness != Openness.OPEN,
        "created_at": dataset.created_at.isoformat(),
        "last_modified": release.published_at.isoformat(),
    }


@routes.get("/api/v1/datasets/<owner>/<name>")
@allows(PUBLIC)
def show(owner: str, name: str) -> flask.Response:
    """Describe a dataset, at a revision if one is named."""
    with installation().database.read() as session:
        dataset = find_dataset(session, owner, name)
        return answer(described(dataset, find_release(session, dataset)))


@routes.get("/openapi/v1/datasets/<owner>/<name>")
@allows(PUBLIC)
def show_openly(owner: str, name: str) -> flask.Response:
    """Describe a dataset in the newer interface."""
    with installation().database.read() as session:
        dataset = find_dataset(session, owner, name)
        return answer(told(dataset, find_release(session, dataset)))


@routes.get("/api/v1/datasets/<owner>/<name>/revisions")
@allows(PUBLIC)
def list_revisions(owner: str, name: str) -> flask.Response:
    """List the one branch, `master`, and a tag for each release."""
    with installation().database.read() as session:
        releases = catalogue.releases(session, find_dataset(session, owner, name))
    tags = [{"Revision": each.tag, "CreatedAt": seconds(each.published_at)} for each in releases]
    branches = [{"Revision": "master", "CreatedAt": tags[0]["CreatedAt"]}]
    return answer({"RevisionMap": {"Branches": branches, "Tags": tags}})


@routes.get("/api/v1/datasets")
@allows(PUBLIC)
def index() -> flask.Response:
    """List datasets of an owner or all, page by page, in the older interface."""
    page, size = number("PageNumber", 1, MOST_LISTED), number("PageSize", 50, MOST_LISTED)
    found, total = _listed(page, size, owner=flask.request.args.get("owner", ""))
    return answer(
        [described(*pair) for pair in found], TotalCount=total, PageNumber=page, PageSize=size
    )


@routes.get("/openapi/v1/datasets")
@allows(PUBLIC)
def index_openly() -> flask.Response:
    """List and search datasets, page by page, in the newer interface."""
    args = flask.request.args
    page, size = number("page_number", 1, MOST_LISTED), number("page_size", 10, MOST_LISTED)
    found, total = _listed(
        page,
        size,
        owner=args.get("owner", ""),
        words=args.get("search", ""),
        licence=args.get("filter.license", "") or args.get("license", ""),
        category=args.get("filter.task", "") or args.get("task", ""),
        order=args.get("sort", ""),
    )
    listed = [told(*pair) for pair in found]
    return answer(
        {"datasets": listed, "total_count": total, "page_number": page, "page_size": size}
    )


def _listed(
    page: int,
    size: int,
    *,
    owner: str,
    words: str = "",
    licence: str = "",
    category: str = "",
    order: str = "",
) -> tuple[list[tuple[Dataset, Release]], int]:
    """Return a page of datasets, each with its newest release, and how many there are in all.

    Raises:
        errors.Invalid: the page is too far, or there is no such order.
    """
    if page * size > MOST_LISTED:
        raise errors.Invalid(
            _("page number × page size must be at most %(highest)s"), highest=MOST_LISTED
        )
    if order not in _ORDERS:
        allowed = ", ".join(each for each in _ORDERS if each)
        raise errors.Invalid(_("must be one of %(names)s"), place="sort", names=allowed)
    viewer, owned = visitor(), owner or None
    licences, categories = [licence] if licence else [], [category] if category else []
    with installation().database.read() as session:
        total = catalogue.how_many(
            session,
            viewer=viewer,
            words=words,
            author=owned,
            licences=licences,
            categories=categories,
        )
        rows = catalogue.ranked(
            session,
            viewer=viewer,
            words=words,
            author=owned,
            licences=licences,
            categories=categories,
            order=_ORDERS[order],
            limit=page * size,
        )[(page - 1) * size :]
        newest = catalogue.newest(session, rows)
    return [(row, newest[row.id]) for row in rows], total
