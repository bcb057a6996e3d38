"""Show the plain text of a guideline as a page: headings, lists, pictures, and nothing else.

What is written is escaped before it is given a form, so that no text can become markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

from ..datasets import guidelines

Show = Callable[[str], str | None]

_HEADING = re.compile(r"(#{1,4})\s+(.+)")
_ITEM = re.compile(r"\s{0,3}(?:([-*•])|[0-9]{1,3}[.)、])\s+(.+)")
_STRONG = re.compile(r"\*\*([^*\n]{1,500})\*\*")
_CODE = re.compile(r"`([^`\n]{1,500})`")
# The page around has the first two levels.
_FIRST_LEVEL = 2


def html(text: str, show: Show) -> Markup:
    """Return a text as HTML; `show` gives the address of a picture, or None where it is gone."""
    return Markup("\n").join(_blocks(text.split("\n"), show))


def _blocks(lines: list[str], show: Show) -> Iterator[Markup]:
    paragraph: list[str] = []
    items: list[str] = []
    kind = ""
    for line in [*lines, ""]:
        heading, item = _HEADING.fullmatch(line.strip()), _ITEM.fullmatch(line)
        is_text = bool(line.strip()) and not heading and not item
        if items and is_text and line.startswith(" "):
            items[-1] += "\n" + line.strip()  # goes on with the item above
            continue
        found = ("ul" if item[1] else "ol") if item else ""
        if items and found != kind:
            yield _list(kind, items, show)
            items = []
        if paragraph and not is_text:
            yield Markup("<p>{}</p>").format(_inline("\n".join(paragraph), show))
            paragraph = []
        if heading:
            level = min(_FIRST_LEVEL + len(heading[1]), 6)
            yield Markup("<h{0}>{1}</h{0}>").format(level, _inline(heading[2], show))
        elif item:
            kind = found
            items.append(item[2])
        elif is_text:
            paragraph.append(line.strip())


def _list(kind: str, items: list[str], show: Show) -> Markup:
    inside = Markup("").join(Markup("<li>{}</li>").format(_inline(each, show)) for each in items)
    return Markup("<{0}>{1}</{0}>").format(kind, inside)


def _inline(text: str, show: Show) -> Markup:
    """Return escaped text with its pictures, strong words, code and line breaks."""
    found = []
    end = 0
    for picture in guidelines.PICTURE.finditer(text):
        found += [_marked(text[end : picture.start()]), _picture(picture, show)]
        end = picture.end()
    return Markup("").join([*found, _marked(text[end:])])


def _picture(found: re.Match[str], show: Show) -> Markup:
    address = show(guidelines.reference(found[2], found[3]))
    if address is None:
        return Markup('<span class="quiet">[{}]</span>').format(found[1] or found[2])
    return Markup(
        '<span class="guideline-picture"><img src="{0}" alt="{1}" loading="lazy">'
        "<small>{1}</small></span>"
    ).format(address, found[1])


def _marked(text: str) -> Markup:
    told = str(escape(text))
    told = _CODE.sub(r"<code>\1</code>", told)
    told = _STRONG.sub(r"<b>\1</b>", told)
    return Markup(told.replace("\n", "<br>"))
