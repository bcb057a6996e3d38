"""Hold what is said of a release in the catalogue, as far as scores look at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ..catalogue import Dataset, Release


@dataclass(frozen=True)
class Download:
    """One way to get the data: its format and types as other catalogues are told them.

    `reachable` says whether the address answers; None for what only people that were admitted
    can ask for.
    """

    format: str | None
    media_type: str | None
    known_format: bool
    known_media_type: bool
    described: bool
    size: int | None
    reachable: bool | None


@dataclass(frozen=True)
class Described:
    """A dataset with one of its releases, the ways to get it, and the moment of looking."""

    dataset: Dataset
    release: Release
    downloads: tuple[Download, ...]
    at: dt.datetime
