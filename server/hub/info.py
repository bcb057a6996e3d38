"""Tell about one dataset: info, refs, commits."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

import flask
import msgspec
from sqlalchemy.orm import Session

from ...datasets import catalogue
from ...datasets.exports import WrittenFile
from ..auth import PUBLIC, allows, installation
from .protocol import (
    HubError,
    after_cursor,
    answer,
    bad_cursor,
    find_dataset,
    find_release,
    flag,
    next_page,
    page_size,
    repo_not_found,
    routes,
)

# Where the Hub's identifier is not the SPDX one in lower case.
_LICENCES = {"ODbL-1.0": "odbl", "PDDL-1.0": "pddl"}
# What clients may ask to have told instead of the usual.
PROPERTIES = (
    "author",
    "cardData",
    "citation",
    "createdAt",
    "description",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "gated",
    "lastModified",
    "likes",
    "mainSize",
    "paperswithcode_id",
    "private",
    "resourceGroup",
    "sha",
    "siblings",
    "tags",
    "trendingScore",
    "usedStorage",
    # Asked for by older clients; they mean nothing here.
    "gitalyUid",
    "xetEnabled",
)
# Only told to whoever asks for them: nothing of the kind is kept here.
_UNKNOWN = {"citation": None, "paperswithcode_id": None, "resourceGroup": None}


def moment(at: dt.datetime) -> str:
    """Write a time as the clients read it."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def pointer(file: WrittenFile) -> bytes:
    """Return the git-lfs pointer that stands for a file."""
    head = "version https://git-lfs.github.com/spec/v1"
    return f"{head}\noid sha256:{file.digest}\nsize {file.size}\n".encode()


def blob_id(content: bytes) -> str:
    """Return git's name for a blob: 40 hex digits."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def siblings(files: Sequence[WrittenFile], *, blobs: bool) -> list[dict[str, Any]]:
    """List files as item info has them; `blobs` adds sizes and digests."""
    if not blobs:
        return [{"rfilename": file.path} for file in files]
    listed = []
    for file in files:
        text = pointer(file)
        lfs = {"sha256": file.digest, "size": file.size, "pointerSize": len(text)}
        listed.append(
            {"rfilename": file.path, "size": file.size, "blobId": blob_id(text), "lfs": lfs}
        )
    return listed


def card_of(release: catalogue.Release) -> dict[str, Any]:
    """Return the front matter of the release's card."""
    card = msgspec.json.decode(release.card or "{}")
    return card if isinstance(card, dict) else {}


def licence_word(licence: str) -> str:
    """Return the Hub's word for an SPDX licence identifier, such as `cc-by-4.0`."""
    return _LICENCES.get(licence, licence.lower())


def gate(dataset: catalogue.Dataset) -> str | bool:
    """Return how access is asked for: `manual`, since people decide, or false."""
    return "manual" if dataset.openness == catalogue.Openness.CONDITIONAL else False


def tags_of(dataset: catalogue.Dataset, card: dict[str, Any]) -> list[str]:
    """Return a dataset's tags in the Hub's words, such as `license:cc-by-4.0`."""
    tags = [f"task_categories:{category}" for category in dataset.task_category_list]
    for key in ("language", "size_categories"):
        values = card.get(key) or []
        tags += [f"{key}:{value}" for value in ([values] if isinstance(values, str) else values)]
    tags.append(f"license:{licence_word(dataset.licence)}")
    return list(dict.fromkeys([*tags, *dataset.keyword_list]))


def describe(dataset: catalogue.Dataset, release: catalogue.Release) -> dict[str, Any]:
    """Describe a dataset at a release, all but its files."""
    card = card_of(release)
    return {
        "id": dataset.full_name,
        "author": dataset.organisation.slug,
        "sha": release.commit_id,
        "lastModified": moment(release.published_at),
        "createdAt": moment(dataset.created_at),
        "private": dataset.openness == catalogue.Openness.CLOSED,
        "gated": gate(dataset),
        "disabled": False,
        "downloads": dataset.downloads,
        "downloadsAllTime": dataset.downloads,
        "likes": 0,
        "trendingScore": 0,
        "tags": tags_of(dataset, card),
        "cardData": card or None,
        "description": dataset.description or dataset.title,
        "usedStorage": release.size,
    }


def expanded() -> set[str]:
    """Return the properties that the request wants instead of the usual ones.

    Raises:
        HubError: there is no such property.
    """
    args = flask.request.args
    wanted = {*args.getlist("expand"), *args.getlist("expand[]")}
    if not wanted <= {*PROPERTIES}:
        raise HubError(400, None, f'"expand" must be one of {", ".join(PROPERTIES)}')
    return wanted


def chosen(told: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """Return of a description what was asked for: the usual, or just some properties."""
    if not wanted:
        return told
    whole = {**_UNKNOWN, **told, "mainSize": told["usedStorage"]}
    return {key: whole[key] for key in whole if key in {"id", *wanted}}


@routes.get("/api/datasets/<owner>/<name>")
@routes.get("/api/datasets/<owner>/<name>/revision/<path:revision>")
@allows(PUBLIC)
def show_info(owner: str, name: str, revision: str = "main") -> flask.Response:
    """Describe a dataset at a revision."""
    wanted = expanded()
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        release = find_release(session, dataset, revision)
        described = describe(dataset, release)
        if not wanted or "siblings" in wanted:
            described["siblings"] = siblings(
                catalogue.files(session, release), blobs=flag(flask.request.args, "blobs")
            )
    return answer(chosen(described, wanted))


@routes.get("/api/datasets/<owner>/<name>/refs")
@allows(PUBLIC)
def list_refs(owner: str, name: str) -> flask.Response:
    """List the one branch and the tags."""
    with installation().database.read() as session:
        releases = catalogue.releases(session, find_dataset(session, f"{owner}/{name}"))
        head = ("main", "refs/heads/main", releases[0].commit_id)
        tags = [(r.tag, f"refs/tags/{r.tag}", r.commit_id) for r in releases]
    keys = ("name", "ref", "targetCommit")
    refs: dict[str, list[dict[str, str]]] = {
        "branches": [dict(zip(keys, head, strict=True))],
        "converts": [],
        "tags": [dict(zip(keys, tag, strict=True)) for tag in tags],
    }
    if flag(flask.request.args, "include_prs"):
        refs["pullRequests"] = []
    return answer(refs)


@routes.get("/api/datasets/<owner>/<name>/commits/<path:revision>")
@allows(PUBLIC)
def list_commits(owner: str, name: str, revision: str) -> flask.Response:
    """List the releases up to a revision as commits, newest first."""
    size = page_size(50, 1000)
    cursor = after_cursor()
    if cursor is not None and not (len(cursor) == 1 and type(cursor[0]) is int):
        raise bad_cursor()
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        until = find_release(session, dataset, revision)
        before = cursor[0] if cursor else None
        releases = catalogue.history(session, until, before=before, limit=size + 1)
        more = next_page([releases[size - 1].id]) if len(releases) > size else None
        commits = [_commit(session, dataset, release) for release in releases[:size]]
    return answer(commits, next_page=more)


def _commit(
    session: Session, dataset: catalogue.Dataset, release: catalogue.Release
) -> dict[str, Any]:
    # Who pressed the button is not published; the organisation answers for the release.
    return {
        "id": release.commit_id,
        "title": title_of(release),
        "message": release.notes,
        "date": moment(release.published_at),
        "authors": [{"user": dataset.organisation.slug}],
    }


def title_of(release: catalogue.Release) -> str:
    """Return the one line that stands for a release in a list of commits."""
    first = release.notes.strip().partition("\n")[0][:200]
    return f"{release.tag}: {first}" if first else release.tag


@routes.get("/api/datasets/<name>")
@allows(PUBLIC)
def refuse_bare_name(name: str) -> flask.Response:
    """Say that there is no dataset without an owner."""
    raise repo_not_found()


@routes.get("/api/datasets/<owner>/<name>/leaderboard")
@allows(PUBLIC)
def show_leaderboard(owner: str, name: str) -> flask.Response:
    """Say that the dataset has no leaderboard: nobody's scores on it are kept here."""
    with installation().database.read() as session:
        find_dataset(session, f"{owner}/{name}")
    raise HubError(404, None, "This dataset has no leaderboard")
