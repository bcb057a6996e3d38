"""Sign short-lived addresses of stored media, so that a page can show them."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import PurePosixPath
from typing import Any

import flask

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.tasks import Media
from ..datasets.versions import Record
from .auth import installation


def media(row: Media) -> str:
    """Return an address of the medium as browsers are to see it, good for one to two hours.

    The address stays the same within an hour, so that a browser's cache helps.
    """
    digest = row.display_digest or row.digest
    extension = (row.display_extension if row.display_digest else row.extension) or ""
    return address(digest, extension)


def address(digest: str, extension: str) -> str:
    """Return a signed address of stored bytes that are shown under this extension."""
    seconds = installation().settings.media_link_seconds
    expires = (int(time.time()) // seconds + 2) * seconds
    extension = extension.lstrip(".") or "bin"
    return flask.url_for(
        "media.show",
        digest=digest,
        extension=extension,
        expires=expires,
        signature=_signature(digest, extension, expires),
    )


def thumbnail(row: Media) -> str:
    """Return an address of a small copy of a picture."""
    seconds = installation().settings.media_link_seconds
    expires = (int(time.time()) // seconds + 2) * seconds
    digest = row.display_digest or row.digest
    return flask.url_for(
        "media.thumbnail",
        digest=digest,
        expires=expires,
        signature=_signature(digest, "thumbnail", expires),
    )


def preview(record: Record) -> dict[str, Any]:
    """Return what pages show of a frozen record: it, and the addresses of its pictures by key."""
    pictures = {
        key: address(medium.sha256, PurePosixPath(medium.file).suffix)
        for key, medium in record.media.items()
        if medium.content_type.startswith("image/")
    }
    return {"record": record, "pictures": pictures}


def check(digest: str, extension: str, expires: int, signature: str) -> None:
    """Raise errors.NotFound unless the address was signed here and is still good."""
    made = _signature(digest, extension, expires)
    good = hmac.compare_digest(made.encode(), signature.encode(errors="replace"))
    if not good or expires < time.time():
        raise errors.NotFound(_("this link is not valid or has expired"))


def _signature(digest: str, extension: str, expires: int) -> str:
    key = str(flask.current_app.config["SECRET_KEY"]).encode()
    text = f"media\0{digest}\0{extension}\0{expires}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:32]
