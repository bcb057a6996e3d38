"""Send a file of a release, the same way for every protocol: asked, counted, never in Python."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial

import flask
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..datasets import catalogue, downloads, errors, opening, tombstones
from ..datasets.catalogue import Dataset, Release
from ..datasets.db import Database
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.people import User
from . import files
from .auth import installation

log = logging.getLogger("jinbiao.server")


def check(
    session: Session, visitor: User | None, dataset: Dataset, release: Release, path: str
) -> None:
    """Say no to whoever may not have this file now.

    Raises:
        errors.NotSignedIn: the dataset is under conditions, and nobody is signed in.
        errors.Forbidden: it is under conditions that this person has not met.
        errors.Withdrawn: the file holds a record that was withdrawn.
    """
    if not opening.may_download(session, visitor, dataset):
        if visitor is None:
            raise errors.NotSignedIn(_("this dataset is open under conditions: sign in to apply"))
        raise errors.Forbidden(_("this dataset is open under conditions: apply for it first"))
    reason = tombstones.withheld(session, release.id, [path]).get(path)
    if reason is not None:
        raise errors.Withdrawn(
            _("this file holds a record that was withdrawn: %(reason)s"), reason=reason
        )


def send(
    session: Session,
    visitor: User | None,
    dataset: Dataset,
    release: Release,
    file: WrittenFile,
    *,
    pinned: bool,
    client: str,
    headers: Mapping[str, str] | None = None,
) -> flask.Response:
    """Answer the request with a file of a release; `pinned` when it was asked by commit.

    Raises:
        see `check`.
    """
    check(session, visitor, dataset, release, file.path)
    parts = installation()
    response = files.send(
        parts.store,
        file.digest,
        file.size,
        content_type=files.content_type_of(file.path),
        file_name=file.path.rpartition("/")[2],
        etag=file.digest,
        headers={"Cache-Control": caching(dataset.openness, pinned=pinned), **(headers or {})},
        link_seconds=parts.settings.media_link_seconds,
    )
    if is_download(flask.request, response, file.path):
        response.call_on_close(
            partial(
                _count,
                parts.database,
                dataset_id=dataset.id,
                release_id=release.id,
                path=file.path,
                visitor=visitor,
                address=flask.request.remote_addr or "",
                client=client,
            )
        )
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
    return counts(path, marked=request.headers.get("X-HF-Download-Counter") == "1")


def counts(path: str, *, marked: bool) -> bool:
    """Tell whether a file that was fetched from its first byte on counts as a download."""
    return marked or path.startswith("data/")


def caching(openness: str, *, pinned: bool) -> str:
    """Return how long others may keep a file."""
    if openness != catalogue.Openness.OPEN:
        return "private, no-store"
    # A withdrawn record must be able to go: a proxy asks again each hour.
    return "public, max-age=3600" if pinned else "no-cache"


def _count(
    database: Database,
    *,
    dataset_id: int,
    release_id: int,
    path: str,
    visitor: User | None,
    address: str,
    client: str,
) -> None:
    """Count a download after it was sent; a count that fails is only logged."""
    try:
        with database.write() as session:
            downloads.note(
                session,
                dataset_id=dataset_id,
                release_id=release_id,
                path=path,
                visitor=visitor,
                address=address,
                client=client,
            )
    except sa.exc.SQLAlchemyError:
        log.warning("a download of dataset %s was not counted", dataset_id, exc_info=True)
