"""The Chinese words: every message has them, and they say the same things."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

UI = Path(__file__).resolve().parents[2] / "ui"
BUILD = UI / "build" / "words.py"
PLACEHOLDER = re.compile(r"%%?\(\w+\)[sd]|%%")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Words that are the same in both languages.
SAME: set[str] = set()


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_words", BUILD)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found() -> Catalog:
    """Give what the code and the templates say."""
    catalog: Catalog = load().collect()
    return catalog


@pytest.fixture(scope="module")
def words() -> Catalog:
    """Give the Chinese words."""
    catalog: Catalog = load().read()
    return catalog


def messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def forms(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [each or "" for each in value]


def test_every_message_of_the_code_has_chinese(found: Catalog, words: Catalog) -> None:
    assert len(messages(found)) > 300
    missing = [
        message.id
        for message in messages(found)
        if (there := words.get(message.id)) is None or not all(forms(there.string))
    ]
    assert not missing, "run ui/build/words.py --collect, then translate"


def test_no_chinese_stays_for_a_message_that_is_gone(found: Catalog, words: Catalog) -> None:
    gone = [message.id for message in messages(words) if found.get(message.id) is None]
    assert not gone, "run ui/build/words.py --collect"


def test_the_placeholders_are_those_of_the_english(words: Catalog) -> None:
    different = [
        message.id
        for message in messages(words)
        for text in forms(message.string)
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(forms(message.id)[-1]))
    ]
    assert not different


def test_the_chinese_is_chinese(words: Catalog) -> None:
    strange = [
        message.id
        for message in messages(words)
        for text in forms(message.string)
        if forms(message.id)[0] not in SAME and not CHINESE.search(text)
    ]
    assert not strange


def test_chinese_and_latin_have_a_space_between_them(words: Catalog) -> None:
    tight = [
        text
        for message in messages(words)
        for text in forms(message.string)
        if re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", text)
        and not re.search(r"%%?\(\w+\)s[\u4e00-\u9fff]", text)
    ]
    assert not tight


def test_the_compiled_words_are_quick_to_make_again() -> None:
    subprocess.run([sys.executable, str(BUILD)], check=True, timeout=60)
    begun = time.perf_counter()
    subprocess.run([sys.executable, str(BUILD)], check=True, timeout=60)
    assert time.perf_counter() - begun < 2
    assert (UI / "words" / "zh" / "LC_MESSAGES" / "messages.mo").is_file()
