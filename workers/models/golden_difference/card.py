"""Say for people what the model is, for what it serves, and where it ends."""

from __future__ import annotations

from typing import Any

CARD: dict[str, Any] = {
    "title": {"zh": "标准图比对", "en": "Difference from a golden template"},
    "task": "object_detection",
    "what": {
        "zh": "将待检图与无缺陷的标准图配准、统一光照后相减，把差异聚成候选框，"
        "再由随机树林根据人工标注判断类别和框的边距。",
        "en": "Registers an image with its defect-free template, brings both to one light, "
        "subtracts them, groups the differences into boxes, and lets a forest of randomised "
        "trees, grown on people's boxes, decide the class and how wide to draw.",
    },
    "for": {
        "zh": "有标准图的平面工件：印制电路板、印刷品、丝网、标牌等，用于减少画框时间；"
        "结果须由人工确认。尚无人工标注时只给框，不给类别。",
        "en": "Flat parts that have a template: printed circuit boards, prints, screens, plates. "
        "It saves drawing time; people confirm every box. Before anybody has labelled it gives "
        "boxes without a class.",
    },
    "limits": {
        "zh": [
            "没有标准图则不能使用。",
            "配准范围：以边长 640 像素计，平移约 10 像素、旋转 1° 以内；"
            "不处理翻转、透视和柔性变形。",
            "细于 2 像素或对比度低于标准图对比度约八分之一的缺陷会漏检。",
            "相距约 7 像素以内的同向差异会合并为一个框。",
            "每图最多考察 150 处差异；标准图拿错时结果没有意义。",
            "只认识训练样本中出现过的类别；更换相机或工艺后应重新训练。",
        ],
        "en": [
            "It is of no use without a template.",
            "It registers shifts up to about 10 pixels and turns up to 1° at 640 pixels a side; "
            "not mirroring, perspective or bending.",
            "It misses defects thinner than 2 pixels or fainter than about an eighth of the "
            "template's contrast.",
            "It joins differences of one sign that lie within about 7 pixels.",
            "It considers at most 150 differences a picture; with the wrong template the result "
            "means nothing.",
            "It knows only classes that the examples hold; train again after a change of camera "
            "or process.",
        ],
    },
    "data": {
        "zh": "不含预训练权重；权重只来自本项目内的人工标注。",
        "en": "Comes without weights; they are learned only from people's boxes in the project.",
    },
    "licence": "Apache-2.0",
}
