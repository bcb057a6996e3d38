"""Send the Croissant document of a release: public, and the same whatever is accepted."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import flask
import msgspec
from flask import Blueprint
from sqlalchemy.orm import Session

from ..datasets import catalogue, errors, tombstones, versions
from ..datasets.catalogue import Dataset, Openness, Release, selection
from ..datasets.errors import _
from ..exporters import croissant
from ..exporters.card import card_facts
from . import citations
from .auth import PUBLIC, allows, installation
from .dcat.negotiation import addresses
from .visitors import visitor

routes = Blueprint("croissant", __name__)

CONTENT_TYPE = "application/ld+json"


@routes.get("/dataset/<ckan_name>/croissant.jsonld")
@allows(PUBLIC)
def show(ckan_name: str) -> flask.Response:
    """Describe the newest release of a dataset in Croissant."""
    with installation().database.read() as session:
        dataset = selection.named(session, visitor(), ckan_name)
        release = None if dataset is None else catalogue.resolve(session, dataset, "main")
        if dataset is None or release is None:
            raise errors.NotFound(_("there is no dataset %(name)s"), name=ckan_name[:120])
        return described(session, dataset, release)


def described(session: Session, dataset: Dataset, release: Release) -> flask.Response:
    """Answer with the document of a release, its files pinned to the commit.

    One file of the release is read; a release from before there was one is looked at anew.
    """
    where, document = addresses(), _document(session, dataset, release)
    page = where.landing(dataset)
    paths = [file["contentUrl"] for file in document["distribution"]]
    told = croissant.addressed(
        document,
        dataset,
        release,
        page=page,
        citation=citations.bibtex(dataset, release, f"{page}?revision={release.tag}"),
        address=lambda path: f"{page}/resolve/{release.commit_id}/{quote(path)}",
        withheld=tombstones.withheld(session, release.id, paths),
    )
    response = flask.Response(msgspec.json.encode(told), content_type=CONTENT_TYPE)
    is_open = dataset.openness != Openness.CLOSED
    response.headers["Cache-Control"] = "no-cache" if is_open else "private, no-store"
    response.add_etag()
    response.make_conditional(flask.request)
    return response


def _document(session: Session, dataset: Dataset, release: Release) -> dict[str, Any]:
    parts = installation()
    kept = catalogue.file(session, release, croissant.PATH)
    if kept is not None:
        found: dict[str, Any] = msgspec.json.decode(parts.store.read(kept.digest))
        return found
    version = versions.opened(session, parts.database, parts.store, release.version_id)
    files = [
        file
        for folder in ("data", "records")
        for file in catalogue.files(session, release, folder=folder)
    ]
    return croissant.document(version, card_facts(dataset), files)
