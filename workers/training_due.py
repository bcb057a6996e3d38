"""Start the training of models for which enough new answers have come in."""

from __future__ import annotations

import datetime as dt
import time

from ..datasets import learning
from ..datasets.installation import Installation
from .models import MODELS

EVERY_SECONDS = 30.0  # one look of a worker

# When this process looked last, and what it saw of each model then.
_looked: dict[str, float] = {}
_seen: dict[str, dict[int, tuple[int, dt.datetime]]] = {}


def start_due(installation: Installation) -> list[str]:
    """Write down a job for each model that is due; return their ids. The sweeper announces them.

    Looks at most every EVERY_SECONDS, and counts only where an answer is new: called by every
    worker in every round. Of two workers that find the same model due, one starts it.
    """
    name = installation.database.url.render_as_string()
    at = time.monotonic()
    if at - _looked.get(name, -EVERY_SECONDS) < EVERY_SECONDS:
        return []
    _looked[name] = at
    with installation.database.read() as session:
        found = learning.states(session)
        if all(_seen.get(name, {}).get(number) == state for number, state in found.items()):
            return []
        _seen[name] = found
        wanted = [(row.id, row.kind) for row in learning.due(session, trainable())]
    started = []
    for number, kind in wanted:
        with installation.database.write() as session:
            job = learning.begin(session, number, MODELS[kind].queue)
        if job is not None:
            started.append(job.id)
    return started


def trainable() -> list[str]:
    """List the kinds of models that learn."""
    return [name for name, model in MODELS.items() if model.least_examples is not None]
