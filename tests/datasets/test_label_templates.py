"""Templates, ours and Label Studio's: all are read, and described as Label Studio does it."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk._extensions.label_studio_tools.core.label_config import parse_config
from label_studio_sdk.label_interface import LabelInterface

from jinbiao.datasets import labels
from jinbiao.datasets.errors import Invalid

UI = Path(__file__).parent.parent.parent / "ui"
OURS = labels.TEMPLATES.values()


@pytest.fixture(scope="module")
def built_in(samples: Path) -> dict[str, Any]:
    """Give Label Studio's recorded answer about its templates."""
    path = samples.parent / "contracts/label-studio/045_templates.json"
    return dict(json.loads(path.read_text())["exchanges"][0]["response"]["body"])


def test_templates_show_chinese_and_store_codes() -> None:
    configs = {name: labels.parse(t.config) for name, t in labels.TEMPLATES.items()}
    board = configs["board_pair"].by_name["label"]
    assert board.labels == ("open", "short", "mousebite", "spur", "copper", "pin_hole")
    assert board.titles["open"] == "开路"
    assert configs["board_pair"].data_keys == ("image", "template")
    assert board.to_names == ("image",)


@pytest.mark.parametrize("template", OURS, ids=lambda each: each.name)
def test_a_template_is_whole(template: labels.Template) -> None:
    config = labels.parse(template.config)
    LabelInterface(template.config).validate()
    assert config.to_parsed() == parse_config(template.config)
    assert labels.LabelConfig.from_json(config.to_json()) == config
    assert config.unshown_tags == ()
    assert template.group in labels.GROUPS
    assert set(config.data_keys) <= template.data.keys()
    for key in config.data_keys:
        assert key in template.about_zh and key in template.about_en
    for control in config.controls:
        assert all(label.isascii() for label in control.labels)
        chinese = [re.search("[一-鿿]", title) for title in control.titles.values()]
        assert all(chinese), control.titles
    media = re.findall(r"/static/(samples/[\w.]+)", f"{template.image} {template.data}")
    assert media and all((UI / "static" / path).is_file() for path in media)


@pytest.mark.parametrize("template", OURS, ids=lambda each: each.name)
def test_no_hotkey_is_given_twice(template: labels.Template) -> None:
    keys = Counter(re.findall(r'hotkey="(.)"', template.config))
    assert [key for key, count in keys.items() if count > 1] == []


def test_the_gallery_has_label_studios_form(built_in: dict[str, Any]) -> None:
    gallery = labels.gallery()
    assert gallery.keys() == built_in.keys()
    forms = {tuple(sorted(template)) for template in built_in["templates"]}
    assert {tuple(sorted(template)) for template in gallery["templates"]} <= forms
    groups = [template["group"] for template in gallery["templates"]]
    assert list(dict.fromkeys(groups)) == gallery["groups"]
    assert len(groups) >= 24


def test_label_studios_own_templates_are_read_as_it_reads_them(built_in: dict[str, Any]) -> None:
    assert len(built_in["templates"]) == 69
    for template in built_in["templates"]:
        config = labels.parse(template["config"])
        assert config.to_parsed() == parse_config(template["config"]), template["title"]
        assert labels.LabelConfig.from_json(config.to_json()) == config
        assert labels.sample_task(config).keys() >= set(config.data_keys)


def test_sample_configurations_are_read(samples: Path) -> None:
    yaml = pytest.importorskip("yaml")
    found = 0
    for folder in ("label_studio", "label_studio_converter"):
        for path in sorted((samples / "formats" / folder).rglob("config.*")):
            xml = path.read_text()
            if path.suffix == ".yml":
                xml = yaml.safe_load(xml)["config"]
            config = labels.parse(xml)
            assert config.to_parsed() == parse_config(xml), path
            found += 1
    assert found >= 40


def _damaged(config: str, dice: random.Random) -> Iterator[str]:
    """Yield versions of a configuration with one attribute or element changed."""
    attributes = [match.span() for match in re.finditer(r'\s\w+="[^"]*"', config)]
    for start, end in dice.sample(attributes, min(12, len(attributes))):
        yield config[:start] + config[end:]
        yield config[:start] + re.sub('".*"', '""', config[start:end]) + config[end:]
        yield config[:start] + re.sub('".*"', '"zz"', config[start:end]) + config[end:]
    for match in dice.sample(tags := list(re.finditer(r"<\w[^>]*/>", config)), min(6, len(tags))):
        yield config[: match.start()] + config[match.end() :]
        yield config[: match.start()] + 2 * match[0] + config[match.end() :]


def test_what_we_take_label_studio_takes(built_in: dict[str, Any]) -> None:
    dice = random.Random(7)
    taken = refused = 0
    whole = [t["config"] for t in built_in["templates"]] + [t.config for t in OURS]
    for config in whole:
        # Its name checks read the comments too, ours do not.
        for changed in _damaged(re.sub("<!--.*?-->", "", config, flags=re.S), dice):
            try:
                labels.parse(changed)
            except Invalid:
                refused += 1
                continue
            taken += 1
            LabelInterface(changed).validate()
    assert taken > 1000 and refused > 500


def test_sample_tasks_speak_chinese_and_fit_every_object() -> None:
    config = labels.parse(
        '<View><Image name="i" value="$pic"/><Text name="t" value="$order.text"/>'
        '<Repeater on="$pages" indexFlag="{{idx}}"><Image name="p_{{idx}}" '
        'value="$pages[{{idx}}].url"/></Repeater><Paragraphs name="d" value="$d" nameKey="who"/>'
        '<Choices name="c" toName="t" value="$options"/></View>'
    )
    task = labels.sample_task(config)
    assert task["pic"] == task["pages"][0]["url"] == "/static/samples/part.svg"
    assert re.search("[一-鿿]", task["order"]["text"])
    assert task["d"][0].keys() == {"who", "text"}
    assert [option["value"] for option in task["options"]] == ["选项一", "选项二", "选项三"]
