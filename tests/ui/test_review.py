"""The review page in a real browser: differences, the region behind each, keys and reasons."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from jinbiao.datasets import labels
from jinbiao.tests.ui.conftest import Running
from jinbiao.tests.ui.test_models import PASSWORD, fits, red_picture, sign_in

pytestmark = pytest.mark.browser
BOXES = labels.TEMPLATES["defect_boxes"].config
TEXTS = labels.TEMPLATES["text_entities"].config
TEXT = "天津大学与海河公司"
SHOTS = os.environ.get("JINBIAO_SHOTS", "")
REASONS = [{"code": "missed", "text": "漏标"}, {"code": "wrong", "text": "标签错"}]


@pytest.fixture(scope="module")
def people(running: Running) -> Running:
    """Add a requester, an annotator and two reviewers of one organisation."""
    running.person("judge-owner", "requester", PASSWORD)
    running.person("judge-worker", "annotator", PASSWORD)
    running.person("judge-one", "reviewer", PASSWORD)
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


def span(number: str, start: int, end: int, label: str = "ORG") -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": [label], "text": TEXT[start:end]}
    return {"id": number, "from_name": "label", "to_name": "text", "type": "labels", "value": value}


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page where somebody wants to look at it."""
    if SHOTS:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=f"{SHOTS}/{name}_{width}.png", full_page=name != "bench")


def waiting(people: Running, number: int = 2) -> int:
    """Make a project whose tasks have pre-labels, and answers that differ from them."""
    made = people.api(
        "judge-owner",
        "POST",
        "/api/projects/",
        {
            "label_config": TEXTS,
            "title": "审核样例",
            "review_second": "all",
            "review_blind": True,
            "review_objections": True,
            "review_reasons": REASONS,
            "prelabel_control_percent": 0,
        },
    )
    project = int(made["id"])
    said = [span("keep", 0, 4), span("gone", 5, 7)]
    rows = [
        {"data": {"text": TEXT}, "predictions": [{"result": said, "model_version": "m"}]}
    ] * number
    people.api("judge-owner", "POST", f"/api/projects/{project}/import", rows)
    for _place in range(number):  # one after the other, as an annotator does
        task = people.api("judge-worker", "GET", f"/api/projects/{project}/workbench/next")
        answer = [span("keep", 0, 4, "LOC"), span("new", 5, 9)]
        path = f"/api/tasks/{task['id']}/annotations/"
        people.api("judge-worker", "POST", path, {"result": answer})
    return project


def test_a_reviewer_sees_what_differs_and_decides_by_keys(page: Page, people: Running) -> None:
    project = waiting(people)
    sign_in(page, "judge-one")
    page.goto(f"/projects/{project}/review")
    panel = page.locator("[data-compare]")
    expect(panel).to_be_visible()
    expect(panel.locator("li")).to_have_count(3)
    kinds = [row.get_attribute("data-kind") for row in panel.locator("li").all()]
    assert sorted(kind or "" for kind in kinds) == ["added", "changed", "removed"]
    # Who made it is not told in a blind project.
    assert "judge-worker" not in page.content()
    changed = panel.locator("li[data-kind=changed] .difference")
    expect(changed).to_contain_text("机构 → 地名")
    expect(panel.locator("li[data-kind=removed] .difference")).to_be_disabled()
    changed.click()
    frame = page.frame_locator("iframe[data-editor]")
    expect(
        frame.locator(".htx-highlight.__active, .htx-highlight_active, .lsf-outliner")
    ).not_to_have_count(0)
    selected = page.evaluate(
        "document.querySelector('iframe[data-editor]').contentWindow"
        ".Htx?.annotationStore?.selected?.selectedRegions?.length ?? 1"
    )
    assert selected == 1
    fits(page)
    shot(page, "bench")
    before = page.locator("main").get_attribute("data-task")
    page.keyboard.press("Alt+a")
    expect(page.locator("main")).not_to_have_attribute("data-task", before or "")
    expect(page.locator("main")).to_have_attribute("data-state", "ready")
    page.keyboard.press("Alt+x")
    page.locator("[data-pick=missed]").click()
    shot(page, "reason")
    expect(page.locator("[data-reason] [name=reason]")).to_have_value("漏标")
    page.locator("[data-reason] button[type=submit]").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    # With nothing to judge nothing judges, by no key either.
    for action in ("accept", "fix", "reject", "flag"):
        expect(page.locator(f"[data-action={action}]").first).to_be_hidden()
    expect(panel).to_be_hidden()
    page.keyboard.press("Alt+x")
    expect(page.locator("[data-reason]")).to_be_hidden()
    shot(page, "nothing")
    told = people.api("judge-owner", "GET", f"/api/projects/{project}/review-stages")
    assert [row["waiting"] for row in told["stages"]] == [0, 0, 1, 0]
    reviews = people.api(
        "judge-owner", "GET", f"/api/annotation-reviews/?annotation__task__project={project}"
    )
    assert [row["accepted"] for row in reviews] == [True, False]


def test_stages_are_set_and_a_story_is_told(page: Page, people: Running) -> None:
    project = waiting(people, 1)
    sign_in(page, "judge-owner")
    page.goto(f"/projects/{project}/review-stages")
    fits(page)
    shot(page, "stages")
    page.select_option("#review_first", "sample")
    page.fill("#review_first_percent", "35")
    page.locator("form[action$=review-stages] button[type=submit]").click()
    page.wait_for_load_state()
    expect(page.locator("#review_first")).to_have_value("sample")
    expect(page.locator("#review_first_percent")).to_have_value("35")
    expect(page.locator("#review_reasons")).to_have_value("missed 漏标\nwrong 标签错\n")
    (task,) = people.api("judge-owner", "GET", f"/api/tasks?project={project}")["tasks"]
    (row,) = people.api("judge-owner", "GET", f"/api/tasks/{task['id']}/annotations/")
    path = f"/api/annotations/{row['id']}"
    people.api("judge-one", "POST", f"{path}/reviews", {"verdict": "reject", "reason": "错"})
    people.api("judge-worker", "PATCH", f"{path}/", {"result": [span("new", 5, 9)]})
    page.goto(f"/tasks/{task['id']}")
    fits(page)
    expect(page.locator("#story")).to_be_visible()
    page.locator("details:has(form[action$=roll-back]) summary").click()
    page.fill(f"#back-{row['id']}", "第一版对")
    shot(page, "story")
    page.locator(f"form[action$='{row['id']}/roll-back'] button").click()
    page.wait_for_load_state()
    expect(page.get_by_text("第一版对")).to_be_visible()
    kept = people.api("judge-owner", "GET", f"{path}/")
    assert len(kept["result"]) == 2


def test_boxes_are_drawn_beside_their_difference(page: Page, people: Running) -> None:
    made = people.api(
        "judge-owner", "POST", "/api/projects/", {"label_config": BOXES, "title": "框"}
    )
    project = made["id"]
    sign_in(page, "judge-owner")
    page.goto(f"/projects/{project}/import")
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": red_picture()}
    page.set_input_files("input[type=file]", picture)
    page.click("main form button[type=submit]")
    expect(page.locator("#job[data-state=done]")).to_be_visible(timeout=30_000)
    task = people.api("judge-worker", "GET", f"/api/projects/{project}/workbench/next")
    label, name, to_name = "dent", "label", "image"

    def box(x: float) -> list[dict[str, Any]]:
        size = {"original_width": 64, "original_height": 64, "image_rotation": 0}
        value = {"x": x, "y": 10.0, "width": 30.0, "height": 20.0, "rotation": 0}
        value["rectanglelabels"] = [label]
        names = {"from_name": name, "to_name": to_name}
        return [{"id": "b1", "type": "rectanglelabels", "value": value, **names, **size}]

    path = f"/api/tasks/{task['id']}/annotations/"
    row = people.api("judge-worker", "POST", path, {"result": box(10.0)})
    people.api("judge-worker", "PATCH", f"/api/annotations/{row['id']}/", {"result": box(40.0)})
    page.context.clear_cookies()
    sign_in(page, "judge-one")
    page.goto(f"/projects/{project}/review")
    line = page.locator("[data-compare] li[data-kind=changed]")
    expect(line.locator("svg rect")).to_have_count(2)
    line.locator("button").click()
    fits(page)
    shot(page, "boxes")


def test_an_annotator_objects_on_the_workbench(page: Page, people: Running) -> None:
    project = waiting(people, 1)
    (task,) = people.api("judge-owner", "GET", f"/api/tasks?project={project}")["tasks"]
    (row,) = people.api("judge-owner", "GET", f"/api/tasks/{task['id']}/annotations/")
    told = {"verdict": "reject", "reason": "错"}
    people.api("judge-one", "POST", f"/api/annotations/{row['id']}/reviews", told)
    sign_in(page, "judge-worker")
    page.goto(f"/projects/{project}/label")
    expect(page.locator("[data-objection]")).to_be_visible()
    fits(page)
    shot(page, "objection")
    page.fill("#objection", "按规范没有错")
    page.locator("[data-objection] button").click()
    expect(page.locator("[data-empty]")).to_be_visible()
    counts = people.api("judge-owner", "GET", f"/api/projects/{project}/review-stages")["stages"]
    assert [each["waiting"] for each in counts] == [0, 0, 0, 1]
