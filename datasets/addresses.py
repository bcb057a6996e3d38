"""Sign addresses of stored media, for pages, for programs and for models outside.

An address either lives for an hour or two and carries the right to see the medium, or it does
not end and asks who wants to see it; its signature then ties the medium to a project.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

from .settings import Settings, secret_key


def signature(key: str, digest: str, extension: str, expires: int) -> str:
    """Return what lets anybody see these bytes under this extension until then."""
    text = f"media\0{digest}\0{extension}\0{expires}".encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:32]


def belonging(key: str, project_id: int, digest: str) -> str:
    """Return what says that these bytes belong to this project."""
    text = f"stored\0{project_id}\0{digest}".encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:16]


def expiry(seconds: int) -> int:
    """Return when an address made now ends: the same within an hour, for the sake of caches."""
    return (int(time.time()) // seconds + 2) * seconds


def file_name(name: str, digest: str) -> str:
    """Return the last part of a name, for the end of an address."""
    return PurePosixPath(name.replace("\\", "/")).name or digest[:12]


@dataclass(frozen=True)
class Addresses:
    """Make whole addresses without a web request at hand."""

    origin: str
    seconds: int
    key: str = field(repr=False)

    def media(self, digest: str, extension: str) -> str:
        """Return an address that anybody may read for an hour or two."""
        plain, expires = extension.lstrip(".") or "bin", expiry(self.seconds)
        signed = signature(self.key, digest, plain, expires)
        return f"{self.origin}/media/{digest}.{plain}?expires={expires}&signature={signed}"

    def stored(self, project_id: int, digest: str, name: str) -> str:
        """Return the path of a project's medium that does not end, for who may see it."""
        signed = belonging(self.key, project_id, digest)
        end = quote(file_name(name, digest), safe="")
        return f"/data/upload/{project_id}/{digest}-{signed}/{end}"


def of(settings: Settings) -> Addresses:
    """Return what makes addresses of this installation."""
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host
    origin = settings.public_url or f"http://{host}:{settings.port}"
    return Addresses(origin, settings.media_link_seconds, secret_key(settings))
