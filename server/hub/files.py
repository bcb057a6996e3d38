"""List a release's tree and send its files."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import flask
import sqlalchemy as sa

from ...datasets import catalogue
from ...datasets.db import Database
from ...datasets.exports import WrittenFile
from .. import files as downloads
from ..auth import PUBLIC, allows, installation
from .info import blob_id, moment, pointer, title_of
from .protocol import (
    HubError,
    after_cursor,
    answer,
    bad_cursor,
    entry_not_found,
    find_dataset,
    find_release,
    flag,
    next_page,
    page_size,
    routes,
    split_revision,
)

PAGE = 1000  # entries of a tree page
EXPANDED_PAGE = 50  # with the last commit of each
MOST_PATHS = 10_000  # of one paths-info request

log = logging.getLogger("jinbiao.server")


def tree_entry(
    release: catalogue.Release, entry: WrittenFile | str, *, expand: bool
) -> dict[str, Any]:
    """Describe a file, or a folder given by its path."""
    told: dict[str, Any]
    if isinstance(entry, str):
        name = f"{release.commit_id}/{entry}".encode()
        oid = hashlib.sha1(name, usedforsecurity=False).hexdigest()
        told = {"type": "directory", "oid": oid, "size": 0, "path": entry}
    else:
        text = pointer(entry)
        lfs = {"oid": entry.digest, "size": entry.size, "pointerSize": len(text)}
        told = {"type": "file", "oid": blob_id(text), "size": entry.size, "lfs": lfs}
        told["path"] = entry.path
    if expand:
        told["lastCommit"] = {
            "id": release.commit_id,
            "title": title_of(release),
            "date": moment(release.published_at),
        }
        if told["type"] == "file":
            scan = {"status": "unscanned", "avScan": None, "pickleImportScan": None}
            told["securityFileStatus"] = scan
    return told


def with_folders(
    files: Iterable[WrittenFile], folder: str, after: str
) -> Iterator[WrittenFile | str]:
    """Put each folder below `folder` before its first file; `after` is the file before."""
    known = f"{folder}/" if folder else ""
    for file in files:
        place = len(known)
        while (place := file.path.find("/", place)) >= 0:
            # The files of a folder follow each other, so the one before tells if it is new.
            if not after.startswith(file.path[: place + 1]):
                yield file.path[:place]
            place += 1
        yield file
        after = file.path


@routes.get("/api/datasets/<owner>/<name>/tree/<path:place>")
@allows(PUBLIC)
def list_tree(owner: str, name: str, place: str) -> flask.Response:
    """List a folder, or everything below it, by path and page by page."""
    args = flask.request.args
    expand = flag(args, "expand")
    size = page_size(*(2 * (EXPANDED_PAGE if expand else PAGE,)))
    cursor = after_cursor()
    after = "" if cursor is None else cursor[0] if cursor else None
    if not isinstance(after, str) or "\0" in after:
        raise bad_cursor()
    revision, folder = split_revision(place)
    with installation().database.read() as session:
        release = find_release(session, find_dataset(session, f"{owner}/{name}"), revision)
        if "\0" in folder:
            raise entry_not_found(release)
        found: list[WrittenFile | str]
        if flag(args, "recursive"):
            found = [*catalogue.files(session, release, folder=folder, after=after, limit=size + 1)]
        else:
            found = catalogue.entries(session, release, folder=folder, after=after, limit=size + 1)
        more = None
        if len(found) > size:
            last = found[size - 1]
            more = next_page([f"{last}/" if isinstance(last, str) else last.path])
        if not found and folder and not after:
            raise entry_not_found(release)
        page: Iterable[WrittenFile | str] = found[:size]
        if flag(args, "recursive"):
            page = with_folders((f for f in page if isinstance(f, WrittenFile)), folder, after)
        listed = [tree_entry(release, entry, expand=expand) for entry in page]
    return answer(listed, next_page=more)


@routes.post("/api/datasets/<owner>/<name>/paths-info/<path:revision>")
@allows(PUBLIC)
def list_paths(owner: str, name: str, revision: str) -> flask.Response:
    """Describe those of the given paths that are there."""
    form = flask.request.form
    paths = [path.strip("/") for path in form.getlist("paths")]
    if len(paths) > MOST_PATHS:
        raise HubError(400, None, f"Too many paths: {MOST_PATHS} at most")
    paths = [path for path in dict.fromkeys(paths) if path and "\0" not in path]
    with installation().database.read() as session:
        release = find_release(session, find_dataset(session, f"{owner}/{name}"), revision)
        files = catalogue.files_at(session, release, paths)
        others = [path for path in paths if path not in files]
        folders = catalogue.folders_at(session, release, others)
        known = [files.get(path, path) for path in paths if path in files or path in folders]
        expand = flag(form, "expand")
        listed = [tree_entry(release, entry, expand=expand) for entry in known]
    return answer(listed)


@routes.get("/datasets/<owner>/<name>/resolve/<path:place>")
@allows(PUBLIC)
def send_file(owner: str, name: str, place: str) -> flask.Response:
    """Send a file of a release, or the range of it that is asked for."""
    revision, path = split_revision(place)
    parts = installation()
    with parts.database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        release = find_release(session, dataset, revision)
        file = catalogue.file(session, release, path) if path and "\0" not in path else None
        if file is None:
            raise entry_not_found(release)
        dataset_id, commit = dataset.id, release.commit_id
    pinned = revision == commit
    response = downloads.send(
        parts.store,
        file.digest,
        file.size,
        content_type=downloads.content_type_of(path),
        file_name=path.rpartition("/")[2],
        etag=file.digest,
        headers={
            "X-Repo-Commit": commit,
            "X-Linked-ETag": f'"{file.digest}"',
            "X-Linked-Size": str(file.size),
            "Cache-Control": "max-age=31536000, immutable" if pinned else "no-cache",
        },
        link_seconds=parts.settings.media_link_seconds,
    )
    if is_download(flask.request, response, path):
        response.call_on_close(partial(count, parts.database, dataset_id))
    return response


def is_download(request: flask.Request, response: flask.Response, path: str) -> bool:
    """Tell whether a request counts as a download.

    The newer clients mark theirs with `X-HF-Download-Counter: 1`. Without the mark, whoever
    fetches the first byte of a file under `data/` counts. The rest of a file that is
    fetched in ranges never counts, nor does what was answered without content.
    """
    if request.method != "GET" or response.status_code not in (200, 206, 302):
        return False
    wanted = re.match(r"\s*bytes\s*=\s*(\d*)-", request.headers.get("Range", ""), re.IGNORECASE)
    if wanted and (not wanted[1] or int(wanted[1][:18]) > 0):
        return False
    return request.headers.get("X-HF-Download-Counter") == "1" or path.startswith("data/")


def count(database: Database, dataset_id: int) -> None:
    """Count a download after it was sent; a count that fails is only logged."""
    try:
        with database.write() as session:
            catalogue.count_download(session, dataset_id)
    except sa.exc.SQLAlchemyError:
        log.warning("a download of dataset %s was not counted", dataset_id, exc_info=True)
