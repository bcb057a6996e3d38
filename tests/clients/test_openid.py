"""Sign in at a provider that others wrote, unmodified, over the network as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jinbiao.tests import services
from jinbiao.tests.clients.conftest import client_environment
from jinbiao.tests.clients.served import serving

PINS = ("oidc-provider-mock==0.3.4", "authlib==1.9.9", "Flask==3.1.3", "uvicorn==0.54.0")


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the provider from an environment of its own."""
    python = client_environment("openid-0.3.4", *PINS)
    (port,) = services.free_ports(1)
    folder = tmp_path_factory.mktemp("provider")
    # It accepts addresses of this name only.
    command = [str(python), "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "1"]
    server = services.Process("provider", command, folder)
    server.start()
    url = f"http://127.0.0.1:{port}"
    try:
        server.wait_until(lambda: answers(url))
        yield url
    finally:
        server.stop()


def answers(url: str) -> bool:
    """Tell whether the provider serves."""
    try:
        return requests.get(f"{url}/.well-known/openid-configuration", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_a_stranger_signs_in_comes_again_and_may_say_no(issuer: str, tmp_path: Path) -> None:
    settings = {
        "JINBIAO_OIDC_ISSUER": issuer,
        "JINBIAO_OIDC_CLIENT_ID": "jinbiao",
        "JINBIAO_OIDC_CLIENT_SECRET": "anything",
        "JINBIAO_OIDC_CREATE_ROLE": "annotator",
        "JINBIAO_OIDC_CREATE_ORGANISATION": "platform",
        "JINBIAO_OUTSIDE_ALLOWED": "127.0.0.1",
    }
    with serving(tmp_path, **settings) as served:
        numbers = []
        for _time in range(2):
            with requests.Session() as browser:
                leaving = browser.get(f"{served.url}/sign-in/outside?next=/projects", timeout=30)
                assert leaving.url.startswith(issuer), leaving.text
                back = browser.post(leaving.url, data={"sub": "li@alpha.example"}, timeout=30)
                assert back.url == f"{served.url}/projects", back.text
                who = browser.get(f"{served.url}/api/current-user/whoami", timeout=30).json()
                numbers.append(who["id"])
        assert numbers[0] == numbers[1] != served.user
        with requests.Session() as browser:
            leaving = browser.get(f"{served.url}/sign-in/outside", timeout=30)
            back = browser.post(leaving.url, data={"action": "deny"}, timeout=30)
            assert back.url.startswith(f"{served.url}/sign-in")
            assert 'role="alert"' in back.text
