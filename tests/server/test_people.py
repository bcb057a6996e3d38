"""Sign in and out, change passwords, make tokens, add people."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jinbiao.datasets import people
from jinbiao.datasets.db import now
from jinbiao.tests.server.world import PASSWORD, World


class Browser:
    """A client with cookies that sends the token of the last form it saw."""

    def __init__(self, world: World) -> None:
        self.client: FlaskClient = world.app.test_client()

    def csrf(self, path: str = "/sign-in") -> str:
        """Return the token of a page's form."""
        page = self.client.get(path).text
        found = re.search(r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"', page)
        assert found, page[:500]
        return found[1]

    def post(self, path: str, form: str = "/sign-in", **values: Any) -> TestResponse:
        """Fill a form in."""
        return self.client.post(path, data={"csrf_token": self.csrf(form), **values})

    def sign_in(self, who: str, password: str = PASSWORD, **values: Any) -> TestResponse:
        """Sign in."""
        return self.post("/sign-in", username=who, password=password, **values)


def test_signing_in_and_out(world: World) -> None:
    browser = Browser(world)
    assert browser.client.get("/account").status_code == 302
    answer = browser.sign_in("annotator", next="/projects?x=1")
    assert (answer.status_code, answer.location) == (302, "/projects?x=1")
    page = browser.client.get("/account")
    assert page.status_code == 200 and "annotator" in page.text
    assert browser.post("/sign-out", "/account").status_code == 302
    assert browser.client.get("/account").status_code == 302


def test_a_stolen_cookie_dies_with_the_session(world: World) -> None:
    browser, thief = Browser(world), world.app.test_client()
    browser.sign_in("annotator")
    cookie = browser.client.get_cookie("jinbiao")
    assert cookie is not None
    thief.set_cookie("jinbiao", cookie.value)
    assert thief.get("/account").status_code == 200
    browser.post("/sign-out", "/account")
    assert thief.get("/account").status_code == 302


def test_who_only_reads_was_here_as_well(world: World) -> None:
    with world.installation.database.write() as session:
        who = people.get_user(session, "annotator")
        who.last_activity = None
    world.get("annotator", "/projects")
    with world.installation.database.read() as session:
        seen = people.get_user(session, "annotator").last_activity
    assert seen is not None and now() - seen < dt.timedelta(minutes=1)


def test_wrong_passwords_lock_for_a_while(world: World) -> None:
    browser = Browser(world)
    for _ in range(world.installation.settings.lockout_attempts):
        assert browser.sign_in("annotator", "wrong password").status_code == 400
    locked = browser.sign_in("annotator")
    assert locked.status_code == 429
    assert browser.sign_in("annotator2").status_code == 302


def test_an_unknown_name_looks_like_a_wrong_password(world: World) -> None:
    browser = Browser(world)
    wrong = browser.sign_in("annotator", "wrong password")
    unknown = browser.sign_in("nobody-here", "wrong password")
    assert (wrong.status_code, unknown.status_code) == (400, 400)
    clean = [
        re.sub(r'(value|content)="[^"]*"', "", page.text).replace("nobody-here", "annotator")
        for page in (wrong, unknown)
    ]
    assert clean[0] == clean[1]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "//[bad",
        "http://[",
        " //evil.example",
        "/a\r\nSet-Cookie: x=y",
        "evil.example",
        "",
    ],
)
def test_no_target_leads_elsewhere(shared_world: World, target: str) -> None:
    browser = Browser(shared_world)
    assert browser.client.get("/sign-in", query_string={"next": target}).status_code == 200
    answer = browser.sign_in("annotator", next=target)
    assert (answer.status_code, answer.location) == (302, "/")
    assert "evil" not in str(answer.headers)


def test_a_temporary_password_leads_to_the_account(world: World) -> None:
    asked = {"username": "new", "role": "annotator", "name": "新人"}
    added = world.good(world.post("vendor", "/api/users/", asked), 201)
    browser = Browser(world)
    answer = browser.sign_in("new", added["password"], next="/projects")
    assert answer.location == "/account"
    # Until it is changed, it opens nothing else.
    assert browser.client.get("/projects").location == "/account"
    assert browser.client.get("/api/projects/").status_code == 403
    wrong = browser.post("/account/password", "/account", old="no", new="a longer one 9")
    assert wrong.status_code == 400
    short = browser.post("/account/password", "/account", old=added["password"], new="short")
    assert short.status_code == 400
    changed = browser.post(
        "/account/password", "/account", old=added["password"], new="a longer one 9"
    )
    assert changed.status_code == 200
    assert browser.client.get("/projects").status_code == 200
    assert Browser(world).sign_in("new", added["password"]).status_code == 400
    assert Browser(world).sign_in("new", "a longer one 9").location == "/"


def test_a_new_password_ends_the_other_sessions(world: World) -> None:
    one, two = Browser(world), Browser(world)
    one.sign_in("annotator")
    two.sign_in("annotator")
    changed = one.post("/account/password", "/account", old=PASSWORD, new="another one 123")
    assert changed.status_code == 200
    assert one.client.get("/account").status_code == 200
    assert two.client.get("/account").status_code == 302


def test_a_token_is_shown_once_and_can_be_revoked(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    page = browser.post("/account/tokens", "/account", name="sdk", days="1")
    found = re.search(r"\b[0-9a-f]{40}\b", page.text)
    assert found
    secret = found[0]
    assert secret not in browser.client.get("/account").text
    for headers in (
        {"Authorization": f"Token {secret}"},
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret},
    ):
        me = world.plain.get("/api/current-user/whoami", headers=headers)
        assert world.good(me)["username"] == "annotator"
    numbers = re.findall(r"/account/tokens/(\d+)/revoke", browser.client.get("/account").text)
    other = Browser(world)
    other.sign_in("annotator2")
    assert other.post(f"/account/tokens/{numbers[0]}/revoke", "/account").status_code == 404
    assert browser.post(f"/account/tokens/{numbers[0]}/revoke", "/account").status_code == 302
    assert world.plain.get("/api/current-user/whoami", headers=headers).status_code == 401


def test_a_dead_token_is_refused_also_where_others_may_read(world: World) -> None:
    with world.installation.database.write() as session:
        me = people.get_user(session, "annotator")
        token, secret = people.add_token(session, me, days=1)
        token.expires_at = me.created_at
    answer = world.plain.get(
        "/api/current-user/whoami", headers={"Authorization": f"Token {secret}"}
    )
    assert (answer.status_code, answer.headers["Jinbiao-Error"]) == (401, "not_signed_in")
    with world.installation.database.write() as session:
        people.get_user(session, "annotator").is_active = False
    assert world.get("annotator", "/api/current-user/whoami").status_code == 401


def test_a_company_adds_its_own_people_only(world: World) -> None:
    good = {"username": "a1", "role": "annotator"}
    assert world.post("vendor", "/api/users/", good).status_code == 201
    for bad in (
        {"username": "a2", "role": "platform_admin"},
        {"username": "a3", "role": "requester"},
        {"username": "a4", "role": "annotator", "organization": "beta"},
    ):
        assert world.post("vendor", "/api/users/", bad).status_code == 403
    names = {row["username"] for row in world.good(world.get("vendor", "/api/users/"))}
    assert "a1" in names and "other_annotator" not in names
    everybody = {row["username"] for row in world.good(world.get("admin", "/api/users/"))}
    assert names < everybody


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a b"),
        ("username", "annotator"),
        ("username", "x" * 1_000_000),
        ("username", 5),
        ("role", "king"),
        ("name", "x" * 1_000_000),
        ("organization", 5),
    ],
)
def test_a_bad_field_is_named(shared_world: World, field: str, value: object) -> None:
    asked = {"username": "fresh", "role": "annotator", field: value}
    answer = shared_world.post("admin", "/api/users/", asked)
    assert answer.status_code in (400, 413), answer.text
    assert answer.json["validation_errors"].keys() == {field}


def test_cookies_are_for_this_site_and_not_for_scripts(world: World) -> None:
    browser = Browser(world)
    header = browser.sign_in("annotator").headers["Set-Cookie"]
    assert "HttpOnly" in header and "SameSite=Lax" in header
    assert "Secure" not in header


def test_a_form_without_its_token_changes_nothing(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("requester")
    bare = browser.client.post("/account/language", data={"language": "en"})
    assert (bare.status_code, bare.mimetype) == (400, "text/html")
    api = browser.client.post("/api/projects/", json={"title": "t"})
    assert (api.status_code, api.mimetype) == (400, "application/json")
    token = browser.csrf("/account")
    headed = browser.client.post(
        "/api/projects/", json={"title": 1}, headers={"X-CSRFToken": token}
    )
    assert headed.headers["Jinbiao-Error"] == "invalid"
    assert (
        world.post("requester", "/api/projects/", {"title": 1}).headers["Jinbiao-Error"]
        == "invalid"
    )


def test_the_language_can_be_chosen(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    assert browser.post("/account/language", "/account", language="en").status_code == 302
    assert 'lang="en"' in browser.client.get("/account").text
    assert 'lang="zh' in browser.client.get("/account?language=zh").text
    # The choice that the form offers is the language that is read, wherever it was chosen.
    for language in ("zh", "en"):
        shown = browser.client.get(f"/account?language={language}").text
        assert re.findall(r'<option value="(zh|en)"[^>]* selected>', shown) == [language]
