"""Where a project wants it, people learn at once how they did on a task with a known answer."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from jinbiao.tests.ui.test_chain import gone, ready, shot
from jinbiao.tests.ui.test_workbench import TEXTS, Work, drawn, people, span, texts, work

pytestmark = pytest.mark.browser
__all__ = ["people", "work"]

GOLD, WAITING = 2, 3


def with_gold(work: Work, **options: Any) -> list[int]:
    """Bring two tasks with their truth, make gold of them, and let three others wait."""
    truth = {"result": [span(4, 6)], "ground_truth": True}
    known = [{**each, "annotations": [truth]} for each in texts(GOLD)]
    golds = work.made(TEXTS, known)
    work.call("POST", f"/api/projects/{work.project}/import", texts(WAITING))
    work.call("PATCH", f"/api/projects/{work.project}/", {"gold_every": 1, **options})
    request = urllib.request.Request(
        f"{work.running.url}/projects/{work.project}/gold",
        data=json.dumps({"number": GOLD}).encode(),
        headers={
            "Authorization": f"Token {work.running.tokens['zhao']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
    return golds


def submitted(page: Page, labels: list[dict[str, Any]]) -> str:
    """Draw and submit; return the task's number."""
    number = page.locator("#workbench").get_attribute("data-task")
    drawn(page, labels)
    page.evaluate("JinbiaoWorkbench.act('submit')")
    return str(number)


def test_feedback_stands_between_a_gold_task_and_the_next(work: Work) -> None:
    golds = with_gold(work, gold_feedback=True)
    page = work.opened()
    box = page.locator("[data-feedback]")
    for label, head, share in (("人名", "data-passed", "100 %"), ("地名", "data-failed", "")):
        expect(box).to_be_hidden()
        task = submitted(page, [span(4, 6, label)])
        assert int(task) in golds
        expect(box).to_be_visible()
        expect(box.locator("[data-feedback-head]")).to_have_text(str(box.get_attribute(head)))
        expect(box.locator("[data-feedback-score]")).to_contain_text(share)
        expect(box.locator("[data-feedback-truth] li")).to_contain_text("人名")
        shot(page, f"gold_feedback_{head.removeprefix('data-')}")
        # The next task does not come before they have read it; one key is enough.
        page.wait_for_timeout(400)
        assert page.locator("#workbench").get_attribute("data-task") == task
        expect(box.locator("button")).to_be_focused()
        page.keyboard.press("Enter")
        gone(page, task)
        ready(page)
    # Work that nobody knows the answer of goes on as ever.
    task = submitted(page, [span(4, 6)])
    assert int(task) not in golds
    gone(page, task)
    ready(page)
    expect(box).to_be_hidden()
    page.close()


def test_the_known_answer_is_told_in_the_words_of_the_page(work: Work) -> None:
    aliased = TEXTS.replace('value="人名"', 'value="人名" alias="person"')
    work.made(aliased, texts(1))
    work.call("PATCH", f"/api/projects/{work.project}/", {"gold_feedback": True})
    page = work.opened()
    told = {"truth": [span(4, 6, "person")], "score": 1, "is_passed": True, "differences": []}
    page.evaluate(
        """(feedback) => document.getElementById("workbench").dispatchEvent(new CustomEvent(
          "jinbiao:concluded", { detail: { answer: { feedback }, waitFor() {} } }))""",
        told,
    )
    expect(page.locator("[data-feedback-truth] li")).to_have_text("人名")
    page.close()


def test_without_the_option_gold_goes_by_unnoticed(work: Work) -> None:
    golds = with_gold(work)
    page = work.opened()
    task = submitted(page, [span(4, 6, "地名")])
    assert int(task) in golds
    gone(page, task)
    assert page.locator("[data-feedback]").count() == 0
    page.close()
