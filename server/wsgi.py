"""What the web server loads in each of its processes."""

from __future__ import annotations

import sys

from flask import Flask

from ..datasets import migrations, settings
from ..datasets.installation import open_installation
from ..workers.supervise import collect_seldom, die_with_parent
from .app import create
from .front import Front


def application() -> Flask:
    """Open the installation that the environment names and return its application."""
    if sys.platform == "linux":
        # A killed web server must not leave processes that hold its port.
        die_with_parent()
    collect_seldom()
    opened = open_installation(settings.load())
    migrations.check(opened.database)
    return create(opened)


def front() -> Front:
    """Open the installation and return what the server talks to: see front.py."""
    app = application()
    return Front(app.extensions["jinbiao"], app)
