"""Check where a region begins and ends: in text, paragraphs, audio, series and video.

Offsets in text count Unicode code points, as Python does and as the editor stores them;
sound is in seconds; a series has its own unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import Problem, _
from .geometry import Value, is_number


def text_span(value: Value, place: str, text: str | None) -> Iterator[Problem]:
    """Check a span of plain text: `0 <= start < end <= len(text)`."""
    start, end = value.get("start"), value.get("end")
    wrong = False
    for name, offset in (("start", start), ("end", end)):
        if type(offset) is not int or offset < 0:
            yield Problem(f"{place}.{name}", _("must be a whole number, at least 0"))
            wrong = True
    if wrong:
        return
    if start >= end:  # type: ignore[operator]
        yield Problem(f"{place}.end", _("must be greater than start"))
    if text is not None and end > len(text):  # type: ignore[operator]
        message = _("lies past the end of the text, which has %(length)s characters")
        yield Problem(f"{place}.end", message, {"length": len(text)})


def hypertext_span(value: Value, place: str) -> Iterator[Problem]:
    """Check a span of HTML: two paths with offsets, or global offsets alone."""
    for name in ("startOffset", "endOffset"):
        offset = value.get(name)
        if offset is not None and (type(offset) is not int or offset < 0):
            yield Problem(f"{place}.{name}", _("must be a whole number, at least 0"))
    whole = value.get("globalOffsets")
    if isinstance(whole, Mapping):
        yield from text_span(whole, f"{place}.globalOffsets", None)
    elif isinstance(value.get("start"), int):
        yield from text_span(value, place, None)
    else:
        for name in ("start", "end"):
            if not isinstance(value.get(name), str):
                yield Problem(f"{place}.{name}", _("must be a path in the document"))


def paragraph_span(value: Value, place: str, texts: list[str] | None) -> Iterator[Problem]:
    """Check a span over paragraphs: their numbers (also as text) and offsets in them."""
    ends: list[tuple[int, int]] = []
    for name in ("start", "end"):
        number, offset = value.get(name), value.get(f"{name}Offset") or 0
        if isinstance(number, str) and number.isdecimal() and len(number) < 10:
            number = int(number)
        if type(number) is not int or number < 0:
            yield Problem(f"{place}.{name}", _("must be the number of a paragraph"))
        elif texts is not None and number >= len(texts):
            message = _("there are only %(count)s paragraphs")
            yield Problem(f"{place}.{name}", message, {"count": len(texts)})
        elif type(offset) is not int or offset < 0:
            yield Problem(f"{place}.{name}Offset", _("must be a whole number, at least 0"))
        elif texts is not None and offset > len(texts[number]):
            message = _("lies past the end of the text, which has %(length)s characters")
            yield Problem(f"{place}.{name}Offset", message, {"length": len(texts[number])})
        else:
            ends.append((number, offset))
    if len(ends) == 2 and ends[0] > ends[1]:
        yield Problem(f"{place}.end", _("must not lie before start"))


def interval(value: Value, place: str, lowest: float | None = None) -> Iterator[Problem]:
    """Check `start <= end`, both finite; a series may store moments as formatted text."""
    start, end = value.get("start"), value.get("end")
    if lowest is None and isinstance(start, str) and isinstance(end, str):
        return
    wrong = False
    for name, moment in (("start", start), ("end", end)):
        if not is_number(moment):
            yield Problem(f"{place}.{name}", _("must be a finite number"))
            wrong = True
        elif lowest is not None and moment < lowest:  # type: ignore[operator]
            yield Problem(f"{place}.{name}", _("must be at least %(limit)s"), {"limit": lowest})
    if not wrong and start > end:  # type: ignore[operator]
        yield Problem(f"{place}.end", _("must not lie before start"))


def series_interval(
    value: Value, place: str, extent: tuple[float, float] | None
) -> Iterator[Problem]:
    """Check an interval of a series, whose first and last moment are known or not."""
    yield from interval(value, place)
    for name in ("start", "end"):
        moment = value.get(name)
        if extent and is_number(moment) and not extent[0] <= moment <= extent[1]:  # type: ignore[operator]
            message = _("lies outside of the series, which goes from %(first)s to %(last)s")
            yield Problem(f"{place}.{name}", message, {"first": extent[0], "last": extent[1]})
    instant = value.get("instant")
    if instant is not None and type(instant) is not bool:
        yield Problem(f"{place}.instant", _("must be true or false"))
