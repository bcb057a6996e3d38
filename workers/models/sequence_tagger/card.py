"""Say for people what the model is, for what it serves, and where it ends."""

from __future__ import annotations

from typing import Any

CARD: dict[str, Any] = {
    "title": {"zh": "实体标注", "en": "Names and terms in text"},
    "what": {
        "zh": "以字为单位的条件随机场，特征包括前后各两个字、结巴分词得到的词及其在词中的位置，"
        "以及词典中的词性。每个片段都给出概率，只显示值得人工查看的片段。",
        "en": "A conditional random field over characters. It looks at two characters on either "
        "side, at the words that jieba cuts, the place in the word, and the part of speech in "
        "jieba's dictionary. Every span comes with its probability; only those worth a look are "
        "shown.",
    },
    "for": {
        "zh": "中文人名、地名、机构名以及行业术语的标注；几百条标注起见效。其他语言也可使用，"
        "以字符为单位。",
        "en": "Chinese names of people, places and organisations, and terms of a trade, from a "
        "few hundred labelled texts on. It works on other scripts too, character by character.",
    },
    "limits": {
        "zh": [
            "不支持重叠或嵌套的片段：学习时只保留其中最长的，预填的片段互不重叠。",
            "只认识标注样本中出现过的标签；没有样本的标签不会被预填。",
            "每次最多看 200 个字符，长文本在句末切开；跨越切口的片段会漏掉。",
            "标注不足百条时漏标较多。",
            "标签超过数十种时训练明显变慢；最多从 100 万个字符中学习，之后的样本不再读取。",
            "换了领域（例如从微博换成公文）应重新训练。",
        ],
        "en": [
            "No spans over or inside one another: of those it learns the longest only, and those "
            "that it marks never overlap.",
            "It knows only labels that the examples hold; one without examples is never marked.",
            "It sees at most 200 characters at a time and cuts longer texts at sentence ends; a "
            "span across a cut is missed.",
            "With fewer than a hundred labelled texts it misses much.",
            "Training slows down with dozens of labels; it learns from at most 1,000,000 "
            "characters and reads no example after them.",
            "Train again for another kind of text, such as notices after microblogs.",
        ],
    },
    "data": {
        "zh": "权重只来自本项目内的人工标注；分词词典随结巴分词（MIT 许可）提供。",
        "en": "The weights are learned only from people's spans in the project; the dictionary "
        "comes with jieba (MIT).",
    },
    "licence": "Apache-2.0",
}
