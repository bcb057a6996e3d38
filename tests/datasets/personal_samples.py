"""Write sentences with personal information in them, and sentences that only look like it.

Everything comes from a seed. Numbers are made up by the rules of the standards, with the check
digits of python-stdnum.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import stdnum.luhn
from stdnum.cn import ric, uscc

KINDS = ("id_card", "mobile", "bank_card", "plate", "uscc")
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_REGIONS = "110105 120101 120116 310115 440305 370203 510107 420106 330106 610113".split()
_MOBILES = (
    "130 131 135 138 139 145 147 149 150 151 152 155 158 159 162 165 166 167 170 173 176 177 178"
    " 180 181 185 186 188 189 190 191 192 193 195 196 197 198 199"
).split()
_BANKS = "622202 622848 621700 623668 625955 622588 621483 622260 620058 628888".split()

# {} is the value; the words before are what documents of agencies and factories have.
SENTENCES: dict[str, tuple[str, ...]] = {
    "id_card": (
        "身份证号：{}", "公民身份号码{}，请核对", "王小明（{}）于昨日报到", "证件号 {} 已登记。",
        "{}", "张三,{},男,汉族", '{{"name": "李四", "idcard": "{}"}}', "经查，{}系本市居民",
        "ID card: {}.",
        "表3第2行\t{}\t已审核", "持{}办理",
    ),
    "mobile": (
        "手机：{}", "请拨打{}联系", "电话 {}，工作日接听", "张工（{}）", "{}", "李四,{},天津市",
        '{{"phone": "{}"}}', "联系方式：{}；备用无", "tel:{}", "设备故障请找老王{}处理",
        "微信同号{}",
        "收货人王小明 {} 天津市南开区",
    ),
    "bank_card": (
        "银行卡号：{}", "请汇至账号{}，户名王小明", "卡号 {} 已冻结。", "{}", "工资卡（{}）已更换",
        "户名：李四,{},工商银行", '{{"card": "{}"}}', "收款账户：{}；金额100元", "储蓄卡{}办理挂失",
    ),
    "plate": (
        "车牌号：{}", "车牌{}违停", "一辆白色轿车{}驶入厂区", "{}", "车辆 {} 已登记。",
        "司机王师傅（{}）",
        '{{"plate": "{}"}}', "3号门,{},进", "货车{}装载完毕", "请{}车主挪车",
    ),
    "uscc": (
        "统一社会信用代码：{}", "信用代码{}，注册于天津", "纳税人识别号 {}。", "{}",
        "天津某某有限公司（{}）",
        "某某公司,{},制造业", '{{"code": "{}"}}', "营业执照：{}；有效", "税号{}开具发票",
    ),
}  # fmt: skip
# What nobody's information is, with words that such numbers come with.
LOOK_ALIKES = (
    "订单号：{order}", "运单号 {tracking}", "时间戳 {milliseconds}", "ts={milliseconds}",
    "ISBN {isbn}",
    "条码{ean}", "序列号：SN{mobile}", "SN:{serial}", "版本 {version}", "零件号 {part}",
    "图号{part}，数量2",
    "坐标：{latitude},{longitude}", "{wrong_id}", "身份证号：{wrong_id}", "编号 {wrong_id} 的样品",
    "银行卡号：{wrong_card}", "{wrong_card}", "信用代码：{wrong_uscc}", "{wrong_uscc}",
    "手机：{wrong_mobile}",
    "{wrong_mobile}", "{long}", "流水号{long}", "设备ID {snowflake}", "{snowflake}",
    "车牌：{wrong_plate}",
    "{wrong_plate}", "IMEI {imei}", "{imei}", "快递单号{tracking}", "订单编号：{mobile}",
    "物料编码 {mobile}",
    "0.{mobile}", "圆周率3.{long}", "样本{mobile}00号", "X{mobile}Y", "批次{date}{serial}",
    "{date}{time}",
    "{date}{time}123", "金额 {amount} 元", "合同号 HT{date}{serial}", "更新A{five}版",
    "腾讯云B{five}",
    "温度 {temperature}，转速 {speed} rpm", "{row}", "IP {ip}", "QQ {qq}", "型号津A{five}",
    "邮编 300072",
    "工单号{date}{mobile}", "货号：{mobile}-{two}", "{date}-{mobile}", "保单号 {wrong_card}",
    # Of landlines, names, permits and passports.
    "86 22 2{local} {two}", "编号 86-22-2{local}", "862{five}{five}", "版本 86.22.{five}.{two}",
    "姓名：见附件", "姓　名：无", "姓名 单位 电话", "姓名,成绩", "name=温度{two}", "客户：阿里巴巴",
    "台胞证{date}办理", "通行证编号 {date}", "护照{five}本", "９１：{two}：：{two}", "name：张力",
    "latency={temperature}&loss={speed}",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A text; `kind` and the place of the value in it, or "" where there is none."""

    text: str
    kind: str = ""
    start: int = 0
    end: int = 0


def positives(seed: int, count: int) -> list[Sample]:
    """Write `count` sentences that hold one value each, all kinds equally often."""
    draw = random.Random(seed)
    return [_positive(draw, KINDS[number % len(KINDS)]) for number in range(count)]


def look_alikes(seed: int, count: int) -> list[Sample]:
    """Write `count` sentences that hold none."""
    draw = random.Random(seed)
    return [
        Sample(LOOK_ALIKES[number % len(LOOK_ALIKES)].format_map(_Drawn(draw)))
        for number in range(count)
    ]


def _positive(draw: random.Random, kind: str) -> Sample:
    value = _written(draw, kind, VALUES[kind](draw))
    sentence = draw.choice(SENTENCES[kind])
    before = draw.choice(("", "", "备注：无。", "2024年11月20日，", "1. ", "型号A3，共12件；"))
    start = len(before) + sentence.index("{}") - sentence[: sentence.index("{}")].count("{{")
    return Sample(before + sentence.format(value), kind, start, start + len(value))


def _written(draw: random.Random, kind: str, value: str) -> str:
    """Write a value as people do: plain, in groups, full width, with what nobody sees."""
    way = draw.randrange(10)
    if way < 5:
        return value
    if way == 5:
        return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
    if way == 6:
        at = draw.randrange(1, len(value))
        return value[:at] + draw.choice("\u200b\u200c\ufeff\u2060") + value[at:]
    if way == 7 and kind == "mobile":
        return draw.choice(("+86", "+86 ", "86-", "0086 ")) + value
    if way == 9 and kind != "plate" and len(value) <= 18:
        return " ".join(value) if kind in ("mobile", "id_card") else value
    gap = draw.choice((" ", "-", " ", "　"))
    places = {
        "id_card": [6, 14] if len(value) == 18 else [],
        "mobile": [3, 7],
        "bank_card": list(range(4, len(value), 4)),
        "plate": [2],
        "uscc": [2, 8, 16],
    }[kind]
    gap = draw.choice("·- ") if kind == "plate" else gap
    cuts = [0, *places, len(value)]
    return gap.join(value[one:other] for one, other in zip(cuts, cuts[1:], strict=False))


def identity(draw: random.Random) -> str:
    """Make an identity card number up."""
    day = f"{draw.randrange(1940, 2015)}{draw.randrange(1, 13):02d}{draw.randrange(1, 29):02d}"
    first = f"{draw.choice(_REGIONS)}{day}{draw.randrange(1, 1000):03d}"
    return first + ric.calc_check_digit(first + "0")


def mobile(draw: random.Random) -> str:
    """Make a mobile number up."""
    return draw.choice(_MOBILES) + _digits(draw, 8)


def card(draw: random.Random) -> str:
    """Make the number of a UnionPay card up."""
    first = draw.choice(_BANKS) + _digits(draw, draw.choice((9, 10, 12, 12, 12)))
    return first + stdnum.luhn.calc_check_digit(first)


def plate(draw: random.Random) -> str:
    """Make a licence plate up: plain, new energy, of a trailer, the police or Hong Kong."""
    head = draw.choice(_PROVINCES) + draw.choice(_PLATE_LETTERS)
    way = draw.randrange(10)
    if way < 4:
        return head + _digits(draw, 5)
    if way < 6:
        at = draw.randrange(5)
        digits = _digits(draw, 5)
        return head + digits[:at] + draw.choice(_PLATE_LETTERS) + digits[at + 1 :]
    if way == 6:
        return (
            head
            + draw.choice("ABCDEFGHJK")
            + draw.choice(_PLATE_LETTERS + "0123456789")
            + (_digits(draw, 4))
        )
    if way == 7:
        return head + _digits(draw, 5) + draw.choice("ABCDEFGHJK")
    if way == 8:
        return head + _digits(draw, 4) + draw.choice("挂学警")
    return "粤Z" + _digits(draw, 4) + draw.choice("港澳")


def credit_code(draw: random.Random) -> str:
    """Make a unified social credit code up, with the check digit of the organisation code."""
    body = draw.choice(("MA", "", "", "7")) + _digits(draw, 8)
    body = body[:8]
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    order = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rest = 11 - sum(order.index(c) * w for c, w in zip(body, weights, strict=True)) % 11
    inner = body + ("X" if rest == 10 else "0" if rest == 11 else str(rest))
    first = draw.choice(("91", "92", "12", "52", "93")) + draw.choice(_REGIONS) + inner
    return first + uscc.calc_check_digit(first)


VALUES = {
    "id_card": identity,
    "mobile": mobile,
    "bank_card": card,
    "plate": plate,
    "uscc": credit_code,
}


def _digits(draw: random.Random, count: int) -> str:
    return f"{draw.randrange(10**count):0{count}d}"


def _spoilt(draw: random.Random, value: str, alphabet: str = "0123456789") -> str:
    """Return the value with another check digit."""
    return value[:-1] + draw.choice([c for c in alphabet if c != value[-1]])


class _Drawn(dict[str, str]):
    """Draw the field that a sentence asks for."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def __missing__(self, name: str) -> str:
        draw = self.draw
        return str(
            {
                "order": lambda: draw.choice(("", "20241120", "DD")) + _digits(draw, 12),
                "tracking": lambda: draw.choice(("SF", "YT", "JD", "75", "43")) + _digits(draw, 13),
                "milliseconds": lambda: draw.randrange(1_600_000_000_000, 1_900_000_000_000),
                "isbn": lambda: f"978-7-{_digits(draw, 3)}-{_digits(draw, 5)}-{_digits(draw, 1)}",
                "ean": lambda: "69" + _digits(draw, 11),
                "mobile": lambda: mobile(draw),
                "serial": lambda: draw.choice("ABKX") + _digits(draw, 9),
                "version": lambda: ".".join(str(draw.randrange(20)) for _ in range(4)),
                "part": lambda: (
                    f"{draw.choice('ABGQ')}{_digits(draw, 4)}-{_digits(draw, 5)}-{_digits(draw, 2)}"
                ),
                "latitude": lambda: f"{draw.uniform(38, 41):.6f}",
                "longitude": lambda: f"{draw.uniform(116, 118):.6f}",
                "wrong_id": lambda: _spoilt(draw, identity(draw)),
                "wrong_card": lambda: _spoilt(draw, card(draw)),
                "wrong_uscc": lambda: _spoilt(draw, credit_code(draw), _ALPHABET),
                "wrong_mobile": lambda: (
                    draw.choice(("120", "110", "142", "154", "160", "179")) + (_digits(draw, 8))
                ),
                "wrong_plate": lambda: draw.choice(
                    ("津I12345", "津AO1234", "津A1234", "津A1234567", "天A12345", "津112345")
                ),
                "long": lambda: _digits(draw, draw.choice((20, 22, 24, 32, 60))),
                "snowflake": lambda: "17" + _digits(draw, 17),
                "imei": lambda: "86" + _digits(draw, 13),
                "date": lambda: (
                    f"20{draw.randrange(10, 25)}{draw.randrange(1, 13):02d}"
                    f"{draw.randrange(1, 29):02d}"
                ),
                "time": lambda: f"{draw.randrange(24):02d}{_digits(draw, 2)}{_digits(draw, 2)}",
                "amount": lambda: f"{draw.randrange(10**6)}.{_digits(draw, 2)}",
                "five": lambda: _digits(draw, 5),
                "two": lambda: _digits(draw, 2),
                "local": lambda: _digits(draw, 7),
                "temperature": lambda: f"{draw.uniform(20, 90):.4f}",
                "speed": lambda: f"{draw.uniform(20, 90):.5f}",
                "row": lambda: ",".join(f"{draw.uniform(0, 200):.5f}" for _ in range(8)),
                "ip": lambda: ".".join(str(draw.randrange(1, 255)) for _ in range(4)),
                "qq": lambda: _digits(draw, 9),
            }[name]()
        )


# One sentence for each other kind of a text, and how its values are made up.
_SURNAMES = ("王", "欧阳", "李", "司马", "张", "赵", "周", "慕容")
_GIVEN = "伟芳娜敏静丽强磊军洋艳勇涛超霞刚桂英华"
OTHERS: dict[str, tuple[str, Callable[[random.Random], str]]] = {
    "plate_special": ("车牌{}已登记", lambda draw: f"京A{_digits(draw, 4)}警"),
    "plate_nev": ("车牌号：{}", lambda draw: f"粤BD{_digits(draw, 5)}"),
    "passport": ("护照号码：{}，有效", lambda draw: f"E{_digits(draw, 8)}"),
    "hk_mo_permit": ("通行证 {}。", lambda draw: f"C{_digits(draw, 8)}"),
    "landline": ("电话：022-{}转3", lambda draw: f"2{_digits(draw, 7)}"),
    "email": ("邮箱 {}，", lambda draw: f"a{_digits(draw, 5)}@tj.gov.cn"),
    "ipv4": (
        "登录IP：{} 失败",
        lambda draw: ".".join(str(draw.randrange(128, 224)) for _ in range(4)),
    ),
    "ipv6": (
        "主机 {} 登录",
        lambda draw: ":".join(["240e", *(f"{draw.randrange(1, 65536):x}" for _ in range(7))]),
    ),
    "precise_location": (
        "坐标：{}",
        lambda draw: f"{draw.uniform(74, 134):.6f},{draw.uniform(5, 53):.6f}",
    ),
    "address": (
        "住址：天津市南开区卫津路{}号",
        lambda draw: f"{draw.randrange(1, 400)}",
    ),
    "name": (
        "姓名：{}，联系人",
        lambda draw: draw.choice(_SURNAMES) + draw.choice(_GIVEN) + draw.choice(("", *_GIVEN)),
    ),
}


def any_kind(draw: random.Random, kind: str) -> str:
    """Write a sentence with a value of any kind of a text, those without rules of their own too."""
    if kind in SENTENCES:
        return _positive(draw, kind).text
    sentence, made = OTHERS[kind]
    return sentence.format(made(draw))


# Forms of the same kinds that letterheads, forms and addresses of pages have.
_LABELS = (
    "姓　名：",
    "姓 名：",
    "联 系 人：",
    "姓名：",
    "法　定　代　表　人:",
    "real_name=",
    "name：",
)
_MINORITY = (
    "买买提·阿不都 艾力·买买提 阿依努尔 迪丽热巴·迪力木拉提 吐尔逊 古丽娜尔 努尔买买提"
    " 白玛央金 扎西顿珠 次仁旺堆 巴特尔 苏日娜 格日勒 约翰·史密斯 玛依拉 阿卜杜拉·艾买提"
).split()


def _landline_abroad(draw: random.Random) -> Sample:
    area, first = draw.choice((("22", "2740"), ("10", "6274"), ("21", "6274"), ("371", "6777")))
    local, gap = first + _digits(draw, 4), draw.choice("- ")
    local = draw.choice((local, f"{local[:4]}{gap}{local[4:]}"))
    lead, value = draw.choice(
        (
            ("", f"+86{gap}{area}{gap}{local}"),
            ("Tel: ", f"+86 {area} {local}"),
            ("", f"0086{gap}{area}{gap}{local}"),
            ("电话：", f"86-{area}-{local}"),
            ("传真", f"+86({area}){local}"),
            ("座机 ", f"+86 (0){area} {local}"),
        )
    )
    return _put(draw, "landline", lead, value)


def _put(draw: random.Random, kind: str, lead: str, value: str) -> Sample:
    before, after = (
        draw.choice(("", "备注：见下。", "表3\n")),
        draw.choice(("", "。", "，已核对", "\n")),
    )
    start = len(before) + len(lead)
    return Sample(f"{before}{lead}{value}{after}", kind, start, start + len(value))


def _foreigner(draw: random.Random) -> Sample:
    first = f"9{draw.choice(_REGIONS)[:2]}{draw.choice(('124', '276', '392', '840'))}"
    first += f"19{draw.randrange(40, 99)}{draw.randrange(1, 13):02d}{draw.randrange(1, 29):02d}"
    first += f"{draw.randrange(1, 1000):03d}"
    lead = draw.choice(("外国人永久居留身份证：", "证件号", "", "持"))
    return _put(draw, "id_card", lead, first + ric.calc_check_digit(first + "0"))


def _name(draw: random.Random) -> Sample:
    given = draw.choice(_GIVEN) + draw.choice(("", *_GIVEN))
    return _put(draw, "name", draw.choice(_LABELS), draw.choice("王李张刘陈杨赵") + given)


# How a sample of each is written.
FORMS: dict[str, Callable[[random.Random], Sample]] = {
    "landline": _landline_abroad,
    "id_card": _foreigner,
    "name": _name,
    "name by its sound": lambda draw: _put(
        draw, "name", draw.choice(_LABELS[:5]), draw.choice(_MINORITY)
    ),
    "hk_mo_permit": lambda draw: _put(
        draw, "hk_mo_permit", draw.choice(("台胞证号：", "臺胞證號碼 ")), _digits(draw, 8)
    ),
    "passport": lambda draw: _put(
        draw, "passport", draw.choice(("passport no ", "Passport No. ")), f"E{_digits(draw, 8)}"
    ),
    "precise_location": lambda draw: _put(
        draw,
        "precise_location",
        "lat=",
        f"{draw.uniform(5, 53):.6f}&lon={draw.uniform(74, 134):.6f}",
    ),
}
