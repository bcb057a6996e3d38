"""Name the twenty topics of TC609 that a datasheet speaks of, and what people are asked.

The topics are those of the indicators 0101–0104 (五项 × 四): what a dataset's documentation has
to cover. A topic is covered by figures, by facts of the release, or by the words of people.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One topic; `needs` says what covers it: "figure", "fact" or "said"."""

    name: str
    code: str
    zh: str
    en: str
    needs: str


@dataclass(frozen=True)
class Question:
    """Something people are asked for; `name` is its key in `Dataset.sheet`, English in `name_en`.

    `kind` is "text" (Chinese and English), or what is the same in both: "day" (2026-11-20)
    or "number" (a whole number from 1).
    """

    name: str
    topic: str
    zh: str
    en: str
    kind: str = "text"


TOPICS = (
    Topic("scale", "0101", "规模", "Scale", "figure"),
    Topic("formats", "0101", "格式规范", "Formats", "figure"),
    Topic("structure", "0101", "文件结构", "File structure", "figure"),
    Topic("access", "0101", "访问渠道", "Access", "fact"),
    Topic("support", "0101", "技术支持", "Support", "said"),
    Topic("modality", "0102", "模态类型", "Modality", "figure"),
    Topic("distribution", "0102", "数据分布", "Distribution", "figure"),
    Topic("labels", "0102", "标签类别统计", "Label statistics", "figure"),
    Topic("samples", "0102", "样本示例", "Samples", "figure"),
    Topic("limitations", "0102", "局限性", "Limitations", "said"),
    Topic("source", "0103", "来源", "Source", "said"),
    Topic("collection", "0103", "采集方法", "Collection", "said"),
    Topic("processing", "0103", "加工处理流程", "Processing", "said"),
    Topic("annotation", "0103", "标注规范", "Annotation", "figure"),
    Topic("versions", "0103", "版本控制", "Version control", "fact"),
    Topic("licence", "0104", "使用许可", "Licence", "fact"),
    Topic("use_cases", "0104", "目标场景", "Intended uses", "said"),
    Topic("evaluation", "0104", "评估方法", "Evaluation", "said"),
    Topic("baseline", "0104", "基准结果", "Baseline results", "said"),
    Topic("cases", "0104", "典型案例", "Typical cases", "said"),
)
DIMENSIONS = {
    "0101": ("基本信息", "Basic information"),
    "0102": ("内容特征", "Content"),
    "0103": ("建设过程", "How it was made"),
    "0104": ("应用说明", "How to use it"),
}
QUESTIONS = (
    Question(
        "target_records",
        "scale",
        "计划需要多少条记录？",
        "How many records are needed?",
        "number",
    ),
    Question("support", "support", "用户可以从哪里获得帮助？", "Where do users find help?"),
    Question("source", "source", "原始数据来自哪里？", "Where does the raw data come from?"),
    Question("collection", "collection", "数据是怎样采集的？", "How was the data collected?"),
    Question("collected_from", "collection", "采集开始日期", "Collection began on", "day"),
    Question("collected_to", "collection", "采集结束日期", "Collection ended on", "day"),
    Question(
        "processing",
        "processing",
        "标注前做了哪些清洗、筛选和脱敏？",
        "What was cleaned, selected and de-identified before labelling?",
    ),
    Question(
        "annotation", "annotation", "标注要求的要点是什么？", "What do the annotation rules say?"
    ),
    Question(
        "annotator_demographics",
        "annotation",
        "标注人员是谁，受过什么培训？",
        "Who were the annotators, and how were they trained?",
    ),
    Question(
        "limitations",
        "limitations",
        "数据不能代表什么，不宜用来做什么？",
        "What does the data not stand for, what is it not fit for?",
    ),
    Question("biases", "limitations", "已知的偏差有哪些？", "Which biases are known?"),
    Question(
        "personal_information",
        "limitations",
        "是否含个人信息或敏感信息，怎样处理？",
        "Is there personal or sensitive information, and how is it treated?",
    ),
    Question("social_impact", "limitations", "可能有哪些社会影响？", "What may it do to society?"),
    Question("use_cases", "use_cases", "适合用来做什么？", "What is it meant for?"),
    Question("evaluation", "evaluation", "怎样评测模型？", "How are models to be evaluated?"),
    Question("baseline", "baseline", "已有的基准结果", "Baseline results that are known"),
    Question("cases", "cases", "典型应用案例", "Typical uses so far"),
)
LONGEST = 4000  # characters of an answer
