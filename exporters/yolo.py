"""Write YOLO detection labels: one text file a picture, next to the tree of pictures.

A line is `class x y width height`: the box's centre and size as shares of the picture. A
turned box or a polygon becomes the upright box around it.
"""

from __future__ import annotations

import yaml

from ..datasets.versions import FrozenVersion
from .detections import Picture, Pictures
from .layout import IMAGES, Layout
from .output import Output


def write(version: FrozenVersion, output: Output) -> None:
    """Write `labels/<split>/<stem>.txt`, empty for a picture without boxes, and `data.yaml`.

    Raises:
        errors.Refused: the project draws neither boxes nor polygons.
    """
    pictures, layout = Pictures(version), Layout(version.config)
    for record in version.records():
        picture = pictures.read(record)
        stem = picture.media.file.rsplit(".", 1)[0]
        output.write(f"labels/{record.split}/{stem}.txt", _lines(picture))
        layout.link(record, output)
        output.count(1, len(picture.detections))
    output.write("data.yaml", _data_file(version.splits, pictures.names))


def _lines(picture: Picture) -> bytes:
    return b"".join(
        b"%d %.6f %.6f %.6f %.6f\n"
        % (
            found.class_index,
            (found.x + found.width / 2) / picture.width,
            (found.y + found.height / 2) / picture.height,
            found.width / picture.width,
            found.height / picture.height,
        )
        for found in picture.detections
    )


def _data_file(splits: list[str], names: tuple[str, ...]) -> bytes:
    """Describe the splits and classes for training.

    There is no `path:` on purpose: readers then start from this file's own folder. They
    insist on `train` and `val`, so a missing one points to what there is.
    """
    train = "train" if "train" in splits else splits[0]
    validation = next((name for name in ("validation", "test") if name in splits), train)
    values: dict[str, object] = {"train": f"{IMAGES}/{train}", "val": f"{IMAGES}/{validation}"}
    if "test" in splits:
        values["test"] = f"{IMAGES}/test"
    values["names"] = dict(enumerate(names))
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=1000).encode()
