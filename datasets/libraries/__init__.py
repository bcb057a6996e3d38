"""Keep raw material before anybody labels it: libraries of an organisation, and their assets.

`expand` takes apart what is brought, `prepare` touches the object store only, `write` one
transaction only, so that slow bytes never hold the database.
"""

from .browsing import (
    HELD_BYTES,
    AssetLine,
    Wanted,
    alike,
    asset,
    assets,
    counts,
    fitting,
    held,
    held_bytes,
    media,
    tasks_of,
)
from .drafts import TEXT_COLUMNS, AssetDraft, PreparedAsset, of_row, text_column
from .expanding import expand
from .limits import source_limits
from .owning import KINDS, LEVELS, change, create, get, has_tasks, listing, lock, remove
from .preparing import described, prepare
from .proving import Opening, opening
from .rows import MIXED, Asset, AssetKind, AssetState, Library, TaskOrigin
from .writing import count, key_digest, withdraw, write

__all__ = [
    "HELD_BYTES",
    "KINDS",
    "LEVELS",
    "MIXED",
    "TEXT_COLUMNS",
    "Asset",
    "AssetDraft",
    "AssetLine",
    "AssetKind",
    "AssetState",
    "Library",
    "Opening",
    "PreparedAsset",
    "TaskOrigin",
    "Wanted",
    "alike",
    "asset",
    "assets",
    "change",
    "count",
    "counts",
    "create",
    "described",
    "expand",
    "get",
    "has_tasks",
    "key_digest",
    "fitting",
    "held",
    "held_bytes",
    "listing",
    "lock",
    "media",
    "of_row",
    "opening",
    "prepare",
    "remove",
    "source_limits",
    "tasks_of",
    "text_column",
    "withdraw",
    "write",
]
