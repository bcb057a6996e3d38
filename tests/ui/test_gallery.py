"""The templates' gallery on the page for a new project: groups, search, choice, live preview."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from jinbiao.datasets import labels
from jinbiao.tests.ui.conftest import ROOT, Running

pytestmark = pytest.mark.browser
PASSWORD = "correct horse 7"
PICTURES = ROOT / "tests" / "output"


@pytest.fixture(scope="module")
def page(browser: Browser, running: Running) -> Iterator[Page]:
    """Open the form as a company's requester."""
    running.person("planner", "requester", PASSWORD)
    size: Any = {"width": 1440, "height": 900}
    context = browser.new_context(base_url=running.url, locale="zh-CN", viewport=size)
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("input[name=username]", "planner")
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    expect(page.locator("input[name=password]:not([name=old])")).to_have_count(0)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def broken(page: Page) -> Iterator[None]:
    """Begin with a fresh form; fail when a script or the page's policy broke."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.goto("/projects/new")
    yield
    assert found == []


def shown(page: Page) -> list[str]:
    """Return the names of the templates that can be seen."""
    cards = page.locator(".gallery [name=template]").all()
    return [str(card.get_attribute("value")) for card in cards if card.is_visible()]


def test_templates_stand_in_groups_manufacturing_first(page: Page) -> None:
    groups = page.locator(".gallery-group legend").all_inner_texts()
    assert groups == [chinese for chinese, _english in labels.GROUPS.values()]
    assert shown(page) == list(labels.TEMPLATES)
    expect(page.locator(".gallery label").first).to_contain_text("Board defects")
    page.screenshot(path=PICTURES / "gallery.png", full_page=True)


def test_words_of_either_language_find_templates(page: Page) -> None:
    search = page.locator("#template_search")
    search.fill("仪表")
    assert shown(page) == ["nameplate_text", "meter_reading", "document_kinds"]
    search.fill("sound machine")
    assert shown(page) == ["machine_sounds"]
    search.fill("没有这样的模板")
    assert shown(page) == []
    expect(page.locator("[data-none]")).to_be_visible()
    search.fill("")
    assert len(shown(page)) == len(labels.TEMPLATES)


def test_a_chosen_template_fills_the_form_and_its_preview(page: Page) -> None:
    page.locator("[name=template][value=meter_reading]").check()
    config = labels.TEMPLATES["meter_reading"].config
    expect(page.locator("#label_config")).to_have_value(config)
    page.locator("details[data-preview] summary").click()
    editor = page.frame_locator(".preview-frame")
    expect(editor.get_by_text("指针尖端")).to_be_visible(timeout=20_000)
    page.locator("details[data-preview]").screenshot(path=PICTURES / "gallery-preview.png")


def test_the_gallery_fits_a_telephone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=PICTURES / "gallery-390.png", full_page=True)


def test_hotkeys_that_will_not_work_are_said_while_they_are_written(page: Page) -> None:
    warned = page.locator("[data-key-warnings]")
    area = page.locator("#label_config")
    expect(warned).to_be_hidden()
    area.fill(
        '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">'
        '<Label value="划痕" hotkey="s"/><Label value="凹坑" hotkey="ctrl+w"/>'
        '<Label value="缺口" hotkey="s"/></RectangleLabels></View>'
    )
    expect(warned).to_be_visible()
    expect(warned.locator("li")).to_have_count(2)
    expect(warned).to_contain_text("凹坑 (ctrl+w)")
    page.screenshot(path=PICTURES / "gallery-keys.png", full_page=True)
    # A configuration that cannot be read yet has no warnings of its own.
    area.press_sequentially("<")
    expect(warned).to_be_hidden()
    area.press("Backspace")
    expect(warned.locator("li")).to_have_count(2)
    page.once("dialog", lambda question: question.accept())
    page.locator("[name=template][value=meter_reading]").check()
    expect(warned).to_be_hidden()
