"""Text operators: what they mend, what they leave out and why, and what they leave alone."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.cleaning import steps
from jinbiao.datasets.cleaning.operators import OPERATORS, Outcome, Record
from jinbiao.datasets.cleaning.operators.duplicates import near
from jinbiao.datasets.cleaning.operators.encodings import repaired
from jinbiao.datasets.cleaning.operators.sentences import sentences
from jinbiao.tests.bench.documents import Corpus, edited

PROSE = "今天上午，市里的工程师们在新的厂房里检查了所有的设备，他们说这里的空气比以前好多了。"
DOCUMENTS = [each.text for each in Corpus(600, dirty=0.0) if each.kind == "own"]


def outcomes(name: str, *texts: str, **options: Any) -> list[Outcome]:
    """Apply an operator with these options, the others as they are by default."""
    (step,) = steps.checked_steps([{"operator": name, "options": options}])
    apply = OPERATORS[name].apply
    assert apply is not None
    records = [Record(number, "text", text=text) for number, text in enumerate(texts)]
    return apply(records, step["options"])


def changed(name: str, text: str, **options: Any) -> str:
    """Return what an operator makes of a text."""
    (outcome,) = outcomes(name, text, **options)
    assert not outcome.reason
    return text if outcome.text is None else outcome.text


def reasons(name: str, *texts: str, **options: Any) -> list[str]:
    """Return why an operator leaves texts out; nothing of those it keeps."""
    return [outcome.reason for outcome in outcomes(name, *texts, **options)]


def compared(name: str, *texts: str, **options: Any) -> dict[int, int]:
    """Return which text is a duplicate of which."""
    (step,) = steps.checked_steps([{"operator": name, "options": options}])
    operator = OPERATORS[name]
    assert operator.signature is not None and operator.groups is not None
    records = [Record(number, "text", text=text) for number, text in enumerate(texts)]
    signatures = operator.signature(records, step["options"])
    return operator.groups(range(len(texts)), signatures, step["options"])


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        (PROSE.encode().decode("latin-1"), PROSE),
        ("天津".encode("gbk").decode("latin-1") + "!", "天津!"),
        ("中国人民".encode().decode("gb18030"), "中国人民"),
        ("中国人民很好".encode().decode("gb18030") + ",abc", "中国人民很好,abc"),
        ("价格 â‚¬5", "价格 €5"),
        ("Ã©tÃ©", "été"),
        ("a\x00b\x07c\r\nd\re", "abc\nd\ne"),
        ("\ufeff零\u200b宽\u00ad", "零宽"),
        ("半\ud800个", "半个"),
    ],
)
def test_encodings_are_repaired(broken: str, meant: str) -> None:
    assert changed("text.repair_encoding", broken) == meant


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "联通",
        "été à Genève",
        "naïve café",
        "“引号”—破折号……",
        "Ö Ä Ü ß",
        "繁體中文與簡體",
        "😀👨\u200d👩",
    ],
)
def test_what_is_right_stays(text: str) -> None:
    assert repaired(text) == text


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1))
def test_no_chinese_text_is_taken_for_a_wrong_encoding(text: str) -> None:
    assert repaired(text) == text


@given(st.text())
def test_repairing_twice_changes_nothing_more_of_marks(text: str) -> None:
    once = repaired(text, mojibake=False)
    assert repaired(once, mojibake=False) == once
    once.encode()


def test_width_follows_its_options() -> None:
    text = "Ａ１％，\u3000㎏ｱ"
    assert changed("text.normalise_width", text) == "A1%， kgｱ"
    assert changed("text.normalise_width", text, punctuation=True, katakana=True) == "A1%, kgア"
    off = dict.fromkeys(("digits", "letters", "symbols", "spaces", "compatible"), False)
    assert changed("text.normalise_width", text, **off) == text
    assert changed("text.normalise_width", "x² ½ ①") == "x² ½ ①"


def test_traditional_and_simplified() -> None:
    assert changed("text.convert_script", "頭髮與發展，乾淨的軟體") == "头发与发展，干净的软体"
    assert changed("text.convert_script", "软件和鼠标", direction="s2twp") == "軟體和滑鼠"
    assert changed("text.convert_script", PROSE) == PROSE


PAGE = """<html><head><title>页</title><style>p {}</style></head><body>
<nav><a href="/">首页</a></nav><h1>标题</h1><p>第一段&nbsp;文字 &lt;不是标签&gt;</p>
<script>alert("x")</script><!-- 注 --><ul><li>甲</li><li>乙</li></ul>
<table><tr><td>一</td><td>二</td></tr></table><footer>版权</footer></body></html>"""


def test_html_becomes_what_a_reader_sees() -> None:
    meant = "标题\n第一段 文字 <不是标签>\n甲\n乙\n一 二"
    assert changed("text.strip_html", PAGE) == meant
    assert "首页" in changed("text.strip_html", PAGE, furniture=False)
    assert changed("text.strip_html", "如果 a < b 且 b > c") == "如果 a < b 且 b > c"
    assert changed("text.strip_html", "甲&amp;乙") == "甲&乙"
    assert changed("text.strip_html", "<p></p>") == ""
    assert changed("text.strip_html", "<div>" * 50_000 + "深").count("<") == 0
    assert reasons("text.strip_html", "<p>" + "长" * 2000, longest=1000) == ["too_long"]


def test_page_furniture_goes_and_prose_about_it_stays() -> None:
    page = f"首页 > 新闻 > 正文\n{PROSE}\n责任编辑：李某\n扫一扫关注微信公众号\n版权所有"
    assert changed("text.strip_boilerplate", page) == PROSE
    assert (
        changed("text.strip_boilerplate", "版权所有的争议由法院判决。")
        == "版权所有的争议由法院判决。"
    )
    assert changed("text.strip_boilerplate", f"{PROSE}\n本报讯", words=["本报讯"]) == PROSE


def test_languages_are_told_by_their_script() -> None:
    texts = [
        PROSE,
        "This is English, plainly.",
        "これは日本語の文章です。",
        "한국어 문장입니다.",
        "123 456",
    ]
    found = outcomes("text.filter_language", *texts)
    names = [dict(each.facts or {})["language"] for each in found]
    assert names == ["zh", "en", "ja", "ko", "none"]
    assert [each.reason for each in found] == ["", *["other_language"] * 4]
    both = [PROSE, "This is English, plainly."]
    assert reasons("text.filter_language", *both, languages=["zh", "en"]) == ["", ""]
    mixed = "他说 this is a very long English sentence with many words 然后走了又回来了。"
    assert reasons("text.filter_language", mixed, languages=["zh", "en"], least_share=0.8) == [
        "mixed_languages"
    ]


def test_length_counts_what_is_seen() -> None:
    texts = ["一二三四五六七八九", "一二三四五六七八九十", "一 二 三 四 五", "字" * 21]
    assert reasons("text.filter_length", *texts, most=20) == [
        *("too_short", "", "too_short", "too_long")
    ]
    assert reasons("text.filter_length", "一 二 三 四 五 六", count="all") == [""]


def test_repetition_has_three_forms() -> None:
    lines = "\n".join([PROSE] * 5)
    phrases = "好好学习天天向上努力工作" * 10
    packed = (DOCUMENTS[0][:40] + "，") * 30
    assert reasons("text.filter_repetition", lines, phrases, DOCUMENTS[0], PROSE) == [
        *("repeated_lines", "repeated_phrases", "", "")
    ]
    assert reasons("text.filter_repetition", packed, most_grams=1.0) == ["too_compressible"]


def test_quality_names_what_is_wrong() -> None:
    texts = {
        "1234567890 12 34 56 78 90 三四": "many_digits",
        "，。，。；！？、，。好的": "many_marks",
        "★☆★☆★☆好的吧这": "many_symbols",
        "坏\ufffd\ufffd字": "unreadable",
        "数控机床轴承齿轮油泵" * 8: "no_function_words",
        DOCUMENTS[0].translate({ord(mark): None for mark in "。！？；"}) * 2: "no_sentence_ends",
        DOCUMENTS[1]: "",
        "The quick brown fox jumps over the lazy dog, and it is on the way to a house. " * 2: "",
    }
    assert reasons("text.filter_quality", *texts) == list(texts.values())


def test_words_are_found_wherever_they_stand() -> None:
    texts = ["买彩票吗", "买彩色票", "Casino 在线", "正经文字"]
    words = ["彩票", "casino", "彩票中奖", "(", ".*"]
    assert reasons("text.filter_words", *texts, words=words) == [
        *("listed_word", "", "listed_word", "")
    ]
    assert reasons("text.filter_words", *texts, words=words, ignore_case=False)[2] == ""
    assert reasons("text.filter_words", "彩票彩票", words=["彩票"], least=3) == [""]
    assert reasons("text.filter_words", *texts[:2], words=["彩票"], keep="with") == [
        *("", "no_listed_word")
    ]


@given(st.lists(st.text(alphabet="ab彩票(.", min_size=1), max_size=8), st.text(alphabet="ab彩票(."))
def test_words_are_found_as_a_plain_search_finds_them(words: list[str], text: str) -> None:
    known = [word for word in dict.fromkeys(word.strip() for word in words) if word]
    hit = any(word in text for word in known)
    (reason,) = reasons("text.filter_words", text, words=words, ignore_case=False)
    assert reason == ("listed_word" if hit else "")


def test_abusive_words_come_with_the_platform_and_harmless_ones_stay() -> None:
    bad = ["你这个傻逼", "WHAT THE FUCK is this", "操你妈的", "a fucking mess", "nmsl"]
    assert set(reasons("text.filter_profanity", *bad)) == {"profanity"}
    good = [
        "十二逼近目标，给你他妈妈的书",
        "他妈的身体不好，操你的心就行",
        "杂种优势利用与杂种后代",
        "Scunthorpe 的 classes，shitake，bitcoin，Dickens",
        "手里有十几把刀，妈妈的手",
        "",
    ]
    assert set(reasons("text.filter_profanity", *good)) == {""}
    coarse = ["卧槽，下雨了", "this is bullshit", "白痴"]
    assert set(reasons("text.filter_profanity", *coarse)) == {""}
    assert set(reasons("text.filter_profanity", *coarse, which="all")) == {"profanity"}
    assert reasons("text.filter_profanity", "白痴 白痴", which="all", least=3) == [""]
    assert reasons("text.filter_profanity", "鬼话", words=["鬼话", "Darn"]) == ["profanity"]
    assert reasons("text.filter_profanity", "darned darn", words=["Darn"]) == ["profanity"]
    assert reasons("text.filter_profanity", "darned", words=["Darn"]) == [""]
    assert reasons("text.filter_profanity", "傻逼", without=["傻逼"]) == [""]


def test_exact_duplicates_name_the_first_one() -> None:
    texts = [PROSE, "别的", PROSE, f" {PROSE}！", PROSE]
    assert compared("text.exact_duplicates", *texts) == {2: 0, 4: 0}
    assert compared("text.exact_duplicates", *texts, loosely=True) == {2: 0, 3: 0, 4: 0}
    assert compared("text.exact_duplicates", "。", "！", "", "", loosely=True) == {3: 2}
    assert compared("text.exact_duplicates") == {}


def test_near_duplicates_are_found_and_templates_are_not() -> None:
    chance = random.Random(3)
    texts = list(DOCUMENTS[:200])
    planted = {}
    for source in range(0, 100):
        planted[len(texts)] = source
        texts.append(edited(texts[source], chance, PROSE))
    template = DOCUMENTS[300][:170]
    texts += [template + text[:165] for text in DOCUMENTS[210:290]]
    found = compared("text.near_duplicates", *texts)
    assert set(found) <= set(planted)
    assert sum(found.get(copy) == source for copy, source in planted.items()) >= 98


def test_near_duplicates_of_short_empty_and_crowded_texts() -> None:
    texts = ["", "", "短", "短", "好的", PROSE, PROSE + "嗯"] + [PROSE] * 50
    found = compared("text.near_duplicates", *texts)
    assert found == {3: 2} | {place: 5 for place in range(6, len(texts))}


def test_containment_finds_what_is_part_of_another() -> None:
    texts = [DOCUMENTS[0] + DOCUMENTS[1], DOCUMENTS[1]]
    assert compared("text.near_duplicates", *texts) == {}
    long = [DOCUMENTS[0] + DOCUMENTS[1][:100], DOCUMENTS[0]]
    assert compared("text.near_duplicates", *long, similarity=0.9, containment=0.95) == {1: 0}


@given(st.lists(st.text(alphabet="一二三四五六", max_size=12), max_size=30))
def test_groups_name_earlier_kept_texts(texts: list[str]) -> None:
    for name in ("text.near_duplicates", "text.exact_duplicates"):
        found = compared(name, *texts)
        assert all(kept < place and kept not in found for place, kept in found.items())


def test_the_order_of_batches_does_not_matter_to_signatures() -> None:
    operator = OPERATORS["text.near_duplicates"]
    assert operator.signature is not None
    records = [Record(number, "text", text=text) for number, text in enumerate(DOCUMENTS[:50])]
    whole = list(operator.signature(records, {}))
    apart = [operator.signature([record], {})[0] for record in records]
    assert whole == apart
    options = {"similarity": 0.65, "containment": 1.0}
    assert near(range(50), whole, options) == near(range(50), apart, options)


def test_sentences_end_where_a_reader_stops() -> None:
    text = "他说：“好。我去。”然后走了！Mr. Li paid 3.14 yuan. 真的？……\n第二行没有句号"
    assert sentences(text, least=2) == [
        "他说：“好。我去。”",
        "然后走了！",
        "Mr. Li paid 3.14 yuan.",
        "真的？……",
        "第二行没有句号",
    ]
    assert sentences("“好。去。”他说。", quotations=False) == ["“好。", "去。”", "他说。"]
    assert sentences("嗯。好的吧。", least=4) == ["嗯。好的吧。"]
    assert [len(each) for each in sentences("字" * 25, most=10)] == [10, 10, 5]
    assert sentences("“没有结束。" + "字。" * 400)[-1] == "字。"


@given(st.text(alphabet="字a。！？.“”（）\n ,，", max_size=200))
def test_splitting_loses_nothing_but_space(text: str) -> None:
    whole = "".join(text.split())
    assert "".join("".join(sentences(text, least=3, most=20)).split()) == whole


@given(st.text(max_size=300))
def test_every_operator_answers_for_any_text(text: str) -> None:
    for name, operator in OPERATORS.items():
        if operator.kind != "text" or name == "text.personal_information":
            continue
        if operator.apply is not None:
            assert len(outcomes(name, text, "")) == 2
        else:
            compared(name, text, "")
