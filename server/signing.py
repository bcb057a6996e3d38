"""Let browsers in: what signing in by any means has in common."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import flask
from flask import request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, people
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.people import User
from .auth import installation

Result = TypeVar("Result")

# How long after the password the code may come.
CODE_SECONDS = 300
# Enough to tell one's browsers apart; the first that is found counts.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def try_password(username: str, password: str) -> User:
    """Return who proved their password; every attempt is on record.

    Raises:
        errors.Invalid: the name or the password is wrong.
        errors.LockedOut: too many failures.
    """
    found, locked = None, None
    with installation().database.read() as session:
        proof = people.prove(session, username, password)
    with installation().database.write() as session:
        try:
            found = people.sign_in(session, installation().settings, username, proof)
        except errors.LockedOut as problem:
            # Kept for after the transaction, or the record would go with it.
            locked = problem
        if found is None:
            record_failure(session, people.find_user(session, username), "password")
    if locked is not None:
        raise locked
    if found is None:
        raise errors.Invalid(_("the name or the password is wrong"))
    return found


def try_code(waiting: dict[str, Any], code: str) -> str:
    """Take a code and open the session that waits for it; return the secret for its cookie.

    Raises:
        errors.Invalid: the code is wrong, or was used.
        errors.LockedOut: too many failures.
    """

    def enter(session: Session, who: User, proved: str) -> str:
        return open_browser(session, who, waiting["means"], factor=proved)

    return for_a_code(waiting["user"], code, enter)


def for_a_code(user_id: int, code: str, act: Callable[[Session, User, str], Result]) -> Result:
    """Do something in the transaction that takes a code for it; every attempt is on record.

    Raises:
        errors.Invalid: the code is wrong, or was used.
        errors.LockedOut: too many failures.
    """
    done: list[Result] = []
    locked = None
    with installation().database.write() as session:
        who = session.get_one(User, user_id)
        proved = None
        try:
            proved = people.prove_code(session, installation().settings, user_id, code)
        except errors.LockedOut as problem:
            locked = problem
        if proved is None:
            record_failure(session, who, "code")
        else:
            done.append(act(session, who, proved))
    if locked is not None:
        raise locked
    if not done:
        raise errors.Invalid(_("the code is wrong or was used before"), place="code")
    return done[0]


def open_browser(session: Session, who: User, means: str, **detail: Any) -> str:
    """Open a session for this browser, on record; return the secret for its cookie."""
    where = request.remote_addr or ""
    audit.record(
        session,
        who,
        "person.sign_in",
        f"user/{who.username}",
        means=means,
        address=where,
        **detail,
    )
    return new_session(session, who, means)


def new_session(session: Session, who: User, means: str) -> str:
    """Open a session for this browser and return the secret for its cookie."""
    return people.open_session(
        session,
        installation().settings,
        who,
        means=means,
        address=request.remote_addr or "",
        browser=request.headers.get("User-Agent", ""),
    )


def record_failure(session: Session, who: User | None, step: str) -> None:
    """Put a failed attempt on record.

    What was typed is not told where it is nobody's name: people type passwords there.
    """
    name = "?" if who is None else who.username
    where = {"step": step, "address": request.remote_addr or ""}
    audit.record(session, name, "person.sign_in_failed", f"user/{name}", **where)
    if who is not None and who.locked_until is not None and who.locked_until > now():
        audit.record(session, name, "person.locked", f"user/{name}", **where)


def wait_for_code(who: User, means: str, target: str) -> AnyResponse:
    """Remember in the signed cookie who proved a first factor, and ask for the code."""
    flask.session.clear()
    flask.session["waiting"] = {
        "user": who.id,
        "means": means,
        "print": fingerprint(who),
        "at": int(time.time()),
        "next": target,
    }
    return flask.redirect(flask.url_for("factors.ask"))


def waiting() -> dict[str, Any] | None:
    """Return who proved a first factor in this browser lately, if that still holds."""
    found: dict[str, Any] | None = flask.session.get("waiting")
    if found is None or found["at"] < time.time() - CODE_SECONDS:
        return None
    with installation().database.read() as session:
        who = session.get(User, found["user"])
    good = who is not None and who.is_active and fingerprint(who) == found["print"]
    return found if good else None


def fingerprint(who: User) -> str:
    """Return what changes with the password, and tells nothing of it."""
    return hashlib.sha256(f"waiting\0{who.id}\0{who.password_hash}".encode()).hexdigest()[:32]


def let_in(who: User, secret: str, means: str, target: str) -> AnyResponse:
    """Give the browser its cookie, and lead it to where it was going or to what is due."""
    flask.session.clear()
    flask.session["session"] = secret
    flask.session.permanent = True
    due = people.due(installation().settings, who, means)
    if due == people.PASSWORD_DUE:
        return flask.redirect(flask.url_for("people.account"))
    if due == people.FACTOR_DUE:
        return flask.redirect(flask.url_for("factors.show"))
    return flask.redirect(target)


def own_path(target: str | None) -> str:
    """Return the target if it is a path of ours, else the home page."""
    text = target or ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return flask.url_for("pages.home")
    good = text.startswith("/") and not parts.netloc and not parts.scheme
    usable = good and not text.startswith("//") and text.isprintable() and "\\" not in text
    return text if usable else flask.url_for("pages.home")


def browser_name(agent: str) -> str:
    """Return what people call a browser and its system, from what it says of itself."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    told = " · ".join(filter(None, (browser, system)))
    return told or re.sub(r"[^ -~]", "", agent)[:40] or "?"
