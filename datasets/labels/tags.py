"""Name the editor's tags: what shows data, what makes labels, and what fits on what.

Source: the tags that Label Studio 1.23.2's own editor registers. `Chat`, `OcrLabels` and
the other tags of the paid edition are not in it, and tags that run scripts from the
configuration (`CustomInterface`, `ReactCode`) are left out on purpose.
"""

from __future__ import annotations

OBJECT_TAGS = frozenset(
    "Audio AudioPlus HyperText Image List Paragraphs Pdf Table Text TimeSeries Video".split()
)
# These may also show fixed words instead of `$key`.
WORD_TAGS = frozenset({"HyperText", "Text"})
LAYOUT_TAGS = frozenset(
    "View Header Markdown Collapse Panel PagedView Style Filter Shortcut Repeater".split()
)
# Inside a control or an object.
PART_TAGS = frozenset("Label Choice Relation Bucket Channel MultiChannel".split())

_IMAGE = frozenset({"Image"})
_VIDEO = frozenset({"Video"})
_SHAPES = "Rectangle Ellipse Polygon KeyPoint Brush Bitmask Vector".split()

# Controls that mark a region, and the objects on which they can.
REGION_TAGS: dict[str, frozenset[str]] = {
    **{shape: _IMAGE for shape in _SHAPES},
    **{f"{shape}Labels": _IMAGE for shape in _SHAPES},
    "MagicWand": _IMAGE,
    "Labels": frozenset("Audio AudioPlus HyperText Image Paragraphs Text TimeSeries Video".split()),
    "HyperTextLabels": frozenset({"HyperText", "Text"}),
    "ParagraphLabels": frozenset({"Paragraphs"}),
    "TimeSeriesLabels": frozenset({"TimeSeries"}),
    "TimelineLabels": _VIDEO,
    "VideoRectangle": _VIDEO,
}
# Controls that answer a question about the whole task or about one region.
ANSWER_TAGS = frozenset("Choices DateTime Number Pairwise Ranker Rating Taxonomy TextArea".split())
CONTROL_TAGS = frozenset(REGION_TAGS) | ANSWER_TAGS
# Controls that are nothing without a list of labels.
LABELLED_TAGS = frozenset(tag for tag in REGION_TAGS if tag.endswith("Labels")) | {
    "Choices",
    "Taxonomy",
}

ALL_TAGS = OBJECT_TAGS | LAYOUT_TAGS | PART_TAGS | CONTROL_TAGS | {"Relations"}
# The editor reads tag names without regard to case.
CANONICAL = {tag.lower(): tag for tag in ALL_TAGS}

PAID_TAGS = frozenset("chat chatmessage ocrlabels pdflabels videovector videovectorlabels".split())
SCRIPTED_TAGS = frozenset("custominterface reactcode".split())


def result_types(tag: str) -> frozenset[str]:
    """Say which `type` a region made by a control of this tag may carry."""
    if tag == "MagicWand":
        return frozenset({"magicwand", "brush"})
    return frozenset({tag.lower()})
