"""Serve a small OpenID Connect provider on this machine, honest or not, as a test wants it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, CLIENT_SECRET = "jinbiao", "hidden-client-secret"


@cache
def made_key(_number: int) -> RSAKey:
    """Return a key, made once a run for each number."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Provider:
    """What the provider answers; a test changes it to see what is refused."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: made_key(1))
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1"})
    userinfo: dict[str, Any] = field(default_factory=dict)
    # What is changed in the ID token, in its header and in the document of discovery.
    lies: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    document: dict[str, Any] = field(default_factory=dict)
    signing_key: Any = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def consent(self, address: str, **answer: str) -> str:
        """Do what a person does at the provider; return the address they are sent back to."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert given["response_type"] == "code" and given["code_challenge_method"] == "S256"
        assert given["client_id"] == CLIENT and "openid" in given["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = given
        told = {"code": code, "state": given["state"], **answer}
        return f"{given['redirect_uri']}?{urlencode(told)}"

    def token(self, nonce: str) -> str:
        """Return a signed ID token."""
        moment = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": moment,
            "exp": moment + 300,
            "nonce": nonce,
            **self.claims,
            **self.lies,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] == "none":
            parts = [json.dumps(part).encode() for part in (self.header, kept)]
            return b".".join([*map(_plain, parts), b""]).decode()
        if self.header["alg"] == "HS256":
            # By hand: the library refuses to do what those do who hope for confusion.
            signed = b".".join(_plain(json.dumps(part).encode()) for part in (self.header, kept))
            secret = self.key.as_pem(private=False)
            return b".".join([signed, _plain(hmac.digest(secret, signed, "sha256"))]).decode()
        return jwt.encode(self.header, kept, self.signing_key or self.key)

    def answer(self, path: str, form: dict[str, str], login: str) -> tuple[int, Any]:
        """Return status and JSON of a request."""
        if path == "/.well-known/openid-configuration":
            places = ("authorize", "token", "jwks", "userinfo")
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            told = {n: f"{self.url}/{p}" for n, p in zip(names, places, strict=True)}
            return 200, {"issuer": self.url, **told, **self.document}
        if path == "/jwks":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/userinfo":
            return 200, {"sub": self.claims["sub"], **self.userinfo}
        asked = self.codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        challenge = _plain(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked["code_challenge"] != challenge.decode():
            return 400, {"error": "invalid_grant"}
        if login != f"Basic {pair}" or form["redirect_uri"] != asked["redirect_uri"]:
            return 401, {"error": "invalid_client"}
        token = self.token(asked["nonce"])
        return 200, {"access_token": "hidden-access", "token_type": "Bearer", "id_token": token}


def _plain(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


@contextmanager
def serving() -> Iterator[Provider]:
    """Serve a provider until the end of the block."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            provider.asked.append(self.path)
            login = self.headers.get("Authorization", "")
            status, told = provider.answer(self.path, form, login)
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_values: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
