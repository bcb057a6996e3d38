"""A bad token is 401 at every public address, in every form; no program gets a sign-in page."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jinbiao.datasets import people
from jinbiao.datasets.catalogue import Dataset
from jinbiao.datasets.db import now
from jinbiao.datasets.people import Token
from jinbiao.tests.server.world import FACTS, World

PAGES = "text/html,application/xhtml+xml,*/*;q=0.8"
ARCHIVE = "/datasets/alpha/{}/archive/v1.0.0"
# What anybody may read of an open dataset.
OPEN = (
    "/datasets",
    "/datasets/alpha/open",
    "/datasets/alpha/open/files",
    f"{ARCHIVE.format('open')}.zip",
    f"{ARCHIVE.format('open')}.bag.zip",
    "/dataset/alpha-open",
    "/dataset/alpha-open.ttl",
    "/dataset/alpha-open/v1.0.0",
    "/dataset/alpha-open/croissant.jsonld",
    "/id/{uid}",
    "/catalog",
    "/catalog.ttl",
    "/api/catalogue/",
    "/api/catalogue/alpha/open/",
    "/api/datasets/alpha/open",
    "/api/v1/datasets/alpha/open",
)
ACTIONS = (
    "package_list",
    "package_search",
    "package_search?callback=take",
    "package_show?id=alpha-open",
    "current_package_list_with_resources",
    "organization_list",
    "group_list",
    "tag_list",
    "license_list",
    "status_show",
    "site_read",
)


@pytest.fixture(scope="module")
def world(shared_world: World) -> Iterator[World]:
    """Publish an open dataset, and one under conditions."""
    _project, version = shared_world.frozen(2)
    for name in ("open", "conditional"):
        asked = {**FACTS, "name": name, "title": name, "openness": name}
        if name == "conditional":
            asked["open_condition"] = "仅供研究"
        path = f"/api/versions/{version}/publish"
        shared_world.done(shared_world.post("requester", path, asked))
    yield shared_world


@pytest.fixture(scope="module")
def expired(world: World) -> str:
    """Make a token that is over."""
    with world.installation.database.write() as session:
        token, secret = people.add_token(session, people.get_user(session, "requester"))
        session.flush()
        over = now() - dt.timedelta(days=1)
        session.execute(sa.update(Token).where(Token.id == token.id).values(expires_at=over))
    return secret


def sent(form: str, token: str) -> dict[str, str]:
    """Return the headers that carry a token in one of the forms."""
    pair = base64.b64encode(f"any:{token}".encode()).decode()
    return {
        "bearer": {"Authorization": f"Bearer {token}"},
        "raw": {"Authorization": token},
        "ckan": {"X-CKAN-API-Key": token},
        "basic": {"Authorization": f"Basic {pair}"},
        "cookie": {"Cookie": f"m_session_id={token}"},
    }[form]


FORMS = ("bearer", "raw", "ckan", "basic", "cookie")


def addresses(world: World) -> list[str]:
    """List the addresses of everything that anybody may read."""
    with world.installation.database.read() as session:
        uid = session.scalars(sa.select(Dataset.uid).where(Dataset.name == "open")).one()
    return [path.format(uid=uid) for path in OPEN]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accept", ["*/*", PAGES, None])
def test_a_bad_token_is_401_everywhere(
    world: World, expired: str, form: str, accept: str | None
) -> None:
    told = {} if accept is None else {"Accept": accept}
    for path in addresses(world):
        for token in ("bad", expired):
            headers = {**told, **sent(form, token)}
            answer = world.get(None, path, headers=headers)
            assert answer.status_code == 401, (path, answer.status_code)
            assert "Location" not in answer.headers
        good = world.get(None, path, headers={**told, **sent(form, world.tokens["requester"])})
        assert good.status_code in (200, 303), (path, good.status_code)


def test_a_bad_token_is_told_how_to_be_given(world: World) -> None:
    for path in ("/catalog.ttl", f"{ARCHIVE.format('open')}.zip", "/dataset/alpha-open.ttl"):
        answer = world.get(None, path, headers=sent("bearer", "bad"))
        assert answer.headers["WWW-Authenticate"] == "Token"
        assert answer.headers["Jinbiao-Error"] == "not_signed_in"


@pytest.mark.parametrize("form", FORMS)
def test_every_action_of_ckan_judges_the_token(world: World, expired: str, form: str) -> None:
    for action in ACTIONS:
        for token in ("bad", expired):
            headers = sent(form, token)
            answer = world.get(None, f"/api/3/action/{action}", headers=headers)
            assert answer.status_code == 403, (action, answer.text)
            assert answer.mimetype == "application/json"
            assert answer.json["success"] is False
            assert answer.json["error"]["__type"] == "Authorization Error"
        headers = sent(form, world.tokens["requester"])
        assert world.get(None, f"/api/3/action/{action}", headers=headers).status_code == 200
        assert world.get(None, f"/api/3/action/{action}").status_code == 200


@pytest.mark.parametrize("ending", [".zip", ".bag.zip"])
def test_only_a_browser_is_led_to_sign_in(world: World, ending: str) -> None:
    path = ARCHIVE.format("conditional") + ending
    for accept in ("*/*", "application/zip", "text/html;q=0,*/*", None):
        headers = {} if accept is None else {"Accept": accept}
        answer = world.get(None, path, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    page = world.get(None, path, headers={"Accept": PAGES})
    assert (page.status_code, page.location) == (302, f"/sign-in?next={path}")
    asked = world.get(None, path, headers={"Accept": PAGES, **sent("bearer", "bad")})
    assert asked.status_code == 401


def test_a_part_of_a_page_loads_the_whole_page_anew(world: World) -> None:
    part = world.get(None, "/projects", headers={"Accept": "*/*", "HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Refresh"]) == (401, "true")
