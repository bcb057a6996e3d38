"""Point at a defect, get its outline while waiting, take it with a key, submit it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, expect

from jinbiao.datasets import labels
from jinbiao.tests.ui.conftest import Running, editor
from jinbiao.tests.ui.test_chain import PASSWORD, gone, ready, shot, sign_in

Spot = tuple[int, int, int, int]
WIDTH, HEIGHT = 1600, 1250
# Middle and half axes of what lies on the plate, in pixels.
SPOTS = ((400, 350, 90, 60), (1100, 300, 60, 110), (500, 900, 120, 80), (1200, 900, 90, 90))
CLICKS = 20


def plate() -> bytes:
    """Draw two megapixels of brushed metal with a few dark spots, each time with other grain."""
    chance = np.random.default_rng()
    grain = cv2.GaussianBlur(chance.normal(0, 25, (HEIGHT, WIDTH)), (31, 1), 8)
    picture = np.repeat((170 + 3 * grain)[:, :, None], 3, axis=2)
    for x, y, wide, high in SPOTS:
        cv2.ellipse(picture, (x, y), (wide, high), 0, 0, 360, (70, 62, 58), -1)
    picture += chance.normal(0, 4, picture.shape)
    done, content = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8))
    assert done
    return content.tobytes()


@pytest.fixture
def faults() -> list[str]:
    """Collect what the browser complains of."""
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
        if message.type == "error" and "/next" not in message.location["url"]:
            faults.append(f"{message.text} ({message.location['url']})")

    opened.on("console", note)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    shot(opened, "interactive_last")
    context.close()
    assert not faults


@pytest.fixture(scope="module")
def project(running: Running) -> int:
    """Make a project of the template with an annotator in its organisation."""
    running.person("ding", "annotator", PASSWORD)
    running.person("zhao", "requester", PASSWORD)
    config = labels.TEMPLATES["defect_clicks"].config
    made = running.api("zhao", "POST", "/api/projects/", {"title": "点选", "label_config": config})
    return int(made["id"])


def uploaded(page: Page, project: int) -> None:
    """Bring the picture in through the page."""
    sign_in(page, "zhao", PASSWORD)
    page.goto(f"/projects/{project}/import")
    page.set_input_files(
        "input[type=file]",
        {"name": "plate.jpg", "mimeType": "image/jpeg", "buffer": plate()},
    )
    page.click("main form button[type=submit]")
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state=done]").first).to_be_visible(timeout=60_000)
    page.context.clear_cookies()


class Bench:
    """The workbench with the picture open."""

    def __init__(self, page: Page, project: int) -> None:
        self.page, self.project = page, project
        page.goto(f"/projects/{project}/label")
        ready(page)
        self.frame: FrameLocator = page.frame_locator("iframe[data-editor]")
        self.canvas = self.frame.locator("canvas").first
        self.canvas.wait_for()
        # The picture is drawn a little after its canvas is there.
        page.wait_for_timeout(500)

    @property
    def result(self) -> list[dict[str, Any]]:
        """Return what would be submitted."""
        return list(editor(self.page).evaluate("JinbiaoEditor.result()"))

    def choose(self, control: str, title: str) -> None:
        """Choose a label of a control."""
        place = ("click", "frame", "label").index(control)
        self.frame.get_by_text(title, exact=True).nth(place).click()
        # The label's tool is taken a moment later, sooner than anybody can point.
        self.page.wait_for_timeout(300)

    def where(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel of the picture is on the screen."""
        box = self.canvas.bounding_box()
        assert box is not None
        return box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"]

    def click(self, spot: Spot, aside: float = 0.0, *, leaving_out: bool = False) -> float:
        """Click on a spot, `aside` half axes from its middle; return the seconds until the
        outline was there."""
        x, y = self.where(spot[0] + aside * spot[2], spot[1])
        began = time.perf_counter()
        with self.page.expect_response("**/suggest") as answer:
            if leaving_out:
                self.page.keyboard.down("Alt")
            self.page.mouse.click(x, y)
            if leaving_out:
                self.page.keyboard.up("Alt")
        assert answer.value.status == 200
        self.suggested()
        return time.perf_counter() - began

    def suggested(self) -> None:
        """Wait until an outline is offered."""
        expect(self.frame.get_by_text("1 条建议")).to_be_visible()
        expect(self.page.locator("#workbench[data-state=suggested]")).to_have_count(1)

    def press(self, key: str) -> None:
        """Decide about what is offered."""
        self.page.keyboard.press(key)
        expect(self.frame.get_by_text("1 条建议")).to_have_count(0)


def mask(region: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return the pixels that a brush region covers."""
    assert (region["original_width"], region["original_height"]) == (WIDTH, HEIGHT)
    return labels.unpacked_mask(bytes(region["value"]["rle"]), WIDTH, HEIGHT) > 0


def overlap(region: dict[str, Any], spot: Spot) -> float:
    """Return the intersection over union of a region with a spot that was drawn."""
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, spot[:2], spot[2:], 0, 0, 360, 1, -1)
    pixels = mask(region)
    return float((pixels & (drawn > 0)).sum() / (pixels | (drawn > 0)).sum())


def said(result: list[dict[str, Any]]) -> list[tuple[str, str, list[str]]]:
    return [(each["from_name"], each["type"], each["value"]["brushlabels"]) for each in result]


@pytest.mark.browser
def test_a_click_becomes_a_mask_that_is_submitted(
    page: Page, running: Running, project: int
) -> None:
    uploaded(page, project)
    sign_in(page, "ding", PASSWORD)
    bench = Bench(page, project)
    bench.choose("click", "锈蚀")
    bench.click(SPOTS[0])
    assert bench.result == []  # offered, not taken
    shot(page, "interactive_click")
    # Several points of one thing, and what is not part of it.
    bench.click(SPOTS[0], 0.3)
    bench.click(SPOTS[0], -0.8, leaving_out=True)
    bench.press("Escape")
    assert bench.result == []
    # The label is still chosen: nothing but the click is needed for the next one.
    bench.click(SPOTS[0])
    bench.press("Enter")
    # A box says the same; its label belongs to the mask.
    bench.choose("frame", "麻点")
    x, y, wide, high = SPOTS[1]
    page.mouse.move(*bench.where(x - 1.1 * wide, y - 1.1 * high))
    page.mouse.down()
    page.mouse.move(*bench.where(x, y), steps=4)
    page.mouse.move(*bench.where(x + 1.1 * wide, y + 1.1 * high), steps=4)
    page.mouse.up()
    bench.suggested()
    bench.press("Enter")
    # With a label of the brush, the brush is at hand.
    bench.choose("label", "剥落")
    page.mouse.move(*bench.where(*SPOTS[2][:2]))
    page.mouse.down()
    page.mouse.move(*bench.where(SPOTS[2][0] + 40, SPOTS[2][1]), steps=5)
    page.mouse.up()
    kinds = [("label", "brushlabels", [name]) for name in ("rust", "pitting", "spalling")]
    # The editor works a stroke out a moment after it ends.
    end = time.monotonic() + 5
    while said(bench.result) != kinds and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert said(bench.result) == kinds
    shot(page, "interactive_taken")
    task = page.locator("#workbench").get_attribute("data-task")
    bench.frame.get_by_role("button", name="提交").click()
    gone(page, task)

    (kept,) = running.api("zhao", "GET", f"/api/tasks/{task}/annotations/")
    assert said(kept["result"]) == kinds
    assert overlap(kept["result"][0], SPOTS[0]) > 0.9
    assert overlap(kept["result"][1], SPOTS[1]) > 0.9
    assert [each.get("origin") for each in kept["result"]] == ["prediction", "prediction", "manual"]


@pytest.mark.browser
def test_outlines_come_while_one_waits(page: Page, running: Running, project: int) -> None:
    """Twenty clicks on two megapixels: how long until the outline is there, printed."""
    uploaded(page, project)
    sign_in(page, "ding", PASSWORD)
    bench = Bench(page, project)
    bench.choose("click", "划痕")
    taken = []
    for number in range(CLICKS):
        aside = (number // len(SPOTS) - 2) / 5
        taken.append(bench.click(SPOTS[number % len(SPOTS)], aside))
        bench.press("Escape")
    taken.sort()
    told = running.api("zhao", "GET", f"/api/projects/{project}/suggest/statistics")
    print(
        f"{CLICKS} clicks: in the browser median {taken[CLICKS // 2] * 1000:.0f} ms, "
        f"p95 {taken[round(0.95 * CLICKS) - 1] * 1000:.0f} ms; on the server {told}"
    )
    assert told["number"] >= CLICKS
    assert told["median_milliseconds"] <= told["p95_milliseconds"] < 5000
