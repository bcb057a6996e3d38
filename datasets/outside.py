"""Say which addresses outside this installation may be called, and call no other.

People name addresses: of webhooks, of model backends, of buckets. A name is looked up and
what it stands for is checked in the moment of connecting, and the connection goes to exactly
that address: a name that means something else a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from . import errors
from .errors import _

SETTING = "JINBIAO_OUTSIDE_ALLOWED"
LONGEST = 2048  # characters of an address
CONNECT_SECONDS = 10.0  # to each of the numbers that a host has

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
    r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
_ENTRY = re.compile(r"(\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<plain>[^\[\]:\s]+))(:(?P<port>\d{1,5}))?")
# An IPv4 address may be wrapped into these, and a router on the way unwraps it.
_WRAPPING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

# Global by the registries, or by those of the library's time, and yet something near by: what a
# cloud answers its own machines, relays and protocols (RFC 6890, RFC 7526), sites (RFC 3879).
_NEAR = tuple(
    ipaddress.ip_network(each)
    for each in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "5f00::/16")
)


@dataclass(frozen=True)
class Entry:
    """One thing that the operator allows: a network or a host name, on one port or on all."""

    network: Network | None = None
    host: str = ""
    port: int | None = None


@dataclass(frozen=True)
class Target:
    """An address in its parts, checked as far as that goes without looking the name up."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port, for comparing."""
        return f"{self.scheme}://{self.host}:{self.port}"


@lru_cache(maxsize=64)
def entries(words: tuple[str, ...]) -> tuple[Entry, ...]:
    """Return what the operator's words allow: `10.0.0.0/8`, `127.0.0.1:9090`, `model.example`.

    Raises:
        errors.Invalid: a word is none of them.
    """
    return tuple(_entry(word) for word in words)


def parse(url: Any, place: str = "url") -> Target:
    """Return an http(s) address in its parts; nothing is looked up.

    Raises:
        errors.Invalid: it is none, or holds a name and password, or a host that is no host.
    """
    if not isinstance(url, str) or not 0 < len(url) <= LONGEST or not _is_plain(url):
        raise errors.Invalid(_("must be an address such as https://host/path"), place=place)
    try:
        found = parse_url(url)
    except LocationParseError as problem:
        raise errors.Invalid(
            _("must be an address such as https://host/path"), place=place
        ) from problem
    if found.scheme not in ("http", "https") or not found.host:
        raise errors.Invalid(_("must begin with http:// or https://"), place=place)
    if found.auth is not None or "@" in url.partition("://")[2].partition("/")[0]:
        raise errors.Invalid(_("must not hold a user name or password"), place=place)
    host = found.host.strip("[]")
    if not (_HOST.fullmatch(host) or _address(host)) or found.port == 0:
        raise errors.Invalid(_("must be an address such as https://host/path"), place=place)
    port = found.port or (443 if found.scheme == "https" else 80)
    return Target(url, found.scheme, host, port, found.request_uri)


def check(
    allowed: Sequence[str], url: Any, place: str = "url", *, must_be_known: bool = True
) -> Target:
    """Return an address in its parts, once its host stands for something that may be called.

    Without `must_be_known`, a host that nobody knows now passes: it is asked again when it is
    called.

    Raises:
        errors.Invalid: it is no address, or one that may not be called, or unknown.
    """
    target = parse(url, place)
    try:
        reachable(allowed, target.host, target.port)
    except errors.NotFound as problem:
        if must_be_known:
            raise errors.Invalid(problem.message, place=place, **problem.values) from problem
    except errors.Invalid as problem:
        problem.place = place
        raise
    return target


def reachable(allowed: Sequence[str], host: str, port: int) -> list[str]:
    """Return the numeric addresses of a host that may be called, in the order to try them.

    Raises:
        errors.NotFound: nobody knows the host.
        errors.Invalid: no address of it may be called.
    """
    known = entries(tuple(allowed))
    is_named = any(e.host == host.lower().rstrip(".") and e.port in (None, port) for e in known)
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise errors.NotFound(_("the host %(host)s is not known"), host=host[:100]) from problem
    found = list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))
    good = [a for a in found if is_named or _may_call(known, ipaddress.ip_address(a), port)]
    if not good:
        raise errors.Invalid(
            _("%(host)s is an address inside; the operator may allow it with %(setting)s"),
            host=host[:100],
            setting=SETTING,
        )
    return good


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open network: no other machine is in reach of it."""
    inner = _unwrapped(address)
    if inner is not None:
        return is_public(inner)
    if any(address in network for network in _NEAR):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def connection(
    allowed: Sequence[str], target: Target, seconds: float
) -> HTTPConnection | HTTPSConnection:
    """Return a connection that will go to a checked address; nothing is opened yet.

    Its `timeout` is that of connecting; who waits for an answer sets another.
    """
    plain, secure = _kinds(tuple(allowed))
    timeout = min(seconds, CONNECT_SECONDS)
    if target.scheme == "https":
        return secure(
            target.host, target.port, timeout=timeout, ssl_context=ssl.create_default_context()
        )
    return plain(target.host, target.port, timeout=timeout)


class CheckedPools(urllib3.PoolManager):
    """Keep connections for a client library, each of them to a checked address.

    No redirect is followed, every call ends, and an answer that is read at once, or that tells
    of an error, has at most `most_bytes`.
    """

    def __init__(
        self, allowed: Sequence[str], *, read_seconds: float = 30.0, most_bytes: int = 32 * 1024**2
    ) -> None:
        super().__init__(
            maxsize=16,
            timeout=urllib3.Timeout(connect=5.0, read=read_seconds),
            retries=urllib3.Retry(
                total=2,
                redirect=False,
                backoff_factor=0.2,
                status_forcelist=(500, 502, 503, 504),
                raise_on_status=False,
                respect_retry_after_header=False,  # it could ask for an hour
            ),
        )
        self._most_bytes = most_bytes
        plain, secure = _kinds(tuple(allowed))

        class Plain(HTTPConnectionPool):
            ConnectionCls = plain

        class Secure(HTTPSConnectionPool):
            ConnectionCls = secure

        self.pool_classes_by_scheme = {"http": Plain, "https": Secure}

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **values: Any
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; what is read at once is read up to the limit.

        Raises:
            errors.Invalid: the address may not be called, or the answer is larger.
        """
        at_once = values.pop("preload_content", True)
        values |= {"preload_content": False, "decode_content": False}
        response = super().urlopen(method, url, False, **values)
        # What is told of an error is read by the library itself, whole.
        if not at_once and response.status < 300:
            return response
        content = bytearray()
        while chunk := response.read1(64 * 1024):
            content += chunk
            if len(content) > self._most_bytes:
                response.close()
                raise errors.Invalid(
                    _("the answer has more than %(most)s bytes"), most=self._most_bytes
                )
        response.release_conn()
        return urllib3.HTTPResponse(
            bytes(content),
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            decode_content=False,
            request_method=method,
        )


@lru_cache(maxsize=64)
def _kinds(allowed: tuple[str, ...]) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """Return connections whose sockets go to checked addresses only."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _open(allowed, self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _open(allowed, self)

    return Plain, Secure


def _open(allowed: tuple[str, ...], wanted: HTTPConnection) -> socket.socket:
    """Connect to the first address that answers; what is checked is what is connected to.

    Raises:
        errors.Invalid: none of them may be called.
        urllib3.exceptions.HTTPError: none of them answers.
    """
    last: Exception | None = None
    found = reachable(allowed, wanted.host.strip("[]"), int(wanted.port or 80))[:3]
    # All tries together take no longer than one may.
    each = wanted.timeout / len(found) if isinstance(wanted.timeout, int | float) else 5.0
    for address in found:
        try:
            return socket.create_connection((address, wanted.port), timeout=each)
        except TimeoutError as problem:
            last = urllib3.exceptions.ConnectTimeoutError(wanted, "timed out")
            last.__cause__ = problem
        except OSError as problem:
            last = urllib3.exceptions.NewConnectionError(wanted, problem.strerror or str(problem))
            last.__cause__ = problem
    raise last or urllib3.exceptions.NewConnectionError(wanted, "no address")


def _entry(word: str) -> Entry:
    try:
        return Entry(network=ipaddress.ip_network(word, strict=False))
    except ValueError:
        pass
    found = _ENTRY.fullmatch(word)
    port = None if found is None or found["port"] is None else int(found["port"])
    host = "" if found is None else str(found["six"] or found["plain"])
    address = _address(host)
    usable = address is not None or (_HOST.fullmatch(host) and not _is_numeric(host))
    if found is None or not usable or not (port is None or 1 <= port <= 65535):
        raise errors.Invalid(
            _("%(name)s must be %(allowed)s"),
            name=SETTING,
            allowed="10.0.0.0/8 127.0.0.1:9090 [fd00::1]:9090 host.example host.example:9090",
        )
    if address is not None:
        return Entry(network=ipaddress.ip_network(address), port=port)
    return Entry(host=host.lower().rstrip("."), port=port)


def _may_call(known: Sequence[Entry], address: Address, port: int) -> bool:
    if is_public(address):
        return True
    told = {address, _unwrapped(address) or address}
    return any(
        entry.network is not None
        and entry.port in (None, port)
        and any(one.version == entry.network.version and one in entry.network for one in told)
        for entry in known
    )


def _unwrapped(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for, None where it is its own."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in _WRAPPING):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_numeric(host: str) -> bool:
    """Tell whether a resolver would take this for a number in one of its older forms."""
    return bool(re.fullmatch(r"(0x[0-9a-f]*|\d+)", host.rstrip(".").rpartition(".")[2].lower()))


def _is_plain(url: str) -> bool:
    return url.isprintable() and not re.search(r"[\s\\]", url)
