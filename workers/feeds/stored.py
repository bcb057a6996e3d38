"""Read buckets and folders for feeds, the way that connected storages are read."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from typing import Any, BinaryIO

import msgspec

from ...datasets import errors, feeds, seals
from ...datasets.connections import patterns, stores
from ...datasets.connections.stores import Store
from ...datasets.errors import _
from ...datasets.feeds import Feed, FeedKind
from ...datasets.settings import Settings
from ..stores import reach
from .contract import Fetched, Found

PAGE = 500
# Options of a feed under the names that a connected storage has for them.
_S3 = {"bucket": "bucket", "prefix": "prefix", "region": "region_name", "endpoint": "s3_endpoint"}
_KEYS = {
    "access_key": "aws_access_key_id",
    "secret_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}


class StoredWay:
    """A bucket or a folder that the operator allows."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            errors.Invalid: the address, the folder or the pattern cannot be used.
        """
        given = feed.option_values
        self._pattern = given["pattern"]
        if self._pattern:
            try:
                patterns.check_pattern(self._pattern)
            except errors.Invalid as problem:
                problem.place = "pattern"
                raise
        self._is_bucket = feed.kind == FeedKind.S3
        self._is_by_reference = feed.is_by_reference
        self._reach = reach(settings, _store(settings, feed, given))

    def check(self) -> None:
        """Raise errors.Refused unless it can be listed."""
        self._reach.check()

    def found(self) -> Generator[Found, None, None]:
        """List its objects in a fixed order, those that the pattern matches."""
        page: list[Found] = []
        for each in self._reach.found():
            if not _can_be_said(each.key):
                continue
            page.append(Found(each.key, each.etag or None, each.name))
            if len(page) >= PAGE:
                yield from self._matching(page)
                page = []
        yield from self._matching(page)

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Copy an object; what is to be referred to in the form that the list named."""
        etag = found.etag if self._is_by_reference else None
        with self._reach.open(found.key, limit, etag) as stream:
            shutil.copyfileobj(stream, out, 1024 * 1024)
        return Fetched(found.name)

    def _matching(self, page: list[Found]) -> list[Found]:
        names = [each.key if self._is_bucket else each.name for each in page]
        fits = patterns.matching(self._pattern, names)
        return [each for each, good in zip(page, fits, strict=True) if good]


def _can_be_said(key: str) -> bool:
    """Tell whether a key is text that both databases hold: names of files may be any bytes."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in key


def _store(settings: Settings, feed: Feed, given: dict[str, Any]) -> Store:
    """Return the place as a connected storage that is kept nowhere."""
    values: dict[str, Any] = {"recursive_scan": given["recursive"]}
    sealed = ""
    if feed.kind == FeedKind.S3:
        values |= {theirs: given[ours] for ours, theirs in _S3.items()}
        secrets = feeds.secrets_of(settings, feed)
        keys = {_KEYS[name]: text for name, text in secrets.items()}
        sealed = seals.seal(settings, msgspec.json.encode(keys).decode()) if keys else ""
    else:
        values["path"] = given["path"]
    kind = "s3" if feed.kind == FeedKind.S3 else "localfiles"
    if kind == "s3" and not given["bucket"]:
        raise errors.Invalid(_("say which bucket"), place="bucket")
    return Store(
        kind=kind,
        direction=stores.IMPORT,
        options=msgspec.json.encode(values).decode(),
        secrets=sealed,
    )
