"""Sign in with a code, stay signed in while at work, see and end one's sessions."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, people
from jinbiao.datasets.db import now
from jinbiao.datasets.people import User, WebSession
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import PASSWORD, World, opened

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"


def acts(world: World, actor: str) -> list[str]:
    """List what is on record of somebody, oldest first."""
    with world.installation.database.read() as session:
        found = audit.events(session, limit=500)
    return [event.action for event in reversed(found) if event.actor == actor]


def chosen(world: World, **settings: Any) -> World:
    """Open the same world with other settings."""
    return opened(replace(world.installation.settings, **settings), world.tokens)


def enrol(browser: Browser) -> tuple[str, list[str]]:
    """Set up a second factor on its page; return the secret and the recovery codes."""
    page = browser.client.get("/account/second-factor").text
    assert "data:image/svg+xml" in page
    found = re.search(r"<code>([A-Z2-7 ]{32,})</code>", page)
    assert found, page
    secret = found[1].replace(" ", "")
    code = people.code_at(secret, people.step_of(now()) - 1)
    done = browser.post("/account/second-factor", "/account/second-factor", code=code)
    assert done.status_code == 200 and done.headers["Cache-Control"] == "no-store"
    codes = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", done.text)
    assert len(set(codes)) == 10
    assert codes[0] not in browser.client.get("/account/second-factor").text
    return secret, codes


def next_code(secret: str) -> str:
    return people.code_at(secret, people.step_of(now()))


def age(world: World, **values: Any) -> None:
    """Make all sessions look older."""
    with world.installation.database.write() as session:
        session.execute(sa.update(WebSession).values(**values))


# --- the second factor -------------------------------------------------------------------------


def test_with_a_factor_the_password_alone_opens_nothing(world: World) -> None:
    browser, elsewhere = Browser(world), Browser(world)
    browser.sign_in("annotator")
    elsewhere.sign_in("annotator")
    secret, codes = enrol(browser)
    assert browser.client.get("/account").status_code == 200
    assert elsewhere.client.get("/account").status_code == 302
    fresh = Browser(world)
    asked = fresh.sign_in("annotator", next="/projects?x=1")
    assert asked.location == "/sign-in/code"
    for path in ("/account", "/projects", "/api/current-user/whoami"):
        assert fresh.client.get(path).status_code in (302, 401)
    assert fresh.post("/sign-in/code", "/sign-in/code", code="000000x").status_code == 400
    code = next_code(secret)
    done = fresh.post("/sign-in/code", "/sign-in/code", code=code)
    assert (done.status_code, done.location) == (302, "/projects?x=1")
    assert fresh.client.get("/account").status_code == 200
    # The same code a second time, also by another browser.
    thief = Browser(world)
    thief.sign_in("annotator")
    assert thief.post("/sign-in/code", "/sign-in/code", code=code).status_code == 400
    assert thief.post("/sign-in/code", "/sign-in/code", code=codes[3]).status_code == 302
    told = acts(world, "annotator")
    assert "factor.add" in told and told[-2:] == ["person.sign_in_failed", "person.sign_in"]


def test_codes_cannot_be_guessed(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    secret, _codes = enrol(browser)
    thief = Browser(world)
    thief.sign_in("annotator")
    for _ in range(world.installation.settings.lockout_attempts):
        assert thief.post("/sign-in/code", "/sign-in/code", code="x").status_code == 400
    answer = thief.post("/sign-in/code", "/sign-in/code", code=next_code(secret))
    assert answer.status_code == 429
    assert Browser(world).sign_in("annotator").status_code == 429
    assert "person.locked" in acts(world, "annotator")


def test_waiting_for_a_code_ends_with_the_password(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    secret, _codes = enrol(browser)
    waiting = Browser(world)
    waiting.sign_in("annotator")
    form = waiting.csrf("/sign-in/code")
    with world.installation.database.write() as session:
        people.set_password(session, people.get_user(session, "annotator"), "Quite another 1")
    sent = {"csrf_token": form, "code": next_code(secret)}
    assert waiting.client.post("/sign-in/code", data=sent).location == "/sign-in"
    assert waiting.client.get("/account").status_code == 302


def test_a_factor_is_removed_for_a_code_or_by_who_manages_people(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    secret, codes = enrol(browser)
    path = "/account/second-factor/remove"
    assert browser.post(path, "/account/second-factor", code="1").status_code == 400
    assert browser.post(path, "/account/second-factor", code=codes[0]).location == "/account"
    assert Browser(world).sign_in("annotator").location == "/"
    secret, codes = enrol(browser)
    renewed = browser.post(
        "/account/second-factor/codes", "/account/second-factor", code=next_code(secret)
    )
    assert renewed.status_code == 200 and codes[0] not in renewed.text
    with world.installation.database.read() as session:
        number = people.get_user(session, "annotator").id
    path = f"/people/{number}/second-factor/remove"
    manager = Browser(world)
    manager.sign_in("vendor")
    assert path in manager.client.get(f"/people/{number}").text
    for who, status in (("reviewer", 403), ("other_vendor", 404), ("vendor", 302)):
        other = Browser(world)
        other.sign_in(who)
        assert other.post(path, "/account").status_code == status, who
    assert browser.client.get("/account").status_code == 302
    assert Browser(world).sign_in("annotator").location == "/"
    assert acts(world, "vendor")[-1] == "factor.take_away"


def test_no_token_touches_how_its_person_signs_in(world: World) -> None:
    for method, path in (
        ("GET", "/account/second-factor"),
        ("POST", "/account/second-factor"),
        ("POST", "/account/second-factor/codes"),
        ("POST", "/account/second-factor/remove"),
        ("POST", "/account/password"),
        ("POST", "/account/sessions/end-others"),
        ("POST", "/account/sessions/0123456789abcdef/end"),
        ("POST", "/account/identities/1/unlink"),
        ("POST", "/people/1/second-factor/remove"),
    ):
        assert world.ask(method, path, "admin").status_code == 403, path


def test_who_needs_a_factor_sets_one_up_first(world: World) -> None:
    strict = chosen(world, second_factor="administrators")
    try:
        browser = Browser(strict)
        assert browser.sign_in("admin", next="/projects").location == "/account/second-factor"
        assert browser.client.get("/projects").location == "/account/second-factor"
        assert browser.client.get("/api/current-user/whoami").status_code == 403
        # A token made now would be a way around it.
        made = browser.post("/account/tokens", "/account", name="around")
        assert made.location == "/account/second-factor"
        enrol(browser)
        assert browser.client.get("/projects").status_code == 200
        assert Browser(strict).sign_in("requester").location == "/"
        assert strict.get("admin", "/api/current-user/whoami").status_code == 200
    finally:
        strict.installation.close()


# --- sessions ----------------------------------------------------------------------------------


def test_an_idle_session_ends_with_a_word_and_the_page_comes_back(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    age(world, last_seen_at=now() - dt.timedelta(minutes=31))
    answer = browser.client.get("/projects?x=1")
    assert answer.location == "/sign-in?next=/projects?x%3D1"
    page = browser.client.get(answer.location).text
    assert "30" in page and 'role="status"' in page
    back = browser.sign_in("annotator", next="/projects?x=1")
    assert back.location == "/projects?x=1"
    assert 'role="status"' not in Browser(world).client.get("/sign-in").text
    assert "person.session_idle" in acts(world, "annotator")


def test_a_script_is_told_that_the_session_was_idle(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    age(world, last_seen_at=now() - dt.timedelta(hours=1))
    answer = browser.client.get("/api/current-user/whoami")
    assert answer.status_code == 401 and "30" in answer.json["detail"]
    part = browser.client.get("/projects", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Refresh"]) == (401, "true")
    form = browser.client.post(
        "/projects", headers={"Referer": "http://localhost/projects/new?a=b"}
    )
    assert form.location == "/sign-in?next=/projects/new?a%3Db"
    away = browser.client.post("/projects", headers={"Referer": "http://evil.example/x"})
    assert away.location == "/sign-in?next=/"


def test_work_keeps_a_session_and_a_page_that_looks_by_itself_does_not(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")

    def seen() -> dt.datetime:
        with world.installation.database.read() as session:
            return session.scalars(sa.select(WebSession)).one().seen_at

    before = now() - dt.timedelta(minutes=5)
    age(world, last_seen_at=before)
    browser.client.get("/projects", headers={"HX-Request": "true"})
    assert seen() == before
    browser.client.get("/projects")
    first = seen()
    assert first > before
    browser.client.get("/projects")
    assert seen() == first  # once a minute


def test_sessions_are_listed_and_can_be_ended(world: World) -> None:
    here, there, third = Browser(world), Browser(world), Browser(world)
    there.client.environ_base["HTTP_USER_AGENT"] = AGENT
    for browser in (here, there, third):
        browser.sign_in("annotator")
    page = here.client.get("/account").text
    assert "Chrome · Windows" in page and page.count("/account/sessions/") == 3
    stranger = Browser(world)
    stranger.sign_in("annotator2")
    marks = re.findall(r"/account/sessions/([0-9a-f]{16})/end", page)
    assert len(marks) == 2
    ended = [
        stranger.post(f"/account/sessions/{mark}/end", "/account").status_code for mark in marks
    ]
    assert ended == [404, 404]
    assert here.post(f"/account/sessions/{marks[0]}/end", "/account").status_code == 302
    alive = [one.client.get("/account").status_code for one in (here, there, third)]
    assert sorted(alive) == [200, 200, 302] and alive[0] == 200
    here.post("/account/sessions/end-others", "/account")
    alive = [one.client.get("/account").status_code for one in (here, there, third)]
    assert alive == [200, 302, 302]
    assert acts(world, "annotator").count("person.session_end") == 2


# --- passwords ---------------------------------------------------------------------------------


def test_an_old_password_leads_to_the_account(world: World) -> None:
    with world.installation.database.write() as session:
        me = people.get_user(session, "annotator")
        me.password_changed_at = now() - dt.timedelta(days=91)
    browser = Browser(world)
    assert browser.sign_in("annotator", next="/projects").location == "/account"
    assert browser.client.get("/projects").location == "/account"
    assert "90" in browser.client.get("/account").text
    same = browser.post("/account/password", "/account", old=PASSWORD, new=PASSWORD)
    assert same.status_code == 400
    new = browser.post("/account/password", "/account", old=PASSWORD, new="Quite another 1")
    assert new.status_code == 200
    assert browser.client.get("/projects").status_code == 200


def test_the_present_password_cannot_be_guessed_in_an_open_session(world: World) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    for _ in range(world.installation.settings.lockout_attempts):
        answer = browser.post("/account/password", "/account", old="no", new="Quite another 1")
        assert answer.status_code == 400
    right = browser.post("/account/password", "/account", old=PASSWORD, new="Quite another 1")
    assert right.status_code == 400
    assert Browser(world).sign_in("annotator").status_code == 429


# --- tokens ------------------------------------------------------------------------------------


def test_what_a_token_lacks_is_said(world: World) -> None:
    with world.installation.database.write() as session:
        me = people.get_user(session, "requester")
        read, limited = people.add_token(session, me, days=1, scopes=["read"])
    headers = {"Authorization": f"Token {limited}", "Accept-Language": "en"}
    asked = world.ask("POST", "/api/projects/", headers=headers, json={"title": "x"})
    assert asked.status_code == 403 and "limited to read" in asked.json["detail"]
    with world.installation.database.read() as session:
        assert session.get_one(people.Token, read.id).last_used_at
    with world.installation.database.write() as session:
        session.get_one(people.Token, read.id).expires_at = now() - dt.timedelta(1)
    answer = world.ask("GET", "/api/current-user/whoami", headers=headers)
    assert answer.status_code == 401 and "has ended" in answer.json["detail"]
    with world.installation.database.write() as session:
        people.revoke_token(session, session.get_one(User, me.id), read.id)
    answer = world.ask("GET", "/api/current-user/whoami", headers=headers)
    assert answer.status_code == 401 and "revoked" in answer.json["detail"]


def test_what_was_typed_as_a_name_is_not_kept(world: World) -> None:
    Browser(world).sign_in("my-Secret-Passw0rd", "x")
    with world.installation.database.read() as session:
        found = audit.events(session, limit=10)
    assert "Secret" not in str([(one.actor, one.subject, one.detail) for one in found])
    assert found[0].action == "person.sign_in_failed"


@pytest.mark.parametrize("name", ["/sign-in", "/account", "/account/second-factor"])
def test_secrets_stay_in_no_cache(world: World, name: str) -> None:
    browser = Browser(world)
    browser.sign_in("annotator")
    answer = browser.client.get(name)
    if name != "/sign-in":
        assert answer.headers["Cache-Control"] == "no-store"
