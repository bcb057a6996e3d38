"""The pages that a newcomer opens, in Chinese: they fit a telephone, say nothing in English,
and nothing breaks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from jinbiao.tests.ui.conftest import Running

pytestmark = pytest.mark.browser
PASSWORD = "correct horse 7"
SECRET = ".secret code"
# Two English words in a row, outside of what is meant to be English.
ENGLISH = """() => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const place = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (place.closest("script, style, code, pre, textarea, [lang=en]")) continue;
    if (/[a-z]{2} [a-z]{2}/.test(text) && !/[\\u4e00-\\u9fff]/.test(text)) found.push(text);
  }
  return found;
}"""
WIDTH = "document.documentElement.scrollWidth"
TEXT = b'[{"data": {"text": "\xe7\x94\xb2"}}, {"data": {"no": 1}}, {"data": }]'


class Visit:
    """A page of a telephone's width, and what its console complained of."""

    def __init__(self, browser: Browser, running: Running) -> None:
        self.faults: list[str] = []
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="zh-CN", base_url=running.url
        )
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with" not in message.text:
            self.faults.append(message.text)

    def sees(self, path: str) -> None:
        """Open a page and hold it against the rules; details are open then."""
        self.page.goto(path)
        self.holds(path)

    def holds(self, path: str) -> None:
        """Hold the page as it is against the rules."""
        assert self.page.evaluate(ENGLISH) == [], path
        assert self.page.evaluate(WIDTH) <= 390, path
        assert self.faults == [], path


@pytest.fixture
def visit(browser: Browser, running: Running) -> Iterator[Visit]:
    """Give a fresh visit."""
    made = Visit(browser, running)
    yield made
    made.page.context.close()


@pytest.fixture(scope="module")
def newcomer(running: Running) -> str:
    """Add a requester; give the name."""
    running.person("newcomer", "requester", PASSWORD)
    return "newcomer"


def sign_in(page: Page, name: str) -> None:
    """Sign in through the form."""
    page.goto("/sign-in")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button[type=submit]")
    expect(page.locator("input[name=password]")).to_have_count(0)


def test_a_stranger(visit: Visit) -> None:
    for path in ("/", "/sign-in", "/datasets", "/docs/api", "/nothing-here"):
        visit.sees(path)
    visit.page.goto("/")
    visit.page.locator("footer a[href='/docs/api']").click()
    visit.page.locator(".contents a[href='#tasks']").click()
    summary = visit.page.locator("#tasks summary").first
    expect(summary).to_be_in_viewport()
    # A link to one route opens it.
    name = visit.page.locator("#tasks .api div[id]").first.get_attribute("id")
    visit.page.goto("about:blank")
    visit.page.goto(f"/docs/api#{name}")
    expect(visit.page.locator(f"#{name}")).to_be_visible()


def test_a_requester(visit: Visit, running: Running, newcomer: str) -> None:
    page = visit.page
    sign_in(page, newcomer)
    for path in ("/", "/projects", "/projects/new", "/jobs", "/datasets", "/people"):
        visit.sees(path)

    # A project of texts, and an import of which a part is left out.
    page.goto("/projects/new")
    page.fill("#title", "维修记录")
    page.locator("[name=template][value=text_entities]").check()
    page.click("main form button[type=submit]")
    page.wait_for_url(re.compile(r"/projects/\d+$"))
    project = page.url.removeprefix(running.url)
    for path in (project, f"{project}/tasks", f"{project}/models", f"{project}/import"):
        visit.sees(path)
    page.set_input_files(
        "input[type=file]", {"name": "一.json", "mimeType": "application/json", "buffer": TEXT}
    )
    page.click("main form button[type=submit]")
    page.wait_for_url("**/jobs/*")
    expect(page.locator("[data-state=done]").first).to_be_visible(timeout=30_000)
    expect(page.locator("table.list")).to_contain_text("此处应有一个值")
    visit.holds("/jobs/")
    visit.sees(f"{project}/tasks")
    expect(page.locator(".shots")).to_contain_text("第 1 项")


def test_tokens_are_shown_once_and_revoked_after_a_question(visit: Visit, newcomer: str) -> None:
    page = visit.page
    sign_in(page, newcomer)
    for kind, form in (("plain", "[0-9a-f]{40}"), ("refresh", r"ey[\w-]+\.[\w-]+\.[\w-]+")):
        page.goto("/account")
        page.fill("#token-name", kind)
        page.select_option("#kind", kind)
        page.select_option("#scope", "export")
        page.locator("#tokens > form > button").click()
        assert page.locator(SECRET).evaluate(f"each => /^{form}$/.test(each.textContent)")
        visit.holds("/account")
    page.goto("/account")
    expect(page.locator(SECRET)).to_have_count(0)
    rows = page.locator("#tokens tbody tr")
    expect(rows).to_have_count(2)
    rows.first.locator("summary").press("Enter")
    assert page.evaluate(WIDTH) <= 390
    rows.first.locator("form button").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("普通令牌")

    # What is wrong stands beside its field.
    page.fill("#old", "not my password")
    page.fill("#new", "another good one")
    page.locator("form[action$='/password'] button").click()
    expect(page.locator("#old ~ .fault")).to_contain_text("当前密码不正确")
    visit.holds("/account")
