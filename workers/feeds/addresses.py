"""Read a list of addresses for feeds."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import BinaryIO

from ...datasets import outside
from ...datasets.feeds import Feed
from ...datasets.settings import Settings
from . import fetching
from .contract import Fetched, Found

CHECKED = 20  # of a long list, before it is kept


class AddressesWay:
    """Addresses that somebody listed; their ETag or Last-Modified tells whether they changed."""

    def __init__(self, settings: Settings, feed: Feed) -> None:
        """Prepare; nothing is asked yet."""
        self._settings = settings
        self._addresses: list[str] = feed.option_values["addresses"]

    def check(self) -> None:
        """Raise errors.Invalid where one of the first addresses may not be called.

        One that does not answer is a line of the reject file.
        """
        for place, url in enumerate(self._addresses[:CHECKED]):
            where = f"addresses[{place}]"
            outside.check(self._settings.outside_allowed, url, where, must_be_known=False)

    def found(self) -> Generator[Found, None, None]:
        """Give the addresses in their order."""
        for url in self._addresses:
            yield Found(url, None, url)

    def fetch(
        self, found: Found, validators: Mapping[str, str], out: BinaryIO, limit: int
    ) -> Fetched | None:
        """Fetch one, unless it says that it is as before."""
        return fetched(self._settings, found.key, validators, out, limit)


def fetched(
    settings: Settings,
    url: str,
    validators: Mapping[str, str],
    out: BinaryIO,
    limit: int,
    private: Mapping[str, str] | None = None,
    name: str = "",
) -> Fetched | None:
    """Fetch an address as `Way.fetch` does; `name` is what it is called if that is known."""
    asked = {fetching.VALIDATORS[each]: value for each, value in validators.items()}
    answer = fetching.fetch(settings, url, out, limit=limit, headers=asked, private=private)
    if answer.status == 304:
        return None
    return Fetched(name or answer.name, answer.validators)
