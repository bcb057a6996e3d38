"""Send a release as one archive: whole, or the range of it that is asked for."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Collection, Iterable

import flask
import sqlalchemy as sa

from ..datasets import checksums, downloads
from ..datasets.catalogue import Dataset, Release
from ..datasets.db import Database
from ..datasets.exports import WrittenFile
from ..datasets.people import User
from ..exporters import archive
from . import files, release_files
from .auth import installation

log = logging.getLogger("jinbiao.server")

BATCH = 500  # sums of one query


def send(
    store: archive.Opens,
    written: Iterable[WrittenFile],
    *,
    dataset: Dataset,
    release: Release,
    visitor: User | None,
    ending: str,
    client: str,
    own: Collection[str] = (),
) -> flask.Response:
    """Answer the request with the archive of files, the same bytes every time.

    `own` are digests of what is in no store but the given one. Who fetches the first byte
    counts as a download, by `client`.
    """
    plan = archive.layout(written)
    name = f"{dataset.organisation.slug}-{dataset.name}-{release.tag}{ending}"
    told = files.describing("application/zip", name, plan.mark, as_attachment=True)
    told["Cache-Control"] = release_files.caching(dataset.openness, pinned=False)
    response = flask.Response(status=200, headers=told)
    request, database = flask.request, installation().database
    if request.if_none_match.contains_weak(plan.mark):
        response.status_code = 304
        del response.headers["Content-Type"]
        return response
    if request.method == "HEAD":
        response.content_length = plan.size
        return response
    start, length = files.part_asked(response, plan.size, plan.mark)
    if response.status_code == 416:
        return response
    sums = Sums(database, plan.files, own) if response.status_code == 206 else None
    response.response = plan.stream(store, start, length, sums)
    response.content_length = length
    if sums is not None:
        response.call_on_close(sums.write)
    if start == 0:
        # Before it is sent, which may take hours: whoever has a part of it is told of errata.
        with database.write() as session:
            downloads.note(
                session,
                dataset_id=dataset.id,
                release_id=release.id,
                path="",
                visitor=visitor,
                address=request.remote_addr or "",
                client=client,
            )
    return response


class Sums:
    """The CRC-32 of an archive's files, asked of the database as they are needed.

    Publishing keeps them; of releases from before it did, those that are read are kept here.
    """

    def __init__(
        self, database: Database, ordered: list[WrittenFile], own: Collection[str]
    ) -> None:
        """Know where to ask; nothing is asked yet."""
        self._database, self._files, self._own = database, ordered, own
        self._first = self._last = 0
        self._batch: dict[str, int] = {}
        self._new: dict[str, int] = {}

    def find(self, file: WrittenFile) -> int | None:
        """Return a file's sum, None where it is not known."""
        at = bisect_left(self._files, file.path, key=lambda each: each.path)
        if not self._first <= at < self._last:
            self._first, self._last = at, at + BATCH
            digests = {each.digest for each in self._files[at : at + BATCH]}
            with self._database.read() as session:
                self._batch = checksums.known_crcs(session, digests)
        found = self._batch.get(file.digest)
        return self._new.get(file.digest) if found is None else found

    def keep(self, file: WrittenFile, crc: int) -> None:
        """Take in a sum that was not known."""
        if file.digest not in self._own:
            self._new[file.digest] = crc
        if len(self._new) >= BATCH:
            self.write()

    def write(self) -> None:
        """Write down what was taken in; what cannot be is only logged, and read again."""
        new, self._new = self._new, {}
        if not new:
            return
        try:
            with self._database.write() as session:
                checksums.keep_crcs(session, new)
        except sa.exc.SQLAlchemyError:
            log.warning("checksums of %s objects were not kept", len(new), exc_info=True)
