"""Send a release as a BagIt bag, streamed, to archives that keep it for long."""

from __future__ import annotations

import flask
from flask import Blueprint

from ..datasets import catalogue, downloads, errors, tombstones
from ..datasets.errors import _
from ..exporters.bag import bag
from . import release_files
from .auth import PUBLIC, allows, installation
from .visitors import visitor

routes = Blueprint("bags", __name__)


@routes.get("/datasets/<organisation>/<name>/archive/<tag>.bag.zip")
@allows(PUBLIC)
def download(organisation: str, name: str, tag: str) -> flask.Response:
    """Send all files of a release as a bag in one ZIP, the same bytes every time."""
    with installation().database.read() as session:
        dataset = catalogue.find(session, f"{organisation}/{name}", visitor())
        release = None if dataset is None else catalogue.resolve(session, dataset, tag)
        if dataset is None or release is None:
            raise errors.NotFound(
                _("there is no dataset %(name)s"), name=f"{organisation}/{name}@{tag}"[:120]
            )
        release_files.check(session, visitor(), dataset, release, "")
        found = catalogue.files(session, release)
        gone = tombstones.withheld(session, release.id, [file.path for file in found])
    found = [file for file in found if file.path not in gone]
    made = bag(dataset, release, found)
    if flask.request.method == "GET":
        with installation().database.write() as session:
            downloads.note(
                session,
                dataset_id=dataset.id,
                release_id=release.id,
                path="",
                visitor=visitor(),
                address=flask.request.remote_addr or "",
                client="bag",
            )
    response = flask.Response(made.stream(installation().store), mimetype="application/zip")
    response.content_length = made.size
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{organisation}-{name}-{release.tag}.bag.zip"'
    )
    return response
