"""A newcomer's day in a real browser: from raw pictures to a public dataset page."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from jinbiao.datasets import boards, catalogue
from jinbiao.tests.factories import FACTS
from jinbiao.tests.ui.conftest import ROOT, Running, editor

pytestmark = pytest.mark.browser

PASSWORD = "correct horse 电池"
CLASSES = ("开路", "短路", "缺口", "毛刺", "余铜", "针孔")
OUTPUT = ROOT / "tests" / "output"


@pytest.fixture
def faults() -> list[str]:
    """Collect what the browser complains of: script errors and policy violations."""
    return []


@pytest.fixture
def page(browser: Browser, running: Running, faults: list[str]) -> Iterator[Page]:
    """Open a page of 1440 × 900 in Chinese; a fault in its console fails the test."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="zh-CN", base_url=running.url
    )
    opened = context.new_page()
    opened.set_default_timeout(20_000)

    def note(message: ConsoleMessage) -> None:
        # "No task is left" is an answer of 404, which the browser notes as an error.
        if message.type == "error" and "/next" not in message.location["url"]:
            faults.append(f"{message.text} ({message.location['url']})")

    opened.on("console", note)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    shot(opened, "last")
    context.close()
    assert not faults


def archive_of_boards(number: int) -> bytes:
    """Return a ZIP of drawn board pairs, named as the importer pairs them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for index in range(number):
            pair = boards.draw_pair(5, index)
            archive.writestr(f"一号产线/{pair.name}_test.jpg", pair.image)
            archive.writestr(f"一号产线/{pair.name}_temp.jpg", pair.template)
        archive.writestr("一号产线/坏图_test.jpg", b"not a picture")
        archive.writestr("一号产线/坏图_temp.jpg", b"not a picture")
    return content.getvalue()


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in through the form."""
    page.goto("/sign-in")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.click("main form button[type=submit]")
    expect(page.locator("input[name=password]:not([name=old])")).to_have_count(0)


def sign_out(page: Page) -> None:
    """Forget who is signed in."""
    page.context.clear_cookies()


def wait_for_job(page: Page) -> None:
    """Wait until the job card that is shown has ended well."""
    expect(page.locator("[data-state=done]").first).to_be_visible(timeout=60_000)


def ready(page: Page) -> None:
    """Wait until the workbench shows a task."""
    expect(page.locator("#workbench[data-state=ready]")).to_have_count(1, timeout=30_000)


def gone(page: Page, task: str | None) -> None:
    """Wait until the workbench has left a task."""
    left = f"#workbench:not([data-task='{task}']), #workbench[data-state=empty]"
    expect(page.locator(left)).to_have_count(1, timeout=30_000)


def shot(page: Page, name: str) -> Path:
    """Keep a screenshot beside the tests' other output."""
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / f"{name}.png"
    page.screenshot(path=str(path))
    return path


def test_the_whole_chain_from_the_pages(page: Page, running: Running) -> None:
    # The administrator's one-time password leads to the page that changes it.
    page.goto("/sign-in")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", running.admin_password)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/account")
    running.person("li", "annotator", PASSWORD)
    running.person("wang", "reviewer", PASSWORD)
    running.person("agency", "requester", PASSWORD)
    sign_out(page)

    # The requester makes a project from a template and uploads a ZIP.
    sign_in(page, "agency", PASSWORD)
    page.goto("/projects/new")
    page.fill("input[name=title]", "一号产线电路板")
    page.locator("[name=template][value=board_pair], [data-template=board_pair]").first.click()
    page.click("main form button[type=submit]")
    page.wait_for_url(re.compile(r"/projects/\d+$"))
    project = int(page.url.rsplit("/", 1)[1])
    page.goto(f"/projects/{project}/import")
    page.set_input_files(
        "input[type=file]",
        {"name": "boards.zip", "mimeType": "application/zip", "buffer": archive_of_boards(3)},
    )
    page.click("main form button[type=submit]")
    page.wait_for_url("**/jobs/*")
    wait_for_job(page)
    expect(page.locator("main")).to_contain_text("坏图")

    # The model labels first, every task: none is left without by lot.
    page.goto(f"/projects/{project}/benefit")
    page.fill("#prelabel_control_percent", "0")
    with page.expect_navigation():
        page.locator("form[action$='/benefit'] button[type=submit]").click()
    page.goto(f"/projects/{project}/models")
    page.locator(".kinds a[href$='/golden_difference']").click()
    page.wait_for_url("**/new/golden_difference")
    page.locator("form[action$='/models'] button[type=submit]").click()
    page.wait_for_url("**/models")
    page.locator("#models form[action$='/predict'] button").first.click()
    page.wait_for_url("**/jobs/*")
    wait_for_job(page)
    shot(page, "job")
    sign_out(page)

    label_all(page, project)
    review_all(page, project)
    publish(page, project)
    look_at_the_catalogue(page)


def label_all(page: Page, project: int) -> None:
    """Label three tasks as the annotator: every box gets a class, then submit."""
    sign_in(page, "li", PASSWORD)
    page.goto(f"/projects/{project}/label")
    editor = page.frame_locator("iframe[data-editor]")
    for number in range(3):
        expect(editor.locator(".lsf-controls")).to_be_visible(timeout=30_000)
        ready(page)
        classify_all(page)
        if number == 1:
            path = shot(page, "workbench")
            if os.environ.get("JINBIAO_UPDATE_SCREENSHOT"):
                with Image.open(path) as picture:
                    small = picture.convert("RGB").quantize(128)
                small.save(ROOT / "docs" / "images" / "workbench.png", optimize=True)
        task = page.locator("#workbench").get_attribute("data-task")
        if number == 2:
            reopen(page, project, task)
        page.keyboard.press("Control+Enter")
        gone(page, task)
    expect(page.locator("[data-empty]")).to_be_visible()
    sign_out(page)


def reopen(page: Page, project: int, task: str | None) -> None:
    """Close the tab with its work not submitted, open the project again: all is there."""
    shown = labels_of(page)
    assert shown
    page.wait_for_timeout(2_500)
    # What is on the server must be enough: the next tab may be on another machine.
    page.evaluate("localStorage.clear()")
    page.goto("about:blank")
    page.goto(f"/projects/{project}/label")
    ready(page)
    expect(page.locator(f"#workbench[data-task='{task}']")).to_have_count(1)
    assert labels_of(page) == shown


def labels_of(page: Page) -> list[str]:
    """Return the classes of the regions that the editor lists."""
    frame = page.frame_locator("iframe[data-editor]")
    regions = frame.locator(".lsf-outliner-item")
    expect(regions.first).to_be_visible()
    return [text for text in CLASSES for row in regions.all_inner_texts() if text in row]


def classify_all(page: Page) -> None:
    """Choose every region and press the hotkey of a class, as a person does."""
    frame = editor(page)
    regions = frame.locator(".lsf-outliner-item")
    expect(regions.first).to_be_visible()
    for index in range(regions.count()):
        regions.nth(index).click()
        frame.locator("body").press(str(index % len(CLASSES) + 1))
        expect(regions.nth(index)).to_contain_text(CLASSES[index % len(CLASSES)])


def review_all(page: Page, project: int) -> None:
    """Review as another person: return one with a reason, accept the others."""
    sign_in(page, "wang", PASSWORD)
    page.goto(f"/projects/{project}/review")
    for number in range(3):
        ready(page)
        task = page.locator("#workbench").get_attribute("data-task")
        if number == 0:
            shot(page, "review")
            page.click("[data-action=reject]")
            page.fill("[data-reason] [name=reason]", "右下角漏标一处短路")
            page.locator("[data-reason] button[type=submit]").click()
        else:
            page.click("[data-action=accept]")
        gone(page, task)
    sign_out(page)

    # What was returned comes back to its annotator with the reason, and is mended.
    sign_in(page, "li", PASSWORD)
    page.goto(f"/projects/{project}/label")
    ready(page)
    expect(page.locator("#workbench")).to_contain_text("右下角漏标一处短路")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-empty]")).to_be_visible(timeout=30_000)
    sign_out(page)
    sign_in(page, "wang", PASSWORD)
    page.goto(f"/projects/{project}/review")
    ready(page)
    page.click("[data-action=accept]")
    expect(page.locator("[data-empty]")).to_be_visible(timeout=30_000)
    sign_out(page)


def publish(page: Page, project: int) -> None:
    """Freeze and publish as the requester."""
    sign_in(page, "agency", PASSWORD)
    page.goto(f"/projects/{project}")
    form = page.locator("form[action$='/versions']")
    if not form.locator("button[type=submit]").first.is_visible():
        page.locator("summary", has=page.locator("xpath=..//form")).first.click()
    form.locator("button[type=submit]").first.click()
    page.wait_for_url("**/jobs/*")
    wait_for_job(page)
    shot(page, "frozen")
    page.locator("a[href^='/versions/']").first.click()
    page.wait_for_url("**/versions/*")
    shot(page, "version")
    page.fill("form[action$='/publish'] input[name=name]", "line-one")
    for name, value in FACTS.items():
        field = page.locator(f"form[action$='/publish'] [name={name}]")
        if name in catalogue.CHOICES:
            field.select_option(value)
        else:
            field.fill(value)
    page.locator("form[action$='/publish'] button[type=submit]").click()
    page.wait_for_url("**/jobs/*")
    wait_for_job(page)
    sign_out(page)


def look_at_the_catalogue(page: Page) -> None:
    """Find the dataset as anybody, see its preview and how to load it."""
    page.goto("/datasets?q=电路板")
    page.locator("a[href='/datasets/factory/line-one']").first.click()
    expect(page.locator("main")).to_contain_text('load_dataset("factory/line-one"')
    expect(page.locator("main")).to_contain_text("v1.0.0")
    shot(page, "dataset")
    assert page.locator("main img").count() >= 3
    page.set_viewport_size({"width": 390, "height": 844})
    shot(page, "dataset-390")
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert not wide, "the page must not scroll sideways on a telephone"
