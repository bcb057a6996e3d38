"""Answer every error in the one form: Label Studio's to programs, a page to people."""

from __future__ import annotations

import pytest

from jinbiao.tests.server.world import World


@pytest.mark.parametrize(
    ("method", "path", "who", "status", "code"),
    [
        ("GET", "/api/projects/1/", None, 401, "not_signed_in"),
        ("GET", "/api/projects/999/", "requester", 404, "not_found"),
        ("GET", "/api/nothing-here", None, 404, "http_404"),
        ("PUT", "/api/projects/1/", "requester", 405, "http_405"),
        ("GET", "/api/users/", "annotator", 403, "forbidden"),
        ("GET", "/api/projects/99999999999999999999999/", "requester", 404, "http_404"),
        ("GET", "/api/projects/-1/", "requester", 404, "http_404"),
        ("GET", "/api/projects/?page=x", "requester", 400, "invalid"),
        ("GET", "/api/jobs/%00/", "requester", 400, "invalid"),
        ("GET", "/api/catalogue/?q=%00", None, 400, "invalid"),
    ],
)
def test_programs_get_the_form_of_label_studio(
    shared_world: World, method: str, path: str, who: str | None, status: int, code: str
) -> None:
    for language in ("zh-CN,zh;q=0.9", "en-GB,en"):
        answer = shared_world.ask(method, path, who, headers={"Accept-Language": language})
        assert answer.status_code == status, answer.text
        assert answer.mimetype == "application/json"
        told = {"id", "status_code", "version", "detail", "exc_info"}
        assert set(answer.json) - {"validation_errors"} == told
        assert ("validation_errors" in answer.json) == (status == 400)
        assert (answer.json["status_code"], answer.headers["Jinbiao-Error"]) == (status, code)
        assert answer.json["detail"]


def test_what_is_wrong_is_told_in_the_readers_language_to_the_last_word(
    shared_world: World,
) -> None:
    for config, zh, en in (
        ("<View>\n<Oops/></View>", "第 2 行 <Oops>: 编辑器没有标签 Oops", "line 2 <Oops>: "),
        ("<View><Text", "第 1 行: 不是规范的 XML：标签没有写完", "line 1: not well-formed XML: "),
    ):
        for language, line in (("zh", zh), ("en", en)):
            headers = {"Accept-Language": language}
            sent = {"title": "x", "label_config": config}
            path = "/api/projects/"
            answer = shared_world.ask("POST", path, "requester", json=sent, headers=headers)
            assert answer.json["validation_errors"]["label_config"][0].startswith(line)
            assert line in answer.json["detail"]


def test_a_page_says_which_role_lacks_the_right(shared_world: World) -> None:
    page = shared_world.get("annotator", "/people?language=zh")
    assert page.status_code == 403 and "您的角色（标注员）" in page.text
    assert "people.manage" not in page.text


def test_what_an_address_takes_is_told(shared_world: World) -> None:
    answer = shared_world.ask("PUT", "/api/projects/1/", "requester")
    assert "GET" in answer.headers["Allow"]
    assert shared_world.get(None, "/api/projects/").headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("accept", [None, "*/*", "text/html,application/xhtml+xml"])
def test_people_get_a_page(shared_world: World, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    for path, who, status in (
        ("/projects/999", "requester", 404),
        ("/nothing-here", None, 404),
        ("/people", "annotator", 403),
    ):
        page = shared_world.get(who, path, headers=headers)
        assert (page.status_code, page.mimetype) == (status, "text/html")
        assert "<html" in page.text


def test_strangers_are_led_to_sign_in_and_back(shared_world: World) -> None:
    asked = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = shared_world.get(None, "/projects?before=3", headers=asked)
    assert (page.status_code, page.location) == (302, "/sign-in?next=/projects?before%3D3")


def test_a_program_can_ask_a_page_for_json(shared_world: World) -> None:
    answer = shared_world.get(None, "/projects/1", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (401, "application/json")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"a":' * 100_000, "application/json"),
        (b'{"title": "\\ud800"}', "application/json"),
        (b"{} {}", "application/json"),
        (b"a=b", "text/plain"),
        (b"<a/>", "application/xml"),
        (b"\x00", "application/octet-stream"),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    shared_world: World, body: bytes, content_type: str
) -> None:
    answer = shared_world.ask(
        "POST", "/api/projects/", "requester", data=body, content_type=content_type
    )
    assert answer.status_code in (400, 413, 415), answer.text
    assert answer.mimetype == "application/json"


def test_too_large_a_body_is_refused(shared_world: World) -> None:
    body = b'{"title": "' + b"x" * (33 * 1024**2) + b'"}'
    answer = shared_world.ask(
        "POST", "/api/projects/", "requester", data=body, content_type="application/json"
    )
    assert (answer.status_code, answer.headers["Jinbiao-Error"]) == (413, "too_large")
