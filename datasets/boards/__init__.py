"""Draw circuit boards with defects for the demo, and read boards that others labelled.

The drawn boards belong to the project: every line, letter and grain of noise comes from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .deeppcb import BoardFiles, LabelledBox, read_deeppcb
from .defects import LABELS, Defect, damage, paint
from .layout import SIDE, lay_out
from .picture import FINE, Pose, draw_masks, keep_off, paint_board, photograph

__all__ = ["LABELS", "BoardFiles", "BoardPair", "LabelledBox", "draw_pair", "read_deeppcb"]

PER_DESIGN = 8  # boards that share a layout, and so belong to one group


@dataclass(frozen=True)
class BoardPair:
    """A photographed board and its defect-free template, both JPEG, 640 × 640, RGB.

    Boxes are `(label, x, y, width, height)` in pixels of the image, drawn a little wide, as
    people do.
    """

    image: bytes
    template: bytes
    boxes: list[LabelledBox]
    name: str
    group: str


def draw_pair(seed: int, number: int) -> BoardPair:
    """Return board `number` of the series `seed`: the same numbers give the same bytes.

    (With the same versions of Pillow and NumPy.) Eight boards in a row share a design; two in
    five lie shifted by up to 6 pixels and turned by up to 0.8° against their template.
    """
    design = number // PER_DESIGN
    layout = lay_out(seed, design)
    masks = draw_masks(layout)
    defects = damage(layout, masks.nets, keep_off(masks), [seed, number, 2])
    chance = np.random.default_rng([seed, number, 3])
    pose = Pose()
    if chance.random() < 0.4:
        turn, right, down = (float(v) for v in chance.uniform(-1, 1, 3) * (0.8, 6, 6))
        pose = Pose(turn, right, down)
    damaged = paint(masks.copper, defects, FINE)
    boxes = [
        box for defect in defects if (box := _box(defect, masks.copper, pose, chance)) is not None
    ]
    return BoardPair(
        photograph(paint_board(masks, damaged, layout.gold), pose, [seed, number, 4]),
        photograph(paint_board(masks, masks.copper, layout.gold), Pose(), [seed, number, 5]),
        boxes,
        f"board-{seed}-{number:05d}",
        f"design-{seed}-{design:04d}",
    )


def _box(
    defect: Defect, copper: Image.Image, pose: Pose, chance: np.random.Generator
) -> LabelledBox | None:
    """Return the box around the copper that really changed, with a person's margin."""
    before = np.asarray(copper)
    after = np.asarray(paint(copper, [defect], FINE))
    rows, columns = np.nonzero(before != after)
    if len(rows) == 0:
        return None
    points = (np.stack([columns, rows], axis=1) / FINE).astype(np.float32)
    moved = pose.move(points)
    margins = chance.uniform(4, 9, 4)
    left, top = np.maximum(moved.min(axis=0) - margins[:2], 0)
    right, bottom = np.minimum(moved.max(axis=0) + margins[2:], SIDE)
    x, y = round(float(left), 1), round(float(top), 1)
    return (defect.label, x, y, round(float(right) - x, 1), round(float(bottom) - y, 1))
