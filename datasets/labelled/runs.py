"""Unpack COCO's run lengths of a mask: plain counts, and the text that pycocotools writes.

Source: cocodataset/cocoapi, common/maskApi.c (BSD-2-Clause), the format of `counts`: runs of
0 and 1 in turn down the columns; as text 5 bits a character from '0' (48), bit 6 says that
more follow, and from the third run on the difference to the run before the last is written.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Invalid, _


def unpacked(segmentation: dict[str, Any], most_pixels: int) -> np.ndarray[Any, Any]:
    """Return the mask, rows × columns of 0 and 1; raise Invalid for anything that is none."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if (
        not isinstance(size, list)
        or len(size) != 2
        or not all(type(side) is int and side > 0 for side in size)
        or size[0] * size[1] > most_pixels
    ):
        raise Invalid(_("must be the height and width of the picture"), place="segmentation.size")
    if isinstance(counts, str):
        runs = _runs(counts)
    elif isinstance(counts, list) and all(type(run) is int and run >= 0 for run in counts):
        runs = counts
    else:
        raise Invalid(_("must be run lengths, none below 0"), place="segmentation.counts")
    if any(run < 0 for run in runs) or sum(runs) != size[0] * size[1]:
        raise Invalid(
            _("the run lengths do not fill %(height)s × %(width)s pixels"),
            place="segmentation.counts",
            height=size[0],
            width=size[1],
        )
    values = np.arange(len(runs), dtype=np.uint8) & 1
    return np.repeat(values, runs).reshape(size[1], size[0]).T


def _runs(text: str) -> list[int]:
    found: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 60:
            raise Invalid(_("the run lengths are damaged"), place="segmentation.counts")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        if len(found) > 2:
            value += found[-2]
        found.append(value)
        value = shift = 0
    if shift:
        raise Invalid(_("the run lengths are damaged"), place="segmentation.counts")
    return found
