"""Say what this is: the version, in the shape that Label Studio's clients ask for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from .. import VERSION
from . import payloads
from .auth import PUBLIC, allows
from .label_studio import LABEL_STUDIO_VERSION

routes = Blueprint("about", __name__)


@routes.get("/api/version/")
@allows(PUBLIC)
def version() -> Response:
    """Return with which Label Studio this is compatible, and which Jinbiao it is."""
    part = {"message": f"Jinbiao {VERSION}", "commit": "", "date": "", "branch": ""}
    content: dict[str, Any] = {
        "release": LABEL_STUDIO_VERSION,
        "label-studio-os-package": {
            "version": LABEL_STUDIO_VERSION,
            "short_version": LABEL_STUDIO_VERSION.rpartition(".")[0],
            "latest_version_from_pypi": None,
            "latest_version_upload_time": None,
            "current_version_is_outdated": False,
        },
        "label-studio-os-backend": {**part, "version": VERSION},
        "label-studio-frontend": part,
        "dm2": part,
        "label-studio-converter": {"version": VERSION},
        "edition": "Community",
        "lsf": part,
        "backend": {"commit": ""},
    }
    return payloads.answer(content)
