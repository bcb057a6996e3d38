"""Take markup and the furniture of web pages out of texts."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from ...errors import _
from .contract import SAME, Operator, Option, Outcome, Record

# Names that no prose writes between angle brackets; `a < b` is no markup.
_TAG = re.compile(
    r"<(?:!doctype|!--|/?(?:html|head|body|div|p|br|hr|span|a|b|i|u|em|strong|font|table|tbody|tr|"
    r"td|th|ul|ol|li|dl|dt|dd|h[1-6]|img|script|style|section|article|header|footer|nav|aside|"
    r"main|form|input|button|iframe|pre|code|blockquote|center|sup|sub|label|svg|video|audio|"
    r"object|meta|link|title|textarea|select|option|figure)\b[^<>]{0,2000}/?>)",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_UNSEEN = {"script", "style", "noscript", "template", "head", "iframe", "object", "svg", "textarea"}
_FURNITURE = {"nav", "footer", "aside", "form", "button", "select", "header"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt"),
    *("fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
    *("hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
}
_SPACES = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\s*\n\s*")


def _strip_html(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    return [_stripped(record.text or "", options) for record in records]


def _stripped(text: str, options: Mapping[str, Any]) -> Outcome:
    has_tags = "<" in text and _TAG.search(text) is not None
    has_entities = "&" in text and _ENTITY.search(text) is not None
    if not has_tags and not has_entities:
        return SAME
    if len(text) > options["longest"]:
        return Outcome(reason="too_long")
    fresh = text_of_html(text, furniture=options["furniture"]) if has_tags else html.unescape(text)
    return SAME if fresh == text else Outcome(text=fresh)


def text_of_html(text: str, *, furniture: bool = True) -> str:
    """Return what a reader sees of HTML, one block a line; no scripts, styles or comments.

    `furniture`: navigation, headers, footers and forms are left out too.
    """
    parser = lxml_html.HTMLParser(
        remove_comments=True, remove_pis=True, no_network=True, huge_tree=False, encoding="utf-8"
    )
    try:
        root = lxml_html.document_fromstring(
            text.encode("utf-8", "replace"), parser=parser, ensure_head_body=True
        )
    except (etree.ParserError, etree.XMLSyntaxError):
        # Nothing is left of it but markup.
        return ""
    unseen = _UNSEEN | _FURNITURE if furniture else _UNSEEN
    pieces: list[str] = []
    # Walked, not recursed into: nesting has no limit but the parser's.
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag in _BLOCKS:
            pieces.append("\n")
        if event == "end":
            pieces.append(element.tail or "")
        elif tag in unseen:
            walk.skip_subtree()
        else:
            if tag in ("td", "th"):
                pieces.append(" ")
            pieces.append(element.text or "")
    joined = _SPACES.sub(" ", "".join(pieces))
    return _EMPTY_LINES.sub("\n", joined).strip()


# What stands around articles on Chinese sites, and English ones: a short line with one of these.
_MARKERS = (
    r"版权所有|保留所有权利|未经(?:书面)?(?:授权|许可|允许).{0,12}(?:转载|使用)|免责声明|"
    r"(?:责任)?编辑\s*[:：]|责编\s*[:：]|(?:上|下)一(?:篇|页|条)\s*[:：]?|返回(?:首页|顶部|列表)|"
    r"分享(?:到|至)|扫(?:一扫|码|描).{0,20}(?:关注|下载|微信|二维码)|关注.{0,10}(?:公众号|微信|微博)|"
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]ICP[备证]|公网安备|"
    r"点击(?:查看|进入|阅读|下载)|加入收藏|设为首页|打印本页|关闭窗口|字体\s*[:：]?\s*[【\[]?\s*大|"
    r"相关(?:阅读|新闻|链接|文章)|热门(?:推荐|标签)|网站地图|联系我们|您(?:现在|当前)?的位置|"
    r"all rights reserved|copyright\s*(?:©|\(c\)|\d{4})|©\s*\d{4}|cookie policy|privacy policy|"
    r"terms of (?:use|service)|share (?:this|on)|read more|sign up|log in|subscribe"
)
_MARKER = re.compile(_MARKERS, re.IGNORECASE)
# Home > News > Local, or 首页 | 新闻 | 财经: names with dividers between them.
_TRAIL = re.compile(r"^\s*(?:[^\s>|»›·/]{1,12}\s*[>|»›·]\s*){2,}[^\s>|»›·]{0,20}\s*$")


def _strip_boilerplate(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    words = [word for word in options["words"] if word]
    own = re.compile("|".join(map(re.escape, words)), re.IGNORECASE) if words else None
    return [_without_furniture(record.text or "", own, options["longest"]) for record in records]


def _without_furniture(text: str, own: re.Pattern[str] | None, longest: int) -> Outcome:
    lines = text.split("\n")
    if len(lines) < 2:
        # A text of one line is what was meant, whatever it speaks of.
        return SAME
    kept = [line for line in lines if len(line) > longest or not _is_furniture(line, own)]
    return SAME if len(kept) == len(lines) else Outcome(text="\n".join(kept).strip())


def _is_furniture(line: str, own: re.Pattern[str] | None) -> bool:
    if _MARKER.search(line) or _TRAIL.match(line):
        return True
    return own is not None and own.search(line) is not None


STRIP_HTML = Operator(
    name="text.strip_html",
    version=1,
    kind="text",
    title=_("Remove HTML"),
    does="change",
    apply=_strip_html,
    options=(
        Option("furniture", "flag", True, _("Navigation, headers, footers and forms too")),
        Option(
            "longest",
            "whole",
            5_000_000,
            _("Leave out what is longer, in characters"),
            least=1000,
            most=50_000_000,
        ),
    ),
    reasons={"too_long": _("more markup than the limit")},
)

STRIP_BOILERPLATE = Operator(
    name="text.strip_boilerplate",
    version=1,
    kind="text",
    title=_("Remove page furniture"),
    does="change",
    apply=_strip_boilerplate,
    options=(
        Option("longest", "whole", 60, _("Lines of up to so many characters"), least=5, most=1000),
        Option("words", "words", [], _("Also lines that contain one of these")),
    ),
)

TEXT_MARKUP = (STRIP_HTML, STRIP_BOILERPLATE)
