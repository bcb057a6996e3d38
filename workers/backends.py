"""Talk with model backends: is it there, set it up, which versions, train, predict."""

from __future__ import annotations

from typing import Any

import msgspec

from ..datasets import addresses, errors
from ..datasets.connections import backends, messages
from ..datasets.connections.backends import Backend
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.projects import Project
from ..datasets.totals import Totals
from . import calls

# Everything but predictions is quick.
ASK_SECONDS = 10.0


def connect(installation: Installation, backend: Backend, project: Project) -> str | None:
    """Ask a backend whether it is there and tell it of the project; return its model version.

    Raises:
        errors.Invalid: its address may not be called.
        errors.Refused: it does not answer as it should.
    """
    health = _ask(installation, backend, "GET", "/health")
    if not health.is_good:
        raise errors.Refused(_("its health check answers %(status)s"), status=health.status)
    message = backends.setup_message(backend, project, addresses.of(installation.settings))
    answer = _ask(installation, backend, "POST", "/setup", message)
    if not answer.is_good:
        raise errors.Refused(_("its set-up answers %(status)s"), status=answer.status)
    found = answer.json()
    version = found.get("model_version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None


def versions(installation: Installation, backend: Backend) -> list[str]:
    """Return the model versions that a backend offers; none where it does not say.

    Raises:
        errors.Refused: it does not answer as it should.
    """
    answer = _ask(installation, backend, "GET", "/versions")
    if answer.status == 404:
        return []
    found = answer.json() if answer.is_good else None
    listed = found.get("versions") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise errors.Refused(_("its versions answer %(status)s"), status=answer.status)
    return [str(version)[:140] for version in listed[:1000]]


def train(installation: Installation, backend: Backend, project: Project, totals: Totals) -> None:
    """Tell a backend to train.

    Raises:
        errors.Refused: it does not answer as it should.
    """
    message = {"action": "START_TRAINING", "project": messages.project(project, totals)}
    answer = _ask(installation, backend, "POST", "/webhook", message)
    if not answer.is_good:
        raise errors.Refused(_("its training answers %(status)s"), status=answer.status)


def predict(
    installation: Installation, backend: Backend, message: dict[str, Any], seconds: float
) -> calls.Reply:
    """Ask a backend about tasks; what it answers is not looked at yet.

    Raises:
        errors.Refused: it does not answer in time.
    """
    return _ask(installation, backend, "POST", "/predict", message, seconds)


def results(reply: calls.Reply, number: int) -> list[dict[str, Any]]:
    """Return the answer for each of `number` tasks, in order.

    Raises:
        errors.Refused: there is not one for each task.
    """
    if not reply.is_good:
        raise errors.Refused(_("its prediction answers %(status)s"), status=reply.status)
    found = reply.json()
    listed = found.get("results") if isinstance(found, dict) else found
    if not isinstance(listed, list) or len(listed) != number:
        raise errors.Refused(_("it does not answer each task with one result"))
    common = found.get("model_version") if isinstance(found, dict) else None
    return [_one(each, common) for each in listed]


def _one(given: Any, version: Any) -> dict[str, Any]:
    """Return a result with the version that was told of all."""
    if isinstance(given, list):
        # Asked about one task, some answer with several for it: the first is the best.
        first = given[0] if given else None
        given = first if isinstance(first, dict) and "result" in first else {"result": given}
    if not isinstance(given, dict):
        return {"result": None}
    return {"model_version": version, **given} if version else given


def _ask(
    installation: Installation,
    backend: Backend,
    method: str,
    path: str,
    message: dict[str, Any] | None = None,
    seconds: float = ASK_SECONDS,
) -> calls.Reply:
    content = None if message is None else msgspec.json.encode(message)
    return calls.send(
        installation.settings,
        method,
        f"{backend.url.rstrip('/')}{path}",
        content,
        seconds=seconds,
        login=backends.password(installation.settings, backend),
    )
