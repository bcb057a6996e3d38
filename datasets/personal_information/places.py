"""Find where somebody lives or is: postal addresses by rule of thumb, and coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import contexts
from .hits import Found
from .writing import narrow

_NUMERAL = "0-9０-９A-Za-z一二三四五六七八九十百零〇甲乙丙丁-"
# A house, a building, a flat: what an address ends with.
_ENDING = re.compile(f"[号栋幢室弄座院](?<=[{_NUMERAL}].)")
_MORE = re.compile(
    f"(?:[{_NUMERAL}]{{1,6}}(?:号楼|号院|号|栋|幢|座|单元|室|层|楼|户|门|弄|院)|号楼|楼|院){{1,6}}"
)
# Characters an address is made of; anything else begins before it.
_BODY = re.compile(r"[\u4e00-\u9fff0-9０-９A-Za-z\-（）()·]+$")
_STREET = re.compile(
    r"路|街|大道|道|巷|胡同|村|里|弄|镇|乡|苑|园|小区|新城|花园|公寓|大厦|开发区|工业园"
)
_REGION = re.compile(
    r"[\u4e00-\u9fff]{2,8}?(?:省|自治区|特别行政区|市|自治州|盟|区|县|旗)(?![民政府长委级内外属场])"
)
_LEAD = re.compile(
    r".*(?:住址|地址|住在|居住在|居住于|家住|位于|住|户籍|寄到|寄往|送到|送至|收货|寄|现居|于|在|到|至|为|是)"
    r"(?=[\u4e00-\u9fff])"
)
_LONGEST = 40
_PROVINCE = re.compile(
    r"北京市?|天津市?|上海市?|重庆市?|(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|"
    r"湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省?|(?:内蒙古|广西|西藏|宁夏|新疆)"
)

_SAID = re.compile(r"[经纬坐定位Gl°](?:(?<=[经纬°])|标|位|置|PS|at|on|ng|ocation)", re.ASCII)
_FRACTION = re.compile(r"[.．](?=[0-9０-９]{4,})")
_DEGREES = r"([-－]?[0-9０-９]{1,3}[.．][0-9０-９]{4,15})"
# In the query of an address the second one has its own word: latency is none.
_PAIR = re.compile(
    rf"{_DEGREES}°?\s{{0,2}}[NSEWnsew北东]?[纬经]?[\"'\]:a-zA-Z_]{{0,16}}"
    r"(?:[,，、;；/\s]\s{0,2}[\"'\[:a-zA-Z_\s东北经纬度：]{0,20}"
    r"|[,，;；&＆\s]\s{0,2}(?:[A-Za-z]{1,8}_)?[Ll](?:at(?:itude)?|on(?:g(?:itude)?)?|ng)\s?[=＝]\s?)"
    rf"{_DEGREES}(?![0-9０-９.．])"
)


def find_addresses(text: str) -> Iterator[Found]:
    """Yield postal addresses of a text that is not all ASCII."""
    done = 0
    for ending in _ENDING.finditer(text):
        at = ending.start()
        if at < done:
            continue
        window = text[max(done, at - _LONGEST) : at]
        body = _BODY.search(window)
        if body is None:
            continue
        start = at - len(body.group())
        lead, sure = _begins(body.group())
        if not sure:
            continue
        more = _MORE.match(text, at + 1)
        end = more.end() if more else at + 1
        if text[at] == "号" and more is None and text[at + 1 : at + 2] in ("文", "令", "码", "线"):
            continue
        done = end
        start += lead
        yield "address", start, end, narrow(text[start:end]), sure


def _begins(body: str) -> tuple[int, float]:
    """Return where in `body` an address begins, and how sure that is (0: there is none)."""
    if not _STREET.search(body):
        return 0, 0.0
    province = _PROVINCE.search(body)
    if province:
        rest = body[province.end() :]
        return province.start(), 0.9 if _REGION.search(rest) or province.group()[
            -1
        ] in "市省" else 0.7
    said = _LEAD.match(body)
    at = said.end() if said else 0
    if _REGION.search(body, at):
        return at, 0.75 if said or at == 0 else 0.6
    return at, 0.55 if said else 0.35


def find_locations(text: str) -> Iterator[Found]:
    """Yield pairs of coordinates in or near China with four decimals or more.

    Tables of sensors are full of pairs that might be some: words must say that they are.
    """
    if not _SAID.search(text):
        return
    done = 0
    for point in _FRACTION.finditer(text):
        start = point.start()
        if start < done:
            continue
        while start > 0 and point.start() - start < 3 and text[start - 1].isdigit():
            start -= 1
        pair = _PAIR.match(text, start)
        if pair is None:
            continue
        one, other = float(narrow(pair.group(1))), float(narrow(pair.group(2)))
        if _is_here(one, other) or _is_here(other, one):
            done = pair.end()
            if _is_said(text, start, done):
                yield "precise_location", start, done, f"{one},{other}", 0.92


def _is_here(longitude: float, latitude: float) -> bool:
    return 73 <= longitude <= 135 and 3 <= latitude <= 54


def _is_said(text: str, start: int, end: int) -> bool:
    inside = text[start : end + 3]
    return contexts.named(text, start) == "location" or any(
        sign in inside for sign in ("°", "lat", "lon", "lng", "经", "纬")
    )
