"""Say for people what the doors to inference services are, and where they end."""

from __future__ import annotations

from typing import Any

from ..exported.card import LABELS, LIMITS_EN, LIMITS_ZH, OPTIONS

PLACE: list[dict[str, Any]] = [
    {
        "name": "url",
        "title": {"zh": "服务地址", "en": "Address"},
        "kind": "text",
        "default": "",
        "required": True,
        "help": {
            "zh": "不含 /v2，如 https://triton.example:8000。内网地址须由运维人员放行。",
            "en": "Without /v2, such as https://triton.example:8000. The operator must allow "
            "addresses inside.",
        },
    },
    {
        "name": "model",
        "title": {"zh": "模型名称", "en": "Model"},
        "kind": "text",
        "default": "",
        "required": True,
        "help": {"zh": "服务中登记的名称。", "en": "Its name at the service."},
    },
    {
        "name": "version",
        "title": {"zh": "模型版本", "en": "Version"},
        "kind": "text",
        "default": "",
        "required": False,
        "help": {"zh": "不填则由服务决定。", "en": "Empty: the service decides."},
    },
    {
        "name": "binary",
        "title": {"zh": "二进制传输", "en": "Binary tensors"},
        "kind": "json",
        "default": False,
        "required": False,
        "help": {
            "zh": "填 true 则按 Triton 的扩展以二进制传输图像，比 JSON 快得多；服务须支持。",
            "en": "true sends pictures as bytes (Triton's extension), much quicker than JSON; the "
            "service must know it.",
        },
    },
    {
        "name": "secret",
        "title": {"zh": "访问令牌", "en": "Token"},
        "kind": "secret",
        "default": "",
        "required": False,
        "help": {
            "zh": "以 Bearer 令牌发送，加密保存，不再显示。",
            "en": "Sent as a bearer token, kept encrypted and never shown again.",
        },
    },
]

_LIMITS_ZH = ["服务连续 5 次不应答即暂停请求，稍后自动重试。"]
_LIMITS_EN = ["After 5 questions without an answer it is left alone for a while, then tried again."]
_DATA = {
    "zh": "取决于该服务；任务内容会发送到所填地址，请确认允许外传。",
    "en": "That of the service. What tasks hold is sent there: make sure that it may.",
}
_LICENCE = {"zh": "以服务提供者声明为准", "en": "as the service states"}

PICTURE_CARD: dict[str, Any] = {
    "title": {"zh": "推理服务（图像）", "en": "Inference service for pictures"},
    "what": {
        "zh": "通过开放推理协议 v2（Triton、KServe 等）请求在别处运行的模型，得到框、轮廓或类别。",
        "en": "Asks a model that runs elsewhere by the Open Inference Protocol v2 (Triton, KServe "
        "and others) for boxes, shapes or classes.",
    },
    "for": {
        "zh": "模型已部署在推理服务上，尤其是需要 GPU 的模型。",
        "en": "Models that are served already, above all those that need a GPU.",
    },
    "limits": {
        "zh": [*LIMITS_ZH, *_LIMITS_ZH, "模型须只有一个输入：一张 1 或 3 通道的图像。"],
        "en": [*LIMITS_EN, *_LIMITS_EN, "The model must take one picture of 1 or 3 channels."],
    },
    "data": _DATA,
    "licence": _LICENCE,
    "options": [
        *PLACE,
        {**OPTIONS[0], "required": True},
        {**LABELS, "required": True},
        *OPTIONS[2:],
    ],
}

TEXT_CARD: dict[str, Any] = {
    "title": {"zh": "推理服务（文本分类）", "en": "Inference service for texts"},
    "what": {
        "zh": "通过开放推理协议 v2 请求在别处运行的文本分类模型：输入一段文本，得到标签和得分。",
        "en": "Asks a text classifier that runs elsewhere by the Open Inference Protocol v2: a "
        "text in, labels with scores out.",
    },
    "for": {
        "zh": "已部署的文本分类模型。",
        "en": "Text classifiers that are served already.",
    },
    "limits": {
        "zh": [*_LIMITS_ZH, "模型须只有一个 BYTES 输入；标注配置中没有的标签一律舍弃。"],
        "en": [
            *_LIMITS_EN,
            "The model must take one input of BYTES; labels that the labelling config lacks are "
            "left out.",
        ],
    },
    "data": _DATA,
    "licence": _LICENCE,
    "options": [*(one for one in PLACE if one["name"] != "binary"), LABELS, OPTIONS[2]],
}
