"""Read what the words before a number say that it is."""

from __future__ import annotations

import re

# How far back a word may stand, in code points.
REACH = 24
# Words that speak of what comes next only, and how far that is.
_NEAR = ("other", "version")
_NEXT = 4
_CLAUSE = re.compile(r"[，。；,;!！?？、\n\t|｜]")
# A word that names something else is as telling as one that names what it is.
_MEANT: dict[str, str] = {
    "id_card": r"身份证 身份號碼 公民身份 证件号 證件號 id_?card id\scard identity sfz",
    "bank_card": r"银行卡 信用卡 储蓄卡 借记卡 卡号 账号 帐号 账户 帐户 收款 银联 工行 农行 建行"
    r" bank\s?card credit\s?card card\s?(?:no|number) account",
    "uscc": r"信用代码 机构代码 税号 识别号 纳税人 营业执照 uscc credit\s?code",
    "mobile": "手机 移动电话 联系方式 微信 mobile cell phone whatsapp 短信 机主",
    "landline": "电话 座机 固话 热线 传真 联系 致电 拨打 tel fax call",
    "plate": "车牌 号牌 牌照 车辆 车号 小客车 货车 轿车 plate vehicle",
    "ip": "ip 地址 主机 服务器 登录 来源 host addr address from login client remote",
    "location": "经纬度 经度 纬度 坐标 定位 位置 北纬 东经 gps location coord[a-z]* lat[a-z]*"
    " lon[a-z]* lng",
    "version": r"版本 版 固件 version ver release firmware v(?=[\s.]?$)",
    "other": "订单 单号 运单 快递 物流 流水 序列 编号 编码 货号 料号 零件 图号 条码 条形码 批号"
    " 批次 型号 设备 机号 工单 报文 时间戳 书号 库存 发票 合同 保单 案号 文号 页 行号 order serial"
    " tracking invoice batch part timestamp barcode isbn issn ean imei imsi iccid"
    " (?<![a-z])(?:sn|no|id|ts|sku|qq|trace[a-z]*|model|lot)(?![a-z])",
}
# Tried only where a word can begin.
_FIRST = "".join(
    sorted({word[0] for words in _MEANT.values() for word in words.split() if word[0] != "("})
)
_WORDS = re.compile(
    f"(?=[{_FIRST}snitqml])(?:"
    + "|".join(f"(?P<{kind}>{'|'.join(words.split())})" for kind, words in _MEANT.items())
    + ")"
)


def named(text: str, start: int) -> str:
    """Return what the nearest word before `start`, in its clause, says comes: "" for nothing."""
    before = text[max(0, start - REACH) : start].lower()
    cut = 0
    for mark in _CLAUSE.finditer(before):
        cut = mark.end()
    word, ends = "", 0
    for found in _WORDS.finditer(before, cut):
        word, ends = found.lastgroup or "", found.end()
    return "" if word in _NEAR and len(before) - ends > _NEXT else word
