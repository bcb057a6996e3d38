"""Sign short-lived addresses of stored media, so that a page can show them."""

from __future__ import annotations

import hmac
import re
import time
from pathlib import PurePosixPath
from typing import Any

import flask

from ..datasets import addresses, errors
from ..datasets.errors import _
from ..datasets.tasks import Media
from ..datasets.versions import Record
from .auth import installation

_STORED = re.compile(r"/data/upload/([0-9]{1,17})/([0-9a-f]{64})-([0-9a-f]{16})/[^/?#]*$")


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


def stored(project_id: int, digest: str, name: str) -> str:
    """Return an address of a project's medium that does not end; it asks who wants it.

    The signature says that this medium belongs to this project.
    """
    return flask.url_for(
        "media.upload",
        project_id=project_id,
        digest=digest,
        signature=_belongs(project_id, digest),
        name=PurePosixPath(name.replace("\\", "/")).name or digest[:12],
    )


def check_stored(project_id: int, digest: str, signature: str) -> None:
    """Raise errors.NotFound unless this medium was said to belong to this project here."""
    made = _belongs(project_id, digest)
    if not hmac.compare_digest(made.encode(), signature.encode(errors="replace")):
        raise errors.NotFound(_("there is nothing at this address"))


def stored_digest(address: str) -> tuple[int, str] | None:
    """Return (project, digest) of an address that `stored` made, None for any other text."""
    found = _STORED.search(address)
    if found is None:
        return None
    project_id, digest, signature = int(found[1]), found[2], found[3]
    good = hmac.compare_digest(_belongs(project_id, digest), signature)
    return (project_id, digest) if good else None


def thumbnail(row: Media) -> str:
    """Return an address of a small copy of a picture."""
    return small(row.display_digest or row.digest)


def small(digest: str) -> str:
    """Return an address of a small copy of stored bytes that are a picture."""
    seconds = installation().settings.media_link_seconds
    expires = (int(time.time()) // seconds + 2) * seconds
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


def _belongs(project_id: int, digest: str) -> str:
    key = str(flask.current_app.config["SECRET_KEY"])
    return addresses.belonging(key, project_id, digest)


def _signature(digest: str, extension: str, expires: int) -> str:
    key = str(flask.current_app.config["SECRET_KEY"])
    return addresses.signature(key, digest, extension, expires)
