"""List a release's tree and send its files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import flask

from ...datasets import catalogue, errors
from ...datasets.exports import WrittenFile
from .. import release_files
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
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
    gated_repo,
    next_page,
    page_size,
    routes,
    split_revision,
)

PAGE = 1000  # entries of a tree page
EXPANDED_PAGE = 50  # with the last commit of each
MOST_PATHS = 10_000  # of one paths-info request


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


def repo_headers(commit_id: str, digest: str, size: int) -> dict[str, str]:
    """Return what the clients want to know of a file before they fetch it."""
    return {
        "X-Repo-Commit": commit_id,
        "X-Linked-ETag": f'"{digest}"',
        "X-Linked-Size": str(size),
    }


@routes.get("/datasets/<owner>/<name>/resolve/<path:place>")
@allows(PUBLIC)
def send_file(owner: str, name: str, place: str) -> flask.Response:
    """Send a file of a release, or the range of it that is asked for."""
    revision, path = split_revision(place)
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        release = find_release(session, dataset, revision)
        file = catalogue.file(session, release, path) if path and "\0" not in path else None
        if file is None:
            raise entry_not_found(release)
        commit = release.commit_id
        headers = repo_headers(commit, file.digest, file.size)
        try:
            return release_files.send(
                session,
                visitor(),
                dataset,
                release,
                file,
                pinned=revision == commit,
                client="hub",
                headers=headers,
            )
        except (errors.NotSignedIn, errors.Forbidden) as error:
            refused = gated_repo(dataset)
            refused.headers["X-Repo-Commit"] = commit
            raise refused from error
        except errors.Withdrawn as error:
            told = "This file holds a record that was withdrawn: load a later revision"
            raise HubError(451, "Withdrawn", told, {"X-Repo-Commit": commit}) from error
