"""Find names of persons, only where a word beside them says that one comes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from .hits import Found

_TWO = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 "
    "濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 令狐 百里 呼延 东郭 南门 西门"
).split()
_ONE = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊"
    "纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫经房裘缪干解应宗丁宣邓郁单"
    "杭洪包诸左石崔吉钮龚程邢裴陆荣翁荀羊惠甄曲封芮储靳焦巴谷车侯宓蓬全班仰秋仲伊宫宁仇栾甘厉祖武符刘景詹束龙叶幸司韶郜黎蓟"
    "印怀蒲从索籍赖卓蔺屠蒙池乔阴胥苍双闻莘党翟谭贡劳姬申扶冉宰雍桑桂濮牛寿通边燕冀浦尚农温别庄晏柴瞿阎充慕连茹习艾鱼容向古"
    "易慎戈廖庾终居衡步都耿满弘匡国文寇广禄阙东欧利蔚越隆师巩聂晁勾敖冷辛阚简饶曾沙养鞠须丰关查后荆红游权盖益桓公肖闫覃区岳"
    "仝佟代邸付兰闪苟尧谌"
)
_LABEL = (
    "姓名|联系人|收件人|收货人|寄件人|发件人|患者|病人|申请人|被申请人|户主|持卡人|开户人|法定代表人|法人代表|法人|"
    "负责人|经办人|监护人|报案人|投保人|被保险人|受益人|借款人|担保人|当事人|原告|被告|车主|驾驶人|驾驶员|业主|租户|"
    "学生|家长|考生|员工|操作员|检验员|质检员|作者姓名|本人|客户|用户姓名|真实姓名"
)
# What may be a firm, whose name is written with the same syllables.
_FIRMS = frozenset(
    "客户 业主 租户 原告 被告 当事人 申请人 被申请人 投保人 被保险人 受益人 借款人 担保人 开户人"
    " 收货人 收件人 寄件人 发件人".split()
)
# Forms print 姓　名 as wide as 联系人.
_SPACE = "[ \u00a0\u3000]"


def _branched(labels: Collection[str]) -> str:
    """Return a pattern of the labels that tries each first character once; the longest counts."""
    branches = []
    for first in sorted({label[0] for label in labels}):
        rest = [label[1:] for label in labels if label[0] == first]
        tail = _branched([each for each in rest if each])
        some = f"(?:{_SPACE}{{0,4}}{tail}){'?' if '' in rest else ''}" if tail else ""
        branches.append(first + some)
    return f"(?:{'|'.join(branches)})" if branches else ""


_HAN_START = f"(?:{'|'.join(_TWO)}|[{_ONE}])"
_NAMED = re.compile(
    f"(?P<label>{_branched(_LABEL.split('|'))})"
    r"(?:(?P<sign>[\"'”]?\s{0,2}[：:=＝]\s{0,2}[\"'“]?)(?=[\u4e00-\u9fff])"
    rf"|(?P<comma>\"?,\"?|)(?:[\s　]{{1,2}}|[为是叫]|)(?={_HAN_START}[\u4e00-\u9fff·]))"
)
_HAN = re.compile(rf"{_HAN_START}[\u4e00-\u9fff·]{{1,4}}")
# Without a surname of the Han: Uyghurs, Kazakhs, Tibetans, Mongols, foreigners.
_SYLLABLES = (
    "阿艾买提麦吾热古丽努尔依娜孜则万吐逊尼瓦卜不杜都拉迪巴力玛帕沙库班江米祖胡扎西顿珠次仁旺堆卓格桑索朗达娃央金丹增洛平措德吉"
    "多姆边白青才让特苏日乌兰其呼勒那木汗斯琴高托图雅敖登萨宝音布曼加克合肯叶赛甫尤奴伊卡玉司义铁地亚哈穆罕默再排孟额敦旦曲珍"
    "嘎罗肉素约翰史密马路易莎保彼得安东奥维夫基诺瑟里"
)
_DOT = "·•・‧･"
_SYLLABLE = re.compile(f"[{_SYLLABLES}]")
_WRITTEN_BY_SOUND = re.compile(f"[{_SYLLABLES}]{{3,10}}")
_DOTTED = re.compile(rf"[\u4e00-\u9fff]{{1,6}}(?:[{_DOT}][\u4e00-\u9fff]{{1,8}}){{1,3}}")
# Of machines and products `name` says more often what they are than who somebody is.
_NAME = re.compile(r"[Nn](?:ame|AME)\\?[\"']?\s{0,2}[=＝:：]\s{0,2}\\?[\"'“]?(?=[\u4e00-\u9fff])")
_WHOSE = re.compile(
    r"(?:^|[^A-Za-z0-9_.\-])((?:user|real|full|true|customer|contact|patient|student|owner|person|sender"
    r"|receiver|recipient|applicant)[_.-]?)?$",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rf"(?:(?:{'|'.join(_TWO)})|[王李张刘陈杨赵吴徐孙胡朱郭何林罗梁宋郑谢韩唐冯董曹袁邓许傅沈彭吕苏卢蒋蔡贾"
    r"魏薛阎潘杜戴汪姚谭廖邹熊郝崔邱秦侯邵孟尹黎贺赖龚])[\u4e00-\u9fff]{1,2}"
)
_CLOSED = re.compile(r"[\s\"'”\\,，;；。&|)）\]}<]|$")
# Words of forms and places that begin with a surname and stand where a name might.
_HEADINGS = frozenset(
    "单位 成绩 成员 成都 班级 班长 班次 班组 金额 车牌 车型 籍贯 项目 方式 方向 时间 家庭 应聘 党派"
    " 费用 国籍 国家 区域 经办 经理 管理 关系 关联 关于 印章 高度 温度 步骤 程序 文化 文件 文号"
    " 简介 简历 路线 居住 居民 安全 安徽 全部 全名 全称 常住 常州 毕业 满意 余额 何时 何人 何地"
    " 曾用 水平 计划 计算 包括 包含 解释 师傅 别名 习惯 通讯 通信 通知 通过 席位 容量 查看 查询"
    " 封面 平台 平均 周期 江苏 云南 贵州 宁夏".split()
)
# Things that begin with one of the surnames above; the last ones begin names too.
_THINGS = frozenset(
    "何种 张力 张量 张紧 张数 王牌 王者 陈列 陈述 陈设 陈皮 徐州 徐汇 孙子 胡同 胡椒 胡萝 朱砂 林地"
    " 林区 林场 罗盘 罗马 罗湖 罗列 梁柱 梁板 梁高 宋体 宋代 宋朝 郑州 谢谢 韩国 韩语 韩文 唐山"
    " 唐代 唐朝 董事 许昌 沈阳 沈河 苏州 苏打 苏宁 苏联 卢比 卢布 蔡司 杜绝 杜邦 戴尔 熊猫 秦皇"
    " 秦岭 秦代 秦朝 侯马 孟加 孟买 贺卡 贺州 吴江 吴淞 吴中".split()
)
_THINGS_WHOLE = frozenset(
    "张开 张家口 张家界 张家港 王国 李子 杨树 杨木 杨梅 林业 林木 许可 许可证".split()
)
# What follows a name, or cannot be in one.
_NOT = re.compile(
    r"[的了在是和与及或为被把将已未应需请可不有无到从向对等也都就已经性数据]|电话|手机|身份|地址|住址|先生|女士|同志|性别|男|女|年龄|年|月|日|号|公司|单位|部门|姓名"
)
# Words of a form that a name may stand before without a mark between.
_AFTER = re.compile(
    r"电话|手机|身份|证件|地址|住址|先生|女士|同志|性别|民族|年龄|出生|单位|联系|[男女](?![\u4e00-\u9fff])"
)
_WHOLE_FIELD = re.compile(
    rf"(?P<name>{_HAN_START}[\u4e00-\u9fff]{{1,2}})\"?[ \t]{{0,2}}(?=[\r\n]|$)"
)


def surname(name: str) -> str:
    """Return the surname that a name begins with: "" where it has none of the Han."""
    if any(dot in name for dot in _DOT):
        return ""
    return name[:2] if name[:2] in _TWO else name[:1] if name[:1] in _ONE else ""


def find_names(text: str) -> Iterator[Found]:
    """Yield names of persons that follow a word such as 姓名, 联系人 or name."""
    for found in _NAMED.finditer(text):
        at, label = found.end(), "".join(found.group("label").split())
        explicit = found.group("sign") is not None
        end = _by_sound(text, at, label not in _FIRMS) if explicit else at
        if end > at:
            yield "name", at, end, text[at:end], 0.9
        elif found.group("comma"):
            yield from _pair(text, found.start(), at)
        elif explicit or label == found.group("label"):
            yield from _han(text, at, explicit)
    if "ame" in text or "AME" in text:
        yield from _called(text)


def _han(text: str, start: int, explicit: bool) -> Iterator[Found]:
    """Judge a name with a surname; `explicit` tells that a sign stands before it."""
    found = _HAN.match(text, start)
    if found is None:
        return
    raw = found.group()
    surname = 2 if raw[:2] in _TWO else 1
    stop = _NOT.search(raw, surname)
    given = raw[surname : stop.start() if stop else len(raw)]
    # Without a sign between, three characters or more may be the sentence going on.
    if not stop and len(given) > 2:
        if not _ends_clause(text, found.end()):
            given = given[:2]
        elif surname == 1:
            return
    if not given or len(given) > 3:
        return
    end = start + surname + len(given)
    if text[start:end] in _HEADINGS:
        return
    closed = bool(stop) or _ends_clause(text, end)
    sure = 0.9 if explicit and closed else 0.75 if explicit else 0.6 if closed else 0.35
    yield "name", start, end, text[start:end], sure


def _by_sound(text: str, at: int, alone: bool) -> int:
    """Return where a name written by its sound ends, `at` if there is none.

    `alone` lets it have no dot.
    """
    dotted = _DOTTED.match(text, at)
    found = dotted or (_WRITTEN_BY_SOUND.match(text, at) if alone else None)
    if found is None:
        return at
    raw = found.group()
    stop = _AFTER.search(raw) if dotted else _AFTER.match(text, found.end())
    end = at + stop.start() if dotted and stop else found.end()
    if not (stop or _ends_clause(text, end)):
        return at
    parts = re.split(f"[{_DOT}]", text[at:end])
    known = [len(_SYLLABLE.findall(part)) for part in parts]
    return end if all(known) and 2 * sum(known) >= sum(map(len, parts)) else at


def _pair(text: str, begin: int, start: int) -> Iterator[Found]:
    """Judge a line of two fields, as tables print them that have a field in each line."""
    found = _WHOLE_FIELD.match(text, start)
    line = text[max(0, begin - 2) : begin].rstrip('"')
    if found is None or (line and line[-1] not in "\n\r\ufeff"):
        return
    name = found.group("name")
    if name[:2] not in _HEADINGS and not _NOT.search(name, 1):
        yield "name", start, found.end("name"), name, 0.7


def _called(text: str) -> Iterator[Found]:
    for sign in _NAME.finditer(text):
        whose = _WHOSE.search(text[max(0, sign.start() - 12) : sign.start()])
        at = sign.end()
        if whose is None:
            continue
        found = _PLAIN.match(text, at)
        end = found.end() if found and _may_be_called(found.group()) else at
        if end == at or not _CLOSED.match(text, end):
            end = _by_sound(text, at, False)
        if end > at and _CLOSED.match(text, end):
            yield "name", at, end, text[at:end], 0.75 if whose.group(1) else 0.6


def _may_be_called(name: str) -> bool:
    things = name[:2] in _THINGS or name in _THINGS_WHOLE
    return not things and not _NOT.search(name, 1)


def _ends_clause(text: str, at: int) -> bool:
    return at >= len(text) or not "\u4e00" <= text[at] <= "\u9fff"
