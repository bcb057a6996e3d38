"""Open pictures with Pillow safely: one at a time, size checked first, every failure explained.

At most one picture is decoded in a process at a moment: this bounds memory (about 4 bytes a
pixel decoded, twice that while it is turned or converted) and keeps the capture of warnings,
which is global in Python, in order.
"""

from __future__ import annotations

import errno
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from ..errors import Invalid, JinbiaoError, TooLarge, _
from . import outlines, tones
from .facts import MediaFacts, MediaLimits
from .signatures import HEAD, Signature, name_differs, recognise

THUMBNAIL_TYPE = "image/webp"
_ONE = threading.Lock()
_PILLOW_MEGAPIXELS = 178  # Pillow's own hard stop: twice its MAX_IMAGE_PIXELS
_COST = {"JPEG2000": 4}  # its decoder holds 4 bytes a sample beside the picture
_SLOW = ("ppm", "ppm_plain", "bmp_rle")  # decoders that Pillow has written in Python
_SLOW_COST, _SLOW_BYTES = 8, 32 * 1024**2
_NOTES = 10
_LOSSLESS_PIXELS = 16_000_000  # PNG of larger pictures takes minutes and is not needed to look
_JPEG_SIDE = 65_500
_ORIENTATION, _GPS = 0x0112, 0x8825
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BROWSER_MODES = {
    "image/jpeg": ("L", "RGB"),
    "image/png": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "image/gif": ("1", "L", "P", "RGB", "RGBA"),
    "image/webp": ("RGB", "RGBA"),
}


@contextmanager
def _guarded(notes: list[str], megapixels: int) -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into Invalid; collect its warnings."""
    with _ONE, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except JinbiaoError:
            raise
        except Image.DecompressionBombError as error:
            raise TooLarge(
                _("the picture claims more than %(limit)s megapixels"),
                limit=min(megapixels, _PILLOW_MEGAPIXELS),
            ) from error
        except UnidentifiedImageError as error:
            raise Invalid(_("the picture's header is damaged or cut off")) from error
        except MemoryError as error:
            raise TooLarge(_("the picture needs more memory than there is")) from error
        except Exception as error:  # decoders raise nearly anything on hostile bytes
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the disk or the network failed, not the picture
            reason = str(error)[:200] or type(error).__name__
            raise Invalid(
                _("the picture is damaged or cut off (%(reason)s)"), reason=reason
            ) from error
        finally:
            said = dict.fromkeys(str(w.message) for w in caught)
            notes.extend(list(said)[:_NOTES])


@contextmanager
def _opened(stream: BinaryIO, signature: Signature, megapixels: int) -> Iterator[Image.Image]:
    stream.seek(0)
    with Image.open(stream, formats=(signature.pillow,)) as picture:
        cost = _COST.get(signature.pillow, 1)
        if any(tile[0] in _SLOW for tile in getattr(picture, "tile", [])):
            cost = _SLOW_COST
            _check_slow(stream)
        outlines.check_pixels(picture.width, picture.height, max(1, megapixels // cost))
        yield picture


def _check_slow(stream: BinaryIO) -> None:
    here = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    if size > _SLOW_BYTES:
        raise TooLarge(
            _("in this variant of the format at most %(limit)s MB are read"),
            limit=_SLOW_BYTES // 1024**2,
        )


def _orientation(picture: Image.Image, signature: Signature) -> int:
    """Return the EXIF orientation 1–8; Pillow itself turns TIFF upright on decoding."""
    if signature.pillow == "TIFF":
        return 1
    value = picture.getexif().get(_ORIENTATION, 1)
    return value if value in _TURNS else 1


def size(stream: BinaryIO, signature: Signature, limits: MediaLimits) -> tuple[int, int]:
    """Return width and height of the upright picture by its header, nothing decoded."""
    with _guarded([], limits.megapixels):
        outlines.outline(stream, signature.pillow, limits)
        with _opened(stream, signature, limits.megapixels) as picture:
            wide, high = picture.size
            return (wide, high) if _orientation(picture, signature) < 5 else (high, wide)


def inspect(
    stream: BinaryIO, name: str, signature: Signature, size: int, limits: MediaLimits
) -> MediaFacts:
    """Decode the first frame completely, and say what is in the file."""
    notes: list[str] = []
    if name_differs(name, signature):
        notes.append(f"the name does not fit: the content is {signature.content_type}")
    with _guarded(notes, limits.megapixels):
        shape = outlines.outline(stream, signature.pillow, limits)
        with _opened(stream, signature, limits.megapixels) as picture:
            turn = _orientation(picture, signature)
            width, height = picture.size if turn < 5 else picture.size[::-1]
            gps = signature.pillow == "JPEG" and _GPS in picture.getexif()
            mode = picture.mode
            if signature.pillow == "JPEG":  # all bytes are still read, at 1/64 of the memory
                picture.draft(None, (max(1, width // 8), max(1, height // 8)))
            picture.load()
    notes += _remarks(shape, size, turn, mode)
    if gps:
        notes.append("the picture says where it was taken (GPS)")
    shown = mode in _BROWSER_MODES.get(signature.content_type, ()) and shape.regular
    return MediaFacts(
        content_type=signature.content_type,
        kind="image",
        extension=signature.extension,
        width=width,
        height=height,
        frames=shape.frames,
        needs_display_copy=not shown or turn != 1 or shape.frames > 1 or _tail(shape, size) > 0,
        warnings=list(dict.fromkeys(notes)),
    )


def _tail(shape: outlines.Outline, size: int) -> int:
    return max(0, size - shape.end) if shape.end is not None else 0


def _remarks(shape: outlines.Outline, size: int, turn: int, mode: str) -> list[str]:
    notes = []
    if shape.frames > 1:
        notes.append(f"{shape.frames} pages or frames: only the first is shown")
    if tail := _tail(shape, size):
        notes.append(f"{tail} bytes after the end of the picture are not shown")
    if not shape.regular:
        notes.append("the blocks of the file are irregular: only the picture itself is shown")
    if turn != 1:
        notes.append("the picture is turned upright, as its EXIF orientation says")
    if mode in tones.WIDE_MODES:
        notes.append("more than 8 bits: shown from the 0.1 to the 99.9 percentile")
    if mode == "CMYK":
        notes.append("printing colours (CMYK) are converted for the screen")
    return notes


def display_copy(stream: BinaryIO, facts: MediaFacts) -> tuple[bytes, str]:
    """Return (bytes, content type) of an upright 8-bit first frame without metadata.

    Lossy sources and pictures above 16 megapixels become JPEG (quality 92), the others and
    everything with transparency PNG. Raises Invalid when the stream is not the file of `facts`.
    """
    width, height = facts.width or 0, facts.height or 0
    # Its size was accepted when it was inspected, whatever it costs to decode.
    megapixels = (width * height // 1_000_000 + 1) * _SLOW_COST
    with _guarded([], megapixels):
        stream.seek(0)
        signature = recognise(stream.read(HEAD))
        with _opened(stream, signature, megapixels) as picture:
            turn = _orientation(picture, signature)
            picture.load()
            shown = _upright(tones.to_eight_bits(picture), turn)
        if shown.size != (width, height):
            raise Invalid(_("the picture is not the one that was inspected"))
        return _encoded(shown, signature)


def _upright(picture: Image.Image, turn: int) -> Image.Image:
    return picture.transpose(_TURNS[turn]) if turn in _TURNS else picture


def _encoded(picture: Image.Image, signature: Signature) -> tuple[bytes, str]:
    out = io.BytesIO()
    pixels = picture.width * picture.height
    lossy = signature.pillow in ("JPEG", "JPEG2000", "WEBP") or pixels > _LOSSLESS_PIXELS
    if picture.mode == "RGB" and lossy and max(picture.size) <= _JPEG_SIDE:
        picture.save(out, "JPEG", quality=92)
        return out.getvalue(), "image/jpeg"
    picture.save(out, "PNG", compress_level=3)
    return out.getvalue(), "image/png"


@dataclass(frozen=True)
class Manner:
    """How a file holds its picture, so that a changed one can be written in the same way.

    `mode` is Pillow's, `tables` and `sampling` are those of a JPEG, `frames` how many there are.
    """

    signature: Signature
    mode: str
    frames: int = 1
    turn: int = 1
    lossless: bool = True
    tables: dict[int, list[int]] = field(default_factory=dict)
    sampling: int = -1


def upright(
    stream: BinaryIO, *, limits: MediaLimits | None = None, longest: int | None = None
) -> Image.Image:
    """Return the first frame upright, in RGB or RGBA of 8 bits, without metadata.

    With `longest` the longer side is at most so many pixels, and a JPEG is decoded no larger
    than that needs. Raises Invalid (TooLarge) with a plain reason.
    """
    return upright_in_manner(stream, limits=limits, longest=longest)[0]


def upright_in_manner(
    stream: BinaryIO, *, limits: MediaLimits | None = None, longest: int | None = None
) -> tuple[Image.Image, Manner]:
    """Return what `upright` returns, and how the file holds it."""
    limits = limits or MediaLimits()
    with _guarded([], limits.megapixels):
        stream.seek(0)
        head = stream.read(HEAD)
        signature = recognise(head)
        if signature.kind != "image":
            raise Invalid(_("the file is not a picture"))
        shape = outlines.outline(stream, signature.pillow, limits)
        with _opened(stream, signature, limits.megapixels) as picture:
            turn = _orientation(picture, signature)
            manner = Manner(
                signature,
                picture.mode,
                shape.frames,
                turn,
                signature.pillow != "JPEG" and b"VP8 " not in head[:64],
                dict(getattr(picture, "quantization", {})),
                JpegImagePlugin.get_sampling(picture) if signature.pillow == "JPEG" else -1,
            )
            if longest and picture.mode in ("L", "RGB", "CMYK"):
                picture.thumbnail((longest, longest), Image.Resampling.BOX, reducing_gap=2.0)
            shown = tones.to_eight_bits(picture)
            shown.load()
            if longest:
                shown.thumbnail((longest, longest), Image.Resampling.BOX)
        return _upright(shown, turn), manner


def upright_size(
    content: BinaryIO | bytes, *, limits: MediaLimits | None = None
) -> tuple[int, int]:
    """Return width and height of the upright picture from its header, without decoding it."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    turn, size = _header(stream, limits or MediaLimits())
    return size if turn < 5 else size[::-1]


def frames(stream: BinaryIO, *, limits: MediaLimits | None = None) -> int:
    """Return how many pages or frames of an animation a picture file has, nothing decoded."""
    stream.seek(0)
    signature = recognise(stream.read(HEAD))
    return outlines.outline(stream, signature.pillow, limits or MediaLimits()).frames


def turn_of(stream: BinaryIO, *, limits: MediaLimits | None = None) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where the picture is upright."""
    return _header(stream, limits or MediaLimits())[0]


def _header(stream: BinaryIO, limits: MediaLimits) -> tuple[int, tuple[int, int]]:
    with _guarded([], limits.megapixels):
        stream.seek(0)
        signature = recognise(stream.read(HEAD))
        if signature.kind != "image":
            raise Invalid(_("the file is not a picture"))
        outlines.outline(stream, signature.pillow, limits)
        with _opened(stream, signature, limits.megapixels) as picture:
            return _orientation(picture, signature), picture.size


def thumbnail(stream: BinaryIO, size: int = 320, *, limits: MediaLimits | None = None) -> bytes:
    """Return an upright WebP whose longer side is at most `size`, reading as little as it can."""
    limits = limits or MediaLimits()
    with _guarded([], limits.megapixels):
        stream.seek(0)
        signature = recognise(stream.read(HEAD))
        if signature.kind != "image":
            raise Invalid(_("only pictures have a thumbnail"))
        outlines.outline(stream, signature.pillow, limits)
        with _opened(stream, signature, limits.megapixels) as picture:
            turn = _orientation(picture, signature)
            if picture.mode in ("L", "RGB", "CMYK"):
                picture.thumbnail((size, size), reducing_gap=2.0)
            small = tones.to_eight_bits(picture)
        small.thumbnail((size, size), reducing_gap=2.0)
        out = io.BytesIO()
        _upright(small, turn).save(out, "WEBP", quality=80, method=2)
        return out.getvalue()
