"""List and search the datasets of the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import flask
from sqlalchemy.orm import Session

from ...datasets import catalogue
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .info import chosen, describe, expanded, licence_word, siblings
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
MOST_TAGS = 50  # of one search
MOST_SIBLINGS = 1000  # files of each dataset in a list; its own info has them all

# Tags that only the card of a release tells.
_OF_CARDS = ("language", "size_categories")
_T = TypeVar("_T")
_ORDERS = {
    "lastModified": "modified",
    "last_modified": "modified",
    "createdAt": "created",
    "created_at": "created",
    "downloads": "downloads",
    "downloadsAllTime": "downloads",
    # Nobody likes anything here, so that all are equal: then the last changed come first.
    "likes": "modified",
    "trendingScore": "modified",
    "trending_score": "modified",
    "": "modified",
}
_GATED: dict[str, tuple[str, ...]] = {
    "": (),
    **dict.fromkeys(("true", "1", "manual"), (catalogue.Openness.CONDITIONAL,)),
    **dict.fromkeys(("false", "0"), (catalogue.Openness.OPEN, catalogue.Openness.CLOSED)),
}


@routes.get("/api/datasets")
@allows(PUBLIC)
def list_datasets() -> flask.Response:
    """List datasets that have all the words and tags asked for, page by page."""
    args, wanted = flask.request.args, expanded()
    with_files = flag(args, "full") or "siblings" in wanted
    size = page_size(*(2 * (FULL_PAGE if with_files else PAGE,)))
    order = _known("sort", _ORDERS)
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
            listed.append(chosen(told, wanted))
    return answer(listed, next_page=more)


def _matching(
    session: Session, order: str
) -> Iterator[tuple[catalogue.Dataset, catalogue.Release, dict[str, Any]]]:
    """Go through the datasets that the request asks for; tags are compared as they are shown."""
    args = flask.request.args
    tags = set(args.getlist("filter") + args.getlist("filter[]"))
    if len(tags) > MOST_TAGS:
        raise HubError(400, None, f'"filter" takes {MOST_TAGS} tags at most')
    gated = args.get("gated", "").lower()
    if gated == "auto":
        return  # a person decides on every application
    words = " ".join(args.getlist("search") + args.getlist("search[]"))
    before, narrower = _before(order), _narrower(tags)
    if narrower is None:
        return
    while True:
        batch = catalogue.ranked(
            session,
            viewer=visitor(),
            words=words.replace("\0", " "),
            author=args.get("author", "").replace("\0", " ") or None,
            openness=_known("gated", _GATED, gated),
            order=order,
            before=before,
            limit=PAGE,
            **narrower,
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


def _narrower(tags: set[str]) -> dict[str, list[str]] | None:
    """Return what the database can look for of the tags; None when nothing can have them all.

    The tags are compared as they are shown after that, so this only has to leave none out.
    """
    found: dict[str, list[str]] = {
        "licences": [],
        "categories": [],
        "keywords": [],
        "on_cards": [],
    }
    for tag in tags:
        kind, colon, value = tag.replace("\0", " ").partition(":")
        if kind == "license":
            named = [each for each in catalogue.LICENCES if licence_word(each) == value]
            if not named or found["licences"]:
                return None
            found["licences"] = named
        elif kind == "task_categories":
            found["categories"].append(value)
        elif kind not in _OF_CARDS:
            found["keywords"].append(f"{kind}{colon}{value}")
        elif value.isascii():
            found["on_cards"].append(value)
    return found


def _known(name: str, meanings: Mapping[str, _T], given: str | None = None) -> _T:
    """Return what a value of the query means.

    Raises:
        HubError: it is none of those that are known.
    """
    text = flask.request.args.get(name, "") if given is None else given
    if text not in meanings:
        allowed = ", ".join(each for each in meanings if each)
        raise HubError(400, None, f'"{name}" must be one of {allowed}')
    return meanings[text]


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
                if at.tzinfo is not None:
                    return at.astimezone(dt.UTC), dataset_id
            except (ValueError, OverflowError) as error:
                raise bad_cursor() from error
    raise bad_cursor()


@routes.get("/api/models/<path:anything>")
@routes.get("/api/spaces/<path:anything>")
@allows(PUBLIC)
def refuse_other_kinds(anything: str) -> flask.Response:
    """Say that there are only datasets here, when a client forgets `repo_type`."""
    raise HubError(404, "RepoNotFound", "Only datasets are served here: use repo_type=dataset")
