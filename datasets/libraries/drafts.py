"""Describe an asset on its way in: as it was read, and as it will be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem, _
from ..sources import Opener, Reject, row_of
from .rows import AssetKind, Library

# The columns that hold the text of a row, where nobody has said which one does.
TEXT_COLUMNS = ("text", "content", "正文", "文本", "内容", "body", "sentence", "标题", "title")


@dataclass(frozen=True, slots=True)
class AssetDraft:
    """Hold one asset to be: either its text, or what opens its bytes."""

    number: int
    # Where it was, for people: "line 7", "folder/a.png".
    place: str
    kind: str
    name: str
    text: str | None = None
    opener: Opener | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    # What it is called where it comes from; a feed finds it again by that.
    source_key: str | None = None
    # The row or line that it was, to be given back where it is refused.
    origin: Any = None


@dataclass(frozen=True, slots=True)
class PreparedAsset:
    """Hold an asset whose bytes are stored and whose values are checked, ready to be written."""

    number: int
    kind: str
    name: str
    text: str | None
    digest: str
    size: int
    content_type: str | None
    # JSON text of what is known of it.
    facts: str
    source_key: str | None = None
    # The row of its stored bytes; None of a text.
    media: dict[str, Any] | None = None


def of_row(
    library: Library, number: int, place: str, values: Mapping[str, Any], *, name: str = ""
) -> AssetDraft | Reject:
    """Make a text of a row: the library's text column, or the one that is likely it.

    The other values become facts. A row without a text is a reject that names its columns.
    """
    key = text_column(library, values)
    text = None if key is None else values.get(key)
    if key is None or not isinstance(text, str):
        wanted = library.text_key or "text"
        columns = ", ".join(str(column) for column in values)[:200]
        message = _("the row has no text under %(wanted)s; it has: %(columns)s")
        reason = Problem("", message, {"wanted": wanted, "columns": columns})
        return Reject(number, place, reason, row=row_of(values))
    others = {column: value for column, value in values.items() if column != key}
    return AssetDraft(
        number,
        place,
        AssetKind.TEXT,
        name or place,
        text=text,
        facts=others,
        source_key=place,
        origin=values,
    )


def text_column(library: Library, columns: Mapping[str, Any]) -> str | None:
    """Say which column is the text: the named one, a usual name, or the only one there is."""
    if library.text_key is not None:
        return library.text_key if library.text_key in columns else None
    for usual in TEXT_COLUMNS:
        if usual in columns:
            return usual
    if len(columns) == 1:
        return next(iter(columns))
    return None
