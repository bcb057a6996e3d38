"""Give every medium one path, the same in every format, so that all exports form one tree.

The annotated picture lies at `images/<split>/<file>` (where YOLO's readers look beside
`labels/`), other media at `<key>/<split>/<file>`. Media are linked: their bytes stay as
they are in the store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from ..datasets import labels
from ..datasets.versions import FrozenVersion
from .output import Output

IMAGES = "images"
SHAPE_TAGS = frozenset({"Rectangle", "RectangleLabels", "Polygon", "PolygonLabels"})
# Folders that belong to a format or to the annotated picture, in lower case.
_TAKEN = frozenset(
    {"annotations", "data", IMAGES, "imagesets", "label_studio", "labels", "records"}
)


class HasFile(Protocol):
    """A medium, or as much of it as a path and a link need."""

    @property
    def sha256(self) -> str:
        """Say which object holds it."""

    @property
    def size(self) -> int:
        """Say how many bytes it has."""

    @property
    def file(self) -> str:
        """Name it, without folders."""


class HasMedia(Protocol):
    """A record, or as much of it as a path needs."""

    @property
    def split(self) -> str:
        """Name the split."""

    @property
    def media(self) -> Mapping[str, HasFile]:
        """Map data keys to media."""


class Medium(msgspec.Struct, gc=False):
    """A medium of a record, or as much of it as most formats need."""

    sha256: str
    size: int
    file: str
    width: int | None = None
    height: int | None = None


class RawRecord(msgspec.Struct, gc=False):
    """A record whose data and regions stay the bytes that are stored."""

    key: str
    name: str
    group: str
    split: str
    annotator: str
    media: dict[str, Medium]
    data: dict[str, msgspec.Raw]
    result: list[msgspec.Raw]


class Layout:
    """Know the folders of one labelling config's media."""

    def __init__(self, config: labels.LabelConfig) -> None:
        picture = annotated_picture(config)
        self.picture_key = None if picture is None else picture.key
        self._folders: dict[str, str] = {}

    def folder(self, key: str) -> str:
        """Name the folder for the media of a data key."""
        found = self._folders.get(key)
        if found is None:
            found = self._folders[key] = IMAGES if key == self.picture_key else _folder_name(key)
        return found

    def path(self, record: HasMedia, key: str) -> str:
        """Give the path of a record's medium in the tree."""
        return f"{self.folder(key)}/{record.split}/{record.media[key].file}"

    def link(self, record: HasMedia, output: Output) -> None:
        """Put all media of a record into an export."""
        self.link_all([record], output)

    def link_all(self, records: Iterable[HasMedia], output: Output) -> None:
        """Put all media of many records into an export."""
        output.link_many(*self.links(records))

    def links(self, records: Iterable[HasMedia]) -> tuple[list[str], list[str], list[int]]:
        """Return paths, digests and sizes of all media of many records."""
        found = [
            (key, record.split, media) for record in records for key, media in record.media.items()
        ]
        folder = self.folder
        return (
            [f"{folder(key)}/{split}/{media.file}" for key, split, media in found],
            [media.sha256 for _key, _split, media in found],
            [media.size for _key, _split, media in found],
        )


def annotated_picture(config: labels.LabelConfig) -> labels.DataObject | None:
    """Find the picture that the first control that draws points to, else the first control."""
    drawing = [control for control in config.controls if control.tag in SHAPE_TAGS]
    for control in (*drawing, *config.controls):
        for name in control.to_names:
            target = config.object_by_name.get(name)
            if target is not None and target.tag == "Image" and target.value:
                return target
    return None


def media_path(version: FrozenVersion, record: HasMedia, key: str) -> str:
    """Give the path of a record's medium in the release tree of a version."""
    return Layout(version.config).path(record, key)


def _folder_name(key: str) -> str:
    clean = re.sub(r"[^\w-]+", "_", key)[:60]
    if clean == key and key.lower() not in _TAKEN:
        return key
    return f"{clean}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
