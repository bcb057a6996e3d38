"""Read what somebody gives of a model: options, a file, a secret; and have the model check it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import msgspec
from flask import request

from ...datasets import errors, outside, uploads
from ...datasets.errors import Problem, _
from ...datasets.models import ProjectModel
from ...datasets.settings import Settings
from .. import payloads
from ..auth import installation
from .kinds import Kind

PREFIX = "options."
LONGEST_OPTION = 100_000  # characters of one, as a form sends it
MOST_EXAMPLES = 1_000_000  # that `train_after` waits for
MOST_TRIALS = 2  # of files at once in this process
TRIAL_SECONDS = 30.0  # that one waits for its turn
_trials = threading.BoundedSemaphore(MOST_TRIALS)


def options(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the options that a request gives, None where it gives none.

    JSON has them as an object `options`; a form as fields `options.<name>`, each in the
    form that the card says, where an empty one says nothing.

    Raises:
        errors.Invalid: one is not in that form; names it.
    """
    given = values.get("options")
    if isinstance(given, str):
        given = _decoded(given, "options")
    if given is not None:
        return payloads.an_object({"options": given}, "options")
    sent = {name: value for name, value in values.items() if name.startswith(PREFIX)}
    if not sent:
        return None
    kinds = {field["name"]: field["kind"] for field in kind.fields}
    found = {}
    for place in sent:
        text = payloads.text(sent, place, longest=LONGEST_OPTION).replace("\r\n", "\n")
        if text.strip():
            name = place.removeprefix(PREFIX)
            found[name] = _read(kinds.get(name, "text"), text, place)
    return found


def secret(kind: Kind, values: Mapping[str, Any]) -> str | None:
    """Return the secret that a request gives, None where it gives none.

    Raises:
        errors.Invalid: models of this kind take none.
    """
    told = payloads.given_text(values, "secret", longest=10_000)
    if told and not any(field["kind"] == "secret" for field in kind.fields):
        raise errors.Invalid(_("this model takes no secret"), place="secret")
    return told


def file() -> tuple[str, str] | None:
    """Store the file that a form brings; return its digest and name, None where there is none.

    Raises:
        errors.TooLarge: it has more bytes than the settings allow.
    """
    if request.mimetype != "multipart/form-data":
        return None
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return None
    return _stored(cast(BinaryIO, sent.stream), sent.filename)


def content(name: str) -> tuple[str, str]:
    """Store the bytes that a request is; return their digest and the plain name.

    Raises:
        errors.Invalid: there are none.
        errors.TooLarge: there are more than the settings allow.
    """
    return _stored(cast(BinaryIO, request.stream), name)


def checked(kind: Kind, given: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Return the options to keep, once the model has looked at them and at the file.

    Raises:
        errors.Invalid: names the option as `options.<name>`, or says what is wrong with `file`.
    """
    here = installation()
    for name, value in given.items():
        if _is_address(value):
            # The model asks again for every call: what a name stands for may change.
            outside.check(
                here.settings.outside_allowed, value, f"{PREFIX}{name}", must_be_known=False
            )
    try:
        if not digest:
            return kind.model.check(given, None)
        with _trial():
            return kind.model.check(given, here.store.read(digest))
    except errors.Invalid as problem:
        problem.place = _place(problem.place)
        problem.problems = [
            Problem(_place(each.place), each.message, each.values) for each in problem.problems
        ]
        raise


@contextmanager
def _trial() -> Iterator[None]:
    """Try a file while few others are tried: each may take memory and seconds.

    Raises:
        errors.Unavailable: none of them ends in time.
    """
    if not _trials.acquire(timeout=TRIAL_SECONDS):
        raise errors.Unavailable(_("other files are being tried: send this one again later"))
    try:
        yield
    finally:
        _trials.release()


def fitted(kind: Kind, present: Mapping[str, Any], digest: str) -> dict[str, Any]:
    """Return the options of a model for another file, without those that do not fit it.

    Raises:
        errors.Invalid: as `checked` does, for what is not due to an option.
    """
    left = dict(present)
    while True:
        try:
            return checked(kind, left, digest)
        except errors.Invalid as problem:
            name = problem.place.removeprefix(PREFIX)
            if not problem.place.startswith(PREFIX) or name not in left:
                raise
            del left[name]


def keep_secret(row: ProjectModel, changed: Mapping[str, Any], secret: str | None) -> None:
    """Let a secret go only where it went before: another host needs it given again.

    Raises:
        errors.Invalid: an address leads elsewhere and the secret is the old one.
    """
    if not row.secret or secret is not None:
        return
    before = _origins(row.option_values)
    if not _origins(changed) <= before:
        raise errors.Invalid(_("give the secret again for another host"), place="secret")


def longest_file(settings: Settings) -> int:
    """Return how many bytes a model's file may have: it is held in memory to be used."""
    return min(settings.maximum_upload_bytes, settings.maximum_media_bytes)


def _stored(stream: BinaryIO, name: str) -> tuple[str, str]:
    limit = longest_file(installation().settings)
    try:
        put = installation().store.put(stream, limit=limit)
    except errors.TooLarge as problem:
        problem.place = "file"
        raise
    if put.size == 0:
        raise errors.Invalid(_("choose a file to upload"), place="file")
    return put.digest, uploads.plain_name(name)


def _read(kind: str, text: str, place: str) -> Any:
    """Return one field of a form in the form that its card says."""
    if kind == "json":
        return _decoded(text, place)
    if kind != "number":
        return text
    try:
        number = float(text)
    except ValueError as problem:
        raise errors.Invalid(_("must be a number"), place=place) from problem
    if not -1e15 < number < 1e15:
        raise errors.Invalid(_("must be a number"), place=place)
    return int(number) if number == int(number) else number


def _decoded(text: str, place: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise errors.Invalid(
            _("is not JSON: %(reason)s"), place=place, reason=str(problem)[:200]
        ) from problem


def _place(name: str) -> str:
    """Name an option as the request does."""
    own = ("", "file", "secret", "options")
    return name if name in own or name.startswith(PREFIX) else f"{PREFIX}{name}"


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _origins(given: Mapping[str, Any]) -> set[str]:
    return {outside.parse(value).origin for value in given.values() if _is_address(value)}
