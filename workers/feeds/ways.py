"""Give the way into the place that a feed reads."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from ...datasets.feeds import Feed, FeedKind
from ...datasets.settings import Settings
from .addresses import AddressesWay
from .catalogues import CkanWay, DcatWay
from .contract import Way
from .stored import StoredWay


def _database(settings: Settings, feed: Feed) -> Way:
    # Loaded only where a feed reads one: few do, and it brings the client of PostgreSQL.
    way: Way = importlib.import_module(".database", __package__).DatabaseWay(settings, feed)
    return way


_WAYS: dict[str, Callable[[Settings, Feed], Way]] = {
    FeedKind.S3: StoredWay,
    FeedKind.FOLDER: StoredWay,
    FeedKind.ADDRESSES: AddressesWay,
    FeedKind.DATABASE: _database,
    FeedKind.CKAN: CkanWay,
    FeedKind.DCAT: DcatWay,
}


def way_of(settings: Settings, feed: Feed) -> Way:
    """Return the way into a place; nothing is asked yet.

    Raises:
        errors.Invalid: its address, folder, file or query cannot be used.
    """
    return _WAYS[feed.kind](settings, feed)
