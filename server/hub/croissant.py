"""Describe a dataset in Croissant at the address that the Hub has for it, and at a revision."""

from __future__ import annotations

import flask

from ..auth import PUBLIC, allows, installation
from ..croissant import described
from .protocol import find_dataset, find_release, routes


@routes.get("/api/datasets/<owner>/<name>/croissant")
@routes.get("/api/datasets/<owner>/<name>/croissant/<path:revision>")
@allows(PUBLIC)
def show_croissant(owner: str, name: str, revision: str = "main") -> flask.Response:
    """Describe a dataset at a revision; also where its files need an application."""
    with installation().database.read() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        return described(session, dataset, find_release(session, dataset, revision))
