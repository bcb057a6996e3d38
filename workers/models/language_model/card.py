"""Say for people what the doors to language models are, for what they serve, where they end."""

from __future__ import annotations

from typing import Any


def card_of(sees: bool) -> dict[str, Any]:
    """Describe the door for texts, or the one for pictures."""
    return {
        "title": _TITLE[sees],
        "what": _WHAT[sees],
        "for": _FOR[sees],
        "limits": {
            "zh": [*_LIMITS["zh"], *_MORE[sees]["zh"]],
            "en": [*_LIMITS["en"], *_MORE[sees]["en"]],
        },
        "data": {
            "zh": "取决于该服务所用的模型；任务内容会发送到所填地址，请确认允许外传。",
            "en": "That of the service's model. What tasks hold is sent there: make sure that it "
            "may.",
        },
        "licence": {"zh": "以服务提供者声明为准", "en": "as the service states"},
        "options": [
            _offered(one, sees) for one in _OPTIONS if sees or one["name"] != "coordinates"
        ],
    }


def _offered(option: dict[str, Any], sees: bool) -> dict[str, Any]:
    if option["name"] != "marks":
        return option
    classes = {"name": "choices", "title": {"zh": "类别", "en": "classes"}}
    boxes = {"name": "boxes", "title": {"zh": "目标框", "en": "boxes"}}
    spans = {"name": "spans", "title": {"zh": "文本片段", "en": "stretches of text"}}
    return {**option, "choices": [classes, boxes if sees else spans]}


_TITLE = {
    False: {"zh": "大语言模型（文本）", "en": "Language model for texts"},
    True: {"zh": "多模态大模型（图像）", "en": "Language model that sees pictures"},
}
_WHAT = {
    False: {
        "zh": "调用 OpenAI 兼容接口的大语言模型（DeepSeek、vLLM 部署的通义千问等），"
        "给文本分类，或标出文本片段。",
        "en": "Asks a language model behind an OpenAI-compatible endpoint (DeepSeek, Qwen on vLLM "
        "and others) for the class of a text, or for stretches in it.",
    },
    True: {
        "zh": "调用 OpenAI 兼容接口、能读图的大模型，给图片分类，或画出目标框。",
        "en": "Asks a model that sees, behind an OpenAI-compatible endpoint, for the class of a "
        "picture, or for boxes in it.",
    },
}
_FOR = {
    False: {
        "zh": "还没有标注样本、但能用文字说清标注要求的文本项目；每次调用计费。",
        "en": "Texts of which nothing is labelled yet but the rules can be told in words; every "
        "question costs money.",
    },
    True: {
        "zh": "常见物体、场景的粗略预标；细小缺陷和专业图像往往不可靠。",
        "en": "Everyday things and scenes, roughly; small defects and expert pictures often fail.",
    },
}
_LIMITS = {
    "zh": [
        "模型自报的把握程度未经校准，不宜作为取舍依据。",
        "标注配置中没有的标签、原文中找不到的片段一律舍弃；全部不可用时该任务记为失败。",
        "待标数据与指令分开传送，回答只会变成标注配置内的标注；数据中的诱导语句仍可能使其标错。",
        "答案无法使用时同样计费，用量计入下一次回答。",
    ],
    "en": [
        "How sure it says it is has not been calibrated.",
        "Labels that the labelling config lacks and quotations that are not in the text are left "
        "out; where nothing is left the task counts as failed.",
        "Data stand apart from instructions and replies only become marks of the config; text in "
        "the data that tempts the model may still make it label wrongly.",
        "Replies of no use cost all the same; their tokens are counted with the next answer.",
    ],
}
_MORE = {
    False: {
        "zh": ["每条文本不超过 10 万字。"],
        "en": ["A text has at most 100,000 characters."],
    },
    True: {
        "zh": ["图片缩小到长边不超过 1,280 像素后发送，缩小后看不清的目标标不出来。"],
        "en": [
            "Pictures are sent with at most 1,280 pixels on the longer side: what cannot be "
            "seen then is not found."
        ],
    },
}


def _option(
    name: str, kind: str, title: tuple[str, str], told: tuple[str, str], **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "title": {"zh": title[0], "en": title[1]},
        "kind": kind,
        "default": None,
        "required": False,
        "help": {"zh": told[0], "en": told[1]},
        **more,
    }


_OPTIONS = [
    _option(
        "url",
        "text",
        ("接口地址", "Address"),
        (
            "到 /v1 为止，如 https://api.deepseek.com/v1。内网地址须由运维人员放行。",
            "Up to /v1, such as https://api.deepseek.com/v1. The operator must allow addresses "
            "inside.",
        ),
        required=True,
    ),
    _option(
        "model",
        "text",
        ("模型名称", "Model"),
        ("服务中的名称，如 deepseek-chat。", "Its name at the service, such as deepseek-chat."),
        required=True,
    ),
    _option(
        "secret",
        "secret",
        ("密钥", "Key"),
        ("加密保存，不再显示。", "Kept encrypted and never shown again."),
    ),
    _option(
        "marks",
        "choice",
        ("标注内容", "What it marks"),
        (
            "不填则依标注配置而定，两者都有时先取片段或框。",
            "Empty: what the labelling config has, of both the stretches or boxes.",
        ),
        default="",
    ),
    _option(
        "prompt",
        "text",
        ("提示词", "Prompt"),
        (
            "可用 {text}（待标文本）、{labels}（标签列表）、{instruction}（标注要求）。"
            "回答格式由系统另行说明，不必写入。不填则用内置的中文提示词。",
            "May hold {text}, {labels} and {instruction}. The form of the answer is told apart "
            "from it. Empty: a Chinese prompt of our own.",
        ),
    ),
    _option(
        "json_mode",
        "json",
        ("JSON 模式", "JSON mode"),
        (
            "填 false 则不发送 response_format（服务不支持时）。",
            "false leaves out response_format, for services that do not know it.",
        ),
        default=True,
    ),
    _option(
        "temperature",
        "number",
        ("温度", "Temperature"),
        ("0 最稳定。", "0 is the steadiest."),
        default=0,
    ),
    _option(
        "maximum_tokens",
        "number",
        ("回答的最多词元数", "Most tokens of a reply"),
        ("会先思考的模型应调高。", "Give models that think first more."),
        default=2000,
    ),
    _option(
        "at_once",
        "number",
        ("并发请求数", "Questions at once"),
        ("1 到 16。", "1 to 16."),
        default=4,
    ),
    _option(
        "coordinates",
        "choice",
        ("框的坐标", "Coordinates of boxes"),
        (
            "按模型的习惯选择，如 Qwen2.5-VL 用像素。",
            "As the model is used to: pixels for Qwen2.5-VL.",
        ),
        choices=[
            {"name": "thousandths", "title": {"zh": "千分比（0–1000）", "en": "thousandths"}},
            {"name": "pixels", "title": {"zh": "所发送图片的像素", "en": "pixels as sent"}},
        ],
        default="thousandths",
    ),
    _option(
        "price_in",
        "text",
        ("输入单价（每百万词元）", "Price of a million tokens in"),
        ("如 2 元；填写后统计费用。", "Such as 2 CNY; lets the cost be shown."),
    ),
    _option(
        "price_out",
        "text",
        ("输出单价（每百万词元）", "Price of a million tokens out"),
        ("如 8 元。", "Such as 8 CNY."),
    ),
]
