"""Serve an installation for clients of the catalogue, without its workers."""

from __future__ import annotations

import flask

from jinbiao.datasets import settings
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.server import app
from jinbiao.server.front import Front


def create(installation: Installation) -> flask.Flask:
    """Make the whole application, as the platform serves it."""
    return app.create(installation)


def from_environment() -> Front:
    """Make the application as the environment says, with what stands before it."""
    installation = open_installation(settings.load())
    return Front(installation, create(installation))
