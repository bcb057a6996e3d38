"""The models of a project in a real browser, and the pre-label that waits until it is asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from jinbiao.datasets import labels
from jinbiao.tests.ui.conftest import Running
from jinbiao.tests.workers import onnx_files

pytestmark = pytest.mark.browser
PASSWORD = "correct horse 7"
BOXES = labels.TEMPLATES["defect_boxes"].config
TEXTS = labels.TEMPLATES["text_entities"].config
TEXT = "天津大学与海河公司"
EDITOR = "iframe[data-editor]"
REVEAL = "[data-action=reveal]"


@pytest.fixture(scope="module")
def people(running: Running) -> Running:
    """Add a requester and an annotator of one organisation."""
    running.person("owner", "requester", PASSWORD)
    running.person("worker", "annotator", PASSWORD)
    return running


@pytest.fixture(params=[1440, 390])
def page(browser: Browser, people: Running, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Open a page of a desk's or a telephone's width; a fault in its console fails the test."""
    faults: list[str] = []
    context = browser.new_context(
        viewport={"width": request.param, "height": 900}, locale="zh-CN", base_url=people.url
    )
    opened = context.new_page()
    opened.set_default_timeout(20_000)

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with" not in message.text:
            faults.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    assert not faults


def sign_in(page: Page, name: str) -> None:
    """Sign in through the form."""
    page.goto("/sign-in")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    expect(page.locator("input[name=password]")).to_have_count(0)


def project_of(running: Running, config: str, **values: Any) -> int:
    """Make a project as the requester."""
    made = running.api("owner", "POST", "/api/projects/", {"label_config": config, **values})
    return int(made["id"])


def fits(page: Page) -> None:
    """Check that nothing is wider than the window."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]


def red_picture() -> bytes:
    """Return a dark picture with a red corner."""
    picture = Image.new("RGB", (64, 64), (10, 10, 10))
    picture.paste((250, 10, 10), (8, 8, 24, 16))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_a_model_is_chosen_set_up_and_started(page: Page, people: Running) -> None:
    # No task is left without a pre-label by lot.
    project = project_of(people, BOXES, title="表面缺陷", prelabel_control_percent=0)
    sign_in(page, "owner")
    page.goto(f"/projects/{project}/import")
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": red_picture()}
    page.set_input_files("input[type=file]", picture)
    page.click("main form button[type=submit]")
    expect(page.locator("#job[data-state=done]")).to_be_visible(timeout=30_000)

    page.goto(f"/projects/{project}")
    page.locator("#prelabel a[href$='/models']").click()
    page.wait_for_url("**/models")
    fits(page)
    page.locator(".kinds a[href$='/models/new/onnx']").click()
    page.wait_for_url("**/new/onnx")
    fits(page)
    file = page.locator("input[type=file]")
    file.set_input_files({"name": "b.onnx", "mimeType": "x/y", "buffer": b"no model at all"})
    send = page.locator("form[action$='/models'] button[type=submit]")
    send.click()
    expect(page.locator(".field:has(#option-file) .fault")).to_be_visible()
    network = onnx_files.red_finder()
    file.set_input_files({"name": "red.onnx", "mimeType": "x/y", "buffer": network})
    send.click()
    # What is missing stands in the part that was folded.
    expect(page.locator(".field:has(#option-form) .fault")).to_be_visible()
    page.select_option("#option-form", "yolo")
    page.fill("#option-labels", json.dumps(["scratch", "dent"]))
    fits(page)
    send.click()
    page.wait_for_url(f"**/projects/{project}/models")
    card = page.locator("#models .sheet")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("red.onnx")
    fits(page)
    card.locator("form[action$='/predict'] button").first.click()
    page.wait_for_url("**/jobs/*")
    expect(page.locator("#job[data-state=done]")).to_be_visible(timeout=60_000)
    (made,) = people.api("owner", "GET", f"/api/projects/{project}/models/")
    assert made["model_version"].startswith("onnx 1 ")

    # Its page is the card; what it shows is switched off label by label, then as a whole.
    page.goto(f"/models/{made['id']}")
    fits(page)
    page.locator("#labels input[value=dent]").uncheck()
    with page.expect_navigation():
        page.locator("#labels button[type=submit]").click()
    expect(page.locator("dl.facts .tag")).to_have_count(1)
    page.goto(f"/projects/{project}/models")
    with page.expect_navigation():
        card.locator("form:has([name=is_on]) button").click()
    expect(card.locator("[data-state=off]")).to_be_visible()
    card.locator("summary").last.click()
    fits(page)
    card.locator("form[action$='/remove'] button").click()
    expect(page.locator(".empty-state")).to_be_visible()
    assert people.api("owner", "GET", f"/api/projects/{project}/models/") == []


def span(start: int, end: int, label: str) -> list[dict[str, Any]]:
    """Return a prediction of one stretch of the text."""
    value = {"start": start, "end": end, "labels": [label]}
    place = {"from_name": "label", "to_name": "text", "type": "labels", "id": f"said_{start}"}
    return [{**place, "value": value}]


def hidden(people: Running) -> tuple[int, int]:
    """Make a project whose only task has a pre-label that waits to be asked for."""
    project = project_of(people, TEXTS, title="文本", prelabel_display="on_request")
    path = f"/api/projects/{project}/import?return_task_ids=true"
    (task,) = people.api("owner", "POST", path, [{"text": TEXT}])["task_ids"]
    sent = {"task": task, "result": span(0, 4, "ORG"), "model_version": "m"}
    people.api("owner", "POST", "/api/predictions/", sent)
    return project, task


def regions(page: Page) -> Any:
    """Return the regions that the editor draws."""
    return page.frame_locator(EDITOR).locator("[class*=htx-highlight]")


def opened(page: Page, project: int) -> None:
    """Open the workbench and wait for the task."""
    page.goto(f"/projects/{project}/label")
    expect(page.locator("#workbench[data-state=ready]")).to_be_visible(timeout=30_000)


def mark(page: Page, start: int, end: int) -> None:
    """Mark a stretch of the text as a person does: its label, then the words."""
    frame = page.frame_locator(EDITOR)
    frame.locator("body").press("1")
    text = frame.locator(
        "[data-testid=richtext-container], .lsf-richtext__line, .htx-richtext"
    ).first
    box = text.evaluate(
        """(node, [start, end]) => {
          const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
          let each, left = start, range = document.createRange(), set = false, stop = end;
          while ((each = walker.nextNode())) {
            if (!each.data.trim()) continue;
            if (!set && left < each.length) { range.setStart(each, left); set = true; }
            if (set && stop <= each.length) { range.setEnd(each, stop); break; }
            if (!set) left -= each.length;
            stop -= each.length;
          }
          const {x, y, width, height} = range.getBoundingClientRect();
          return {x, y, width, height};
        }""",
        [start, end],
    )
    outer = page.locator(EDITOR).bounding_box()
    assert outer is not None
    middle = outer["y"] + box["y"] + box["height"] / 2
    page.mouse.move(outer["x"] + box["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(outer["x"] + box["x"] + box["width"] - 1, middle, steps=8)
    page.mouse.up()


def in_the_editor(page: Page) -> None:
    """Wait until the keys are the editor's again."""
    for _attempt in range(100):
        if page.evaluate("document.activeElement.matches('iframe')"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the focus is not in the editor")


def submitted(people: Running, task: int) -> dict[str, Any]:
    """Return the annotation of a task as it came to the server."""
    (made,) = people.api("owner", "GET", f"/api/tasks/{task}/annotations/")
    found: dict[str, Any] = made
    return found


def test_a_hidden_pre_label_is_shown_when_asked_for(page: Page, people: Running) -> None:
    project, task = hidden(people)
    sign_in(page, "worker")
    opened(page, project)
    expect(page.locator(REVEAL)).to_be_visible()
    expect(regions(page)).to_have_count(0)
    fits(page)
    # The key works within the editor, where the hands are.
    page.frame_locator(EDITOR).locator("body").press("Alt+p")
    expect(regions(page).first).to_be_visible()
    expect(page.locator(REVEAL)).to_be_hidden()
    # It stays shown when the page is opened again.
    page.wait_for_timeout(2500)
    page.evaluate("localStorage.clear()")
    opened(page, project)
    expect(regions(page).first).to_be_visible()
    expect(page.locator(REVEAL)).to_be_hidden()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-empty]")).to_be_visible(timeout=30_000)
    made = submitted(people, task)
    assert made["parent_prediction"] is not None
    assert [each["value"]["labels"] for each in made["result"]] == [["ORG"]]


def test_a_pre_label_that_was_never_shown_is_nobody_s_parent(page: Page, people: Running) -> None:
    project, task = hidden(people)
    sign_in(page, "worker")
    opened(page, project)
    expect(page.locator(REVEAL)).to_be_visible()
    mark(page, 5, 9)
    expect(regions(page)).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-empty]")).to_be_visible(timeout=30_000)
    made = submitted(people, task)
    assert made["parent_prediction"] is None
    assert len(made["result"]) == 1


def test_what_was_drawn_is_kept_beside_the_pre_label(page: Page, people: Running) -> None:
    project, task = hidden(people)
    sign_in(page, "worker")
    opened(page, project)
    mark(page, 5, 9)
    expect(regions(page)).to_have_count(1)
    page.locator(REVEAL).click()
    expect(page.locator("[data-keep]")).to_be_visible()
    fits(page)
    page.click("[data-action=stay]")
    expect(page.locator("[data-keep]")).to_be_hidden()
    expect(regions(page)).to_have_count(1)
    page.locator(REVEAL).click()
    page.click("[data-action=both]")
    expect(regions(page)).to_have_count(2)
    in_the_editor(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-empty]")).to_be_visible(timeout=30_000)
    made = submitted(people, task)
    assert made["parent_prediction"] is not None
    starts = {each["value"]["start"]: each.get("origin") for each in made["result"]}
    assert starts == {0: "prediction", 5: "manual"}
