"""Read a file whole where a task shows its words, not the file."""

from __future__ import annotations

import io

from ..errors import Invalid, _
from .encodings import is_broken, opened
from .items import Opener, SourceLimits

# A mark that some programs put where a text begins also inside a text of known encoding.
_MARK = "\ufeff"


def text_of(opener: Opener, limits: SourceLimits) -> str:
    """Return the text of a file, in whatever encoding it was written, lines ended by `\\n`.

    So places in it are the same in the browser, which knows no other end of a line.

    Raises:
        Invalid: it is no text, empty, or larger than a task may be.
    """
    with opener.open() as stream:
        if stream.seek(0, io.SEEK_END) > limits.task_bytes:
            limit = round(limits.task_bytes / 1024**2, 3)
            raise Invalid(_("it is larger than %(limit)s MB"), limit=limit)
        with opened(stream) as text:
            read = text.read().removeprefix(_MARK).replace("\r\n", "\n").replace("\r", "\n")
    if not read.strip():
        raise Invalid(_("the file is empty"))
    if "\x00" in read:
        raise Invalid(_("a text holds a NUL character"))
    if is_broken(read):
        raise Invalid(_("the file holds bytes that are no text"))
    return read
