"""Find names of persons, only where a word beside them says that one comes."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_FIRST = "".join(sorted({label[0] for label in _LABEL.split("|")}))
# The first character stands alone, so that the search skips to it at once.
_LABELS = "|".join(
    sorted({f"(?<={label[0]}){label[1:]}" for label in _LABEL.split("|")}, key=len, reverse=True)
)
_NAMED = re.compile(
    f"[{_FIRST}](?:{_LABELS})"
    r"(?P<sign>[\"'”]?\s{0,2}[：:=]\s{0,2}[\"'“]?|[\s　]{1,2}|[为是叫]|)"
    rf"(?P<name>(?:{'|'.join(_TWO)}|[{_ONE}])[\u4e00-\u9fff·]{{1,4}})"
)
# What follows a name, or cannot be in one.
_NOT = re.compile(
    r"[的了在是和与及或为被把将已未应需请可不有无到从向对等也都就已经性数据]|电话|手机|身份|地址|住址|先生|女士|同志|性别|男|女|年龄|年|月|日|号|公司|单位|部门|姓名"
)


def surname(name: str) -> str:
    """Return the surname that a name begins with."""
    return name[: 2 if name[:2] in _TWO else 1]


def find_names(text: str) -> Iterator[Found]:
    """Yield names of persons that follow a word such as 姓名 or 联系人."""
    for found in _NAMED.finditer(text):
        raw, start = found.group("name"), found.start("name")
        surname = 2 if raw[:2] in _TWO else 1
        stop = _NOT.search(raw, surname)
        given = raw[surname : stop.start() if stop else len(raw)]
        # Without a sign between, three characters or more may be the sentence going on.
        explicit = bool(found.group("sign").strip())
        if not stop and len(given) > 2:
            if not _ends_clause(text, found.end("name")):
                given = given[:2]
            elif surname == 1:
                continue
        if not given or len(given) > 3:
            continue
        end = start + surname + len(given)
        closed = bool(stop) or _ends_clause(text, end)
        sure = 0.9 if explicit and closed else 0.75 if explicit else 0.6 if closed else 0.35
        yield "name", start, end, text[start:end], sure


def _ends_clause(text: str, at: int) -> bool:
    return at >= len(text) or not "\u4e00" <= text[at] <= "\u9fff"
