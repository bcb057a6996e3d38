"""Know what can be labelled, check what was labelled, and read it back.

`parse` reads a labelling configuration, `check_result` checks Label Studio's result list
against it, `boxes` and its sisters read results for exporters, `make_box_region` writes
them for models, `TEMPLATES` are ready configurations, `sample_task` makes
data to show one with.
"""

from __future__ import annotations

from .changes import essential_change
from .config import Control, DataObject, LabelConfig
from .extended import extended
from .fields import regions_from_fields
from .geometry import corners as box_corners
from .masks import packed_mask, unpacked_mask
from .names import named
from .parsing import MAX_LABELS, parse
from .regions import (
    Choice,
    PolygonRegion,
    RegionBox,
    TextSpan,
    boxes,
    choices,
    label_counts,
    make_box_region,
    polygons,
    text_spans,
)
from .results import MAX_REGIONS, MAX_RESULT_BYTES, check_result
from .samples import sample_task
from .templates import GROUPS, TEMPLATES, Template, gallery
from .xml import MAX_BYTES

__all__ = [
    "GROUPS",
    "MAX_BYTES",
    "MAX_LABELS",
    "MAX_REGIONS",
    "MAX_RESULT_BYTES",
    "TEMPLATES",
    "Choice",
    "Control",
    "DataObject",
    "LabelConfig",
    "PolygonRegion",
    "RegionBox",
    "Template",
    "TextSpan",
    "box_corners",
    "boxes",
    "check_result",
    "choices",
    "essential_change",
    "extended",
    "gallery",
    "label_counts",
    "make_box_region",
    "named",
    "packed_mask",
    "parse",
    "polygons",
    "regions_from_fields",
    "sample_task",
    "text_spans",
    "unpacked_mask",
]
