"""Describe the options that all exported networks share, for people."""

from __future__ import annotations

from typing import Any

FORM: dict[str, Any] = {
    "name": "form",
    "title": {"zh": "输出格式", "en": "Form of its output"},
    "kind": "choice",
    "choices": [
        {"name": "yolo", "title": {"zh": "YOLO 检测框", "en": "YOLO boxes"}},
        {"name": "yolo-segmentation", "title": {"zh": "YOLO 实例分割", "en": "YOLO shapes"}},
        {"name": "classifier", "title": {"zh": "整图分类", "en": "classes of pictures"}},
    ],
    "default": "",
    "required": False,
    "help": {
        "zh": "YOLOv5–v8、v10、v11 的导出结果都能识别，是否自带去重（NMS）均可；"
        "文件中写明任务时可不填。",
        "en": "Exports of YOLOv5–v8, v10 and v11, with or without built-in suppression of doubles. "
        "May stay empty where the file names "
        "its task.",
    },
}

LABELS: dict[str, Any] = {
    "name": "labels",
    "title": {"zh": "类别与标签的对应", "en": "Classes and labels"},
    "kind": "json",
    "default": None,
    "required": False,
    "help": {
        "zh": '按类别顺序列出标签，如 ["划痕", "凹坑"]；或由类别编号、名称对应到标签，'
        '如 {"0": "划痕"}，未列出的类别不采用。不填则采用文件中写明的类别名称。',
        "en": 'A list of labels in the order of the classes, such as ["scratch", "pit"], or a '
        'map from class number or name to label, such as {"0": "scratch"}, which leaves out '
        "the others. Empty: the names that the file holds.",
    },
}

OPTIONS: list[dict[str, Any]] = [
    FORM,
    LABELS,
    {
        "name": "confidence",
        "title": {"zh": "最低置信度", "en": "Least confidence"},
        "kind": "number",
        "default": None,
        "required": False,
        "help": {
            "zh": "0 到 1，低于此值的结果不显示。默认：框和轮廓 0.25，分类 0.5。",
            "en": "0 to 1; what is less sure is not shown. By default 0.25 for boxes and shapes, "
            "0.5 for classes.",
        },
    },
    {
        "name": "overlap",
        "title": {"zh": "去重阈值", "en": "Overlap of doubles"},
        "kind": "number",
        "default": 0.45,
        "required": False,
        "help": {
            "zh": "同类两框的交并比高于此值时只保留置信度高的一个；模型自带去重时不起作用。",
            "en": "Of two boxes of one class that overlap by more (intersection over union) the "
            "surer is kept. Without effect where the model does this itself.",
        },
    },
    {
        "name": "size",
        "title": {"zh": "输入尺寸", "en": "Size of its input"},
        "kind": "json",
        "default": None,
        "required": False,
        "help": {
            "zh": "像素数，如 640，或 [高, 宽]。默认取模型自身的尺寸；"
            "模型未限定时，检测用 640，分类用 224。",
            "en": "Pixels, such as 640, or [height, width]. By default what the model says, else "
            "640 for boxes and 224 for classes.",
        },
    },
    {
        "name": "resize",
        "title": {"zh": "缩放方式", "en": "Fitting of pictures"},
        "kind": "choice",
        "choices": [
            {"name": "letterbox", "title": {"zh": "等比缩放，灰边补齐", "en": "whole, grey edges"}},
            {"name": "crop", "title": {"zh": "居中裁切", "en": "its middle"}},
            {"name": "stretch", "title": {"zh": "拉伸", "en": "stretched"}},
        ],
        "default": "",
        "required": False,
        "help": {
            "zh": "应与训练时一致。默认：检测、分割补灰边，分类居中裁切。",
            "en": "As in training. By default the whole picture for boxes and shapes, its middle "
            "for classes.",
        },
    },
    {
        "name": "mean",
        "title": {"zh": "均值", "en": "Mean"},
        "kind": "json",
        "default": None,
        "required": False,
        "help": {
            "zh": "一个数，或三个通道各一个。输入值 =（像素值 × 缩放系数 − 均值）÷ 标准差。"
            "默认：检测、分割为 0，分类用 ImageNet 的均值。",
            "en": "One number or one for each of three channels. The input is "
            "(pixel × scale − mean) ÷ standard deviation. By default 0 for boxes and shapes, "
            "ImageNet's for classes.",
        },
    },
    {
        "name": "std",
        "title": {"zh": "标准差", "en": "Standard deviation"},
        "kind": "json",
        "default": None,
        "required": False,
        "help": {
            "zh": "同上。默认：检测、分割为 1，分类用 ImageNet 的标准差。",
            "en": "As above. By default 1 for boxes and shapes, ImageNet's for classes.",
        },
    },
    {
        "name": "scale",
        "title": {"zh": "缩放系数", "en": "Scale"},
        "kind": "number",
        "default": 1 / 255,
        "required": False,
        "help": {
            "zh": "像素值（0–255）先乘以此数，默认 1/255。",
            "en": "Pixels (0–255) are multiplied by it first; 1/255 by default.",
        },
    },
    {
        "name": "channels",
        "title": {"zh": "通道顺序", "en": "Order of channels"},
        "kind": "choice",
        "choices": ["RGB", "BGR"],
        "default": "RGB",
        "required": False,
        "help": {"zh": "应与训练时一致。", "en": "As in training."},
    },
]

LIMITS_ZH = [
    "每张图最多保留 1,000 个结果（实例轮廓最多 300 个），按置信度取前列。",
    "标注配置中没有的类别、含非数值的结果一律舍弃，框在图片边缘处截断。",
    "不支持需要在图外解码的检测头（如未解码的 YOLOX），也不支持旋转框与关键点。",
]
LIMITS_EN = [
    "At most 1,000 marks of a picture are kept (300 shapes), the surest.",
    "Classes that the labelling config lacks and what is no number are left out; boxes are cut at "
    "the picture's edges.",
    "No heads that are decoded outside the network (such as YOLOX without decoding), no rotated "
    "boxes, no keypoints.",
]
