"""Ask services of models in JSON, and say in plain words why one does not answer.

What a service says is never trusted, and never repeated where it may hold the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ...datasets import errors, outside
from ...datasets.errors import _
from .interface import Given

LONGEST_SAID = 200  # characters of what a service says of an error
# Of the key that may be repeated by chance, in the name of a model for example.
LONGEST_SHARED = 7
# What it answers when this one question is wrong or too long.
WRONG = (400, 413, 415, 422)


def address(options: Mapping[str, Any]) -> str:
    """Return the option `url`, without a slash at its end.

    Raises:
        errors.Invalid: it is none.
    """
    return outside.parse(options.get("url"), "options.url").url.rstrip("/")


def text(
    options: Mapping[str, Any], name: str, default: str | None = None, longest: int = 200
) -> str:
    """Return an option that is a line of text; None as default says that it must be given.

    Raises:
        errors.Invalid: it is missing, too long or no text.
    """
    value = options.get(name)
    if value in (None, ""):
        if default is None:
            raise errors.Invalid(_("must be given"), place=f"options.{name}")
        return default
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        raise errors.Invalid(
            _("must be a text of at most %(longest)s characters"),
            place=f"options.{name}",
            longest=longest,
        )
    return value.strip()


def number(
    options: Mapping[str, Any], name: str, default: float, least: float, most: float
) -> float:
    """Return an option that is a number from `least` to `most`.

    Raises:
        errors.Invalid: it is none.
    """
    value = options.get(name)
    if value is None or value == "":
        return default
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not least <= value <= most:
        raise errors.Invalid(
            _("must be a number from %(least)s to %(most)s"),
            place=f"options.{name}",
            least=f"{least:g}",
            most=f"{most:g}",
        )
    return float(value)


def switch(options: Mapping[str, Any], name: str, default: bool) -> bool:
    """Return an option that is true or false.

    Raises:
        errors.Invalid: it is neither.
    """
    value = options.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, bool):
        raise errors.Invalid(_("must be true or false"), place=f"options.{name}")
    return value


def known(options: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raise errors.Invalid where an option is none of `names`."""
    for name in options:
        if name not in names:
            raise errors.Invalid(_("this model takes no such option"), place=f"options.{name}")


def headers(given: Given) -> dict[str, str]:
    """Return the headers that carry a key.

    Raises:
        errors.Invalid: it holds characters that no header can carry.
    """
    if not given.secret:
        return {}
    # The usual slip: a line break copied along.
    key = given.secret.strip()
    if not re.fullmatch(r"[!-~]+", key):
        raise errors.Invalid(_("the key holds characters that no key has"), place="secret")
    return {"Authorization": f"Bearer {key}"}


def ask(given: Given, method: str, url: str, message: Any = None, **more: str) -> bytes:
    """Send a question and return what a service answers to it.

    `message` is JSON, or bytes that are sent as they are; `more` are headers, `_` for `-`.

    Raises:
        errors.Refused: it is away, does not want us, or asks to wait.
        errors.Invalid: it says that this question is wrong.
    """
    if given.call is None:
        raise errors.Refused(_("this model asks a service, which is not possible here"))
    if message is None or isinstance(message, bytes):
        content = message
    else:
        content = msgspec.json.encode(message)
    told = {"Accept": "application/json", **headers(given)}
    told |= {name.replace("_", "-"): value for name, value in more.items()}
    status, answer = given.call(method, url, content, told)
    if 200 <= status < 300:
        return answer
    origin = outside.parse(url).origin
    if status in (401, 403):
        raise errors.Refused(
            _("%(address)s does not accept the key (%(status)s)"), address=origin, status=status
        )
    said = _said(answer, given.secret)
    kind = errors.Invalid if status in WRONG else errors.Refused
    if said:
        raise kind(
            _("%(address)s answers %(status)s: %(said)s"), address=origin, status=status, said=said
        )
    raise kind(_("%(address)s answers %(status)s"), address=origin, status=status)


def decoded(content: bytes, url: str) -> Any:
    """Return what a service answered in JSON.

    Raises:
        errors.Refused: it is something else, such as a web page.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Not JSON, but what Python's own servers write: NaN and Infinity.
        return json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise errors.Refused(
            _("%(address)s answers with something that is not JSON"),
            address=outside.parse(url).origin,
        ) from problem


def _said(answer: bytes, secret: str) -> str:
    """Return the message in an error answer; "" where there is none, or it repeats the key."""
    try:
        found = msgspec.json.decode(answer[:100_000])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    if not isinstance(found, str):
        return ""
    line = " ".join("".join(each if each.isprintable() else " " for each in found).split())
    key = secret.strip()
    shared = LONGEST_SHARED + 1
    parts = {key[place : place + shared] for place in range(max(len(key) - LONGEST_SHARED, 1))}
    if key and any(part in line for part in parts):
        return ""
    return line[:LONGEST_SAID]
