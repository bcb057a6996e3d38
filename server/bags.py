"""Send a release as a BagIt bag, streamed, to archives that keep it for long."""

from __future__ import annotations

import flask
from flask import Blueprint

from ..datasets import catalogue, errors, tombstones
from ..datasets.errors import _
from ..exporters.bag import bag
from . import archives, release_files
from .auth import PUBLIC, allows, installation
from .visitors import visitor

routes = Blueprint("bags", __name__)


@routes.get("/datasets/<organisation>/<name>/archive/<tag>.bag.zip")
@allows(PUBLIC)
def download(organisation: str, name: str, tag: str) -> flask.Response:
    """Send all files of a release as a bag in one ZIP, or a range of its bytes."""
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
    return archives.send(
        made.beside(installation().store),
        made.files,
        dataset=dataset,
        release=release,
        visitor=visitor(),
        ending=".bag.zip",
        client="bag",
        own=made.own,
    )
