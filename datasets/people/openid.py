"""Ask an OpenID Connect provider who somebody is: authorization code, PKCE, state and nonce.

OpenID Connect Core 1.0 section 3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (`iss`). Every
request goes to an address that `outside` has checked.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from .. import errors, outside
from ..errors import _
from ..settings import OpenIDSettings
from .claims import Claims as Claims

SECONDS = 10.0
LARGEST_ANSWER = 1024**2  # bytes
LEEWAY = 60  # seconds that clocks may differ
MOST_MINUTES = 15  # between going to the provider and coming back
# Signatures that a key which the provider publishes can be checked against; never a shared one.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_SCOPE = "openid profile email"


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    auth_methods: tuple[str, ...] = ("client_secret_basic",)


@dataclass(frozen=True)
class Departure:
    """What must be the same when somebody comes back; kept in their own signed cookie."""

    state: str
    nonce: str
    verifier: str
    at: int


def discover(allowed: Sequence[str], chosen: OpenIDSettings) -> Provider:
    """Read what the provider says of itself.

    Raises:
        errors.Unavailable: it does not answer, or says something else than a provider does.
    """
    issuer = chosen.issuer.rstrip("/")
    told = _ask(allowed, "GET", f"{issuer}/.well-known/openid-configuration")
    found = Provider(
        issuer=str(told.get("issuer", "")),
        authorization_endpoint=str(told.get("authorization_endpoint", "")),
        token_endpoint=str(told.get("token_endpoint", "")),
        jwks_uri=str(told.get("jwks_uri", "")),
        userinfo_endpoint=str(told.get("userinfo_endpoint") or ""),
        auth_methods=tuple(
            map(str, told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"])
        ),
    )
    if found.issuer.rstrip("/") != issuer:
        raise errors.Unavailable(_("the sign-in service says that it is somebody else"))
    places = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    for place in (*places, *filter(None, [found.userinfo_endpoint])):
        # A provider that is asked in secret must not lead to a place where all can listen.
        if not place.startswith("https://" if issuer.startswith("https://") else "http"):
            raise errors.Unavailable(_("the sign-in service is not set up completely"))
    return found


def depart() -> Departure:
    """Return fresh secrets for one way to the provider and back."""
    return Departure(
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(48),
        int(time.time()),
    )


def address_of(
    provider: Provider, chosen: OpenIDSettings, leaving: Departure, return_address: str
) -> str:
    """Return the address at the provider that the browser is sent to."""
    address: str = prepare_grant_uri(
        provider.authorization_endpoint,
        chosen.client_id,
        "code",
        redirect_uri=return_address,
        scope=_SCOPE,
        state=leaving.state,
        nonce=leaving.nonce,
        code_challenge=create_s256_code_challenge(leaving.verifier),
        code_challenge_method="S256",
    )
    return address


def arrive(
    allowed: Sequence[str],
    chosen: OpenIDSettings,
    leaving: Departure,
    answer: Mapping[str, str],
    return_address: str,
) -> Claims:
    """Return who came back, after everything that the protocol asks was checked.

    Raises:
        errors.Refused: the provider said no, or the answer is not the one that was asked for.
        errors.Unavailable: the provider does not answer as it must.
    """
    state = answer.get("state", "").encode()
    late = leaving.at < time.time() - MOST_MINUTES * 60
    if late or not secrets.compare_digest(state, leaving.state.encode()):
        raise errors.Refused(_("this way of signing in is over: begin again"))
    if "error" in answer:
        raise _refusal(answer["error"])
    provider = discover(allowed, chosen)
    if answer.get("iss", provider.issuer) != provider.issuer or not answer.get("code"):
        raise errors.Refused(_("the answer is not from the sign-in service"))
    told = _exchange(allowed, provider, chosen, leaving, answer["code"], return_address)
    claims = _checked(allowed, provider, chosen, leaving, told)
    if "email" not in claims and provider.userinfo_endpoint and told.get("access_token"):
        claims |= _user_information(allowed, provider, claims, str(told["access_token"]))
    return _claims(provider, claims)


def _exchange(
    allowed: Sequence[str],
    provider: Provider,
    chosen: OpenIDSettings,
    leaving: Departure,
    code: str,
    return_address: str,
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code[:4000],
        "redirect_uri": return_address,
        "code_verifier": leaving.verifier,
    }
    headers = {}
    if chosen.client_secret and "client_secret_basic" in provider.auth_methods:
        pair = f"{quote(chosen.client_id, safe='')}:{quote(chosen.client_secret, safe='')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form["client_id"] = chosen.client_id
        if chosen.client_secret:
            form["client_secret"] = chosen.client_secret
    return _ask(allowed, "POST", provider.token_endpoint, form, headers)


def _checked(
    allowed: Sequence[str],
    provider: Provider,
    chosen: OpenIDSettings,
    leaving: Departure,
    told: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the claims of an ID token whose signature, maker, reader, time and nonce are right."""
    keys = _ask(allowed, "GET", provider.jwks_uri)
    try:
        token = jwt.decode(
            str(told.get("id_token", "")),
            KeySet.import_key_set(keys),  # type: ignore[arg-type]
            algorithms=list(ALGORITHMS),
        )
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": chosen.client_id},
            },
            params={
                "nonce": leaving.nonce,
                "client_id": chosen.client_id,
                "access_token": told.get("access_token"),
            },
        )
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError) as problem:
        raise errors.Refused(
            _("what the sign-in service says does not prove who you are")
        ) from problem
    return dict(claims)


def _user_information(
    allowed: Sequence[str], provider: Provider, claims: Mapping[str, Any], token: str
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    told = _ask(allowed, "GET", provider.userinfo_endpoint, None, headers)
    if told.get("sub") != claims.get("sub"):
        raise errors.Refused(_("what the sign-in service says does not prove who you are"))
    known = ("email", "email_verified", "name", "preferred_username")
    return {name: told[name] for name in known if name in told}


def _claims(provider: Provider, claims: Mapping[str, Any]) -> Claims:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise errors.Refused(_("what the sign-in service says does not prove who you are"))

    def text(name: str) -> str:
        value = claims.get(name)
        return value.strip()[:200] if isinstance(value, str) and value.isprintable() else ""

    verified = claims.get("email_verified") is True
    return Claims(
        issuer=provider.issuer,
        subject=subject,
        username=text("preferred_username"),
        name=text("name"),
        email=text("email").lower() if verified else "",
    )


def _refusal(code: str) -> errors.Refused:
    if code == "access_denied":
        return errors.Refused(_("the sign-in service did not let you in, or you said no there"))
    if code in ("temporarily_unavailable", "server_error"):
        return errors.Refused(_("the sign-in service has a problem: try again later"))
    # Whoever made the address has written this: no more than a name is shown.
    shown = re.sub(r"[^a-z_]", "", code[:40])
    return errors.Refused(_("the sign-in service refused: %(reason)s"), reason=shown or "?")


def _ask(
    allowed: Sequence[str],
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Send a request and return the JSON object of its answer; nothing sent is ever told."""
    given = {"Accept": "application/json", **(headers or {})}
    body = None
    if form is not None:
        given["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form)
    pools = outside.CheckedPools(allowed, read_seconds=SECONDS, most_bytes=LARGEST_ANSWER)
    try:
        outside.parse(url)
        response = pools.request(method, url, body=body, headers=given)
        told = msgspec.json.decode(response.data)
    except (urllib3.exceptions.HTTPError, errors.JinbiaoError, msgspec.DecodeError) as problem:
        raise errors.Unavailable(
            _("the sign-in service does not answer: try again later")
        ) from problem
    finally:
        pools.clear()
    if not isinstance(told, dict):
        raise errors.Unavailable(_("the sign-in service does not answer: try again later"))
    if response.status != 200:
        raise _refusal(str(told.get("error", response.status)))
    return told
