"""Every template opens in the embedded editor with its labels and sample, without an error."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

from jinbiao.datasets import labels
from jinbiao.tests.ui.bench import UI, Bench, handler

# What the editor says itself, whatever it is given.
KNOWN = ("deserializeAnnotation() is deprecated", "Download the React DevTools")
OPEN = """async ([config, data]) => {
  await JinbiaoEditor.open({config, task: {id: 1, data}, user: {id: 1}});
  return JinbiaoEditor.result();
}"""
# The editor's own words for what is wrong with a configuration or cannot be shown.
ERRORS = (
    ".lsf-errors, .ls-errors, [class*=error-message], [class*=ErrorMessage], .ant-result-error,"
    " [class*=validation-error], .lsf-error"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the built editor and our own samples."""
    build = [sys.executable, str(UI / "build" / "editor.py")]
    run = subprocess.run(build, capture_output=True, text=True, timeout=180)
    if run.returncode and "pip" in run.stderr and "Unexpected" not in run.stderr:
        pytest.skip(f"the package registry cannot be reached: {run.stderr.strip()[-200:]}")
    assert run.returncode == 0, run.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Bench()))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Opened:
    """An editor with a configuration, and everything that went wrong in it."""

    def __init__(self, browser: Browser, address: str, config: str, data: dict[str, Any]) -> None:
        self.problems: list[str] = []
        self.page: Page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.loaded: set[str] = set()
        self.page.on("response", self._came)
        self.page.goto(f"{address}/editor")
        self.result = self.page.evaluate(OPEN, [config, data])
        self.page.wait_for_timeout(700)
        self.text = self.page.locator("body").inner_text()
        for shown in self.page.locator(ERRORS).all():
            self.problems.append(shown.inner_text()[:300])

    def _came(self, response: Response) -> None:
        if response.ok:
            self.loaded.add(urlsplit(response.url).path)
        else:
            self.problems.append(f"{response.status} {response.url}")

    def _heard(self, message: ConsoleMessage) -> None:
        known = any(part in message.text for part in KNOWN)
        icon = message.location["url"].endswith("/favicon.ico")
        if message.type == "error" and not known and not icon:
            self.problems.append(message.text[:500])


@pytest.mark.browser
@pytest.mark.parametrize("template", labels.TEMPLATES.values(), ids=lambda each: each.name)
def test_a_template_opens_without_an_error(
    browser: Browser, address: str, template: labels.Template
) -> None:
    config = labels.parse(template.config)
    data = {**labels.sample_task(config), **template.sample}
    opened = Opened(browser, address, template.config, data)
    opened.page.close()
    assert opened.problems == []
    media = {each for each in data.values() if str(each).startswith("/static/samples/")}
    assert media <= opened.loaded
    titles = [t for c in config.controls if c.tag != "Taxonomy" for t in c.titles.values()]
    assert [title for title in titles if title not in opened.text] == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("message", "told"),
    [('requiredMessage="请先选择故障类别"', "请先选择故障类别"), ("", "请先选择“fault”。")],
    ids=["own words", "the editor's"],
)
def test_what_must_be_answered_is_said_in_chinese(
    browser: Browser, address: str, message: str, told: str
) -> None:
    config = f"""<View><Text name="text" value="$text"/>
      <Taxonomy name="fault" toName="text" required="true" {message}>
        <Choice value="机械" alias="mechanical"/></Taxonomy></View>"""
    opened = Opened(browser, address, config, {"text": "主轴异响"})
    opened.page.evaluate("JinbiaoEditor.submit()")
    dialog = opened.page.locator(".ant-modal-confirm")
    dialog.wait_for()
    assert dialog.inner_text().split("\n") == ["请注意", told, "确 定"]
    opened.page.close()


@pytest.mark.browser
def test_an_error_would_be_seen(browser: Browser, address: str) -> None:
    broken = '<View><Chat name="c" value="$chat"/><Rating name="r" toName="c"/></View>'
    opened = Opened(browser, address, broken, {"chat": []})
    opened.page.close()
    assert any("chat" in problem for problem in opened.problems)
