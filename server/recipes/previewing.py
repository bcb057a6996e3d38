"""Show what steps would do to a sample of a library, both sides marked."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

from ...datasets import errors, libraries, media
from ...datasets.cleaning.marking import Marked, marked
from ...datasets.cleaning.reading import SHOWN_CHARACTERS
from ...workers import clean
from ...workers.clean import PreviewRow
from ..auth import installation, user
from . import words

SAMPLE = 20


@dataclass(frozen=True)
class Row:
    """One record of the sample: both sides marked, what touched it in words, why it went.

    `picture` is a small copy of what a picture would become, as a data address, or "".
    """

    name: str
    state: str
    texts: Marked | None
    steps: list[str]
    reason: str
    picture: str
    told: dict[str, Any]


def rows(library_id: int, steps: list[dict[str, Any]], sample: int = SAMPLE) -> list[Row]:
    """Run checked steps on a sample of a library that the person may see; nothing is kept.

    Raises:
        errors.NotFound: there is no such library for them.
    """
    with installation().database.read() as session:
        library = libraries.get(session, user(), library_id, "library.read")
    found = clean.preview(installation(), library, steps, sample)
    return [_row(each, [str(step["operator"]) for step in steps]) for each in found]


def _row(each: PreviewRow, names: list[str]) -> Row:
    dropper = "" if each.dropped_step is None else names[each.dropped_step]
    reason = words.reason(dropper, each.reason)
    if dropper:
        reason = f"{words.title(dropper)}: {reason}"
    before, after = each.before, each.after
    is_text = before is not None and after is not None
    return Row(
        each.name,
        each.state,
        marked(before or "", after or "") if is_text else None,
        [words.title(names[place]) for place in each.steps],
        reason,
        _picture(each.content) if each.content and each.kind == "image" else "",
        {
            "name": each.name,
            "state": each.state,
            "before": before[:SHOWN_CHARACTERS] if before is not None else None,
            "after": after[:SHOWN_CHARACTERS] if after is not None else None,
            "steps": [names[place] for place in each.steps],
            "reason": reason,
        },
    )


def _picture(content: bytes) -> str:
    try:
        small = media.thumbnail(io.BytesIO(content))
    except errors.JinbiaoError:
        return ""
    return f"data:{media.THUMBNAIL_TYPE};base64,{base64.b64encode(small).decode()}"
