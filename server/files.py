"""Send stored bytes over HTTP: ranges, conditions, safe types and names, signed links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import quote

import flask

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.storage import ObjectStore
from .bridge import SENDS_FILES, SENT_FILE

CHUNK = 1 << 20  # bytes held in memory for one download

# Types that a browser shows without running anything; all others are saved to a file.
_SHOWN = {
    "application/json",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/tab-separated-values",
    "video/mp4",
    "video/webm",
}
_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "text/plain",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tar": "application/x-tar",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".yaml": "text/plain",
    ".yml": "text/plain",
    ".zip": "application/zip",
}
_SAVED = {"application/vnd.apache.parquet", "application/pdf", "application/x-tar"}
_SAVED |= {"application/zip", "application/gzip", "application/octet-stream"}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+")
_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)


def content_type_of(file_name: str) -> str:
    """Return the type of a file by its name; `application/octet-stream` if it is unknown."""
    suffix = PurePosixPath(file_name).suffix.lower()
    return _TYPES.get(suffix, "application/octet-stream")


def safe_type(content_type: str) -> str:
    """Return a type that no browser runs: HTML, SVG, XML and scripts become plain text."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain in _SAVED or (plain in _SHOWN and not plain.startswith("text/")):
        return plain
    if plain.startswith("text/") or re.search(r"html|xml|script", plain):
        return f"{plain if plain in _SHOWN else 'text/plain'}; charset=utf-8"
    return "application/octet-stream"


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, length) of the one range that a Range header asks for.

    None means all bytes: there is no range, several, or one that is malformed. A length of
    0 means that the range lies beyond the end (416).
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(_number(found[2]), size)
        return size - length, length
    start = _number(found[1])
    last = _number(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None
    return start, max(0, min(last, size - 1) - start + 1)


def disposition(file_name: str, *, as_attachment: bool) -> str:
    """Return a Content-Disposition that carries any file name (RFC 6266, RFC 8187)."""
    kind = "attachment" if as_attachment else "inline"
    if _PLAIN_NAME.fullmatch(file_name):
        return f"{kind}; filename=\"{file_name}\"; filename*=UTF-8''{file_name}"
    plain = re.sub(r"[^ !#-\[\]-~]", "_", file_name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def is_shown(file_name: str) -> bool:
    """Tell whether a browser shows a file of this name rather than saving it."""
    return _is_shown(content_type_of(file_name))


def describing(
    content_type: str, file_name: str, etag: str, *, as_attachment: bool = False
) -> dict[str, str]:
    """Return the headers that every stored file goes out with, whoever sends its bytes."""
    shown = _is_shown(content_type)
    return {
        "Content-Type": safe_type(content_type),
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": disposition(file_name, as_attachment=as_attachment or not shown),
    }


def send(
    store: ObjectStore,
    digest: str,
    size: int,
    *,
    content_type: str,
    file_name: str,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
    as_attachment: bool = False,
    link_seconds: int | None = None,
) -> flask.Response:
    """Answer the current GET or HEAD request with a stored object, at constant memory.

    `etag` comes without quotes and is the digest unless told. With `link_seconds`, a GET is
    sent to a signed public address that lives so long, if the store has one (302).

    Raises:
        errors.Damaged: the object is missing from the store.
        errors.Away: it is only referred to, and the place does not hold it as it was.
        errors.Unavailable: the store does not answer.
    """
    request, etag = flask.request, etag or digest
    safe = safe_type(content_type)
    told = describing(content_type, file_name, etag, as_attachment=as_attachment)
    response = flask.Response(status=200, headers={**(headers or {}), **told})
    if request.if_none_match.contains_weak(etag):
        response.status_code = 304
        del response.headers["Content-Type"]
        return response
    if request.method == "HEAD":
        response.content_length = size
        return response
    if link_seconds is not None:
        link = store.link(digest, file_name=file_name, content_type=safe, seconds=link_seconds)
        if link is not None:
            response.status_code, response.location = 302, link
            response.headers["Cache-Control"] = "no-store"
            return response
    return _with_bytes(response, store, digest, size, etag)


def part_asked(response: flask.Response, size: int, etag: str) -> tuple[int, int]:
    """Return (start, length) of the bytes that the request asks for, and make the response say so.

    The response becomes a 206 for a range, and a 416 of no bytes for one beyond the end.
    """
    wanted = byte_range(flask.request.headers.get("Range"), size)
    condition = flask.request.headers.get("If-Range")
    if wanted is None or (condition is not None and condition.strip() != f'"{etag}"'):
        return 0, size
    start, length = wanted
    if length == 0:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{size}"
        response.headers["Content-Length"] = "0"
        return wanted
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return wanted


def _is_shown(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in _SHOWN


def _with_bytes(
    response: flask.Response, store: ObjectStore, digest: str, size: int, etag: str
) -> flask.Response:
    """Put the asked range, or all bytes, into a response."""
    start, length = part_asked(response, size, etag)
    if response.status_code == 416:
        return response
    try:
        stream = store.open(digest, start, length)
    except errors.Away:
        # Its words name the bucket and the key.
        raise
    except errors.NotFound as error:
        raise errors.Damaged(
            _("the stored bytes of %(digest)s are missing"), digest=digest
        ) from error
    response.response = _Chunks(stream, length)
    response.content_length = length
    local = store.path(digest) if length == size else None
    if local is not None and SENDS_FILES in flask.request.environ:
        flask.request.environ[SENT_FILE] = str(local)
    return response


class _Chunks:
    """Iterate over exactly `length` bytes of a stream; close it even if nothing was read."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._left = stream, length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._left <= 0:
            raise StopIteration
        chunk = self._stream.read(min(CHUNK, self._left))
        if not chunk:
            # The connection breaks off, so that the client sees that bytes are missing.
            raise errors.Damaged(_("the stored bytes end too early"))
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._stream.close()


def _number(digits: str) -> int:
    # Any number of more than 18 digits is beyond the end of every file.
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else 10**18
