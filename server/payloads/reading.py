"""Read what was sent, and answer JSON fast."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import flask
import msgspec
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from ...datasets import errors
from ...datasets.errors import _

# Deep enough for every result; a parser that is handed more could overflow its stack.
_decoder = msgspec.json.Decoder()
# More than the largest result.
BODY_BYTES = 32 * 1024**2
# Of a list of many things: what one worker can hold.
LIST_BYTES = 256 * 1024**2


def body() -> dict[str, Any]:
    """Return the request's JSON object, or its form as one.

    Raises:
        errors.Invalid: it is neither.
        errors.TooLarge: it has more than BODY_BYTES.
    """
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return {key: value for key, value in request.form.items() if key != "csrf_token"}
    sent = content(BODY_BYTES)
    if not sent:
        return {}
    decoded = _decoded(sent)
    if not isinstance(decoded, dict):
        raise errors.Invalid(_("the body must be a JSON object"))
    return decoded


def content(limit: int) -> bytes:
    """Return the request's bytes.

    Raises:
        errors.TooLarge: there are more than `limit`.
    """
    # Read into memory, unlike an upload: bounded, also where no length was told.
    request.max_content_length = min(limit, request.max_content_length or limit)
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as problem:
        raise errors.TooLarge(_("the body has more than %(limit)s bytes"), limit=limit) from problem


def _decoded(sent: bytes) -> Any:
    try:
        return _decoder.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise errors.Invalid(
            _("the body is not JSON: %(reason)s"), reason=str(problem)[:200]
        ) from problem


def text(
    values: Mapping[str, Any], name: str, default: str | None = None, *, longest: int = 200
) -> str:
    """Return a text value of at most `longest` characters.

    Raises:
        errors.Invalid: it is missing without a default, or no text.
        errors.TooLarge: it is longer.
    """
    value = values.get(name)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise errors.Invalid(_("must be a text"), place=name)
    if "\0" in value:
        raise errors.Invalid(_("must not hold a NUL character"), place=name)
    if len(value) > longest:
        raise errors.TooLarge(
            _("must have at most %(longest)s characters"), place=name, longest=longest
        )
    return value


def optional_text(values: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """Return a text value, or None where it is missing, null or empty."""
    return given_text(values, name, longest=longest) or None


def choice(values: Mapping[str, Any], name: str, default: str, allowed: Iterable[str]) -> str:
    """Return a text value that is one of the allowed ones.

    Raises:
        errors.Invalid: it is another.
    """
    names = list(allowed)
    value = text(values, name, default)
    if value not in names:
        raise errors.Invalid(_("must be one of %(names)s"), place=name, names=", ".join(names))
    return value


def given_text(values: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """Return a text value, also an empty one, or None where it is missing or null."""
    return None if values.get(name) is None else text(values, name, longest=longest)


def number(
    values: Mapping[str, Any],
    name: str,
    default: int | None = None,
    *,
    lowest: int = 0,
    highest: int = 2**53,
) -> int:
    """Return a whole number from `lowest` to `highest`.

    Raises:
        errors.Invalid: it is missing without a default, or not such a number.
    """
    value = values.get(name)
    if value is None or value == "":
        value = default
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


def flag(values: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return a yes or no, of JSON or of an address (`true`, `1`, `false`, `0`).

    Raises:
        errors.Invalid: it is neither.
    """
    value = values.get(name)
    if isinstance(value, str):
        value = _FLAGS.get(value.lower(), value)
    if value is None or value == "":
        return default
    if not isinstance(value, bool):
        raise errors.Invalid(_("must be true or false"), place=name)
    return value


def words(values: Mapping[str, Any], name: str, most: int = 100) -> list[str]:
    """Return a list of short texts; one text with commas or spaces is a list as well.

    Raises:
        errors.Invalid: it is neither.
    """
    value = values.get(name)
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if value is None:
        return []
    usable = isinstance(value, list) and len(value) <= most
    if not usable or not all(isinstance(word, str) and len(word) <= 200 for word in value):
        raise errors.Invalid(_("must be a list of texts"), place=name)
    return list(value)


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def given_flag(values: Mapping[str, Any], name: str) -> bool | None:
    """Return a yes or no, or None where it is missing or null."""
    return None if values.get(name) is None else flag(values, name)


def decimal(values: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, or None where it is missing or null.

    Raises:
        errors.Invalid: it is no number, or larger than a thousand million.
    """
    value = values.get(name)
    if value is None:
        return None
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # False for a NaN as well.
    if not usable or not -1e9 <= value <= 1e9:
        raise errors.Invalid(_("must be a number"), place=name)
    return float(value)


def an_object(
    values: Mapping[str, Any], name: str, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a value that is an object.

    Raises:
        errors.Invalid: it is missing without a default, or something else.
    """
    value = values.get(name)
    if value is None:
        value = default
    if not isinstance(value, dict):
        raise errors.Invalid(_("must be an object"), place=name)
    return value


def ids(values: Mapping[str, Any], name: str, most: int) -> list[int]:
    """Return a list of ids, each once.

    Raises:
        errors.Invalid: it is no list of ids, or is empty.
        errors.TooLarge: it has more than `most`.
    """
    value = values.get(name)
    if not isinstance(value, list) or not value:
        raise errors.Invalid(_("must be a list of ids"), place=name)
    if len(value) > most:
        raise errors.TooLarge(_("must have at most %(most)s entries"), place=name, most=most)
    return list(dict.fromkeys(number({name: each}, name) for each in value))


def body_list(most: int) -> list[Any]:
    """Return the request's JSON list.

    Raises:
        errors.Invalid: it is none, or is empty.
        errors.TooLarge: it has more than `most` entries or LIST_BYTES.
    """
    decoded = _decoded(content(LIST_BYTES))
    if not isinstance(decoded, list) or not decoded:
        raise errors.Invalid(_("the body must be a JSON list that is not empty"))
    if len(decoded) > most:
        raise errors.TooLarge(_("must have at most %(most)s entries"), most=most)
    return decoded


def numbers(values: Mapping[str, Any], name: str, most: int = 1000) -> list[int] | None:
    """Return whole numbers divided by commas, or None where there are none.

    Raises:
        errors.Invalid: one is not a whole number, or there are more than `most`.
    """
    told = text(values, name, "", longest=most * 20)
    parts = [part.strip() for part in told.split(",") if part.strip()]
    if len(parts) > most or not all(part.isascii() and part.isdigit() for part in parts):
        raise errors.Invalid(
            _("must be at most %(most)s whole numbers, divided by commas"), place=name, most=most
        )
    return [number({name: part}, name) for part in parts] or None


def refuse_unknown(values: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise errors.Invalid that names each field nobody here knows; null says nothing."""
    names = set(known)
    strange = [name for name, value in values.items() if name not in names and value is not None]
    if strange:
        raise errors.Invalid(
            _("there are fields that are not known here"),
            problems=[
                errors.Problem(name[:80], _("this field is not known here"))
                for name in sorted(strange)[:20]
            ],
        )


def page_size(default: int, highest: int) -> int:
    """Return how many rows the address asks for: at least 1, and never more than `highest`."""
    return min(number(request.args, "page_size", default, lowest=1), highest)


def before() -> int | None:
    """Return the number that the address gives as the end of the last page, or None."""
    return number(request.args, "before") if request.args.get("before") else None


def moment(name: str, value: str) -> dt.datetime:
    """Return the point in time that a text says, in UTC where it says no zone.

    Raises:
        errors.Invalid: it says none.
    """
    try:
        found = dt.datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError) as problem:
        raise errors.Invalid(_("must be a time"), place=name) from problem


def seconds(values: Mapping[str, Any], name: str) -> float | None:
    """Return a duration in seconds, or None."""
    value = values.get(name)
    if value is None:
        return None
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    # False for a NaN as well.
    if not usable or not -1e9 <= value <= 1e9:
        raise errors.Invalid(_("must be a number of seconds"), place=name)
    return float(value)


def result(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the list of regions of an annotation, its members not yet looked at.

    Raises:
        errors.Invalid: it is missing, so that nothing is wiped by forgetting it, or no list.
    """
    value = values.get("result")
    if not isinstance(value, list):
        raise errors.Invalid(_("must be a list of regions"), place="result")
    return value


def answer(told: Any, status: int = 200) -> flask.Response:
    """Return JSON, encoded fast."""
    return flask.Response(msgspec.json.encode(told), status=status, mimetype="application/json")


def time(value: dt.datetime | None) -> str | None:
    """Return a time as Label Studio writes it."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
