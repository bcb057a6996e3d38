"""The public catalogue: list, search, dataset pages, files."""

from __future__ import annotations

from itertools import islice

import flask
import msgspec
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import catalogue, errors, versions
from ..datasets.catalogue import Dataset, Release
from ..datasets.errors import _
from ..exporters import archive
from . import links, payloads
from .auth import PUBLIC, allows, installation

routes = Blueprint("catalogue", __name__)
PAGE = 20
PREVIEW = 12


@routes.get("/datasets")
@allows(PUBLIC)
def index() -> str:
    """Show the catalogue: search first, last changed first."""
    words = request.args.get("q", "")[:200]
    found, following = _search(words, PAGE)
    with installation().database.read() as session:
        releases = catalogue.newest(session, found)
    return render_template(
        "catalogue/index.html", datasets=found, releases=releases, words=words, next=following
    )


@routes.get("/datasets/<organisation>/<name>")
@allows(PUBLIC)
def show(organisation: str, name: str) -> str:
    """Show a dataset: what it is, preview, statistics, licence, files, how to load it."""
    wanted = request.args.get("revision", "main")
    with installation().database.read() as session:
        dataset, release = _resolved(session, organisation, name, wanted)
        frozen = versions.opened(
            session, installation().database, installation().store, release.version_id
        )
        return render_template(
            "catalogue/show.html",
            dataset=dataset,
            release=release,
            releases=catalogue.releases(session, dataset),
            front_matter=msgspec.json.decode(release.card),
            files=catalogue.files(session, release, limit=200),
            version=frozen,
            preview=[links.preview(record) for record in islice(frozen.records(), PREVIEW)],
            base=flask.request.host_url.rstrip("/"),
        )


@routes.get("/datasets/<organisation>/<name>/files")
@allows(PUBLIC)
def tree(organisation: str, name: str) -> str:
    """Show all files of a release with their digests; keyset paging."""
    after = request.args.get("after", "")
    with installation().database.read() as session:
        dataset, release = _resolved(
            session, organisation, name, request.args.get("revision", "main")
        )
        found = catalogue.files(session, release, after=after, limit=501)
    return render_template(
        "catalogue/files.html",
        dataset=dataset,
        release=release,
        files=found[:500],
        next_after=found[499].path if len(found) > 500 else None,
    )


@routes.get("/datasets/<organisation>/<name>/archive/<tag>.zip")
@allows(PUBLIC)
def download(organisation: str, name: str, tag: str) -> Response:
    """Send all files of a release as one ZIP, streamed, the same bytes every time."""
    with installation().database.read() as session:
        dataset, release = _resolved(session, organisation, name, tag)
        found = catalogue.files(session, release)
    if request.method == "GET":
        with installation().database.write() as session:
            catalogue.count_download(session, dataset.id)
    response = flask.Response(
        archive.stream_zip(installation().store, found), mimetype="application/zip"
    )
    response.content_length = archive.zip_size(found)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{organisation}-{name}-{release.tag}.zip"'
    )
    return response


@routes.get("/api/catalogue/")
@allows(PUBLIC)
def api_index() -> Response:
    """List published datasets; `q` searches."""
    found, following = _search(request.args.get("q", "")[:200], 100)
    with installation().database.read() as session:
        rows = [payloads.dataset(row, catalogue.releases(session, row)) for row in found]
    return payloads.answer({"results": rows, "next": following})


@routes.get("/api/catalogue/<organisation>/<name>/")
@allows(PUBLIC)
def api_show(organisation: str, name: str) -> Response:
    """Return a published dataset with its releases."""
    with installation().database.read() as session:
        dataset, _release = _resolved(session, organisation, name, "main")
        return payloads.answer(payloads.dataset(dataset, catalogue.releases(session, dataset)))


def _search(words: str, limit: int) -> tuple[list[Dataset], str | None]:
    """Return a page of datasets and the mark of the next one."""
    before = None
    mark = request.args.get("before", "")
    if mark:
        at, _comma, number = mark.partition(",")
        before = (payloads.moment("before", at), payloads.number({"before": number}, "before"))
    with installation().database.read() as session:
        found = catalogue.search(session, words=words, before=before, limit=limit + 1)
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], f"{last.modified_at.isoformat()},{last.id}"


def _resolved(
    session: Session, organisation: str, name: str, revision: str
) -> tuple[Dataset, Release]:
    dataset = catalogue.find(session, f"{organisation}/{name}")
    if dataset is None:
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    release = catalogue.resolve(session, dataset, revision)
    if release is None:
        raise errors.NotFound(
            _("the dataset has no revision “%(revision)s”"), revision=revision[:60]
        )
    return dataset, release
