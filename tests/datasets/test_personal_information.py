"""Personal information in texts: what is found, where, how sure; what is made of it."""

from __future__ import annotations

import pickle
import random
import time
from collections import Counter
from collections.abc import Callable

import phonenumbers
import pytest
import stdnum.luhn
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from jinbiao.datasets import personal_information
from jinbiao.datasets.cleaning.operators import OPERATORS, SAME, Outcome, Record
from jinbiao.datasets.personal_information import Hit, check_digits, find
from jinbiao.tests.datasets import personal_samples
from jinbiao.tests.datasets.personal_samples import KINDS, Sample

KEY = b"a key of this test"
CHANGES = (
    personal_information.masked,
    lambda kind, value: personal_information.pseudonym(kind, value, KEY),
    personal_information.generalised,
)
FAMILY = {"plate_nev": "plate", "plate_special": "plate"}


def only(text: str, least: float = 0.5) -> tuple[str, str]:
    (hit,) = find(text, least=least)
    return hit.kind, text[hit.start : hit.end]


# --- Known answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "raw", "masked"),
    [
        # The two numbers printed in GB 11643-1999, and an old one.
        ("号码11010519491231002X。", "id_card", "11010519491231002X", "110105********002X"),
        ("440524188001010014", "id_card", "440524188001010014", "440524********0014"),
        ("身份证 130503670401001", "id_card", "130503670401001", "130503*****1001"),
        # The code printed in GB 32100-2015, and a real one of a company.
        ("91350100M000100Y43", "uscc", "91350100M000100Y43", "9135**********0Y43"),
        ("代码：91110000600037341L！", "uscc", "91110000600037341L", "9111**********341L"),
        ("请拨13800138000", "mobile", "13800138000", "138****8000"),
        ("+86 138-0013-8000", "mobile", "+86 138-0013-8000", "138****8000"),
        ("１３８００１３８０００", "mobile", "１３８００１３８０００", "138****8000"),
        ("138\u200b0013\u200b8000", "mobile", "138\u200b0013\u200b8000", "138****8000"),
        ("电话（022）27401234转", "landline", "（022）27401234", "022-****1234"),
        ("传真0371-6777888 ", "landline", "0371-6777888", "0371-****7888"),
        ("6222021234567890128", "bank_card", "6222021234567890128", "622202*********0128"),
        ("卡号 4111 1111 1111 1111", "bank_card", "4111 1111 1111 1111", "411111******1111"),
        ("津A·12345", "plate", "津A·12345", "津A***45"),
        ("粤BD12345驶离", "plate_nev", "粤BD12345", "粤B****45"),
        ("粤B12345F", "plate_nev", "粤B12345F", "粤B****5F"),
        ("京A1234警", "plate_special", "京A1234警", "京******"),
        ("使014578", "plate_special", "使014578", "使******"),
        ("WJ京12345", "plate_special", "WJ京12345", "W*******"),
        ("护照号E12345678", "passport", "E12345678", "E*****678"),
        ("回乡证：H12345678", "hk_mo_permit", "H12345678", "H*****678"),
        ("zhang.san@tj.gov.cn。", "email", "zhang.san@tj.gov.cn", "z***@tj.gov.cn"),
        ("来自203.119.25.1的登录", "ipv4", "203.119.25.1", "203.119.*.*"),
        ("2408:8000:1234::1 ", "ipv6", "2408:8000:1234::1", "2408:8000:****"),
        ("住址：天津市南开区卫津路9号，", "address", "天津市南开区卫津路9号", "天津市南开区****"),
        ("姓名：欧阳小明，男", "name", "欧阳小明", "欧***"),
        ("坐标117.173612,39.108421", "precise_location", "117.173612,39.108421", "117.17,39.11"),
    ],
)  # fmt: skip
def test_each_kind_is_found_in_its_place_and_shown_masked(
    text: str, kind: str, raw: str, masked: str
) -> None:
    (hit,) = find(text)
    assert (hit.kind, text[hit.start : hit.end], hit.masked) == (kind, raw, masked)


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021", "91350100M000100Y44", "12800138000", "订单号13800138000",
        "SN13800138000", "6222021234567890121", "1.2.3.4", "版本 10.22.33.44", "E12345678",
        "津I12345", "更新A12345", "2024-11-20 13:45:12", "ISBN 978-7-302-51234-5", "127.0.0.1",
        "温度 76.12345,25.54321", "第3号", "00:1A:2B:3C:4D:5E", "@某人", "user@host", "a@@@@b.cn@",
        "姓名不详", "13800138000.5", "0.13800138000", "12345678901234567890123456789012",
        "津发〔2024〕3号文", "132 1200 1500 1800 2000",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert find(text) == []


def test_places_are_those_of_the_original_text() -> None:
    text = "𠮷野🙂：\ufeff手机\u3000１３８\u200b００１３－８０００，身份证11010519491231002Ｘ"
    one, other = find(text)
    assert text[one.start : one.end] == "１３８\u200b００１３－８０００"
    assert text[other.start : other.end] == "11010519491231002Ｘ"


def test_kinds_and_confidence_are_chosen() -> None:
    text = "王工13800138000，订单13900139000，邮箱 a1@b.cn"
    assert [hit.kind for hit in find(text)] == ["mobile", "email"]
    assert [hit.kind for hit in find(text, {"email"})] == ["email"]
    assert [hit.kind for hit in find(text, least=0.1)] == ["mobile", "mobile", "email"]
    assert find(text, ()) == []


def test_several_in_one_line_are_told_apart() -> None:
    text = "王小明 138 0013 8000 139 0013 9000 11010519491231002X 6222021234567890128"
    assert [hit.kind for hit in find(text)] == ["mobile", "mobile", "id_card", "bank_card"]


def test_an_identity_card_is_no_bank_card_though_luhn_agrees() -> None:
    draw = random.Random(3)
    numbers = [personal_samples.identity(draw) for _ in range(400)]
    both = [each for each in numbers if each.isdigit() and stdnum.luhn.is_valid(each)]
    assert both
    assert {only(f"账号 {number}")[0] for number in both} == {"id_card"}


# --- Check digits and number plans ---------------------------------------------------------


def test_check_digits_are_those_of_the_standards() -> None:
    # GB 11643-1999, examples of annex A; a card of python-stdnum's documentation.
    for identity in ("11010519491231002X", "440524188001010014", "360426199101010071"):
        assert check_digits.is_id(identity)
        wrong = {letter for letter in "0123456789X" if check_digits.is_id(identity[:17] + letter)}
        assert wrong == {identity[17]}
    # A code as registers print them, and the one of python-stdnum's documentation.
    for code in ("91350100M000100Y43", "91110000600037341L"):
        assert check_digits.is_uscc(code)
        letters = check_digits.USCC_ALPHABET
        assert {each for each in letters if check_digits.is_uscc(code[:17] + each)} == {code[17]}
    # The example that descriptions of ISO/IEC 7812-1 give.
    assert check_digits.is_luhn("79927398713")
    assert [d for d in "0123456789" if check_digits.is_luhn("7992739871" + d)] == ["3"]


@given(st.from_regex(r"[0-9]{1,24}", fullmatch=True))
def test_cards_are_judged_as_python_stdnum_judges_them(number: str) -> None:
    assert check_digits.is_luhn(number) == stdnum.luhn.is_valid(number)
    whole = number + check_digits.luhn_digit(number)
    assert check_digits.is_luhn(whole) and stdnum.luhn.is_valid(whole)


def test_telephones_agree_with_the_number_plan() -> None:
    differ = set()
    for prefix in range(130, 200):
        number = f"{prefix}00138000"
        planned = phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))
        if planned != bool(find(f"手机{number}")):
            differ.add(prefix)
    # Cards for things, which the plan of telephones leaves out, and one of a wider plan.
    assert differ <= {140, 141, 144, 146, 148, 149, 161}
    # Seven digits where there are eight now: found for the word before them alone.
    assert [hit.kind for hit in find("传真0371-6777888")] == ["landline"]
    assert find("编号0371-6777888") == []
    for number in ("010-62740123", "021-62740123", "022-27401234", "0371-67778888", "0310-3123456"):
        assert phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))
        assert [hit.kind for hit in find(f"电话{number}")] == ["landline"], number


# --- Recall, precision ---------------------------------------------------------------------


def test_recall_and_precision_on_made_up_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        figures = measured(20241120, 5000)
    for kind, (recall, precision) in figures.items():
        assert recall >= 0.98, kind
        assert precision >= 0.95, kind


def measured(seed: int, count: int) -> dict[str, tuple[float, float]]:
    """Return recall and precision of each kind on `count` sentences with and without it."""
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    samples = personal_samples.positives(seed, count) + personal_samples.look_alikes(seed, count)
    for sample in samples:
        hits = [hit for hit in find(sample.text) if FAMILY.get(hit.kind, hit.kind) in KINDS]
        found = [hit for hit in hits if is_it(hit, sample)]
        if sample.kind:
            (right if found else missed)[sample.kind] += 1
        wrong.update(FAMILY.get(hit.kind, hit.kind) for hit in hits if hit not in found)
    figures = {}
    print()
    for kind in KINDS:
        recall = right[kind] / (right[kind] + missed[kind])
        precision = right[kind] / (right[kind] + wrong[kind])
        figures[kind] = recall, precision
        print(f"{kind:10s} recall {recall:.4f} precision {precision:.4f}")
    return figures


def is_it(hit: Hit, sample: Sample) -> bool:
    """Tell whether a hit is the value of a sample: its kind, and nothing of it left out."""
    return (
        FAMILY.get(hit.kind, hit.kind) == sample.kind
        and hit.start <= sample.start + 5
        and hit.end == sample.end
        and hit.start >= sample.start - 1
    )


# --- Whatever the text ---------------------------------------------------------------------

TEXTS = st.text(
    st.sampled_from(
        "0123456789１２３０-. ·\u200bXx@.:京津A省市区路号栋室姓名：王小明身份证护照E+()，\n"
    )
)


@given(TEXTS)
def test_hits_are_in_order_apart_and_inside(text: str) -> None:
    hits = find(text, least=0)
    places = [(hit.start, hit.end) for hit in hits]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(one[1] <= other[0] for one, other in zip(places, places[1:], strict=False))
    assert all(0 < hit.confidence <= 1 and hit.kind in personal_information.KINDS for hit in hits)


@given(st.integers(0, 10**6), st.sampled_from(KINDS))
def test_a_value_is_found_whatever_stands_around(seed: int, kind: str) -> None:
    value = personal_samples.VALUES[kind](random.Random(seed))
    text = f"前文，{value}，后文"
    hits = find(text, least=0)
    assert [(FAMILY.get(hit.kind, hit.kind), text[hit.start : hit.end]) for hit in hits] == [
        (kind, value)
    ]


HOSTILE: dict[str, Callable[[], str]] = {
    "digits": lambda: "1" * 1_000_000,
    "digits and spaces": lambda: "1 " * 500_000,
    "groups": lambda: "138 1234 " * 110_000,
    "groups of six": lambda: "110105-" * 140_000,
    "at signs": lambda: "@" * 1_000_000,
    "addresses begun": lambda: "aaaa@" * 200_000,
    "dots behind an at": lambda: "a@" + "a." * 500_000,
    "regions": lambda: "省市区" * 330_000,
    "streets": lambda: "路街道巷弄" * 200_000,
    "house numbers": lambda: "1号" * 300_000,
    "rooms": lambda: "天津市路1室" * 160_000,
    "provinces": lambda: "津A" * 500_000,
    "colons": lambda: ":" * 1_000_000,
    "hexadecimal": lambda: "a:" * 500_000,
    "octets": lambda: "1." * 500_000,
    "fractions": lambda: "lat 100.12345," * 70_000,
    "names": lambda: "姓名" * 500_000,
    "passports": lambda: "护照" * 500_000,
    "nothing seen": lambda: "1\u200b\u200b\u200b" * 250_000,
    "letters": lambda: "91000000" + "A " * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    text = HOSTILE[name]()
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 4, "a million characters take seconds at most"


# --- What is made of it ----------------------------------------------------------------------

FULL = (
    "姓名：王小明，身份证11010519491231002X，手机138 0013 8000，卡号6222021234567890128，"
    "津A12345，91350100M000100Y43，zhang.san@tj.gov.cn，IP 203.119.25.1，护照E12345678，"
    "地址：天津市南开区卫津路94号，电话022-27401234，坐标117.173612,39.108421，2408:8000:1234::1"
)


def test_masking_leaves_the_rest_as_it_is() -> None:
    assert personal_information.mask("甲 13800138000 乙") == "甲 138****8000 乙"
    assert personal_information.mask("甲乙") == "甲乙"
    assert find(personal_information.mask(FULL), {"id_card", "mobile", "bank_card", "uscc"}) == []


def test_a_broad_value_names_a_year_and_a_region() -> None:
    assert personal_information.generalise("身份证11010519491231002X") == "身份证〔1949年生，北京〕"
    assert personal_information.generalise("手机13800138000") == "手机138********"
    assert personal_information.generalise("住址：天津市南开区卫津路94号") == "住址：天津市南开区"


@given(st.integers(0, 10**6), st.sampled_from(KINDS), st.binary(min_size=8, max_size=32))
def test_a_pseudonym_is_always_the_same_and_never_anybodys(
    seed: int, kind: str, key: bytes
) -> None:
    value = personal_samples.VALUES[kind](random.Random(seed))
    made = personal_information.pseudonym(kind, value, key)
    assert made == personal_information.pseudonym(kind, value, key)
    assert made != personal_information.pseudonym(kind, value, key + b"2")
    assert value not in made
    assert kind not in [FAMILY.get(hit.kind, hit.kind) for hit in find(f"，{made}，", least=0)]
    assert not (kind == "id_card" and ric.is_valid(made))
    assert not (kind == "uscc" and uscc.is_valid(made))
    assert not (kind == "bank_card" and stdnum.luhn.is_valid(made))
    assert not (kind == "mobile" and phonenumbers.is_valid_number(phonenumbers.parse(made, "CN")))


@given(st.integers(0, 10**9), st.sampled_from(personal_information.TEXT_KINDS))
def test_what_was_changed_is_not_found_again(seed: int, kind: str) -> None:
    text = personal_samples.any_kind(random.Random(seed), kind)
    assume(find(text))
    for change in CHANGES:
        made = personal_information.changed(text, change)
        assert made != text and find(made) == [], (text, made)


def test_networks_and_surnames_remain_where_it_is_said_broadly() -> None:
    broad = personal_information.generalise
    assert broad("登录IP：123.118.20.77 失败") == "登录IP：123.118/16 失败"
    assert broad("IP 240e:3b1:1234:5678::1 登录") == "IP 240e:3b1/32 登录"
    assert broad("姓名：欧阳小明，男") == "姓名：〔欧阳姓〕，男"
    twice = broad(broad(FULL))
    assert twice == broad(FULL) and find(twice) == []


def test_nothing_is_found_where_pseudonyms_stand() -> None:
    made = personal_information.pseudonymise(FULL, KEY)
    assert find(made) == []
    assert len(find(FULL)) == 13


def test_a_fingerprint_is_of_the_value_and_of_the_key() -> None:
    one = personal_information.find_values("13800138000")[0][1]
    other = personal_information.find_values("手机：１３８－００１３－８０００")[0][1]
    made = personal_information.fingerprint("mobile", one, KEY)
    assert made == personal_information.fingerprint("mobile", other, KEY)
    assert made != personal_information.fingerprint("mobile", one, b"another")
    assert made != personal_information.fingerprint("landline", one, KEY)
    assert "138" not in repr(find("13800138000")[0]).replace("138****8000", "")


# --- As a step of a recipe -------------------------------------------------------------------


def stepped(text: str, **options: object) -> Outcome:
    operator = OPERATORS["text.personal_information"]
    given = {option.name: option.default for option in operator.options} | options
    assert operator.apply is not None
    apply = pickle.loads(pickle.dumps(operator.apply))
    (outcome,) = apply([Record(1, "text", text=text)], given)
    assert isinstance(outcome, Outcome)
    return outcome


def test_the_operator_masks_replaces_reports_or_leaves_out() -> None:
    text = "手机13800138000，邮箱 a1@b.cn"
    found = {"personal_information": {"email": 1, "mobile": 1}}
    assert stepped("没有") is SAME or stepped("没有") == SAME
    assert stepped(text) == Outcome(text="手机138****8000，邮箱 a***@b.cn", facts=found)
    assert stepped(text, action="report") == Outcome(facts=found)
    assert stepped(text, action="drop").reason == "personal_information"
    only_mail = stepped(text, kinds=["email"])
    assert only_mail.text == "手机13800138000，邮箱 a***@b.cn"
    assert stepped(text, least=0.99) == SAME


def test_the_operator_makes_pseudonyms_only_with_a_key() -> None:
    text = "手机13800138000；再拨13800138000"
    one = stepped(text, action="pseudonym", secret=KEY.hex()).text or ""
    first, second = one.split("；再拨")
    assert first == "手机" + second and find(one) == []
    assert stepped(text, action="pseudonym", secret=b"another".hex()).text != one
    assert stepped(text, action="pseudonym").text == "手机138****8000；再拨138****8000"
