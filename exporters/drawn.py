"""Read what is drawn on the pictures of many records at once, for formats of detection.

Upright boxes with one label, which are nearly all, go through numpy as columns; whatever is
drawn otherwise goes through `Pictures`, region by region. The numbers are the same, to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..datasets.versions import FrozenVersion, Record
from .detections import Detection, Pictures
from .layout import Layout, Medium

Floats = NDArray[np.float64]
_BOX = "rectanglelabels"
PARTS = 8  # into which records are divided that are not all plain


class _Box(msgspec.Struct, gc=False):
    """An upright box with one label; any other does not decode."""

    x: float
    y: float
    width: float
    height: float
    rectanglelabels: tuple[str]
    rotation: Literal[0] = 0


class _BoxRegion(msgspec.Struct, gc=False, tag_field="type", tag=_BOX):
    id: str
    value: _Box
    original_width: int
    original_height: int


class DrawnRecord(msgspec.Struct, gc=False):
    """A record, or as much of it as formats of detection need, with upright boxes only."""

    split: str
    media: dict[str, Medium]
    result: list[_BoxRegion]


class _Head(msgspec.Struct):
    split: str
    media: dict[str, Medium]


class Sides(NamedTuple):
    """Where shapes lie, in pixels: the upright boxes around them, one entry a shape."""

    left: Floats
    top: Floats
    width: Floats
    height: Floats
    area: Floats


@dataclass
class Drawn:
    """What is drawn on the pictures of a batch of records, as columns.

    `counts` says how many shapes each record has; `category` and `at` have one entry a shape;
    `turned` maps the place of a turned box or a polygon to the whole of it.
    """

    records: list[DrawnRecord]
    pictures: list[Medium]
    counts: list[int]
    category: list[int]
    at: Sides
    turned: dict[int, Detection] = field(default_factory=dict)

    def split_up(self, values: Sequence[bytes]) -> list[bytes]:
        """Join what was written for each shape to what each record has."""
        ends = np.cumsum([0, *self.counts]).tolist()
        return [b"".join(values[a:b]) for a, b in zip(ends, ends[1:], strict=False)]

    def sides(self) -> tuple[Floats, Floats]:
        """Return for each shape the width and the height of its picture."""
        wide = np.array([picture.width for picture in self.pictures], np.float64)
        high = np.array([picture.height for picture in self.pictures], np.float64)
        return np.repeat(wide, self.counts), np.repeat(high, self.counts)


class DrawnPictures:
    """Read the annotated pictures of a version's records, many at once."""

    def __init__(self, version: FrozenVersion) -> None:
        """Look for what is drawn on which picture.

        Raises:
            errors.Refused: nothing is, or shapes lie on several pictures of a record.
        """
        self.one_by_one = Pictures(version)
        self.names, self.titles = self.one_by_one.names, self.one_by_one.titles
        self.key = self.one_by_one.key
        self._index = {name: number for number, name in enumerate(self.names)}
        self._decode = msgspec.json.Decoder(DrawnRecord).decode
        self._decode_head = msgspec.json.Decoder(_Head).decode
        self._decode_whole = msgspec.json.Decoder(Record).decode

    def read(self, lines: Sequence[bytes]) -> Drawn:
        """Return what is drawn on the pictures of the records of these lines.

        Raises:
            errors.Refused: a picture is not stored with the platform.
            errors.Damaged: the size of a picture is not known, or a label is not of the config.
        """
        try:
            found = self._columns(list(map(self._decode, lines)))
        except (msgspec.ValidationError, KeyError):
            found = None
        return self._mixed(lines) if found is None else found

    def _columns(self, records: list[DrawnRecord]) -> Drawn | None:
        """Return the boxes as columns, None where regions belong together.

        Raises:
            KeyError: a record has no picture, or a box has a label that is not of the config.
        """
        regions = list(chain.from_iterable(record.result for record in records))
        if len({region.id for region in regions}) < len(regions):
            for record in records:
                if len({region.id for region in record.result}) < len(record.result):
                    return None
        pictures = [record.media[self.key] for record in records]
        if not all([picture.width and picture.height for picture in pictures]):
            return None
        values = [region.value for region in regions]
        category = [self._index[label] for value in values for label in value.rectanglelabels]
        counts = [len(record.result) for record in records]
        return Drawn(records, pictures, counts, category, _boxes(values, regions))

    def _mixed(self, lines: Sequence[bytes]) -> Drawn:
        """Read ever smaller parts, until those that are not plain stand alone."""
        if len(lines) == 1:
            return self._one(lines[0])
        size = max(1, len(lines) // PARTS)
        parts = [self.read(lines[at : at + size]) for at in range(0, len(lines), size)]
        together = Drawn(
            list(chain.from_iterable(part.records for part in parts)),
            list(chain.from_iterable(part.pictures for part in parts)),
            list(chain.from_iterable(part.counts for part in parts)),
            list(chain.from_iterable(part.category for part in parts)),
            Sides(*map(np.concatenate, zip(*(part.at for part in parts), strict=True))),
        )
        place = 0
        for part in parts:
            together.turned.update({place + at: each for at, each in part.turned.items()})
            place += len(part.category)
        return together

    def _one(self, line: bytes) -> Drawn:
        found = self.one_by_one.read(self._decode_whole(line)).detections
        head = self._decode_head(line)
        return Drawn(
            [DrawnRecord(head.split, head.media, [])],
            [head.media[self.key]],
            [len(found)],
            [each.class_index for each in found],
            Sides(
                np.array([each.x for each in found], np.float64),
                np.array([each.y for each in found], np.float64),
                np.array([each.width for each in found], np.float64),
                np.array([each.height for each in found], np.float64),
                np.array([each.area for each in found], np.float64),
            ),
            {at: each for at, each in enumerate(found) if each.outline},
        )


def _boxes(values: list[_Box], regions: list[_BoxRegion]) -> Sides:
    """Return left, top, width, height and area in pixels."""
    wide = np.array([region.original_width for region in regions], np.float64)
    high = np.array([region.original_height for region in regions], np.float64)
    across = np.array([value.x for value in values], np.float64) * wide / 100
    along = np.array([value.width for value in values], np.float64) * wide / 100
    down = np.array([value.y for value in values], np.float64) * high / 100
    deep = np.array([value.height for value in values], np.float64) * high / 100
    left, top = _clip(across, wide), _clip(down, high)
    width = rounded(_clip(across + along, wide) - left)
    height = rounded(_clip(down + deep, high) - top)
    return Sides(left, top, width, height, rounded(width * height))


def _clip(values: Floats, limit: Floats) -> Floats:
    above: Floats = np.where(0.0 > values, 0.0, values)
    return rounded(np.where(limit < above, limit, above))


def rounded(values: Floats) -> Floats:
    """Round to three decimals as Python's `round` does: half to even of the exact value."""
    scaled = values * 1000
    whole = np.rint(scaled)
    found: Floats = whole / 1000
    # Near a half the product's own rounding may have decided; there Python decides.
    near = np.abs(np.abs(scaled - whole) - 0.5) <= np.maximum(np.abs(scaled) * 1e-15, 1e-9)
    for place in np.flatnonzero(near | (np.abs(scaled) > 2**50)).tolist():
        found[place] = round(float(values[place]), 3)
    return found


class DrawnFormat:
    """Begin a format of detection: know what is drawn, the layout of the tree, and the splits."""

    # Its parts take longer to work out than to put together: see `divided`.
    is_costly: ClassVar[bool] = True

    def __init__(self, version: FrozenVersion) -> None:
        """Look for what is drawn.

        Raises:
            errors.Refused: the project draws neither boxes nor polygons.
        """
        self._pictures, self._layout = DrawnPictures(version), Layout(version.config)
        self._splits = version.splits
