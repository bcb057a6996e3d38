"""Make up a task for a configuration, to see what the editor would show."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

from .config import Control, DataObject, LabelConfig

# Drawn for this purpose; the server sends them from ui/static/samples.
SAMPLES = "/static/samples"
_STEP = re.compile(r"[^.\[\]]+")
_WORDS = {
    "question": "主轴电机过热报警后，应先检查哪些部位？",
    "prompt": "主轴电机过热报警后，应先检查哪些部位？",
    "instruction": "主轴电机过热报警后，应先检查哪些部位？",
    "answer": "先确认冷却风扇是否运转、风道有无堵塞，再检查润滑油位与电流是否超过额定值。",
    "response": "先确认冷却风扇是否运转、风道有无堵塞，再检查润滑油位与电流是否超过额定值。",
    "source": "拧紧螺栓前，应先清理接合面并检查密封圈是否完好。",
    "target": "Before tightening the bolts, clean the joint faces and check the seal.",
    "summary": "三号机因冷却风扇卡滞过热停机，更换风扇后恢复。",
    "title": "三号加工中心主轴过热停机",
}
_TEXT = (
    "11月20日上午，天津某工厂三号加工中心主轴异响，温度升至85℃后停机。"
    "维修人员王强更换了冷却风扇，并清理风道，设备于14时恢复运行。"
)
_TALK = (
    ("客户", "设备报警E21是什么意思？"),
    ("客服", "E21表示主轴温度过高，请先停机，检查冷却风扇和油位。"),
    ("客户", "风扇不转了，能远程处理吗？"),
    ("客服", "风扇需要更换，已为您派单，工程师今天下午到达。"),
)
_HTML = (
    "<h3>点检记录</h3><p>设备：三号加工中心；点检人：王强。</p>"
    "<p>主轴温度<b>85℃</b>，冷却风扇停转，已停机待修。</p>"
)


def sample_task(config: LabelConfig) -> dict[str, Any]:
    """Return data that show every object and offer labels where they come with the task."""
    data: dict[str, Any] = {}
    for item in config.objects:
        if item.value:
            _put(data, item.value, _shown(item))
        else:
            data.update(dict.fromkeys(item.keys, "sample"))
    for control in config.controls:
        source = control.options.get("value", "")
        if control.dynamic and source.startswith("$"):
            _put(data, source[1:], _offered(control))
    return data


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set `a`, `a.b` or `a[0].b`; a Repeater's index counts as 0."""
    steps = [
        0 if step.startswith("{{") or step.isdecimal() else step for step in _STEP.findall(path)
    ]
    here: Any = data
    for step, after in zip(steps, steps[1:], strict=False):
        there: Any = [] if after == 0 else {}
        if isinstance(here, list):
            here += [] if here else [there]
            here = here[0]
        else:
            here = here.setdefault(step, there)
    if isinstance(here, list):
        here[:] = [value]
    elif isinstance(here, dict) and steps:
        here.setdefault(steps[-1], value)


def _shown(item: DataObject) -> Any:
    if item.tag == "Text" and item.value_type != "url":
        return _text(item.value)
    if item.tag == "Image":
        pages = [f"{SAMPLES}/part.svg", f"{SAMPLES}/nameplate.svg"]
        return pages if "valuelist" in item.options else pages[0]
    if item.tag == "Paragraphs":
        name = item.options.get("namekey") or "author"
        words = item.options.get("textkey") or "text"
        return [{name: who, words: said} for who, said in _TALK]
    if item.tag == "TimeSeries":
        return _series(item)
    return _BY_TAG[item.tag]


_BY_TAG: dict[str, Any] = {
    "Audio": f"{SAMPLES}/machine.wav",
    "AudioPlus": f"{SAMPLES}/machine.wav",
    "Chat": [
        {"role": "user", "content": _TALK[0][1]},
        {"role": "assistant", "content": _TALK[1][1]},
    ],
    "CustomInterface": {"text": _TEXT},
    "Dialog": [{"name": who, "text": said, "hint": ""} for who, said in _TALK],
    "HyperText": _HTML,
    "List": [
        {"id": f"item{number}", "title": f"答案{number}", "body": body}
        for number, body in enumerate(
            (_WORDS["answer"], "重启设备即可。", "先停机，再按点检表逐项检查。"), 1
        )
    ],
    "Pdf": f"{SAMPLES}/order.pdf",
    "ReactCode": {"text": _TEXT},
    "Table": {"设备编号": "CNC-003", "位置": "二车间", "温度": "85℃", "状态": "停机"},
    "Text": f"{SAMPLES}/record.txt",
    "Video": f"{SAMPLES}/line.webm",
}


def _text(key: str) -> str:
    lower = key.lower()
    return next((words for name, words in _WORDS.items() if name in lower), _TEXT)


def _series(item: DataObject) -> dict[str, list[Any]]:
    """Make 300 readings a column, with a step that is worth marking."""
    count = 300
    series: dict[str, list[Any]] = {}
    for order, column in enumerate(item.columns or ("value",)):
        series[column] = [
            round(math.sin(n / (9 + 4 * order)) + (1.5 if 140 <= n < 190 else 0) + order, 4)
            for n in range(count)
        ]
    if times := item.options.get("timecolumn"):
        form = item.options.get("timeformat")
        start = dt.datetime(2026, 11, 20, 8)
        series[times] = [
            (start + dt.timedelta(seconds=n)).strftime(form) if form else n for n in range(count)
        ]
    return series


def _offered(control: Control) -> list[dict[str, Any]]:
    names = [{"value": f"选项{number}"} for number in ("一", "二", "三")]
    nested = control.tag == "Taxonomy" or control.options.get("allownested") == "true"
    return [{"value": "大类", "children": names}] if nested else list(names)
