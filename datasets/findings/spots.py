"""Say where in a picture a finding is, and show that part of it from close by."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from ..libraries import Asset
from ..media import MediaLimits, pictures
from ..tasks import Media, Task, media_digest
from .rows import Finding

# Around a finding stands as much again, and no less than this share of the picture's shorter side.
ROOM = 1.0
LEAST_SIDE = 0.08
LONGEST = 480  # pixels of the longer side of what is shown


@dataclass(frozen=True)
class Spot:
    """A region of a stored picture, in percent of the upright picture."""

    medium: Media
    x: float
    y: float
    width: float
    height: float


def spots(session: Session, found: Sequence[Finding]) -> dict[int, Spot]:
    """Return finding id → where it is, of those in pictures that are there now; three queries."""
    regions = [each for each in found if each.region]
    if not regions:
        return {}
    digests = _digests(session, regions)
    wanted = sorted(set(digests.values()))
    rows = session.scalars(sa.select(Media).where(Media.digest.in_(wanted)))
    media = {row.digest: row for row in rows}
    return {
        each.id: spot
        for each in regions
        if (medium := media.get(digests.get(each.id, "")))
        and (spot := _spot(medium, json.loads(each.region or "{}")))
    }


def close_up(stream: BinaryIO, spot: Spot, *, limits: MediaLimits | None = None) -> bytes:
    """Return a finding's part of the picture with some of what is around it, as a WebP.

    Raises:
        errors.Invalid: the picture cannot be read (TooLarge: it passes a limit).
    """
    picture = pictures.upright(stream, limits=limits)
    wide, high = picture.size
    across = spot.width / 100 * wide
    upright = spot.height / 100 * high
    half = max(across, upright, LEAST_SIDE * min(wide, high)) * (0.5 + ROOM / 2)
    middle = spot.x / 100 * wide + across / 2, spot.y / 100 * high + upright / 2
    box = (
        max(0, round(middle[0] - half)),
        max(0, round(middle[1] - half)),
        min(wide, round(middle[0] + half)),
        min(high, round(middle[1] + half)),
    )
    part = picture.crop(box)
    part.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    part.save(out, "WEBP", quality=85, method=2)
    return out.getvalue()


def _digests(session: Session, found: Sequence[Finding]) -> dict[int, str]:
    """Return finding id → the digest of its picture as it is now."""
    task_ids = {each.task_id for each in found if each.task_id is not None}
    asset_ids = {each.asset_id for each in found if each.asset_id is not None}
    data = {
        row.id: row.data_values
        for row in session.scalars(sa.select(Task).where(Task.id.in_(task_ids)))
    }
    assets = sa.select(Asset.id, Asset.digest).where(Asset.id.in_(asset_ids))
    held: dict[int, str] = {number: digest for number, digest in session.execute(assets)}
    known: dict[int, str] = {}
    for each in found:
        if each.asset_id is not None:
            digest = held.get(each.asset_id)
        else:
            digest = media_digest(data.get(each.task_id or 0, {}).get(each.place))
        if digest:
            known[each.id] = digest
    return known


def _spot(medium: Media, region: dict[str, float]) -> Spot | None:
    if not medium.width or not medium.height or not region:
        return None
    return Spot(
        medium,
        100 * region["x"] / medium.width,
        100 * region["y"] / medium.height,
        100 * region["width"] / medium.width,
        100 * region["height"] / medium.height,
    )
