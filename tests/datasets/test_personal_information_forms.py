"""Personal information as letterheads, forms and queries write it, and what only looks like it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from jinbiao.datasets import personal_information
from jinbiao.datasets.personal_information import check_digits, find
from jinbiao.tests.datasets import personal_samples

KINDS = ("landline", "name", "hk_mo_permit", "passport", "email", "ipv6")


def shown(text: str) -> list[tuple[str, str]]:
    return [(hit.kind, text[hit.start : hit.end]) for hit in find(text)]


# --- Telephones with the code of the country ------------------------------------------------


@pytest.mark.parametrize(
    ("text", "raw", "masked"),
    [
        ("+86-22-23456789", "+86-22-23456789", "022-****6789"),
        ("+86 22 23456789", "+86 22 23456789", "022-****6789"),
        ("0086-22-23456789", "0086-22-23456789", "022-****6789"),
        ("Tel: +86 10 6552 9988", "+86 10 6552 9988", "010-****9988"),
        ("+862223456789", "+862223456789", "022-****6789"),
        ("传真 86-371-67778888。", "86-371-67778888", "0371-****8888"),
        ("＋８６－２２－２３４５６７８９", "＋８６－２２－２３４５６７８９", "022-****6789"),
        ("+86 (0)22 2345 6789", "+86 (0)22 2345 6789", "022-****6789"),
        ("电话：+86（022）23456789转3", "+86（022）23456789", "022-****6789"),
        ("0086 (22) 2345-6789", "0086 (22) 2345-6789", "022-****6789"),
        ("+86-022-23456789", "+86-022-23456789", "022-****6789"),
        ("+86-22-23456789-801", "+86-22-23456789", "022-****6789"),
    ],
)
def test_a_landline_is_found_with_the_code_of_the_country(text: str, raw: str, masked: str) -> None:
    (hit,) = find(text)
    assert (hit.kind, text[hit.start : hit.end], hit.masked) == ("landline", raw, masked)


def test_a_landline_has_one_value_however_it_is_dialled() -> None:
    ways = ("022-23456789", "+86 22 23456789", "0086-22-23456789", "+86 (022) 2345 6789")
    values = {personal_information.find_values(f"电话：{way}")[0][1] for way in ways}
    assert values == {"02223456789"}


@pytest.mark.parametrize(
    "text",
    [
        "86 22 23456789 15", "12 86 22 23456789", "86 22 23456789", "版本 86.22.2345.6789",
        "862223456789", "编号 86-22-23456789", "订单号：86-22-23456789", "x+862223456789",
        "+862223456789.5", "+86-22-13456789", "+86-22-2345678", "0086 22 23456789 15",
        "186(22)23456789", "IMEI 86037167778888", "+87-22-23456789", "86(1234567890)",
    ],
)  # fmt: skip
def test_figures_that_begin_with_86_are_no_landlines(text: str) -> None:
    assert find(text) == []


# --- Full width -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "raw", "masked"),
    [
        ("坐标：３９．０８４１５８，１１７．２００９８３", "precise_location",
         "３９．０８４１５８，１１７．２００９８３", "39.08,117.20"),
        ("lat=39.084158&lon=117.200983", "precise_location",
         "39.084158&lon=117.200983", "39.08,117.20"),
        ("?user_lng=117.200983&user_lat=39.084158&z=3", "precise_location",
         "117.200983&user_lat=39.084158", "117.20,39.08"),
        ("主机：２４０８：８０００：１２３４：：１，", "ipv6",
         "２４０８：８０００：１２３４：：１", "2408:8000:****"),
        ("IP：2408:8000:1234::1", "ipv6", "2408:8000:1234::1", "2408:8000:****"),
        ("ip:2408:8000:1234::1", "ipv6", "2408:8000:1234::1", "2408:8000:****"),
        ("ｚｈａｎｇ．ｓａｎ＠ｔｊ．ｇｏｖ．ｃｎ，", "email",
         "ｚｈａｎｇ．ｓａｎ＠ｔｊ．ｇｏｖ．ｃｎ", "z***@tj.gov.cn"),
        ("ｌｉ＿ｓｉ@163.com", "email", "ｌｉ＿ｓｉ@163.com", "l***@163.com"),
    ],
)  # fmt: skip
def test_full_width_and_queries_are_read_as_the_others(
    text: str, kind: str, raw: str, masked: str
) -> None:
    (hit,) = find(text)
    assert (hit.kind, text[hit.start : hit.end], hit.masked) == (kind, raw, masked)


@pytest.mark.parametrize(
    "text",
    [
        "温度３９．０８４１５８，１１７．２００９８３", "latency=39.084158&loss=117.200983",
        "lat=39.084158&longevity=117.200983", "位置偏差=39.084158&均值=117.200983",
        "时间：１２：３０：４５：００", "比例１：２：：３", "１：２：３：４：５：６：７：８",
        "ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ", "型号Ａ＠Ｂ", "甲：：乙：：丙：：",
    ],
)  # fmt: skip
def test_full_width_figures_that_only_look_like_it_are_left_alone(text: str) -> None:
    assert find(text) == []


# --- Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("姓　名：张三", "张三"), ("姓 名：张三", "张三"), ("联 系 人：李四，", "李四"),
        ("申 请 人 : 王五", "王五"), ("法　定　代　表　人：欧阳小明", "欧阳小明"),
        ("姓名：买买提·阿不都", "买买提·阿不都"), ("姓名：艾力·买买提，男", "艾力·买买提"),
        ("联系人：买买提·阿不都性别男", "买买提·阿不都"), ("姓名：阿依努尔", "阿依努尔"),
        ("姓名：阿依努尔 女", "阿依努尔"), ("学生：白玛央金，", "白玛央金"),
        ("姓名：苏日娜", "苏日娜"), ("客户：约翰·史密斯", "约翰·史密斯"),
        ("姓名,张三", "张三"), ('编号,1\n"姓名","张三"\n性别,男', "张三"),
        ("name=张三", "张三"), ('{"name": "王小明"}', "王小明"), ("real_name：李四", "李四"),
        ("name=王国强", "王国强"), ("姓名：张家豪", "张家豪"), ("user.name=张三", "张三"),
        ("?userName=欧阳小明&age=3", "欧阳小明"), ('"{\\"name\\": \\"张三\\"}"', "张三"),
    ],
)  # fmt: skip
def test_a_name_is_found_as_forms_and_fields_write_it(text: str, name: str) -> None:
    assert shown(text) == [("name", name)]


@pytest.mark.parametrize(
    "text",
    [
        "姓名：见附件", "姓名：无", "姓 名：无", "姓　名：", "姓 名：（签字）", "姓名：不详",
        "姓名：必填", "姓名：未填写", "姓名：保密", "姓名：全部", "姓名：一年级·二班",
        "客户：天津·滨海新区", "客户：阿里巴巴", "收件人：诺基亚", "姓名：单位：天津大学",
        "姓名 单位 电话", "学 生 高兴", "本 人 高兴", "姓名：阿依努尔是一位老师和演员",
        "姓名,单位,电话", "姓名,成绩", "姓名,性别", "姓名,张三丰先生讲话", "见姓名,高于平均",
        "name=温度", "name=张力", "name=石家庄", "filename=张三.txt", "file_name=张三",
        "product.name=李四", "name=张三丰公司", '"name": "陈列室"', "name=测试", "name：方案一",
        "姓名：阿里云", "name=张家口", "name=王国", "客户,金额", "username=admin",
    ],
)  # fmt: skip
def test_what_stands_where_a_name_might_is_none(text: str) -> None:
    assert find(text) == []


def test_a_name_without_a_surname_has_none_to_tell() -> None:
    broad = personal_information.generalise
    assert broad("姓名：买买提·阿不都，男") == "姓名：〔略〕，男"
    assert broad("姓　名：张三") == "姓　名：〔张姓〕"
    assert personal_information.mask("姓名：阿依努尔") == "姓名：阿***"


# --- Permits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "raw"),
    [
        ("台胞证号：12345678", "hk_mo_permit", "12345678"),
        ("台胞证 12345678，", "hk_mo_permit", "12345678"),
        ("臺胞證號碼：０１２３４５６７", "hk_mo_permit", "０１２３４５６７"),
        ("台湾居民来往大陆通行证（台胞证）号码 01234567", "hk_mo_permit", "01234567"),
        ("台胞证号码：20010304", "hk_mo_permit", "20010304"),
        ("外国人永久居留身份证：911124198108030024", "id_card", "911124198108030024"),
        ("持91112419810803 0024办理", "id_card", "91112419810803 0024"),
        ("passport no E12345678", "passport", "E12345678"),
        ("Passport No. EA1234567, issued", "passport", "EA1234567"),
        ("护照号码 no E12345678", "passport", "E12345678"),
    ],
)
def test_permits_are_found_beside_their_words(text: str, kind: str, raw: str) -> None:
    assert shown(text) == [(kind, raw)]


@pytest.mark.parametrize(
    "text",
    [
        "12345678", "通行证号：12345678", "港澳通行证编号：12345678", "台胞证：123456789",
        "台胞证20241120办理", "台胞证：20241120", "台胞证：2024-11-20", "台胞证12345678份",
        "台胞证号：12345678-90", "台胞证办理电话：12345678", "911124198108030025",
        "订单号911124198108030024", "911124198113030024", "911156198108030024",
        "passport part X-E12345678", "passport now 123456789", "passport no",
    ],
)  # fmt: skip
def test_numbers_that_only_look_like_permits_are_left_alone(text: str) -> None:
    assert find(text) == []


def test_the_card_of_a_foreigner_has_the_check_digit_of_identity_cards() -> None:
    digits = "0123456789X"
    right = {each for each in digits if check_digits.is_foreign_id("91112419810803002" + each)}
    assert right == {"4"}
    said = personal_information.generalise("身份证911124198108030024")
    assert said == "身份证〔1981年生，北京〕"
    assert personal_information.mask("身份证911124198108030024") == "身份证911124********0024"


# --- Recall, precision, time ----------------------------------------------------------------


def test_new_forms_are_found_and_look_alikes_are_not() -> None:
    draw = random.Random(20241121)
    for kind, write in personal_samples.FORMS.items():
        samples = [write(draw) for _ in range(500)]
        found = [sample for sample in samples if (sample.kind, raw(sample)) in shown(sample.text)]
        others = [sample for sample in samples if len(find(sample.text)) > 1]
        assert len(found) >= 0.98 * len(samples), kind
        assert len(others) <= 0.02 * len(samples), kind
    alike = personal_samples.look_alikes(20241121, 3000)
    wrong = [sample.text for sample in alike if find(sample.text, KINDS)]
    assert len(wrong) <= 0.005 * len(alike), wrong[:5]


def raw(sample: personal_samples.Sample) -> str:
    return sample.text[sample.start : sample.end]


def test_new_forms_are_not_found_again_once_changed() -> None:
    draw, key = random.Random(7), b"a key of this test"
    for write in personal_samples.FORMS.values():
        for _ in range(60):
            text = write(draw).text
            for made in (
                personal_information.mask(text),
                personal_information.generalise(text),
                personal_information.pseudonymise(text, key),
            ):
                assert made != text and find(made) == [], (text, made)


HOSTILE: dict[str, Callable[[], str]] = {
    "codes of the country": lambda: "+86 " * 250_000,
    "brackets": lambda: "86(" * 330_000,
    "landlines begun": lambda: "+86-22-2345678" * 70_000,
    "full-width colons": lambda: "：" * 1_000_000,
    "full-width hexadecimal": lambda: "ａ：" * 500_000,
    "full-width addresses begun": lambda: "ａ＠ａ．" * 250_000,
    "queries": lambda: "lat=39.12345&lon" * 60_000,
    "gaps": lambda: "姓　　　　" * 200_000,
    "labels": lambda: "姓　名：" * 250_000,
    "syllables": lambda: "姓名：" + "阿依努尔" * 250_000,
    "dots": lambda: "姓名：" + "阿·" * 500_000,
    "labels and syllables": lambda: "姓名：阿依努尔·" * 120_000,
    "fields": lambda: "name=张三" * 150_000,
    "commas": lambda: "姓名,张" * 250_000,
    "permits": lambda: "台胞证" * 330_000,
    "permits and digits": lambda: "台胞证1234567" * 100_000,
    "passports and letters": lambda: "护照A1 B2 C3 D4 E5 F6" * 45_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_form_takes_long(name: str) -> None:
    text = HOSTILE[name]()
    begun = time.process_time()
    find(text)
    assert time.process_time() - begun < 4, "a million characters take seconds at most"
