"""Say our facts in the words that linked-data catalogues share: the EU's authority tables."""

from __future__ import annotations

from typing import NamedTuple

from ..datasets.catalogue import Openness, RightsBasis, UpdateCycle

AUTHORITY = "http://publications.europa.eu/resource/authority"
IANA = "https://www.iana.org/assignments/media-types"
SPDX = "http://spdx.org/licenses"


class Word(NamedTuple):
    """A word in Chinese and English, and the code of the EU's table; "" where it has none."""

    chinese: str
    english: str
    code: str = ""


# Domains (数据领域) → the table data-theme. "other" is no theme: nothing is claimed.
DOMAINS = {
    "industry": Word("工业", "Industry", "ECON"),
    "technology": Word("科技创新", "Science and technology", "TECH"),
    "transport": Word("交通运输", "Transport", "TRAN"),
    "market": Word("商贸流通", "Commerce", "ECON"),
    "education": Word("教育文化", "Education", "EDUC"),
    "health": Word("医疗卫生", "Health", "HEAL"),
    "environment": Word("生态环境", "Environment", "ENVI"),
    "agriculture": Word("现代农业", "Agriculture", "AGRI"),
    "energy": Word("资源能源", "Energy", "ENER"),
    "finance": Word("金融服务", "Finance", "ECON"),
    "culture": Word("文化旅游", "Culture and tourism", "EDUC"),
    "city": Word("城市治理", "City administration", "REGI"),
    "safety": Word("应急安全", "Safety", "JUST"),
    "credit": Word("社会信用", "Social credit", "GOVE"),
    "society": Word("社会民生", "Society", "SOCI"),
    "employment": Word("社保就业", "Employment", "SOCI"),
    "weather": Word("气象服务", "Weather", "ENVI"),
    "law": Word("法律服务", "Law", "JUST"),
    "other": Word("其他领域", "Other"),
}
THEMES = {
    "AGRI": ("农业、渔业、林业与食品", "Agriculture, fisheries, forestry and food"),
    "ECON": ("经济与金融", "Economy and finance"),
    "EDUC": ("教育、文化与体育", "Education, culture and sport"),
    "ENER": ("能源", "Energy"),
    "ENVI": ("环境", "Environment"),
    "GOVE": ("政府与公共部门", "Government and public sector"),
    "HEAL": ("健康", "Health"),
    "JUST": ("司法、法律与公共安全", "Justice, legal system and public safety"),
    "REGI": ("区域与城市", "Regions and cities"),
    "SOCI": ("人口与社会", "Population and society"),
    "TECH": ("科学与技术", "Science and technology"),
    "TRAN": ("交通运输", "Transport"),
}
CYCLES = {
    UpdateCycle.REAL_TIME: Word("实时", "continuously updated", "UPDATE_CONT"),
    UpdateCycle.DAILY: Word("每日", "daily", "DAILY"),
    UpdateCycle.WEEKLY: Word("每周", "weekly", "WEEKLY"),
    UpdateCycle.MONTHLY: Word("每月", "monthly", "MONTHLY"),
    UpdateCycle.QUARTERLY: Word("每季度", "quarterly", "QUARTERLY"),
    UpdateCycle.HALF_YEARLY: Word("每半年", "semiannual", "ANNUAL_2"),
    UpdateCycle.YEARLY: Word("每年", "annual", "ANNUAL"),
    UpdateCycle.IRREGULAR: Word("不定期", "irregular", "IRREG"),
    UpdateCycle.NEVER: Word("不更新", "never", "NEVER"),
}
OPENNESS = {
    Openness.OPEN: Word("无条件开放", "public", "PUBLIC"),
    Openness.CONDITIONAL: Word("有条件开放", "restricted", "RESTRICTED"),
    Openness.CLOSED: Word("不予开放", "non-public", "NON_PUBLIC"),
}
RIGHTS = {
    RightsBasis.SELF_PRODUCED: Word("自行产生", "produced by the provider"),
    RightsBasis.COLLECTED: Word("依法采集", "collected as the law provides"),
    RightsBasis.AGREEMENT: Word("协议取得", "obtained by agreement"),
    RightsBasis.AUTHORISED: Word("授权运营", "operated under authorisation"),
}


def authority(table: str, code: str) -> str:
    """Return the address of a word in one of the EU's tables."""
    return f"{AUTHORITY}/{table}/{code}"
