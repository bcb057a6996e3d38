"""Every way to be somebody, in every state that should keep one out: who gets in, and who not."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people
from jinbiao.datasets.db import now
from jinbiao.datasets.people import Token, User, WebSession
from jinbiao.datasets.settings import OpenIDSettings
from jinbiao.tests.server import openid_provider
from jinbiao.tests.server.openid_provider import CLIENT, CLIENT_SECRET, Provider
from jinbiao.tests.server.test_openid import go, linked
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import PASSWORD, World, opened

WHO = "annotator"
WHOAMI = "/api/current-user/whoami"
# state → what each way in answers. "in": whoami tells who it is; "due": something must be done
# first and nothing else is open; "out": nobody is known. The hub only knows plain tokens.
TABLE = {
    #             password session  plain  x-key  access hub    basic  openid
    "good":        "in      in       in     in     in     in     in     in",
    "temporary":   "due     due      in     in     in     in     in     in",
    "old":         "due     due      in     in     in     in     in     in",
    "deactivated": "out     out      out    out    out    out    out    out",
    "locked":      "out     in       in     in     in     in     in     out",
    "needed":      "due     due      in     in     in     in     in     due",
    "factor":      "out     in       in     in     in     in     in     out",
    "over":        "in      out      out    out    out    out    out    in",
    "revoked":     "in      out      out    out    out    out    out    in",
    "idle":        "in      out      in     in     in     in     in     in",
    "changed":     "out     out      in     in     in     in     in     in",
}  # fmt: skip
WAYS = ("password", "session", "plain", "x-key", "access", "hub", "basic", "openid")


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Serve a provider on this machine."""
    with openid_provider.serving() as found:
        yield found


def bring_about(world: World, state: str) -> None:
    """Bring the annotator into a state."""
    past = now() - dt.timedelta(days=400)
    with world.installation.database.write() as session:
        me = people.get_user(session, WHO)
        match state:
            case "temporary":
                me.password_is_temporary = True
            case "old":
                me.password_changed_at = past
            case "deactivated":
                people.deactivate(session, me)
            case "locked":
                me.locked_until = now() + dt.timedelta(minutes=5)
            case "factor":
                people.begin_factor(session, world.installation.settings, me)
                me.second_factor_at = now()
            case "over":
                session.execute(sa.update(WebSession).values(expires_at=past))
                session.execute(sa.update(Token).values(expires_at=past))
            case "revoked":
                people.close_all(session, me)
                session.execute(sa.update(Token).values(revoked_at=past))
            case "idle":
                session.execute(sa.update(WebSession).values(last_seen_at=past))
            case "changed":
                people.set_password(session, me, "Quite another 1")


def outcome(browser: Browser) -> str:
    """Tell what a browser gets to see."""
    answer = browser.client.get(WHOAMI)
    return {200: "in", 401: "out", 403: "due"}[answer.status_code]


def bearing(world: World, headers: dict[str, str], path: str = WHOAMI) -> str:
    """Tell what a program gets that sends these headers."""
    return {200: "in", 401: "out", 403: "due"}[world.plain.get(path, headers=headers).status_code]


@pytest.mark.parametrize("state", TABLE)
def test_who_gets_in(world: World, provider: Provider, state: str) -> None:
    needed = "everybody" if state == "needed" else "optional"
    given = OpenIDSettings(provider.url, CLIENT, CLIENT_SECRET)
    settings = replace(
        world.installation.settings,
        openid=given,
        outside_allowed=("127.0.0.1",),
        second_factor=needed,
    )
    world = opened(settings, world.tokens)
    try:
        assert ways(world, provider, state) == dict(zip(WAYS, TABLE[state].split(), strict=True))
    finally:
        world.installation.close()


def ways(world: World, provider: Provider, state: str) -> dict[str, str]:
    """Bring about a state and try every way in."""
    linked(world, WHO)
    kept, key = Browser(world), str(world.app.config["SECRET_KEY"])
    kept.sign_in(WHO)
    with world.installation.database.write() as session:
        me = people.get_user(session, WHO)
        _token, plain = people.add_token(session, me)
        _token, refresh = people.add_refresh_token(session, key, me)
        session.flush()
        access = people.access_token(session, key, refresh)
    bring_about(world, state)
    by_password, by_provider = Browser(world), Browser(world)
    by_password.sign_in(WHO, PASSWORD)
    go(by_provider, provider)
    pair = base64.b64encode(f"x:{plain}".encode()).decode()
    return {
        "password": outcome(by_password),
        "session": outcome(kept),
        "plain": bearing(world, {"Authorization": f"Token {plain}"}),
        "x-key": bearing(world, {"X-API-Key": plain}),
        "access": bearing(world, {"Authorization": f"Bearer {access}"}),
        "hub": bearing(world, {"Authorization": f"Bearer {plain}"}, "/api/whoami-v2"),
        "basic": bearing(world, {"Authorization": f"Basic {pair}"}, "/api/whoami-v2"),
        "openid": outcome(by_provider),
    }


def test_a_password_is_no_token(world: World) -> None:
    pair = base64.b64encode(f"{WHO}:{PASSWORD}".encode()).decode()
    for headers in (
        {"Authorization": f"Basic {pair}"},
        {"Authorization": f"Token {PASSWORD}"},
        {"Authorization": f"Bearer {PASSWORD}"},
        {"X-API-Key": PASSWORD},
    ):
        assert bearing(world, headers) == "out"
        assert world.plain.get("/api/whoami-v2", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "reads", "creates"),
    [(["read"], 200, 403), (["label"], 200, 403), ([], 200, 201)],
)
def test_a_scope_holds_however_the_token_is_sent(
    world: World, scopes: list[str], reads: int, creates: int
) -> None:
    key = str(world.app.config["SECRET_KEY"])
    with world.installation.database.write() as session:
        me = session.scalars(sa.select(User).where(User.username == "requester")).one()
        _token, plain = people.add_token(session, me, scopes=scopes)
        _token, refresh = people.add_refresh_token(session, key, me, scopes=scopes)
        session.flush()
        access = people.access_token(session, key, refresh)
    for headers in (
        {"Authorization": f"Token {plain}"},
        {"Authorization": f"Bearer {plain}"},
        {"X-API-Key": plain},
        {"Authorization": f"Bearer {access}"},
    ):
        assert world.ask("GET", "/api/projects/", headers=headers).status_code == reads
        made = world.ask("POST", "/api/projects/", headers=headers, json={"title": "x"})
        assert made.status_code == creates
        # A limited token gives itself no more, by the page's form or by the API.
        page = world.plain.post("/account/tokens", headers=headers, data={"name": "x"})
        if scopes and page.status_code == 200:
            with world.installation.database.read() as session:
                newest = session.scalars(sa.select(Token).order_by(Token.id.desc())).first()
                assert newest is not None and newest.scope_list == tuple(scopes)
