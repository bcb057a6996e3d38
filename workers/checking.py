"""Check what a model says before it is stored: by our own rules, then by Label Studio's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..datasets import errors, labels
from ..datasets.errors import _
from ..datasets.projects import Project


def check(project: Project, data: Mapping[str, Any], result: Sequence[Mapping[str, Any]]) -> None:
    """Raise errors.Invalid where the labelling config does not allow a result.

    A region without a label is left to people to finish; it is no mistake of the model.
    """
    named = [region for region in result if has_label(region)]
    problems = labels.check_result(project.config, named, data=data)
    if problems:
        raise errors.Invalid(
            _("the labelling config does not allow this result"), problems=problems
        )
    interface = _interface(project.shown_config)
    if interface is None or not named:
        return
    found = interface.validate_prediction(
        {"model_version": "", "score": None, "result": named}, return_errors=True
    )
    if found:
        raise errors.Invalid(
            _("Label Studio's own check does not take this result: %(reason)s"),
            reason="; ".join(map(str, found))[:500],
        )


def has_label(region: Mapping[str, Any]) -> bool:
    """Tell whether a region is one that a person could submit."""
    kind = str(region.get("type"))
    value = region.get("value")
    if not kind.endswith("labels") or not isinstance(value, Mapping):
        return True
    return bool(value.get(kind))


@lru_cache(maxsize=64)
def _interface(config: str) -> Any:
    """Return the SDK's reading of a config; None for one that ours takes and it does not."""
    # It brings pandas with it: only the processes that run models pay for that.
    from label_studio_sdk.label_interface import LabelInterface

    try:
        return LabelInterface(config)
    except Exception:  # whatever it finds; our own rules have been asked already
        return None
