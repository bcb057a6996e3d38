"""The labelling editor in a real browser, against a small server that keeps its state in memory."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    expect,
)

from jinbiao.tests.ui.bench import COMMENT, UI, Bench, box, handler

CONTROL_ENTER = {"modifiers": 2, "code": "Enter", "windowsVirtualKeyCode": 229}


@pytest.fixture(scope="module", autouse=True)
def built_editor() -> None:
    """Build the editor, which is quick when it is there."""
    build = [sys.executable, str(UI / "build" / "editor.py")]
    run = subprocess.run(build, capture_output=True, text=True, timeout=180)
    if run.returncode and "pip" in run.stderr and "Unexpected" not in run.stderr:
        pytest.skip(f"the package registry cannot be reached: {run.stderr.strip()[-200:]}")
    assert run.returncode == 0, run.stderr


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Serve a bench for one test."""
    bench = Bench()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(bench))
    bench.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield bench
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def context(browser: Browser, bench: Bench) -> Iterator[BrowserContext]:
    """Open a browser of its own for a person; fail when the page broke its policy."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    context.set_default_timeout(20_000)
    broken: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security" in message.text:
            broken.append(message.text)

    context.on("console", listen)
    context.on("weberror", lambda error: broken.append(str(error.error)))
    yield context
    context.close()
    assert broken == []


def visit(context: BrowserContext, bench: Bench, page: str = "annotate") -> Page:
    """Open a page of the bench and wait for its task."""
    opened = context.new_page()
    opened.goto(f"{bench.url}/{page}")
    expect(status(opened)).to_have_text(re.compile(r"^(任务 \d|已恢复)"), timeout=20_000)
    return opened


def status(page: Page) -> Locator:
    """Return the line of status."""
    return page.locator("[data-status]")


def frame(page: Page) -> FrameLocator:
    """Return the frame of the editor."""
    return page.frame_locator("iframe[data-editor]")


def draw(page: Page, label: str) -> None:
    """Draw a box in the lower right of the picture with a label."""
    frame(page).get_by_text(label, exact=True).first.click()
    place = frame(page).locator("canvas").last.bounding_box()
    assert place is not None
    x, y, width, height = place["x"], place["y"], place["width"], place["height"]
    page.mouse.move(x + width * 0.5, y + height * 0.4)
    page.mouse.down()
    page.mouse.move(x + width * 0.6, y + height * 0.5, steps=4)
    page.mouse.move(x + width * 0.7, y + height * 0.7, steps=4)
    page.mouse.up()


def labels(result: list[dict[str, Any]]) -> list[str]:
    """Return the labels of the boxes of a result."""
    return [region["value"]["rectanglelabels"][0] for region in result]


def test_a_prediction_becomes_an_annotation_that_is_drawn_on_and_submitted(
    context: BrowserContext, bench: Bench
) -> None:
    page = visit(context, bench)
    draw(page, "行人")
    expect(status(page)).to_have_text(re.compile("草稿已保存"), timeout=3000)
    frame(page).get_by_test_id("bottombar-submit-button").click()
    expect(status(page)).to_have_text("任务 2")

    sent = bench.annotations[0]
    assert labels(sent["result"]) == ["车辆", "行人"]
    assert [region["origin"] for region in sent["result"]] == ["prediction", "manual"]
    assert sent["result"][0]["value"] | {"rotation": 0} == box("p1", "车辆")["value"]
    drawn = sent["result"][1]["value"]
    assert [round(drawn[side]) for side in ("x", "y", "width", "height")] == [50, 40, 20, 30]
    assert re.fullmatch("lock-1-[0-9a-z]{1,8}", sent["unique_id"])
    assert sent["parent_prediction"] == 41
    assert sent["was_cancelled"] is False and 0 < sent["lead_time"] < 60


def test_tasks_follow_each_other_in_one_editor_until_none_is_left(
    context: BrowserContext, bench: Bench
) -> None:
    page = visit(context, bench)
    page.frames[1].evaluate("window.sameEditor = true")
    frame(page).get_by_test_id("bottombar-skip-button").click()
    expect(status(page)).to_have_text("任务 2")
    assert page.frames[1].evaluate("window.sameEditor") is True
    page.locator("[data-action=submit]").click()
    expect(page.locator("[data-empty-text]")).to_have_text("没有待标注的任务")
    first, second = bench.annotations
    assert (first["task"], first["was_cancelled"], first["result"]) == (1, True, [])
    assert (second["task"], labels(second["result"])) == (2, ["车辆"])


def test_a_draft_is_kept_up_to_date_and_restored(context: BrowserContext, bench: Bench) -> None:
    page = visit(context, bench)
    draw(page, "行人")
    expect(status(page)).to_have_text(re.compile("草稿已保存"), timeout=3000)
    frame(page).locator("body").press("Control+z")
    page.wait_for_function("document.querySelector('main').dataset.state === 'saved'")
    for _ in range(40):
        if bench.draft_methods == ["POST", "PATCH"]:
            break
        page.wait_for_timeout(100)
    assert bench.draft_methods == ["POST", "PATCH"]
    assert labels(bench.drafts[1]["result"]) == ["车辆"]

    bench.drafts[1]["result"].append(box("d1", "行人"))
    bench.drafts[1]["revision"] = 9
    page.reload()
    expect(status(page)).to_have_text("任务 1")
    page.locator("[data-action=submit]").click()
    expect(status(page)).to_have_text("任务 2")
    assert labels(bench.annotations[0]["result"]) == ["车辆", "行人"]


def test_work_of_a_killed_tab_is_restored_from_the_device(
    context: BrowserContext, bench: Bench
) -> None:
    bench.problems["/drafts"] = (503, {"title": "Down", "detail": "", "code": "down"})
    page = visit(context, bench)
    draw(page, "行人")
    expect(status(page)).to_have_text("暂时连不上服务器，已保存在本机", timeout=4000)
    page.close()
    bench.problems.clear()
    page = visit(context, bench)
    expect(status(page)).to_have_text(re.compile("已恢复本机上未保存的标注"))
    for _ in range(40):
        if bench.drafts:
            break
        page.wait_for_timeout(100)
    assert labels(bench.drafts[1]["result"]) == ["车辆", "行人"]


def test_a_submit_that_fails_keeps_the_work_and_is_sent_again(
    context: BrowserContext, bench: Bench
) -> None:
    page = visit(context, bench)
    bench.problems["/annotations/"] = (503, {"title": "Down", "detail": "", "code": "down"})
    frame(page).get_by_test_id("bottombar-submit-button").click()
    expect(status(page)).to_have_text(re.compile("标注已保留"))
    bench.problems.clear()
    expect(status(page)).to_have_text("任务 2", timeout=8000)
    assert len(bench.annotations) == 1
    assert bench.annotations[0]["unique_id"].startswith("lock-1-")


def test_a_refusal_is_said_with_its_places(context: BrowserContext, bench: Bench) -> None:
    page = visit(context, bench)
    problem = {"detail": "标注结果有误", "validation_errors": {"result[0]": ["越界"]}}
    bench.problems["/annotations/"] = (400, problem)
    frame(page).get_by_test_id("bottombar-submit-button").click()
    expect(status(page)).to_have_text("未被接受：标注结果有误; result[0]: 越界")
    bench.problems.clear()
    frame(page).get_by_test_id("bottombar-submit-button").click()
    expect(status(page)).to_have_text("任务 2")


def test_a_draft_changed_in_another_window_is_not_overwritten(
    context: BrowserContext, bench: Bench
) -> None:
    bench.drafts[1] = {"id": 1, "revision": 3, "result": [box("d1", "行人")]}
    page = visit(context, bench)
    bench.drafts[1]["revision"] = 4
    draw(page, "车辆")
    expect(status(page)).to_have_text(re.compile("另一窗口"), timeout=4000)
    assert bench.draft_methods == []
    assert labels(bench.drafts[1]["result"]) == ["行人"]


def test_nothing_fires_while_an_input_method_is_composing(
    context: BrowserContext, bench: Bench
) -> None:
    bench.config = COMMENT
    page = visit(context, bench)
    frame(page).locator("[name=comment]").first.click()
    keyboard = context.new_cdp_session(page)
    composed = {"text": "biaozhu", "selectionStart": 7, "selectionEnd": 7}
    keyboard.send("Input.imeSetComposition", composed)
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Process"} | CONTROL_ENTER)
    page.wait_for_timeout(500)
    assert bench.annotations == [] and bench.draft_methods == []
    keyboard.send("Input.insertText", {"text": "标注"})
    page.keyboard.press("Shift+Enter")
    expect(status(page)).to_have_text(re.compile("草稿已保存"), timeout=4000)
    assert bench.drafts[1]["result"][0]["value"] == {"text": ["标注"]}
    page.locator("[data-action=submit]").click()
    expect(status(page)).to_have_text("任务 2")


def test_an_editor_that_breaks_is_loaded_again(context: BrowserContext, bench: Bench) -> None:
    page = visit(context, bench)
    page.frames[1].evaluate("() => { JinbiaoEditor.open = async () => { throw Error('broken') } }")
    frame(page).get_by_test_id("bottombar-skip-button").click()
    expect(status(page)).to_have_text("任务 2", timeout=10_000)
    draw(page, "行人")
    page.locator("[data-action=submit]").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    assert labels(bench.annotations[1]["result"]) == ["车辆", "行人"]


@pytest.mark.parametrize("change", [False, True], ids=["accept", "fix"])
def test_a_review_accepts_what_it_left_and_fixes_what_it_changed(
    context: BrowserContext, bench: Bench, change: bool
) -> None:
    page = visit(context, bench, "review")
    if change:
        draw(page, "车辆")
        page.wait_for_timeout(400)
    page.locator("[data-action=accept]").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    sent = bench.reviews[0]
    assert sent["verdict"] == ("fix" if change else "accept")
    assert labels(sent.get("result", [])) == (["行人", "车辆"] if change else [])
    assert bench.draft_methods == []


def test_an_annotation_of_before_is_updated(context: BrowserContext, bench: Bench) -> None:
    page = visit(context, bench, "annotate?task=1")
    draw(page, "车辆")
    update = frame(page).get_by_test_id("bottombar-update-button")
    expect(update).to_have_text("更新")
    update.click()
    expect(status(page)).to_have_text("任务 1")
    page.wait_for_function("document.querySelector('main').dataset.state === 'ready'")
    assert [labels(update["result"]) for update in bench.updates] == [["行人", "车辆"]]
    assert bench.annotations == []


def test_a_rejection_gives_its_reason(context: BrowserContext, bench: Bench) -> None:
    page = visit(context, bench, "review")
    page.locator("[data-action=reject]").click()
    page.locator("[name=reason]").fill("框得太大")
    page.get_by_role("button", name="确定驳回").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    assert bench.reviews == [{"verdict": "reject", "reason": "框得太大"}]
