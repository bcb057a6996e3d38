"""Read tasks as models see them: pictures upright and decoded, texts, sounds."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..datasets import errors, tasks
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.tasks import Media, Task
from . import calls
from .models.interface import Item, Picture, Serves
from .models.sounds import read_sound

LONGEST_TEXT = 1_000_000  # characters
FETCH_SECONDS = 20.0
ADDRESSES = ("http://", "https://")


def read_item(
    installation: Installation, serves: Serves, key: str, task: Task, media: Mapping[str, Media]
) -> Item:
    """Return what a model sees of a task; `media` holds what is stored of its values.

    Raises:
        errors.Invalid: a value is missing, or is not what the model reads.
        errors.Refused: a picture or sound outside cannot be fetched.
    """
    values = task.data_values
    keys = serves.keys or (key,)
    if serves.reads == "text":
        return Item(texts={name: _text(name, values.get(name)) for name in keys})
    contents = {name: _content(installation, name, values.get(name), media) for name in keys}
    if serves.reads == "sound":
        return Item(sounds={name: read_sound(content) for name, content in contents.items()})
    most = installation.settings.maximum_pixels
    pictures = {name: decoded(content, name, most) for name, content in contents.items()}
    return Item(pictures=pictures, contents=contents if serves.encoded else {})


def decoded(content: bytes, name: str, most_pixels: int) -> Picture:
    """Decode a picture, upright, channels in the order grey, RGB or RGBA.

    Raises:
        errors.Invalid: it is no picture, or has more than `most_pixels`.
    """
    try:
        with Image.open(io.BytesIO(content)) as head:
            pixels, turned = head.width * head.height, head.getexif().get(0x0112, 1) != 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
        raise errors.Invalid(_("the picture “%(key)s” cannot be decoded"), key=name) from problem
    if pixels > most_pixels:
        raise errors.Invalid(
            _("the picture “%(key)s” has more than %(most)s pixels"), key=name, most=most_pixels
        )
    # Stored pictures lie upright already; what comes from outside is turned by its own word.
    way = cv2.IMREAD_COLOR if turned else cv2.IMREAD_UNCHANGED
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), way)
    except cv2.error:
        picture = None
    if picture is None:
        raise errors.Invalid(_("the picture “%(key)s” cannot be decoded"), key=name)
    if picture.ndim == 3:
        four = picture.shape[2] == 4
        picture = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if four else cv2.COLOR_BGR2RGB)
    return picture


def _text(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise errors.Invalid(_("the task has no text “%(key)s”"), key=name)
    if len(value) > LONGEST_TEXT:
        raise errors.Invalid(
            _("the text “%(key)s” has more than %(most)s characters"), key=name, most=LONGEST_TEXT
        )
    return value


def _content(
    installation: Installation, name: str, value: Any, media: Mapping[str, Media]
) -> bytes:
    digest = tasks.media_digest(value)
    if digest is not None and digest in media:
        return installation.store.read(media[digest].display_digest or digest)
    if isinstance(value, str) and value.startswith(ADDRESSES):
        reply = calls.send(installation.settings, "GET", value, seconds=FETCH_SECONDS)
        if not reply.is_good:
            raise errors.Invalid(
                _("“%(key)s” cannot be fetched: the server answers %(status)s"),
                key=name,
                status=reply.status,
            )
        return reply.content
    raise errors.Invalid(_("the task has no stored medium “%(key)s”"), key=name)
