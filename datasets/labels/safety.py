"""Find what a labelling configuration could do to the page it is shown in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import Problem, _
from .tags import CANONICAL, SCRIPTED_TAGS
from .xml import Node

_HANDLER = re.compile(r"on[a-z]{3,}$", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\ufeff]+")
_SCRIPT_ADDRESS = re.compile(r"(javascript|vbscript|livescript):|data:(text/html|[\w/+]*xml)", re.I)
_ACTIVE_HTML = re.compile(
    r"<\s*/?\s*(script|style|iframe|object|embed|base|meta|link|form|svg|math)\b"
    r"|<[^>]*[\s/\"']on[a-z]{3,}\s*=",
    re.IGNORECASE,
)
# A picture with a plain address may stand there: the editor's page lets the browser load
# media from our own origin only, so it is left out and nobody elsewhere learns who labels.
_LOADING_CSS = re.compile(
    r"@import|expression\s*\(|behaviou?r\s*:|-moz-binding|</|image-set\s*\("
    r"|url\s*\((?!\s*['\"]?\s*(data:image/(png|jpeg|gif|webp)|https?://|#))",
    re.IGNORECASE,
)
# CSS can hide letters behind escapes and comments.
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?", re.IGNORECASE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLED = re.compile(r"(style$|background|color|^width$|^height$|size$)", re.IGNORECASE)


def dangers(node: Node) -> Iterator[Problem]:
    """Yield what is wrong with one element on its own."""
    yield from _tag(node)
    if node.tag == "Style" and _loads(node.text + (node.get("value") or "")):
        message = _("the style loads something from elsewhere or runs a script")
        yield Problem(node.place, message)
    if node.tag == "Markdown" and _ACTIVE_HTML.search(node.text):
        yield Problem(node.place, _("the HTML runs a script or loads a page"))
    for name, value in node.attributes.items():
        place = f"line {node.line} <{node.tag} {name}>"
        if _HANDLER.match(name):
            yield Problem(place, _("event handlers are not allowed"))
        elif danger := _value_danger(node.tag, name, value):
            yield Problem(place, danger)


def _tag(node: Node) -> Iterator[Problem]:
    if node.tag.lower() == "script" or _has_program(node):
        yield Problem(node.place, _("elements that run scripts are not allowed"))
    elif node.tag.lower() not in CANONICAL:
        yield Problem(node.place, _("the editor has no tag %(tag)s"), {"tag": node.tag})


def _has_program(node: Node) -> bool:
    if node.tag not in SCRIPTED_TAGS:
        return False
    return bool(node.text.strip() or node.children or node.get("src"))


def _value_danger(tag: str, name: str, value: str) -> str | None:
    if _SCRIPT_ADDRESS.match(_INVISIBLE.sub("", value)):
        return _("an address that runs a script is not allowed")
    shown_as_html = name.lower() == "html" or tag in ("HyperText", "Markdown")
    if shown_as_html and (
        _ACTIVE_HTML.search(value) or _SCRIPT_ADDRESS.search(_INVISIBLE.sub("", value))
    ):
        return _("the HTML runs a script or loads a page")
    if _STYLED.search(name) and _loads(value):
        return _("the style loads something from elsewhere or runs a script")
    return None


def _loads(css: str) -> bool:
    plain = _CSS_COMMENT.sub("", css)
    plain = _CSS_ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), plain)
    plain = plain.replace("\\", "")
    return bool(_LOADING_CSS.search(plain) or _SCRIPT_ADDRESS.search(_INVISIBLE.sub("", plain)))
