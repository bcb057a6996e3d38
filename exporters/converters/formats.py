"""Name the formats of Label Studio's export; a new one is one function and one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from ...datasets import errors
from ...datasets.errors import _
from ...datasets.labels import LabelConfig
from . import coco, conll, masks, speech, tables, task_lists, voc, yolo
from .reading import Lines

Write = Callable[[Lines, BinaryIO], None]

_SHAPES = frozenset({"Rectangle", "RectangleLabels", "Polygon", "PolygonLabels"})
_ELLIPSES = frozenset({"Ellipse", "EllipseLabels"})
_BRUSHES = frozenset({"Brush", "BrushLabels", "MagicWand"})
_DRAWN = _SHAPES | _ELLIPSES | _BRUSHES


@dataclass(frozen=True)
class Converter:
    """One format: what it is called, what it needs of a config, and what writes it."""

    name: str
    title: str
    description: str
    extension: str
    content_type: str
    write: Write
    # The config must have one of these controls; none for all configs.
    controls: frozenset[str] = frozenset()
    # …on one of these objects.
    objects: frozenset[str] = frozenset()
    tags: tuple[str, ...] = ()
    with_media: bool = False

    def fits(self, config: LabelConfig) -> bool:
        """Tell whether a project of this config can be exported so."""
        if self.controls and not any(c.tag in self.controls for c in config.controls):
            return False
        return not self.objects or any(item.tag in self.objects for item in config.objects)


_IMAGE = frozenset({"Image"})
_SOUND = frozenset({"Audio", "AudioPlus"})
_TEXT = frozenset({"Text", "HyperText"})
_ZIP = ("zip", "application/zip")
_DETECTION = ("image segmentation", "object detection")
_ALL = (
    Converter(
        "JSON",
        "JSON",
        _("Tasks with all that was said of them, as they can be imported again."),
        "json",
        "application/json",
        task_lists.write,
    ),
    Converter(
        "JSON_MIN",
        "JSON-MIN",
        _("One object an annotation: the task's data and what each control says."),
        "json",
        "application/json",
        task_lists.write_short,
    ),
    Converter(
        "CSV",
        "CSV",
        _("One line an annotation, one column a data key and a control."),
        "csv",
        "text/csv",
        tables.write_csv,
    ),
    Converter(
        "TSV",
        "TSV",
        _("One line an annotation, one column a data key and a control; tabs between."),
        "tsv",
        "text/tab-separated-values",
        tables.write_tsv,
    ),
    Converter(
        "CSV_OLD",
        "CSV (by region)",
        _("One line a region."),
        "csv",
        "text/csv",
        tables.write_regions,
    ),
    Converter(
        "COCO",
        "COCO",
        _("Boxes, polygons and masks with their pictures' sizes, in one JSON file."),
        *_ZIP,
        coco.write,
        _DRAWN,
        _IMAGE,
        _DETECTION,
    ),
    Converter(
        "COCO_WITH_IMAGES",
        _("COCO with pictures"),
        _("COCO, and the pictures that are stored here."),
        *_ZIP,
        coco.write,
        _DRAWN,
        _IMAGE,
        _DETECTION,
        True,
    ),
    Converter(
        "VOC",
        "Pascal VOC XML",
        _("One XML file a picture; what is turned becomes the box around it."),
        *_ZIP,
        voc.write,
        _SHAPES | _ELLIPSES,
        _IMAGE,
        _DETECTION,
    ),
    Converter(
        "YOLO",
        "YOLO",
        _("One text file a picture; what is turned becomes the box around it."),
        *_ZIP,
        yolo.write,
        _SHAPES | _ELLIPSES,
        _IMAGE,
        _DETECTION,
    ),
    Converter(
        "YOLO_WITH_IMAGES",
        _("YOLO with pictures"),
        _("YOLO, and the pictures that are stored here."),
        *_ZIP,
        yolo.write,
        _SHAPES | _ELLIPSES,
        _IMAGE,
        _DETECTION,
        True,
    ),
    Converter(
        "YOLO_OBB",
        _("YOLO with turned boxes"),
        _("One text file a picture with the four corners of each box."),
        *_ZIP,
        yolo.write_corners,
        _SHAPES,
        _IMAGE,
        _DETECTION,
    ),
    Converter(
        "YOLO_OBB_WITH_IMAGES",
        _("YOLO with turned boxes and pictures"),
        _("Turned boxes, and the pictures that are stored here."),
        *_ZIP,
        yolo.write_corners,
        _SHAPES,
        _IMAGE,
        _DETECTION,
        True,
    ),
    Converter(
        "CONLL2003",
        "CONLL2003",
        _("A character a line for Chinese, a word a line for Latin letters, with its entity."),
        "conll",
        "text/plain",
        conll.write,
        frozenset({"Labels", "HyperTextLabels"}),
        _TEXT,
        ("sequence labeling", "text tagging", "named entity recognition"),
    ),
    Converter(
        "BRUSH_TO_NUMPY",
        _("Masks as NumPy arrays"),
        _("One array a mask, 0 or 255."),
        *_ZIP,
        masks.write_numpy,
        _BRUSHES,
        _IMAGE,
        ("image segmentation",),
    ),
    Converter(
        "BRUSH_TO_PNG",
        _("Masks as PNG"),
        _("One picture a mask, black or white."),
        *_ZIP,
        masks.write_png,
        _BRUSHES,
        _IMAGE,
        ("image segmentation",),
    ),
    Converter(
        "BRUSH_TO_COCO",
        _("Masks as COCO"),
        _("Masks as run lengths in one JSON file."),
        *_ZIP,
        coco.write_masks,
        _DRAWN,
        _IMAGE,
        ("image segmentation", "brush annotations"),
    ),
    Converter(
        "ASR_MANIFEST",
        "ASR Manifest",
        _("One line a sound with its length and its transcript."),
        *_ZIP,
        speech.write,
        frozenset({"TextArea"}),
        _SOUND,
        ("speech recognition",),
        True,
    ),
)
FORMATS: dict[str, Converter] = {entry.name: entry for entry in _ALL}
# Label Studio's name of a format for an interface that runs scripts; none is drawn here.
NEVER = ("DOCLANG",)


def fitting(config: LabelConfig) -> list[Converter]:
    """List the formats in which a project of this config can be exported."""
    return [entry for entry in _ALL if entry.fits(config)]


def converter(name: str, config: LabelConfig) -> Converter:
    """Return the format of this name.

    Raises:
        errors.Invalid: there is none, or not for this config; those that fit are named.
    """
    found = FORMATS.get(name)
    if found is None or not found.fits(config):
        raise errors.Invalid(
            _("this project can be exported as %(names)s, not as “%(name)s”"),
            place="export_type",
            names=", ".join(entry.name for entry in fitting(config)),
            name=name[:40],
        )
    return found
