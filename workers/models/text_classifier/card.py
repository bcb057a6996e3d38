"""Say for people what the model is, for what it serves, and where it ends."""

from __future__ import annotations

from typing import Any

CARD: dict[str, Any] = {
    "title": {"zh": "文本分类", "en": "Text classes"},
    "what": {
        "zh": "统计文本中由一至两个汉字（外文以单词计）组成的片段。每类标注平均不足 50 条时，"
        "用半监督朴素贝叶斯同时向已标注和未标注的文本学习（期望最大化），只对把握较大的一半预填；"
        "标注更多时再加上线性支持向量机，两者合并判断。把握程度按交叉验证校准。",
        "en": "Counts stretches of one or two Chinese characters (words, in other scripts). "
        "With fewer than 50 labels a class on average, semi-supervised naive Bayes learns from "
        "labelled and unlabelled texts together (expectation maximisation) and only the surer "
        "half is pre-filled; with more, linear support-vector machines have the larger say. "
        "Chances are calibrated by cross-validation.",
    },
    "for": {
        "zh": "标题、工单、评论、公文摘要等短文本的单选或多选分类；也用于按把握程度和相似程度"
        "安排标注顺序。",
        "en": "One class or several for headlines, tickets, reviews, abstracts and other short "
        "texts; also to order tasks by doubt and by likeness.",
    },
    "limits": {
        "zh": [
            "每条文本只看前 5,000 个字符。",
            "只认识标注样本中出现过的类别；没有样本的标签不会被预填。",
            "只看用词，不懂反讽、否定和需要常识的判断。",
            "把握不足时不预填：预填错误的代价高于自己选择。",
            "样本少的类别在类别极不均衡时常被大类淹没。",
            "最多学习 400 万个字符的标注文本、20,000 条且不超过 200 万个字符的未标注文本；"
            "多选时不使用未标注文本。",
        ],
        "en": [
            "It reads the first 5,000 characters of a text.",
            "It knows only classes that the examples hold; a label without examples is never "
            "pre-filled.",
            "It sees words, not irony, negation or what needs knowledge of the world.",
            "It leaves doubtful texts empty: a wrong pre-label costs more than choosing.",
            "Classes with few examples drown where others are very frequent.",
            "It learns from at most 4,000,000 characters of labelled texts, and from 20,000 "
            "unlabelled texts of 2,000,000 characters; from none of these where several labels may "
            "be given.",
        ],
    },
    "data": {
        "zh": "不含预训练权重；权重只来自本项目内的人工标注和未标注文本。",
        "en": "Comes without weights; they are learned only from people's labels and the "
        "unlabelled texts of the project.",
    },
    "licence": "Apache-2.0",
}
