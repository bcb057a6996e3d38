"""Say how the labels came about in the words of Croissant RAI 1.0: what is known, no more."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ...datasets.catalogue import DataLevel, Facts, UpdateCycle
from ...datasets.clearance import Searched
from ...datasets.provenance import Guideline, Provenance
from ...datasets.quality import Figure
from ...datasets.versions import FrozenVersion
from ..card import Making

PLATFORM = "Jinbiao 津标"

# mlcroissant 1.0 and 1.1 read these two under another spelling than the specification's.
MISSPELT = {
    "rai:dataCollectionTimeframe": "rai:dataCollectionTimeFrame",
    "rai:dataManipulationProtocol": "rai:dataDataManipulationProtocol",
}
_CYCLES = {
    UpdateCycle.REAL_TIME: ("实时更新", "brought up to date in real time"),
    UpdateCycle.DAILY: ("每日更新", "brought up to date daily"),
    UpdateCycle.WEEKLY: ("每周更新", "brought up to date weekly"),
    UpdateCycle.MONTHLY: ("每月更新", "brought up to date monthly"),
    UpdateCycle.QUARTERLY: ("每季度更新", "brought up to date quarterly"),
    UpdateCycle.HALF_YEARLY: ("每半年更新", "brought up to date half-yearly"),
    UpdateCycle.YEARLY: ("每年更新", "brought up to date yearly"),
    UpdateCycle.IRREGULAR: ("不定期更新", "brought up to date irregularly"),
    UpdateCycle.NEVER: ("不再更新", "not brought up to date any more"),
}
_LEVELS = {
    DataLevel.GENERAL: ("一般数据", "general data"),
    DataLevel.IMPORTANT: ("重要数据", "important data"),
    DataLevel.CORE: ("核心数据", "core data"),
}
# Where RAI has what people may have said for the datasheet (datasets/datasheets).
SAID = {
    "rai:dataCollection": "collection",
    "rai:dataPreprocessingProtocol": "processing",
    "rai:annotatorDemographics": "annotator_demographics",
    "rai:dataBiases": "biases",
    "rai:dataLimitations": "limitations",
    "rai:dataSocialImpact": "social_impact",
    "rai:dataUseCases": "use_cases",
}


def statements(
    version: FrozenVersion, making: Making, provenance: Provenance, facts: Facts
) -> dict[str, Any]:
    """Return the RAI properties of a version that are known, in Chinese and English each."""
    told: dict[str, Any] = {
        "rai:annotationsPerItem": _answers(provenance),
        "rai:dataAnnotationPlatform": PLATFORM,
        "rai:dataAnnotationProtocol": _protocol(version, provenance.guidelines),
        "rai:dataAnnotationAnalysis": _analysis(version, making, provenance.agreement),
        "rai:dataCollectionTimeframe": _timeframe(facts),
        "rai:machineAnnotationTools": sorted(making.models),
        "rai:dataManipulationProtocol": _division(version),
        "rai:personalSensitiveInformation": _personal(facts, provenance.searched),
        "rai:dataReleaseMaintenancePlan": _plan(facts),
        **{key: _said(facts, name) for key, name in SAID.items()},
    }
    for right, other in MISSPELT.items():
        told[other] = told.get(right)
    return {key: value for key, value in told.items() if value}


def _answers(provenance: Provenance) -> str | None:
    found = provenance.answers
    if found is None:
        return None
    if found.fewest == found.most:
        return f"每条记录 {found.most} 份标注。{found.most} per item."
    return (
        f"每条记录 {found.fewest}–{found.most} 份标注，平均 {found.mean:.2f} 份。"
        f"{found.fewest} to {found.most} per item, {found.mean:.2f} on average."
    )


def _protocol(version: FrozenVersion, guidelines: tuple[Guideline, ...]) -> list[str]:
    tags = sorted({control.tag for control in version.config.controls})
    lines = [f"标注控件：{'、'.join(tags)}。Labelling controls: {', '.join(tags)}."] if tags else []
    for each in guidelines:
        day = each.published_at.date().isoformat()
        lines.append(
            f"标注规范第 {each.number} 版（{day} 发布，SHA-256 {each.sha256}）。"
            f"Guideline version {each.number}, published on {day}."
        )
    return lines


def _analysis(version: FrozenVersion, making: Making, agreement: Figure | None) -> list[str]:
    lines = []
    if agreement is not None and agreement.value is not None:
        ends = ("", "")
        if agreement.low is not None and agreement.high is not None:
            between = f"{agreement.low:.3f}–{agreement.high:.3f}"
            ends = (
                f"，95% 置信区间 {between}（按记录自助法）",
                f", 95% interval {between} (bootstrap over records)",
            )
        lines.append(
            f"标注员之间的一致性 {agreement.value:.3f}{ends[0]}，{agreement.number} 条记录。"
            f"Agreement between annotators {agreement.value:.3f}{ends[1]}, "
            f"{agreement.number} records."
        )
    if making.reviewed:
        lines.append(
            f"{version.record_count} 条记录中 {making.reviewed} 条经审核通过。"
            f"{making.reviewed} of {version.record_count} records were accepted in review."
        )
    return lines


def _timeframe(facts: Facts) -> list[str]:
    """Return the days on which collecting began and ended; readers refuse anything but dates."""
    days = []
    for name in ("collected_from", "collected_to"):
        try:
            days.append(dt.date.fromisoformat(str(facts.sheet.get(name, ""))).isoformat())
        except ValueError:
            continue
    return days


def _division(version: FrozenVersion) -> str:
    names = ", ".join(version.splits)
    return (
        f"按标签分层划分为 {names}，随机种子 {version.seed}，同组记录不拆开。"
        f"Divided into {names}, stratified by label, seed {version.seed}; "
        "records of one group stay together."
    )


def _personal(facts: Facts, searched: Searched | None) -> list[str]:
    lines = []
    said = _said(facts, "personal_information")
    if said:
        lines.append(said)
    if searched is not None:
        lines.append(
            f"已按规则 {searched.detector} 在 {searched.records} 个任务中检索个人信息："
            f"确认并处理 {searched.treated} 处，判定不是 {searched.dismissed} 处；"
            f"{searched.unseen} 个任务含未检索的内容（如图片、声音）。"
            f"{searched.records} tasks were searched for personal information by the rules "
            f"{searched.detector}: {searched.treated} findings were treated, {searched.dismissed} "
            f"dismissed by people; {searched.unseen} tasks hold something that was not searched."
        )
    if facts.data_level in _LEVELS:
        chinese, english = _LEVELS[DataLevel(facts.data_level)]
        lines.append(f"数据级别（GB/T 43697）：{chinese}。Data level (GB/T 43697): {english}.")
    return lines


def _plan(facts: Facts) -> str | None:
    if facts.update_cycle not in _CYCLES:
        return None
    chinese, english = _CYCLES[UpdateCycle(facts.update_cycle)]
    return (
        f"{chinese}，每次发布为不可变的新版本。{english.capitalize()}, as new immutable versions."
    )


def _said(facts: Facts, name: str) -> str | None:
    """Return what the provider said, in Chinese and in English as far as it is there."""
    both = (facts.sheet.get(key) for key in (name, f"{name}_en"))
    lines = [said.strip() for said in both if isinstance(said, str) and said.strip()]
    return "\n".join(lines) or None
