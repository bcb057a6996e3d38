"""Labelling configurations are read strictly, without the SDK, and stored without loss."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets import labels
from jinbiao.datasets.errors import Damaged, TooLarge
from jinbiao.tests.datasets.label_examples import BOXES, problems_of


@pytest.fixture(scope="module")
def shared(samples: Path) -> Path:
    """Give the folder that holds samples and contracts."""
    return samples.parent


def test_importing_and_checking_never_load_the_sdk() -> None:
    code = (
        "import sys; from jinbiao.datasets import labels;"
        "c = labels.LabelConfig.from_json(sys.argv[1]);"
        "labels.check_result(c, []); assert 'label_studio_sdk' not in sys.modules"
    )
    stored = labels.parse(BOXES).to_json()
    subprocess.run([sys.executable, "-c", code, stored], check=True, timeout=60)


def test_a_configuration_is_read() -> None:
    config = labels.parse(BOXES)
    assert config.by_name["label"].labels == ("Car", "Person", "Defect")
    assert config.by_name["label"].to_names == ("image",)
    assert [(o.name, o.tag, o.value) for o in config.objects] == [("image", "Image", "image")]
    assert config.data_keys == ("image",)
    assert config.all_labels == ("Car", "Person", "Defect")


def test_parsed_shape_is_label_studios(shared: Path) -> None:
    for name in ("027_projects_create", "032_projects_create_ner"):
        recording = json.loads((shared / f"contracts/label-studio/{name}.json").read_text())
        body = recording["exchanges"][0]["response"]["body"]
        assert labels.parse(body["label_config"]).to_parsed() == body["parsed_label_config"]


def test_hostile_configurations_are_refused(shared: Path) -> None:
    paths = sorted((shared / "samples/hostile/label_configs").iterdir())
    assert len(paths) >= 5
    for path in paths:
        assert problems_of(path.read_text()), path.name


def test_every_problem_is_told_with_its_place(shared: Path) -> None:
    path = shared / "samples/hostile/label_configs/dup_names.xml"
    assert problems_of(path.read_text()) == [
        "line 1 <RectangleLabels>: the name x is used twice",
        "line 1 <RectangleLabels>: toName=\"missing\" not found in names: ['x']",
        "line 1 <Label>: the label A is there twice",
        "line 1 <Label>: the label is empty",
    ]


TEXT = '<Text name="t" value="$text"/>'


CHOICES = '<Choices name="c" toName="t"><Choice value="a"/></Choices>'


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "not well-formed"),
        ("<View><Text", "not well-formed"),
        (f"<!DOCTYPE View><View>{TEXT}{CHOICES}</View>", "DOCTYPE"),
        (f"<View>{TEXT}{CHOICES}<Foo/></View>", "no tag Foo"),
        (f"<View>{TEXT}{CHOICES}<script>alert(1)</script></View>", "run scripts"),
        (f"<View>{TEXT}{CHOICES}<ReactCode name='r' value='$r'>1+1</ReactCode></View>", "scripts"),
        (f"<View>{TEXT}{CHOICES}<ReactCode name='r' src='/x.js'/></View>", "run scripts"),
        (f"<View>{TEXT}</View>", "no tag makes labels"),
        ("<View><Header value='x'/></View>", "no tag shows data"),
        (f"<View>{TEXT}{CHOICES.replace('Choices', 'RectangleLabels')}</View>", "cannot mark t"),
        (f"<View>{TEXT}<Choices name='c' toName='zz'><Choice value='a'/></Choices></View>", "zz"),
        (f"<View>{TEXT}{CHOICES}<Choices name='d' toName='c'><Choice value='a'/></Choices></View>",
         "not a tag that shows data"),
        (f"<View>{TEXT}{CHOICES}{CHOICES}</View>", "used twice"),
        (f"<View>{TEXT}<Labels name='l' toName='t'></Labels></View>", "no labels"),
        (f"<View onclick='alert(1)'>{TEXT}{CHOICES}</View>", "event handlers"),
        (f"<View ONLOAD='alert(1)'>{TEXT}{CHOICES}</View>", "event handlers"),
        (f"<View>{TEXT}{CHOICES}<Header value=' java&#9;script:x'/></View>", "runs a script"),
        (f"<View style='background:u\\72l(//evil.invalid)'>{TEXT}{CHOICES}</View>", "elsewhere"),
        (f"<View><Style>@import '//evil.invalid'</Style>{TEXT}{CHOICES}</View>", "elsewhere"),
        (f"<View>{TEXT}<Choices name='c' toName='t'><Choice value='a' "
         "html='&lt;img src=x onerror=alert(1)&gt;'/></Choices></View>", "HTML"),
        (f"<View>{TEXT}{CHOICES}<HyperText name='h' value='&lt;iframe src=x&gt;'/></View>", "HTML"),
        (f"<View>{TEXT}{CHOICES}<Markdown>&lt;script&gt;</Markdown></View>", "HTML"),
        ("<View><Image name='t' value='http://x.invalid/a.png'/>" + CHOICES + "</View>", "$key"),
        (f"<View>{TEXT}{CHOICES}<Image name='i' value='$a' valueList='$b'/></View>", "both"),
        (f"<View>{TEXT}{CHOICES}<TextArea name='a'/></View>", "toName is missing"),
        (f"<View>{TEXT}<Labels name='l' toName='t'><Label alias='x'/></Labels></View>", "no value"),
        (f"<View>{TEXT}<Pairwise name='p' toName='t,t'/></View>", "exactly two"),
        (f"<View>{TEXT}{CHOICES}<Label value='x'/></View>", "not inside a control"),
        (f"<View>{TEXT}{CHOICES}<?php x?></View>", "processing instruction"),
        ("<View>" * 70 + TEXT + CHOICES + "</View>" * 70, "deeper"),
        (f"<View>{TEXT}{CHOICES}<Video name='v' value='$v' minPlaybackSpeed='99'/></View>",
         "minPlaybackSpeed must be"),
        ("<View>\ud800</View>", "not Unicode"),
    ],
)  # fmt: skip
def test_what_the_sdk_misses_is_refused(xml: str, reason: str) -> None:
    assert any(reason in problem for problem in problems_of(xml)), problems_of(xml)


def test_a_huge_configuration_is_refused() -> None:
    with pytest.raises(TooLarge):
        labels.parse("<View>" + " " * labels.MAX_BYTES + "</View>")


def test_comments_and_an_encoding_declaration_are_harmless() -> None:
    xml = f'<?xml version="1.0" encoding="gbk"?><View><!-- {TEXT} -->{TEXT}{CHOICES}</View>'
    assert labels.parse(xml).by_name["c"].labels == ("a",)


def test_three_hundred_chinese_labels_with_quotes() -> None:
    values = [f"缺陷“{i}”'\"<&>号" for i in range(300)]
    items = "".join(f"<Label value={quoteattr(value)}/>" for value in values)
    xml = f"<View><Image name='i' value='$i'/><RectangleLabels name='l' toName='i'>{items}"
    config = labels.parse(xml + "</RectangleLabels></View>")
    assert config.by_name["l"].labels == tuple(values)
    assert labels.LabelConfig.from_json(config.to_json()) == config


def test_stored_configurations_that_are_damaged_say_so() -> None:
    for text in ("", "[]", "{}", '{"controls": [{}], "objects": [], "relations": []}'):
        with pytest.raises(Damaged):
            labels.LabelConfig.from_json(text)


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


pairs = st.lists(st.tuples(names, names), max_size=3).map(tuple)


@st.composite
def configs(draw: st.DrawFn) -> labels.LabelConfig:
    values = tuple(draw(st.lists(names, unique=True, max_size=5)))
    attributes = tuple(draw(pairs) for _ in values)
    control = labels.Control(
        draw(names), "Labels", ("t",), values, attributes, draw(pairs), draw(st.booleans())
    )
    item = labels.DataObject("t", "Text", draw(names), draw(st.none() | names))
    return labels.LabelConfig((control,), (item,), tuple(draw(st.lists(names, max_size=2))))


@given(configs())
def test_storing_a_configuration_loses_nothing(config: labels.LabelConfig) -> None:
    assert labels.LabelConfig.from_json(config.to_json()) == config


def test_a_draft_has_nothing_yet() -> None:
    config = labels.parse("<View></View>")
    assert (config.controls, config.objects, config.data_keys) == ((), (), ())
    assert (config.to_parsed(), config.control_weights()) == ({}, {})
    assert problems_of("<View onclick='x'></View>")
    assert problems_of("<View>words</View>")


def test_addresses_and_deep_values_name_their_keys() -> None:
    config = labels.parse(
        "<View><Image name='i' value='https://pictures.example/$folder/$name'/>"
        "<Text name='t' value='$order.text'/><Text name='w' value='costs $5'/>"
        "<Choices name='c' toName='w'><Choice value='a'/></Choices></View>"
    )
    assert config.data_keys == ("folder", "name", "order")


def test_tags_that_only_the_paid_editor_shows_are_taken_and_named() -> None:
    config = labels.parse("<View><Chat name='chat' value='$chat'/></View>")
    assert config.unshown_tags == ("Chat",)
    assert config.to_parsed() == {}
    message = {"role": "user", "content": "你好", "createdAt": 1710000000000}
    region = {"id": "m", "from_name": "chat", "to_name": "chat", "type": "chatmessage"}
    good = {**region, "value": {"chatmessage": message}}
    assert labels.check_result(config, [good]) == []
    bad = {**region, "value": {"chatmessage": {"role": "user"}}}
    (problem,) = labels.check_result(config, [bad])
    assert problem.place == "result[0].value.chatmessage.content"


def test_an_entity_bomb_of_five_megabytes_is_answered_at_once() -> None:
    bomb = '<!DOCTYPE v [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><View>' + "&b;" * 1_700_000
    begun = time.perf_counter()
    with pytest.raises(TooLarge):
        labels.parse(bomb + "</View>")
    assert time.perf_counter() - begun < 0.5


def test_a_configuration_is_parsed_in_a_moment() -> None:
    # The quickest of twenty: the machine may be doing something else meanwhile.
    assert min(seconds_of_one_parse() for _turn in range(20)) < 0.002


def seconds_of_one_parse() -> float:
    begun = time.perf_counter()
    labels.parse(BOXES)
    return time.perf_counter() - begun


OTHER = BOXES.replace('<Label value="Person" background="red"/>', "")


@pytest.mark.parametrize(
    ("new", "changed"),
    [
        (BOXES, False),
        (BOXES.replace("blue", "green"), False),
        (BOXES.replace('value="Car"', 'value="小车" alias="Car"'), False),
        (BOXES.replace("<Label", '<Label value="More"/><Label', 1), False),
        (OTHER, True),
        (BOXES.replace("$image", "$picture"), True),
        (BOXES.replace("RectangleLabels", "EllipseLabels"), True),
        (BOXES.replace('name="p"', 'name="q"'), True),
        ("<View></View>", True),
    ],
)
def test_an_essential_change_loses_what_answers_need(new: str, changed: bool) -> None:
    assert labels.essential_change(labels.parse(BOXES), labels.parse(new)) is changed


def test_control_weights_are_label_studios(shared: Path) -> None:
    for name in ("027_projects_create", "028_projects_create_minimal", "032_projects_create_ner"):
        recording = json.loads((shared / f"contracts/label-studio/{name}.json").read_text())
        body = recording["exchanges"][0]["response"]["body"]
        assert labels.parse(body["label_config"]).control_weights() == body["control_weights"]
