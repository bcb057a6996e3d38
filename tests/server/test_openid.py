"""Sign in by OpenID Connect: only who the provider proves, only whom somebody let in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from jinbiao.datasets import audit, people
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.people import Role
from jinbiao.datasets.people.openid import Claims
from jinbiao.datasets.settings import OpenIDSettings, load
from jinbiao.tests.server import openid_provider
from jinbiao.tests.server.openid_provider import CLIENT, CLIENT_SECRET, Provider
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.test_signing import acts, enrol, next_code
from jinbiao.tests.server.world import World, opened

Opening = Callable[..., World]


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Serve a provider on this machine."""
    with openid_provider.serving() as found:
        yield found


@pytest.fixture
def opening(world: World, provider: Provider) -> Iterator[Opening]:
    """Give a way to open the world with the provider and settings."""
    made: list[World] = []

    def make(allowed: tuple[str, ...] = ("127.0.0.1",), **chosen: Any) -> World:
        issuer = chosen.pop("issuer", provider.url)
        given = OpenIDSettings(issuer, CLIENT, CLIENT_SECRET, "市统一身份认证", **chosen)
        settings = replace(world.installation.settings, openid=given, outside_allowed=allowed)
        made.append(opened(settings, world.tokens))
        return made[-1]

    yield make
    for each in made:
        each.installation.close()


def go(browser: Browser, provider: Provider, query: str = "", **answer: str) -> TestResponse:
    """Go to the provider and come back."""
    leaving = browser.client.get(f"/sign-in/outside{query}")
    assert leaving.status_code == 302, leaving.text
    back = browser.client.get(provider.consent(leaving.location, **answer))
    told = back.status_code == 302 and back.location.startswith("/sign-in?next=")
    return browser.client.get(back.location) if told else back


def refused(answer: TestResponse) -> bool:
    """Tell whether somebody stands at the sign-in page and is told why."""
    return 'role="alert"' in answer.text and 'name="password"' in answer.text


def linked(world: World, who: str, subject: str = "s-1") -> None:
    """Let somebody be known to the provider."""
    assert world.installation.settings.openid
    issuer = world.installation.settings.openid.issuer
    with world.installation.database.write() as session:
        claims = Claims(issuer, subject)
        people.link_identity(session, people.get_user(session, who), claims)


def test_who_is_linked_comes_in_and_back_to_their_page(
    opening: Opening, provider: Provider
) -> None:
    world = opening()
    browser = Browser(world)
    assert "市统一身份认证" in browser.client.get("/sign-in").text
    stranger = go(browser, provider)
    assert refused(stranger)
    linked(world, "annotator")
    back = go(browser, provider, "?next=/projects%3Fx=1")
    assert (back.status_code, back.location) == (302, "/projects?x=1")
    assert "annotator" in browser.client.get("/account").text
    assert acts(world, "annotator")[-1] == "person.sign_in"


def test_a_person_links_their_account_by_hand_and_takes_it_away(
    opening: Opening, provider: Provider
) -> None:
    world = opening()
    browser, other = Browser(world), Browser(world)
    browser.sign_in("requester")
    other.sign_in("annotator")
    page = browser.client.get("/account").text
    address = page.split('href="/sign-in/outside')[1].split('"')[0].replace("&amp;", "&")
    assert go(browser, provider, address).location == "/account#identities"
    page = browser.client.get("/account").text
    assert "/account/identities/1/unlink" in page
    # Nobody else can have it, and no other page can begin to link.
    forged = other.client.get(f"/sign-in/outside{address}")
    assert forged.status_code == 403
    mine = other.client.get("/account").text.split('href="/sign-in/outside')[1].split('"')[0]
    assert go(other, provider, mine.replace("&amp;", "&")).status_code == 422
    assert other.post("/account/identities/1/unlink", "/account").status_code == 404
    assert browser.post("/account/identities/1/unlink", "/account").status_code == 302
    assert refused(go(Browser(world), provider))
    told = acts(world, "requester")
    assert told[-2:] == ["identity.link", "identity.unlink"]


LIES: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "somebody-else"},
    {"aud": [CLIENT, "somebody-else"]},
    {"iss": "https://evil.example"},
    {"exp": 1},
    {"exp": None},
    {"iat": int(time.time()) + 10_000},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 300},
    {"azp": "somebody-else"},
    {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
]


def test_a_token_that_proves_nothing_is_refused(opening: Opening, provider: Provider) -> None:
    world = opening(create_role=Role.ANNOTATOR, create_organisation="alpha")
    browser = Browser(world)
    for lies in LIES:
        provider.lies = lies
        assert refused(go(browser, provider)), lies
        assert browser.client.get("/account").status_code == 302
    provider.lies = {}
    assert go(browser, provider).location == "/"


def test_a_token_that_somebody_else_signed_is_refused(opening: Opening, provider: Provider) -> None:
    world = opening(create_role=Role.ANNOTATOR, create_organisation="alpha")
    browser = Browser(world)
    provider.signing_key = openid_provider.made_key(2)
    assert refused(go(browser, provider))
    provider.header = {"alg": "HS256", "kid": "one"}
    assert refused(go(browser, provider))
    provider.header = {"alg": "none"}
    assert refused(go(browser, provider))
    provider.header, provider.signing_key = {"alg": "RS256", "kid": "one"}, None
    assert go(browser, provider).status_code == 302


def test_the_way_back_is_taken_once_by_who_left(opening: Opening, provider: Provider) -> None:
    world = opening()
    linked(world, "annotator")
    browser, victim = Browser(world), Browser(world)
    leaving = browser.client.get("/sign-in/outside").location
    back = provider.consent(leaving)
    # Somebody else's browser is not signed in as us by our address.
    assert victim.client.get(back).location == "/sign-in"
    victim.client.get("/sign-in/outside")
    assert victim.client.get(back).location == "/sign-in?next=/"
    assert refused(victim.client.get("/sign-in"))
    assert browser.client.get(back).status_code == 302
    assert browser.client.get(back).location == "/sign-in"
    wrong = go(Browser(world), provider, "", state="é")
    assert refused(wrong)
    assert refused(go(Browser(world), provider, "", iss="https://evil.example"))
    assert refused(go(Browser(world), provider, "", code="made-up"))


@pytest.mark.parametrize("error", ["access_denied", "server_error", "<script>alert(1)</script>"])
def test_what_the_provider_refuses_is_said_in_plain_words(
    opening: Opening, provider: Provider, error: str
) -> None:
    answer = go(Browser(opening()), provider, "", error=error, error_description="<b>evil</b>")
    assert refused(answer)
    assert "<script>alert" not in answer.text and "evil" not in answer.text


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_no_way_back_leads_elsewhere(opening: Opening, provider: Provider, target: str) -> None:
    world = opening()
    linked(world, "annotator")
    assert go(Browser(world), provider, f"?next={target}").location == "/"


@pytest.mark.parametrize(
    ("email", "verified", "linking", "who", "status"),
    [
        ("li@alpha.example", True, True, "annotator", 302),
        ("LI@alpha.example", True, True, "annotator", 302),
        ("li@alpha.example", True, False, "annotator", 400),
        ("li@alpha.example", False, True, "annotator", 400),
        ("li@alpha.example", "true", True, "annotator", 400),
        ("li@alpha.example", True, True, "admin", 400),
    ],
)
def test_an_address_counts_only_if_verified_and_wanted(
    opening: Opening,
    provider: Provider,
    email: str,
    verified: object,
    linking: bool,
    who: str,
    status: int,
) -> None:
    world = opening(link_email=linking)
    with world.installation.database.write() as session:
        people.describe(session, people.get_user(session, who), email="li@alpha.example")
    provider.userinfo = {"email": email, "email_verified": verified}
    answer = go(Browser(world), provider)
    assert refused(answer) is (status == 400) and answer.status_code in (200, 302)


def test_strangers_get_the_role_that_the_settings_name(
    opening: Opening, provider: Provider
) -> None:
    world = opening(create_role=Role.REVIEWER, create_organisation="beta")
    provider.claims = {"sub": "s-2", "preferred_username": "annotator", "name": "李 四"}
    browser = Browser(world)
    assert go(browser, provider).location == "/"
    told = world.good(browser.client.get("/api/current-user/whoami"))
    with world.installation.database.read() as session:
        made = people.get_user(session, told["username"])
        assert (made.name, made.role, made.organisation.slug) == ("李 四", Role.REVIEWER, "beta")
    assert told["username"].startswith("annotator-")
    # They have no password, and their only way in stays.
    for password in ("", "x"):
        assert Browser(world).sign_in(told["username"], password).status_code == 400
    assert browser.post("/account/identities/1/unlink", "/account").status_code == 422
    new = browser.post("/account/password", "/account", new="Quite another 1")
    assert new.status_code == 200
    assert browser.post("/account/identities/1/unlink", "/account").status_code == 302


@pytest.mark.parametrize("role", [Role.PLATFORM_ADMIN, Role.AUDIT_ADMIN, "king"])
def test_no_stranger_becomes_an_administrator(
    opening: Opening, provider: Provider, role: str
) -> None:
    world = opening(create_role=role, create_organisation="platform")
    assert refused(go(Browser(world), provider))


def test_who_is_shut_out_or_has_a_factor_stays_so(opening: Opening, provider: Provider) -> None:
    world = opening()
    linked(world, "annotator")
    browser = Browser(world)
    browser.sign_in("annotator")
    secret, _codes = enrol(browser)
    fresh = Browser(world)
    assert go(fresh, provider).location == "/sign-in/code"
    assert fresh.client.get("/account").status_code == 302
    done = fresh.post("/sign-in/code", "/sign-in/code", code=next_code(secret))
    assert done.status_code == 302
    assert fresh.client.get("/account").status_code == 200
    with world.installation.database.write() as session:
        people.deactivate(session, people.get_user(session, "annotator"))
    assert refused(go(Browser(world), provider))
    assert fresh.client.get("/account").status_code == 302


def test_the_provider_is_asked_only_where_that_is_allowed(
    opening: Opening, provider: Provider
) -> None:
    world = opening(allowed=())
    assert Browser(world).client.get("/sign-in/outside").status_code == 503
    assert provider.asked == []
    assert (
        Browser(opening(issuer="http://127.0.0.1:1")).client.get("/sign-in/outside").status_code
        == 503
    )
    for document in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": ""},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ):
        provider.document = document
        assert Browser(opening()).client.get("/sign-in/outside").status_code == 503
    provider.document = {"token_endpoint": "http://192.0.2.1/token"}
    assert refused(go(Browser(opening()), provider))


def test_without_a_provider_there_is_no_way_through_one(world: World) -> None:
    browser = Browser(world)
    assert "/sign-in/outside" not in browser.client.get("/sign-in").text
    assert browser.client.get("/sign-in/outside").status_code == 400
    assert browser.client.get("/sign-in/outside/return?code=x&state=y").location == "/sign-in"


def test_secrets_are_in_no_log_and_no_record(
    opening: Opening, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = opening()
    linked(world, "annotator")
    browser = Browser(world)
    browser.sign_in("annotator", "Wrong-Hidden-1")
    browser.sign_in("annotator")
    secret, codes = enrol(browser)
    page = browser.post("/account/tokens", "/account", name="sdk").text
    token = page.split('<div class="secret"><code>')[1].split("<")[0]
    assert len(token) == 40
    fresh = Browser(world)
    go(fresh, provider)
    code = next_code(secret)
    fresh.post("/sign-in/code", "/sign-in/code", code=code)
    go(Browser(world), provider, "", code="hidden-bad-code")
    with world.installation.database.read() as session:
        found = audit.events(session, limit=1000)
    trail = str([(event.actor, event.subject, event.detail) for event in found])
    told = caplog.text + trail + repr(world.installation.settings)
    for hidden in (CLIENT_SECRET, "hidden-access", "Wrong-Hidden-1", secret, token, *codes):
        assert hidden not in told
    assert "code-0" not in told and code not in told


def test_the_settings_of_a_provider_are_checked() -> None:
    given = {"JINBIAO_OIDC_ISSUER": "https://id.example", "JINBIAO_OIDC_CLIENT_ID": "x"}
    found = load({**given, "JINBIAO_OIDC_CLIENT_SECRET": "hidden"}).openid
    assert found and found.client_secret == "hidden" and "hidden" not in repr(found)
    for wrong, name in (
        ({"JINBIAO_OIDC_CLIENT_ID": ""}, "CLIENT_ID"),
        ({"JINBIAO_OIDC_ISSUER": "id.example"}, "ISSUER"),
        ({"JINBIAO_OIDC_ISSUER": "https://a:b@id.example"}, "ISSUER"),
        ({"JINBIAO_OIDC_CREATE_ROLE": "annotator"}, "CREATE_ORGANISATION"),
    ):
        with pytest.raises(Invalid, match=name):
            load({**given, **wrong})
