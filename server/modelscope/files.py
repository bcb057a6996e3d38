"""List a release's tree and send its files, as the ModelScope SDK asks for them."""

from __future__ import annotations

from typing import Any

import flask
from sqlalchemy.orm import Session

from ...datasets import catalogue, errors
from ...datasets.catalogue import Dataset, Release
from ...datasets.errors import _
from ...datasets.exports import WrittenFile
from .. import release_files
from ..auth import PUBLIC, allows, installation
from ..visitors import visitor
from .protocol import answer, find_dataset, find_numbered, find_release, number, routes, seconds

LARGEST_PAGE = 10_000
# page number × page size; beyond it the tree is read through the hub, which jumps.
MOST_ENTRIES = 2_000_000


def entry(release: Release, item: WrittenFile | str) -> dict[str, Any]:
    """Describe a file, or a folder given by its path."""
    path = item if isinstance(item, str) else item.path
    told = {
        "Path": path,
        "Name": path.rpartition("/")[2],
        "Revision": release.commit_id,
        "CommitId": release.commit_id,
        "CommitMessage": release.tag,
        "CommittedDate": seconds(release.published_at),
    }
    if isinstance(item, str):
        return {**told, "Type": "tree", "Mode": "40000", "Size": 0, "Sha256": "", "IsLFS": False}
    return {
        **told,
        "Type": "blob",
        "Mode": "100644",
        "Size": item.size,
        "Sha256": item.digest,
        "IsLFS": True,
    }


@routes.get("/api/v1/datasets/<owner>/<name>/repo/tree")
@allows(PUBLIC)
def list_tree(owner: str, name: str) -> flask.Response:
    """List a folder of a dataset, or all files below it, page by page."""
    with installation().database.read() as session:
        return _tree(session, find_dataset(session, owner, name))


@routes.get("/api/v1/datasets/<int:dataset_id>/repo/tree")
@allows(PUBLIC)
def list_numbered_tree(dataset_id: int) -> flask.Response:
    """List a folder of the dataset of that number."""
    with installation().database.read() as session:
        return _tree(session, find_numbered(session, dataset_id))


def _tree(session: Session, dataset: Dataset) -> flask.Response:
    """Answer with one page; the last one is shorter than it was asked to be.

    Raises:
        errors.NotFound: there is no such revision or folder.
        errors.Invalid: the page is too large or too far.
    """
    args = flask.request.args
    release = find_release(session, dataset)
    folder = args.get("Root", "").strip("/")
    page, size = number("PageNumber", 1, MOST_ENTRIES), number("PageSize", LARGEST_PAGE, 10_000)
    start = (page - 1) * size
    if start + size > MOST_ENTRIES:
        raise errors.Invalid(
            _("page number × page size must be at most %(highest)s"), highest=MOST_ENTRIES
        )
    found: list[WrittenFile | str]
    if args.get("Recursive", "").lower() in ("true", "1"):
        found = [*catalogue.files(session, release, folder=folder, skip=start, limit=size)]
    elif start + size > LARGEST_PAGE:
        raise errors.Invalid(
            _("a folder is listed up to %(highest)s entries: ask with Recursive=True"),
            place="PageNumber",
            highest=LARGEST_PAGE,
        )
    else:
        found = catalogue.entries(session, release, folder=folder, limit=start + size)[start:]
    if not found and folder and page == 1:
        raise errors.NotFound(_("there is no folder %(path)s"), path=folder[:200])
    return answer({"Files": [entry(release, item) for item in found]})


@routes.get("/api/v1/datasets/<owner>/<name>/repo")
@allows(PUBLIC)
def send_file(owner: str, name: str) -> flask.Response:
    """Send a file of a release, or the range of it that is asked for.

    The SDK checks what it received against the SHA-256 in X-Linked-ETag.
    """
    path = flask.request.args.get("FilePath", "").strip("/")
    with installation().database.read() as session:
        dataset = find_dataset(session, owner, name)
        release = find_release(session, dataset)
        file = catalogue.file(session, release, path) if path else None
        if file is None:
            raise errors.NotFound(_("there is no file %(path)s"), path=path[:200])
        return release_files.send(
            session,
            visitor(),
            dataset,
            release,
            file,
            pinned=flask.request.args.get("Revision") == release.commit_id,
            client="modelscope",
            headers={
                "X-Linked-ETag": f'"{file.digest}"',
                "X-Linked-Size": str(file.size),
                "X-Repo-Commit": release.commit_id,
            },
        )
