"""Hotkeys: the page where somebody changes their own, and what the workbench knows of them."""

from __future__ import annotations

from typing import Any

import flask
from flask import Blueprint, Response, render_template
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from ..datasets import audit, errors, hotkeys, people
from ..datasets.projects import Project
from . import payloads, reasons
from .auth import allows, installation, user

routes = Blueprint("hotkeys", __name__)
LONGEST_CONFIG = 1_000_000  # characters that are looked at


@routes.get("/account/hotkeys")
@allows("account.use")
def show() -> str:
    """Show one's keys, each to be changed."""
    return _page(hotkeys.keys_of(user().custom_hotkeys), {})


@routes.post("/account/hotkeys")
@allows("account.use")
def change() -> AnyResponse | tuple[str, int]:
    """Keep one's keys; with `usual`, go back to the usual ones."""
    values = payloads.body()
    wanted = {
        name: payloads.text(values, name, "", longest=hotkeys.LONGEST) for name in hotkeys.ACTIONS
    }
    if payloads.flag(values, "usual"):
        wanted = {}
    try:
        kept = hotkeys.choose(wanted)
    except errors.Invalid as problem:
        told: dict[str, list[str]] = {}
        for each in problem.problems:
            told.setdefault(each.place, []).append(_sentence(each))
        return _page(wanted, told), 400
    with installation().database.write() as session:
        people.get_user(session, user().username).custom_hotkeys = kept
        audit.record(session, user(), "person.hotkeys", f"user/{user().username}")
    return flask.redirect(flask.url_for("hotkeys.show"))


@routes.post("/api/labels/hotkeys")
@allows("account.use")
def check() -> Response:
    """Say which hotkeys of a labelling config (`label_config`) will not do what they say."""
    xml = payloads.text(payloads.body(), "label_config", longest=LONGEST_CONFIG)
    return payloads.answer({"warnings": _warnings(xml)})


@routes.app_context_processor
def _for_pages() -> dict[str, Any]:
    return {"bench_keys": _bench_keys, "key_warnings": _warnings}


def _bench_keys(project: Project) -> dict[str, Any]:
    """Return what the scripts of the workbench need of the keys, in the reader's language."""
    keys = hotkeys.keys_of(user().custom_hotkeys)
    return {
        "keys": [
            {"name": name, "key": key, "title": gettext(hotkeys.ACTIONS[name][0])}
            for name, key in keys.items()
        ],
        "warnings": _warnings(project.label_config),
    }


@routes.app_template_filter("keycap")
def keycap(key: str) -> str:
    """Write a key as it stands on a keyboard: `Ctrl+Shift+Z`."""
    return "+".join(part.capitalize() for part in key.split("+"))


def _warnings(xml: str) -> list[str]:
    keys = hotkeys.keys_of(user().custom_hotkeys)
    found = hotkeys.parsed_warnings(xml, keys)
    return [f"{each.place}: {_sentence(each)}" for each in found]


def _sentence(problem: errors.Problem) -> str:
    # What is named in it may itself be a title to be translated; a label's name is not.
    values = {
        name: gettext(value) if isinstance(value, str) and value else value
        for name, value in problem.values.items()
    }
    return reasons.sentence(problem.message, values)


def _page(keys: dict[str, str], problems: dict[str, list[str]]) -> str:
    return render_template(
        "people/hotkeys.html", actions=hotkeys.ACTIONS, keys=keys, problems=problems
    )
