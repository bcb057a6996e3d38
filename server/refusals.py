"""Tell a page why a job failed: places in words, and a way to where something can be done."""

from __future__ import annotations

import re

import flask
from flask_babel import gettext
from markupsafe import Markup, escape

from ..datasets import errors
from . import facts
from .errors import words

# Addresses that reasons name, of pages of this house.
_FINDINGS = re.compile(r"/(?:projects|libraries)/\d+/findings")


def register(app: flask.Flask) -> None:
    """Make what the templates ask known to them."""
    app.jinja_env.filters["job_error"] = job_error


def job_error(value: str | None) -> Markup:
    """Return a job's error, as it was written down, in the reader's language."""
    return Markup("") if value is None else told(errors.from_json(value))


def told(error: errors.JinbiaoError) -> Markup:
    """Return an error in the reader's language; pages that it names are links."""
    problems = [
        errors.Problem(_place(each.place), each.message, each.values) for each in error.problems
    ]
    spoken = errors.JinbiaoError(
        error.message, place=error.place, problems=problems, **error.values
    )
    return Markup(_FINDINGS.sub(_link, str(escape(words(spoken)))))


def _link(found: re.Match[str]) -> str:
    return f'<a href="{found[0]}">{escape(gettext("Look at the findings"))}</a>'


def _place(name: str) -> str:
    if name == "personal_information":
        return gettext("Personal information")
    return facts.fact_name(name)
