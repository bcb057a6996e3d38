"""Draw the tasks that get no pre-label, and say what people get to see of a prediction.

Without tasks that were done without help nobody can tell what help is worth. Which ones is
decided by a hash, so that it is the same wherever and whenever somebody asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from ..projects import Project
from .rows import ProjectModel

SHOWN, BLANK = "shown", "blank"
_POINTS = 2**64


class Said(Protocol):
    """What is asked of a prediction here."""

    @property
    def model_version(self) -> str:
        """Name who said it; of our own models `name version digest`."""

    @property
    def trained_model_id(self) -> int | None:
        """Say with which weights; None where somebody brought it."""

    @property
    def result(self) -> str:
        """Say what, as JSON."""


def is_blank(project: Project, task_id: int) -> bool:
    """Tell whether the draw gives a task no pre-label.

    The share is the project's `prelabel_control_percent`; raising it adds tasks and takes none
    away. The seed is the moment at which the project was made, which never changes.
    """
    percent = project.option("prelabel_control_percent") or 0
    if not percent:
        return False
    seed = int(project.created_at.timestamp() * 1_000_000)
    drawn = hashlib.blake2b(f"{project.id}/{seed}/{task_id}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn) * 100 < percent * _POINTS


def arm_of(project: Project, task_id: int, has_prediction: bool) -> str | None:
    """Return in which arm an annotator's answer for a task is.

    SHOWN where there was a pre-label for them to see, BLANK where the draw kept it from them,
    None where there was none. `has_prediction` leaves out what nobody gets to see.
    """
    if not has_prediction:
        return None
    return BLANK if is_blank(project, task_id) else SHOWN


def model_behind(said: Said, models: Sequence[ProjectModel]) -> ProjectModel | None:
    """Return the project's model that a prediction is of.

    By its weights, or by its name where those are not in use any more; of several of that
    name, one that people see. None for what somebody brought and for models that are gone.
    """
    if said.trained_model_id is None:
        return None
    for model in models:
        if model.trained_model_id == said.trained_model_id:
            return model
    kind = said.model_version.partition(" ")[0]
    named = [model for model in models if model.kind == kind]
    return next((model for model in named if model.is_shown), named[0] if named else None)


def shown_result(said: Said, models: Sequence[ProjectModel]) -> str | None:
    """Return what people get to see of a prediction, as JSON; None for nothing at all.

    A model that is off or whose gate is closed shows nothing. Regions all of whose labels are
    switched off are left out, with what else is said of them.
    """
    model = model_behind(said, models)
    if model is None:
        return said.result
    if not model.is_shown:
        return None
    off = frozenset(model.labels_off_values)
    if not off:
        return said.result
    kept = without_labels(msgspec.json.decode(said.result), off)
    return msgspec.json.encode(kept).decode()


def without_labels(result: Iterable[dict[str, Any]], off: frozenset[str]) -> list[dict[str, Any]]:
    """Return a result without the regions and choices whose labels are all among `off`."""
    regions = list(result)
    gone = {region.get("id") for region in regions if _is_off(region, off)} - {None}
    return [
        region
        for region in regions
        if not _is_off(region, off)
        and region.get("id") not in gone
        and not {region.get("from_id"), region.get("to_id")} & gone
    ]


def _is_off(region: dict[str, Any], off: frozenset[str]) -> bool:
    value = region.get("value")
    told = value.get(region.get("type")) if isinstance(value, dict) else None
    return isinstance(told, list) and bool(told) and all(_name(each) in off for each in told)


def _name(label: Any) -> Any:
    """Return a label; of a path in a tree its last step."""
    return label[-1] if isinstance(label, list) and label else str(label)
