"""Write YOLO detection labels: one text file a picture, next to the tree of pictures.

A line is `class x y width height`: the box's centre and size as shares of the picture. A
turned box or a polygon becomes the upright box around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import yaml

from ..datasets.versions import FrozenVersion
from . import divided
from .divided import Part
from .drawn import Drawn, DrawnFormat
from .layout import IMAGES
from .output import Output


def write(version: FrozenVersion, output: Output) -> None:
    """Write `labels/<split>/<stem>.txt`, empty for a picture without boxes, and `data.yaml`.

    Raises:
        errors.Refused: the project draws neither boxes nor polygons.
    """
    divided.write(version, Labels(version), output)


class Labels(DrawnFormat):
    """Give each picture of a version its file."""

    def part(self, lines: Sequence[bytes], before: int) -> Part:
        """Return the files of a batch."""
        drawn = self._pictures.read(lines)
        paths = [
            f"labels/{record.split}/{picture.file.rsplit('.', 1)[0]}.txt"
            for record, picture in zip(drawn.records, drawn.pictures, strict=True)
        ]
        links = self._layout.links(drawn.records)
        small = paths, drawn.split_up(_lines(drawn))
        return Part(len(lines), len(drawn.category), {}, links, small)

    @contextmanager
    def united(self, output: Output) -> Iterator[Callable[[Part], None]]:
        """Describe the data at the end."""
        yield lambda _part: None
        output.write("data.yaml", _data_file(self._splits, self._pictures.names))


def _lines(drawn: Drawn) -> list[bytes]:
    wide, high = drawn.sides()
    columns = (
        (drawn.at.left + drawn.at.width / 2) / wide,
        (drawn.at.top + drawn.at.height / 2) / high,
        drawn.at.width / wide,
        drawn.at.height / high,
    )
    rows = zip(drawn.category, *(column.tolist() for column in columns), strict=True)
    return [b"%d %.6f %.6f %.6f %.6f\n" % row for row in rows]


def _data_file(splits: list[str], names: tuple[str, ...]) -> bytes:
    """Describe the splits and classes for training.

    There is no `path:` on purpose: readers then start from this file's own folder. They
    insist on `train` and `val`, so a missing one points to what there is.
    """
    train = "train" if "train" in splits or not splits else splits[0]
    validation = next((name for name in ("validation", "test") if name in splits), train)
    values: dict[str, object] = {"train": f"{IMAGES}/{train}", "val": f"{IMAGES}/{validation}"}
    if "test" in splits:
        values["test"] = f"{IMAGES}/test"
    values["names"] = dict(enumerate(names))
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=1000).encode()
