"""Choose the form of linked data that is asked for, by the address or by the Accept header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import flask
from werkzeug.exceptions import NotAcceptable
from werkzeug.http import http_date

from ...exporters.distributions import Addresses
from ...exporters.linked_data import FORMS, Graph
from ..auth import installation

HTML = "text/html"
# What is answered by the first form that has the type; JSON-LD where all are the same.
_OFFERED = {form.content_type: ending for ending, form in reversed(FORMS.items())}
_ALSO = {"application/json": "jsonld", "text/rdf+n3": "n3"}


def addresses() -> Addresses:
    """Return where our things are, as the asker reaches us."""
    public = installation().settings.public_url
    return Addresses(public or flask.request.host_url.rstrip("/"))


def by_ending(text: str) -> tuple[str, str | None]:
    """Divide the last part of an address into the name and the form that it ends in."""
    name, _dot, ending = text.rpartition(".")
    return (name, ending) if name and ending in FORMS else (text, None)


def accepted() -> str:
    """Return the form that the Accept header asks for: an ending of FORMS, or HTML.

    Raises:
        NotAcceptable: it asks for none that there is.
    """
    header = flask.request.accept_mimetypes
    if not flask.request.headers.get("Accept", "").strip():
        return "jsonld"
    offered = ["application/ld+json", *_OFFERED, *_ALSO, HTML]
    best = header.best_match(list(dict.fromkeys(offered)))
    if best is None:
        raise NotAcceptable
    return HTML if best == HTML else {**_ALSO, **_OFFERED}[best]


def redirect(address: str) -> flask.Response:
    """Lead somebody who reads pages to one."""
    response = flask.make_response(flask.redirect(address, 303))
    response.headers["Vary"] = "Accept"
    return response


def answer(
    ending: str,
    facts: Any,
    changed: float | None,
    build: Callable[[], Graph],
    *,
    is_public: bool = True,
) -> flask.Response:
    """Answer with a graph, or with 304 if the asker has it.

    `facts` is everything that the graph is made of besides the code: it is compared, so that
    nothing is built for those who have it already. `changed` is in seconds since 1970.
    """
    form = FORMS[ending]
    told = json.dumps([ending, addresses().base, facts], default=str, ensure_ascii=False)
    etag = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]
    response = flask.Response(content_type=f"{form.content_type}; charset=utf-8")
    response.set_etag(etag, weak=False)
    if changed is not None:
        response.headers["Last-Modified"] = http_date(changed)
    response.headers["Vary"] = "Accept"
    response.headers["Cache-Control"] = "no-cache" if is_public else "private, no-store"
    if _has_it(etag):
        response.status_code = 304
        return response
    response.set_data(form.write(build()))
    return response


def _has_it(etag: str) -> bool:
    """Tell whether the asker's copy is this one.

    Only the mark is compared: a dataset that is closed or withdrawn changes a page without
    any time on it moving forward.
    """
    given = flask.request.if_none_match
    return bool(given) and given.contains_weak(etag)
