"""Models see pictures upright and whole, and a bad value is named."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jinbiao.datasets import errors
from jinbiao.workers.items import decoded

MOST = 1_000_000


def encoded(picture: Image.Image, kind: str = "PNG", **given: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **given)
    return out.getvalue()


def test_colours_stand_in_the_order_of_people() -> None:
    red = encoded(Image.new("RGB", (3, 2), (250, 10, 20)))
    assert decoded(red, "image", MOST).tolist() == [[[250, 10, 20]] * 3] * 2
    clear = encoded(Image.new("RGBA", (1, 1), (250, 10, 20, 30)))
    assert decoded(clear, "image", MOST).tolist() == [[[250, 10, 20, 30]]]
    grey = encoded(Image.fromarray(np.full((2, 3), 40000, np.uint16)))
    assert decoded(grey, "image", MOST).dtype == np.uint16


def test_a_turned_photograph_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.new("RGB", (40, 20), (9, 99, 199)), "JPEG", exif=exif)
    assert decoded(turned, "image", MOST).shape == (40, 20, 3)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_named(content: bytes) -> None:
    with pytest.raises(errors.Invalid, match="board"):
        decoded(content, "board", MOST)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(errors.Invalid, match="100 pixels"):
        decoded(encoded(Image.new("L", (20, 20))), "image", 100)
