"""Open a dataset, put it under conditions, or close it, in the Hub's words."""

from __future__ import annotations

from typing import Any

import flask

from ...datasets import catalogue
from ...datasets.catalogue import Openness
from ..auth import PUBLIC, allows, installation
from .protocol import HubError, answer, find_dataset, may_publish, routes, sent, writer


@routes.put("/api/datasets/<owner>/<name>/settings")
@allows(PUBLIC)
def change(owner: str, name: str) -> flask.Response:
    """Change how far a dataset is open: `gated`, and `private` or `visibility`.

    The same rules hold as on the page: what may not be opened stays closed.
    """
    actor, told = writer(), sent()
    with installation().database.write() as session:
        dataset = find_dataset(session, f"{owner}/{name}")
        if not may_publish(actor, dataset):
            raise HubError(403, None, "You do not have the right to change this dataset")
        openness = wanted(told, dataset.openness)
        if openness != dataset.openness:
            catalogue.describe(session, actor, dataset, {"openness": openness})
    return answer({})


def wanted(told: dict[str, Any], now: str) -> str:
    """Return how open a dataset shall be, given how open it is now.

    Raises:
        HubError: a value is not usable, or there is none.
    """
    gated, private = told.get("gated"), told.get("private")
    if "visibility" in told:
        if told["visibility"] not in ("public", "private"):
            raise HubError(400, None, '"visibility" must be one of public, private')
        private = told["visibility"] == "private"
    if private not in (None, True, False):
        raise HubError(400, None, '"private" must be true or false')
    if gated == "auto":
        raise HubError(400, None, '"gated" cannot be auto: a person decides on every request')
    if gated not in (None, False, "manual"):
        raise HubError(400, None, '"gated" must be one of false, manual')
    if gated is None and private is None:
        raise HubError(400, None, 'One of "gated", "private" and "visibility" is needed')
    if private or (private is None and now == Openness.CLOSED):
        return Openness.CLOSED
    if gated is None:
        return Openness.OPEN if now == Openness.CLOSED else now
    return Openness.CONDITIONAL if gated else Openness.OPEN
