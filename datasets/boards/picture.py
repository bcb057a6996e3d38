"""Photograph a layout: copper, solder mask, printing, light, lens and sensor."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .layout import SIDE, Layout, Pad

FINE = 2  # drawn pixels a side for each pixel of the picture
QUALITY = 90

Floats = NDArray[np.float32]

BARE = np.array((22, 78, 46), np.float32)
COVERED = np.array((46, 128, 72), np.float32)
TIN = np.array((196, 199, 196), np.float32)
GOLD = np.array((206, 172, 96), np.float32)
DRILL = np.array((24, 26, 24), np.float32)
PRINT = np.array((232, 234, 226), np.float32)


@dataclass(frozen=True)
class Masks:
    """Where each material lies, `FINE` times as large; `nets` alone has the picture's size."""

    copper: Image.Image
    solder: Image.Image
    holes: Image.Image
    printing: Image.Image
    nets: Image.Image


def draw_masks(layout: Layout) -> Masks:
    """Draw every material of the layout."""
    size = (SIDE * FINE, SIDE * FINE)
    copper, solder, holes, printing = (Image.new("L", size) for _mask in range(4))
    nets = Image.new("L", (SIDE, SIDE))
    _draw_copper(layout, ImageDraw.Draw(copper), FINE, plain=True)
    _draw_copper(layout, ImageDraw.Draw(nets), 1, plain=False)
    on_solder, on_holes = ImageDraw.Draw(solder), ImageDraw.Draw(holes)
    for pad in layout.pads + [via for via in layout.vias if via.net != 1]:
        _draw_pad(on_solder, pad, FINE, 255, -1.0)
    for pad in layout.pads + layout.vias:
        if pad.hole:
            _disc(on_holes, pad.x, pad.y, pad.hole, FINE, 255)
    on_print = ImageDraw.Draw(printing)
    for outline in layout.outlines:
        on_print.rectangle([v * FINE for v in outline], outline=255, width=2 * FINE)
        _disc(on_print, outline[0] + 7, outline[1] + 7, 2.2, FINE, 255)
    font = ImageFont.load_default(15 * FINE)
    for x, y, text in layout.texts:
        on_print.text((x * FINE, y * FINE), text, fill=255, font=font)
    return Masks(copper, solder, holes, printing, nets)


def _draw_copper(layout: Layout, draw: ImageDraw.ImageDraw, scale: int, plain: bool) -> None:
    """Draw pour, traces and pads, all in 255 or each in the number of its net."""
    if layout.pour[2]:
        draw.rectangle([v * scale for v in layout.pour], fill=255 if plain else 1)
    for trace in layout.traces:
        tone = 255 if plain else 2 + trace.net % 250
        points = [(x * scale, y * scale) for x, y in trace.points]
        draw.line(points, fill=tone, width=trace.width * scale, joint="curve")
    for number, pad in enumerate(layout.pads + layout.vias):
        at = draw_tone(layout, pad, number)
        _draw_pad(draw, pad, scale, 255 if plain else at, 0.0)


def draw_tone(layout: Layout, pad: Pad, number: int) -> int:
    """Return the net's tone of a pad: that of the trace that ends in it, if any."""
    if pad.net == 1:
        return 1
    for trace in layout.traces:
        if (pad.x, pad.y) in (trace.points[0], trace.points[-1]):
            return 2 + trace.net % 250
    return 252 + number % 2


def _draw_pad(draw: ImageDraw.ImageDraw, pad: Pad, scale: int, tone: int, grow: float) -> None:
    half_x, half_y = pad.width / 2 + grow, pad.height / 2 + grow
    area = [
        (pad.x - half_x) * scale,
        (pad.y - half_y) * scale,
        (pad.x + half_x) * scale,
        (pad.y + half_y) * scale,
    ]
    if pad.round:
        draw.ellipse(area, fill=tone)
    else:
        draw.rounded_rectangle(area, radius=2.5 * scale, fill=tone)


def _disc(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, scale: int, tone: int
) -> None:
    draw.ellipse([v * scale for v in (x - radius, y - radius, x + radius, y + radius)], fill=tone)


def keep_off(masks: Masks) -> Image.Image:
    """Return, in the picture's size, where holes and printing are."""
    busy = Image.composite(masks.holes, masks.printing, masks.holes)
    return busy.reduce(FINE)


def paint_board(masks: Masks, copper: Image.Image, gold: bool) -> Image.Image:
    """Return the board in even light, RGB."""
    metal, solder, holes, printing = (
        np.asarray(mask.reduce(FINE), np.float32)[:, :, None] / 255
        for mask in (copper, masks.solder, masks.holes, masks.printing)
    )
    board = BARE + (COVERED - BARE) * metal
    slope = np.zeros_like(metal)
    slope[1:-1, 1:-1] = metal[2:, 2:] - metal[:-2, :-2]
    board += 16 * slope
    board += ((GOLD if gold else TIN) + 26 * slope - board) * (solder * metal)
    board += (PRINT - board) * (printing * (1 - solder))
    board += (DRILL - board) * holes
    return Image.fromarray(np.clip(board, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Pose:
    """How the board lies under the camera: degrees about the middle, then pixels."""

    turn: float = 0.0
    right: float = 0.0
    down: float = 0.0

    def move(self, points: Floats) -> Floats:
        """Return where points `(n, 2)` of the layout lie in the picture."""
        angle = np.radians(self.turn)
        middle = SIDE / 2
        x, y = points[:, 0] - middle, points[:, 1] - middle
        moved_x = np.cos(angle) * x - np.sin(angle) * y + middle + self.right
        moved_y = np.sin(angle) * x + np.cos(angle) * y + middle + self.down
        return np.stack([moved_x, moved_y], axis=1).astype(np.float32)


def photograph(board: Image.Image, pose: Pose, seed: list[int]) -> bytes:
    """Return a JPEG of the board: posed, a little soft, unevenly lit, noisy."""
    chance = np.random.default_rng(seed)
    if pose != Pose():
        board = _posed(board, pose)
    board = board.filter(ImageFilter.GaussianBlur(0.6))
    step = np.linspace(-1, 1, SIDE, dtype=np.float32)
    slant_x, slant_y, bow = (float(v) for v in chance.uniform(-0.05, 0.05, 3))
    light = 1 + slant_x * step[None, :] + slant_y * step[:, None]
    light = light + bow * (step[None, :] ** 2 + step[:, None] ** 2) / 2
    tint = chance.uniform(0.97, 1.03, 3).astype(np.float32) * float(chance.uniform(0.95, 1.05))
    seen = np.asarray(board, np.float32) * light[:, :, None] * tint
    seen += chance.standard_normal((SIDE, SIDE, 3), np.float32) * 2.2
    picture = Image.fromarray(np.clip(seen + 0.5, 0, 255).astype(np.uint8))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=QUALITY, subsampling=0)
    return packed.getvalue()


def _posed(board: Image.Image, pose: Pose) -> Image.Image:
    """Turn and shift; what comes in from outside the picture is bare board."""
    angle, middle = np.radians(pose.turn), SIDE / 2
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    back_x, back_y = middle + pose.right, middle + pose.down
    back = (
        cos,
        sin,
        middle - cos * back_x - sin * back_y,
        -sin,
        cos,
        middle + sin * back_x - cos * back_y,
    )
    fill = tuple(int(v) for v in BARE)
    return board.transform(
        board.size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC, fillcolor=fill
    )
