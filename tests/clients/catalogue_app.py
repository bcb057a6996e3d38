"""Serve only the catalogue protocols, for clients to be tried on."""

from __future__ import annotations

import flask

from jinbiao.datasets import settings
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.server import hub


def create(installation: Installation) -> flask.Flask:
    """Make an application of the hub alone."""
    app = flask.Flask("catalogue")
    app.extensions["jinbiao"] = installation
    app.register_blueprint(hub.routes)
    return app


def from_environment() -> flask.Flask:
    """Make the application as the environment says; the server calls this."""
    return create(open_installation(settings.load()))
