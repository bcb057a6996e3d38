"""Turn pictures upright, make them smaller, and take out what files say beside the picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from ...errors import Invalid, _
from ...media import edits, metadata, pictures, signatures
from .contract import SAME, Operator, Option, Outcome, Record
from .image_checks import READABLE, each


def without_metadata(record: Record) -> tuple[bytes, str]:
    """Return (bytes, content type) of a picture without place, owner, thumbnail and tail.

    JPEG, PNG, GIF and WebP keep every pixel and every frame. Other formats, and files whose
    blocks make no sense, are written anew: upright, 8 bits a channel, the first frame.
    Raises Invalid where the picture cannot be decoded.
    """
    content = record.read()
    signature = signatures.recognise(content[: signatures.HEAD])
    with _opened(record) as stream:
        shown = pictures.upright_size(stream)
        try:
            bare = metadata.without(content, signature.pillow)
            if pictures.upright_size(bare) == shown:
                return bare, signature.content_type
        except Invalid:
            pass
        stream.seek(0)
        return edits.edited(stream, lambda picture: picture)


def _opened(record: Record) -> Any:
    if record.open is None:
        raise Invalid(_("the file is not a picture"))
    return record.open()


def _metadata(record: Record, options: Mapping[str, Any]) -> Outcome:
    content, content_type = without_metadata(record)
    if content == record.read():
        return SAME
    return Outcome(content=content, content_type=content_type)


def _upright(record: Record, options: Mapping[str, Any]) -> Outcome:
    with _opened(record) as stream:
        if pictures.turn_of(stream) == 1:
            return SAME
        stream.seek(0)
        content, content_type = edits.edited(stream, lambda picture: picture)
        width, height = pictures.upright_size(stream)
    facts = {"width": width, "height": height}
    return Outcome(content=content, content_type=content_type, facts=facts)


def _resize(record: Record, options: Mapping[str, Any]) -> Outcome:
    longest = options["longest"]
    with _opened(record) as stream:
        if max(pictures.upright_size(stream)) <= longest:
            return SAME
        small: list[int] = []

        def made(picture: Image.Image) -> Image.Image:
            picture.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
            small[:] = picture.size
            return picture

        stream.seek(0)
        content, content_type = edits.edited(stream, made)
    facts = {"width": small[0], "height": small[1]}
    return Outcome(content=content, content_type=content_type, facts=facts)


CHANGES = (
    Operator(
        "image.upright",
        1,
        "image",
        _("Pictures: turn upright as the camera says (written anew)"),
        "change",
        each(_upright),
        (),
        READABLE,
    ),
    Operator(
        "image.resize",
        1,
        "image",
        _("Pictures: make large ones smaller"),
        "change",
        each(_resize),
        (Option("longest", "whole", 2048, _("longer side at most, pixels"), 16, 20_000),),
        READABLE,
    ),
    Operator(
        "image.metadata",
        1,
        "image",
        _("Pictures: take out place, owner, thumbnail and appended bytes"),
        "change",
        each(_metadata),
        (),
        READABLE,
    ),
)
