"""Hold the words that datasheets are written in, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.catalogue import DataLevel, DatasetClass
from ..datasets.datasheets import DIMENSIONS, QUESTIONS, TOPICS
from .dcat_terms import CYCLES, DOMAINS, OPENNESS, RIGHTS, Word

Words = tuple[str, str]
LANGUAGES = ("zh", "en")

TITLE: Words = ("数据集说明书", "Datasheet")
QUERIES: Words = ("查询", "Queries")
UNKNOWN: Words = ("未知：没有人说明", "Unknown: nobody has said")
UNTOLD: Words = ("未知：没有可计算的数据", "Unknown: there is nothing to compute it from")
NONE: Words = ("无", "none")
SAID: Words = ("提供方说明", "said by the provider")
NOTE: Words = (
    "每个数字都由下列查询从本版本的文件算出，可用 `jinbiao datasheet check` 重新计算；"
    "标明“提供方说明”的是人的陈述；不知道的写明未知。",
    "Every number was computed from the files of this release by one of the queries below; "
    "`jinbiao datasheet check` computes them again. What people stated is marked “said by the "
    "provider”. What is unknown says so.",
)
METHODS: dict[str, Words] = {
    "census": ("全数统计", "all were counted"),
    "wilson": ("Wilson 区间", "Wilson interval"),
    "cluster_bootstrap": ("按记录重抽样的自助区间", "bootstrap over records"),
}
UNITS: dict[str, Words] = {
    "records": ("条", "records"),
    "results": ("个", "results"),
    "people": ("人", ""),
    "labels": ("类", "labels"),
    "": ("", ""),
}
NAMES: dict[str, Words] = {
    "address": ("页面", "Page"),
    "openness": ("开放属性", "Openness"),
    "open_condition": ("开放条件", "Conditions"),
    "contact_name": ("联系人", "Contact"),
    "contact_email": ("电子邮箱", "E-mail"),
    "region": ("地区（GB/T 2260）", "Region (GB/T 2260)"),
    "covers_from": ("覆盖时间自", "Covers from"),
    "covers_to": ("覆盖时间至", "Covers to"),
    "provider": ("提供方", "Provider"),
    "provider_code": ("提供方统一社会信用代码", "Provider's credit code"),
    "rights_basis": ("权属依据", "Rights basis"),
    "update_cycle": ("更新周期", "Update cycle"),
    "notes": ("版本说明", "Release notes"),
    "licence": ("使用许可", "Licence"),
    "data_level": ("数据级别（GB/T 43697）", "Data level (GB/T 43697)"),
    "domain": ("数据领域", "Domain"),
    "dataset_class": ("数据集类别（TC609-5-2025-03）", "Class (TC609-5-2025-03)"),
    "tag": ("版本", "Version"),
    "commit": ("内容标识", "Content id"),
    "manifest": ("清单 SHA-256", "Manifest SHA-256"),
    "config": ("标注配置 SHA-256", "Labelling config SHA-256"),
    "seed": ("划分的随机种子", "Seed of the split"),
    "fractions": ("划分比例", "Fractions of the split"),
    **{question.name: (question.zh, question.en) for question in QUESTIONS},
}
_VALUES: dict[str, Mapping[Any, Word]] = {
    "openness": OPENNESS,
    "update_cycle": CYCLES,
    "rights_basis": RIGHTS,
    "domain": DOMAINS,
    "data_level": {
        DataLevel.GENERAL: Word("一般数据", "general data"),
        DataLevel.IMPORTANT: Word("重要数据", "important data"),
        DataLevel.CORE: Word("核心数据", "core data"),
    },
    "dataset_class": {
        DatasetClass.GENERAL_KNOWLEDGE: Word("通识数据集", "general knowledge"),
        DatasetClass.INDUSTRY_GENERAL: Word("行业通识数据集", "general knowledge of an industry"),
        DatasetClass.INDUSTRY_SPECIALISED: Word(
            "行业专识数据集", "special knowledge of an industry"
        ),
    },
}
_TOPICS = {topic.name: (topic.zh, topic.en) for topic in TOPICS}


def pick(words: Words, language: str) -> str:
    """Return the words in a language."""
    return words[LANGUAGES.index(language)]


def topic_title(name: str, language: str) -> str:
    """Return the title of a topic."""
    return pick(_TOPICS.get(name, (name, name)), language)


def dimension_title(code: str, language: str) -> str:
    """Return the title of an indicator of documentation."""
    return pick(DIMENSIONS.get(code, (code, code)), language)


def item_name(name: str, language: str) -> str:
    """Return what a fact or a question is called."""
    return pick(NAMES.get(name, (name, name)), language)


def item_value(item: Mapping[str, Any], language: str) -> str:
    """Return a fact's value, or what was said, in a language as far as it is there."""
    if "value" not in item:
        other = "zh" if language == "en" else "en"
        return str(item.get(language) or item.get(other) or "")
    word = _VALUES.get(str(item["name"]), {}).get(item["value"])
    if word is not None:
        return word.english if language == "en" else word.chinese
    return str(item["value"])


def query_title(query: Mapping[str, Any], parameters: Mapping[str, Any], language: str) -> str:
    """Return what a query counts, its parameters filled in."""
    title = str(query[language])
    for name, value in parameters.items():
        title = title.replace(f":{name}", str(value))
    return title


def figure_value(item: Mapping[str, Any], unit: str, language: str) -> str:
    """Return a figure with how many it rests on, how, and its interval where it is an estimate."""
    if item["value"] is None:
        return pick(UNTOLD, language)
    before, comma, behind = (" (", ", ", ")") if language == "en" else ("（", "，", "）")
    words = pick(UNITS.get(unit, ("", unit)), language)
    method = pick(METHODS[item["method"]], language)
    if item["method"] == "census" and "count" not in item:
        return f"{item['value']:,} {words}".rstrip() + f"{before}{method}{behind}"
    if item["method"] == "census":
        share = f"{item['value']:.1%}{comma}{method}"
        return f"{item['count']:,} / {item['number']:,} {words}{before}{share}{behind}"
    parts = [f"n = {item['number']:,}", method]
    if item.get("low") is not None:
        parts.insert(0, f"95 % {item['low']:.3f}–{item['high']:.3f}")
    return f"{item['value']:.3f}{before}{comma.join(parts)}{behind}"


def cell(value: Any, language: str) -> str:
    """Return a value of a table."""
    if value is None:
        return "unknown" if language == "en" else "未知"
    return f"{value:,}" if isinstance(value, int) else str(value)
