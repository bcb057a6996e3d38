"""Check what somebody says of a place to read: the options of each kind, and its secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from .. import errors, outside
from ..errors import _
from .rows import FeedKind, Keeps

MOST_ADDRESSES = 10_000
MOST_ROWS = 10_000_000
LONGEST_QUERY = 20_000  # characters
# The names of the options of each kind with what they are where nobody says.
OPTIONS: dict[str, dict[str, Any]] = {
    FeedKind.S3: {
        "endpoint": None,
        "region": None,
        "bucket": None,
        "prefix": None,
        "pattern": None,
        "recursive": True,
        "keeps": Keeps.COPIES,
    },
    FeedKind.FOLDER: {"path": None, "pattern": None, "recursive": True},
    FeedKind.ADDRESSES: {"addresses": []},
    FeedKind.DATABASE: {
        "url": None,
        "query": None,
        "key_column": None,
        "most_rows": 100_000,
        "seconds": 60,
    },
    FeedKind.CKAN: {"url": None, "search": None, "filter": None, "formats": []},
    FeedKind.DCAT: {"url": None, "formats": []},
}
SECRETS: dict[str, tuple[str, ...]] = {
    FeedKind.S3: ("access_key", "secret_key", "session_token"),
    FeedKind.FOLDER: (),
    FeedKind.ADDRESSES: (),
    FeedKind.DATABASE: ("password",),
    FeedKind.CKAN: ("token",),
    FeedKind.DCAT: (),
}
# The option that says where secrets are sent: another place does not get the old ones.
_PLACES: dict[str, str] = {FeedKind.S3: "endpoint", FeedKind.DATABASE: "url", FeedKind.CKAN: "url"}
_REQUIRED: dict[str, tuple[str, ...]] = {
    FeedKind.S3: ("bucket",),
    FeedKind.FOLDER: ("path",),
    FeedKind.ADDRESSES: ("addresses",),
    FeedKind.DATABASE: ("url", "query", "key_column"),
    FeedKind.CKAN: ("url",),
    FeedKind.DCAT: ("url",),
}
_LISTS = {"addresses": MOST_ADDRESSES, "formats": 50}
_NUMBERS = {"most_rows": (1, MOST_ROWS), "seconds": (1, 3600)}
_LONGEST = {"query": LONGEST_QUERY}
# What a database's address may say besides: how it is encrypted, never files or other hosts.
SSL_MODES = ("disable", "prefer", "require", "verify-full")
_COMMENT = re.compile(r"\s+|--[^\n]*(?:\n|$)|/\*.*?\*/", re.DOTALL)
_BEGINS = re.compile(r"(select|with)\b", re.IGNORECASE)


def checked(
    kind: str,
    values: Mapping[str, Any],
    present: Mapping[str, Any] | None = None,
    kept: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the options and the secrets of a place, what is not given as it was before.

    Raises:
        errors.Invalid: a value is not usable, one is missing, or another host would be sent the
            old secrets.
    """
    if kind not in OPTIONS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="kind", names=", ".join(map(str, OPTIONS))
        )
    known = OPTIONS[kind]
    options = {**known, **(present or {})}
    for name in known:
        if values.get(name) is not None:
            options[name] = _value(name, values[name])
    secrets = dict(kept or {})
    told = {name: _text(name, values[name]) for name in SECRETS[kind] if values.get(name)}
    if kind == FeedKind.DATABASE and values.get("url"):
        options["url"], password = _database(options["url"])
        told = {**({"password": password} if password else {}), **told}
    for name in _REQUIRED[kind]:
        if not options[name]:
            raise errors.Invalid(_("must not be empty"), place=name)
    if present is not None and _is_another_host(kind, options, present):
        _refuse_old_secrets(kind, secrets, told)
        secrets = {}
    _check_addresses(kind, options)
    return options, {**secrets, **told}


def database_url(text: str) -> sa.URL:
    """Return the address of a database in its parts.

    Raises:
        errors.Invalid: it is none of SQLite or PostgreSQL, or names files or several hosts.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as problem:
        raise errors.Invalid(
            _("must be a database address such as postgresql://reader@host/name"), place="url"
        ) from problem
    dialect = url.drivername.partition("+")[0]
    if dialect in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    elif url.drivername in ("sqlite", "sqlite+pysqlite"):
        url = url.set(drivername="sqlite")
    else:
        raise errors.Invalid(
            _("only %(names)s are read here"), place="url", names="postgresql, sqlite"
        )
    mode = url.query.get("sslmode", "prefer")
    is_file = url.drivername == "sqlite"
    if set(url.query) - {"sslmode"} or mode not in SSL_MODES or not (is_file or url.host):
        raise errors.Invalid(
            _("must name one host, and besides it at most sslmode=%(names)s"),
            place="url",
            names="|".join(SSL_MODES),
        )
    return url


def _database(text: str) -> tuple[str, str]:
    """Return a database's address without its password, and the password."""
    url = database_url(text)
    if url.drivername == "sqlite":
        if url.query or url.host or not url.database or not url.database.startswith("/"):
            raise errors.Invalid(
                _("must name a file by its whole path: sqlite:////folder/file"), place="url"
            )
        return url.render_as_string(), ""
    # Read as an address of the web, for the same care about what is a host.
    host = f"[{url.host}]" if ":" in str(url.host) else str(url.host)
    outside.parse(f"http://{host}:{url.port or 5432}/")
    password = str(url.password) if url.password is not None else ""
    bare = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
    return bare.update_query_dict(dict(url.query)).render_as_string(), password


def check_query(query: str) -> str:
    """Return a query without what ends it; a place that only reads refuses all else by itself.

    Raises:
        errors.Invalid: it is more than one statement, or does not begin with SELECT or WITH.
    """
    text = query.strip().rstrip(";").rstrip()
    rest = text
    while found := _COMMENT.match(rest):
        rest = rest[found.end() :]
    if not _BEGINS.match(rest):
        raise errors.Invalid(_("must be one SELECT"), place="query")
    return text


def _check_addresses(kind: str, options: Mapping[str, Any]) -> None:
    if kind == FeedKind.S3 and options["endpoint"]:
        outside.parse(options["endpoint"], "endpoint")
    if kind in (FeedKind.CKAN, FeedKind.DCAT):
        outside.parse(options["url"])
    if kind == FeedKind.DATABASE:
        check_query(options["query"])
    for place, each in enumerate(options.get("addresses", ())):
        outside.parse(each, f"addresses[{place}]")


def _is_another_host(kind: str, options: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    place = _PLACES.get(kind)
    return place is not None and options[place] != present.get(place)


def _refuse_old_secrets(kind: str, kept: Mapping[str, str], told: Mapping[str, str]) -> None:
    """Refuse what would send any secret of before to another address."""
    missing = [name for name in SECRETS[kind] if name in kept and name not in told]
    # One that ends by itself belongs to the keys that were given with it.
    needed = [name for name in missing if name != "session_token"]
    if needed:
        raise errors.Invalid(_("give the keys again for another address"), place=needed[-1])


def _value(name: str, value: Any) -> Any:
    if name in _LISTS:
        return _list(name, value)
    if name in _NUMBERS:
        lowest, highest = _NUMBERS[name]
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 18:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise errors.Invalid(
                _("must be a whole number from %(lowest)s to %(highest)s"),
                place=name,
                lowest=lowest,
                highest=highest,
            )
        return value
    if name == "recursive":
        if not isinstance(value, bool):
            raise errors.Invalid(_("must be true or false"), place=name)
        return value
    if name == "keeps":
        if value not in tuple(Keeps):
            raise errors.Invalid(
                _("must be one of %(names)s"), place=name, names=", ".join(map(str, Keeps))
            )
        return str(value)
    return _text(name, value).strip() or None


def _list(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list) or len(value) > _LISTS[name]:
        raise errors.Invalid(
            _("must be a list of at most %(most)s texts"), place=name, most=_LISTS[name]
        )
    return list(dict.fromkeys(_text(name, each).strip() for each in value))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"), place=name)
    if "\0" in value:
        raise errors.Invalid(_("must not hold a NUL character"), place=name)
    longest = _LONGEST.get(name, outside.LONGEST)
    if len(value) > longest:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place=name, longest=longest
        )
    return value
