"""The page of findings in a real browser: what the server refuses is said where it was asked."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from jinbiao.datasets import labels
from jinbiao.tests.ui.conftest import Running
from jinbiao.tests.ui.test_models import PASSWORD, fits, sign_in

pytestmark = pytest.mark.browser
TEXTS = labels.TEMPLATES["text_entities"].config
# A number of nobody.
MOBILE = "13800138000"


def test_a_value_that_went_elsewhere_is_refused_beside_its_button(
    browser: Browser, running: Running
) -> None:
    who = "finder"
    running.person(who, "requester", PASSWORD)
    made = running.api(who, "POST", "/api/projects/", {"label_config": TEXTS, "title": "发现"})
    project = made["id"]
    rows = [{"data": {"text": f"请致电{MOBILE}"}}]
    running.api(who, "POST", f"/api/projects/{project}/import", rows)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=running.url
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    sign_in(page, who)
    page.goto(f"/projects/{project}/findings")
    page.click("form[action$=scan] button")
    expect(page.locator("#job[data-state=done]")).to_be_visible(timeout=30_000)
    page.click(f"#job a[href='/projects/{project}/findings']")
    # Meanwhile the text changes.
    (task,) = running.api(who, "GET", f"/api/tasks?project={project}")["tasks"]
    running.api(who, "PATCH", f"/api/tasks/{task['id']}/", {"data": {"text": "没有什么"}})
    page.click("[hx-post$=reveal]")
    expect(page.locator("[data-refused][role=alert]")).to_contain_text("重新扫描")
    fits(page)
    context.close()
