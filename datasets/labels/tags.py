"""Name the editor's tags: what shows data, what makes labels, and what fits on what.

Sources: the tags that Label Studio 1.23.2's own editor registers, and those that the SDK's
`label_interface` knows. A config may use the tags of the paid edition (`UNSHOWN_TAGS`), since
Label Studio takes it, though our editor cannot show them.
"""

from __future__ import annotations

# Objects that are also their own control: results have the same from_name and to_name.
OWN_CONTROLS = frozenset({"Chat", "CustomInterface", "ReactCode"})
OBJECT_TAGS = OWN_CONTROLS | frozenset(
    "Audio AudioPlus Dialog HyperText Image List Paragraphs Pdf Table Text TimeSeries Video".split()
)
# These may also show fixed words instead of `$key`.
WORD_TAGS = frozenset({"HyperText", "Text"})
LAYOUT_TAGS = frozenset(
    "View Header Markdown Collapse Panel PagedView Style Filter Shortcut Repeater".split()
)
# Inside a control or an object.
PART_TAGS = frozenset("Label Choice Relation Bucket Channel MultiChannel".split())

_IMAGE = frozenset({"Image"})
_PAGES = frozenset({"Image", "Pdf"})
_VIDEO = frozenset({"Video"})
_SOUND = frozenset({"Audio", "AudioPlus"})
_SHAPES = "Rectangle Ellipse Polygon KeyPoint Brush Bitmask Vector".split()

# Controls that mark a region, and the objects on which they can.
REGION_TAGS: dict[str, frozenset[str]] = {
    **{shape: _IMAGE for shape in _SHAPES},
    **{f"{shape}Labels": _IMAGE for shape in _SHAPES},
    "MagicWand": _IMAGE,
    "OcrLabels": _PAGES,
    "PdfLabels": _PAGES,
    "Labels": _IMAGE | _VIDEO | _SOUND | frozenset("HyperText Paragraphs Text TimeSeries".split()),
    "HyperTextLabels": WORD_TAGS,
    "ParagraphLabels": frozenset({"Paragraphs"}),
    "TimeSeriesLabels": frozenset({"TimeSeries"}),
    "TimelineLabels": _VIDEO | _SOUND,
    "VideoRectangle": _VIDEO,
    "VideoVector": _VIDEO,
    "VideoVectorLabels": _VIDEO,
}
# Controls that answer a question about the whole task or about one region.
ANSWER_TAGS = frozenset("Choices DateTime Number Pairwise Ranker Rating Taxonomy TextArea".split())
CONTROL_TAGS = frozenset(REGION_TAGS) | ANSWER_TAGS
# Controls that are nothing without a list of labels.
LABELLED_TAGS = frozenset(tag for tag in REGION_TAGS if tag.endswith("Labels")) | {
    "Choices",
    "Taxonomy",
}
# Label Studio refuses these without a toName; of the other answers it only draws the field.
POINTING_TAGS = frozenset(REGION_TAGS) | {"Choices", "Number", "TextArea"}

ALL_TAGS = OBJECT_TAGS | LAYOUT_TAGS | PART_TAGS | CONTROL_TAGS | {"Relations"}
# The editor reads tag names without regard to case.
CANONICAL = {tag.lower(): tag for tag in ALL_TAGS}

# Drawn by the paid edition's editor only; ours says so, or nothing, in their place.
UNSHOWN_TAGS = OWN_CONTROLS | frozenset("OcrLabels PdfLabels VideoVector VideoVectorLabels".split())
# Tags whose content or `src` is a program, which is refused; the bare tag is harmless.
SCRIPTED_TAGS = frozenset({"CustomInterface", "ReactCode"})


def result_types(tag: str) -> frozenset[str]:
    """Say which `type` a region made by a control of this tag may carry."""
    if tag == "MagicWand":
        return frozenset({"magicwand", "brush"})
    if tag == "Chat":
        return frozenset({"chatmessage"})
    return frozenset({tag.lower()})
